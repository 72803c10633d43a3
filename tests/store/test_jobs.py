"""Records of jobs: runs that end well, fail, are cut off, and files that cannot be read or written."""

from __future__ import annotations

from pathlib import Path

import pytest

from mirrorlist.core.errors import MirrorlistError
from mirrorlist.store.jobs import JobRecord, JobRecords


class Clock:
    """A clock that goes on by a second each time."""

    now = 1000.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def test_a_run_is_recorded_with_its_time_and_the_next(tmp_path: Path) -> None:
    records = JobRecords(tmp_path, Clock())
    with records.running("geo", 60.0):
        [running] = records.all()
        assert running.is_running
    [found] = records.all()
    assert found == JobRecord("geo", 1001.0, 1002.0, 1.0, 1002.0, None, None, 1062.0)
    assert not found.is_running


def test_a_failure_is_kept_until_a_run_succeeds(tmp_path: Path) -> None:
    records = JobRecords(tmp_path, Clock())
    with records.running("mail", None):
        pass
    with pytest.raises(MirrorlistError), records.running("mail", None):
        raise MirrorlistError("the server\n refuses " + "x" * 1000)
    [failed] = records.all()
    assert failed.error is not None
    assert (failed.error[:21], len(failed.error)) == ("the server refuses xx", 500)
    assert (failed.succeeded_at, failed.failed_at) == (1002.0, 1004.0)
    with records.running("mail", None):
        pass
    [well] = records.all()
    assert (well.error, well.failed_at, well.succeeded_at) == (None, 1004.0, 1006.0)


def test_what_cannot_be_read_is_left_out_and_what_cannot_be_written_stops_no_job(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "geo.json").write_bytes(b"{")
    (tmp_path / "jobs" / "..json").write_bytes(b"{}")
    assert JobRecords(tmp_path).all() == ()
    (tmp_path / "file").touch()
    ran = []
    with JobRecords(tmp_path / "file").running("geo", None):
        ran.append(True)
    assert ran == [True]
    assert JobRecords(tmp_path / "nothing").all() == ()
