"""The schedule: what is due, real runs in processes, failures, and the stop."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mirrorlist.publishing.keeper import RETRY_SECONDS, SCHEDULE, Keeper, ScheduledJob, due_at
from mirrorlist.store.jobs import JobRecord, JobRecords
from tests.building import service
from tests.serving import until

PATIENCE = 30.0


def job(name: str, program: str, every: float = 3600.0, is_wanted: bool = True) -> ScheduledJob:
    return ScheduledJob(name, (program,), every, lambda _: is_wanted)


@pytest.mark.parametrize(
    ("record", "due"),
    [
        (None, 0.0),
        (JobRecord("x", 100.0), 0.0),
        (JobRecord("x", 200.0, 150.0), 0.0),
        (JobRecord("x", 100.0, 150.0), 150.0 + 3600),
        (JobRecord("x", 100.0, 150.0, error="failed"), 150.0 + RETRY_SECONDS),
    ],
)
def test_a_job_is_due_when_its_time_is_over_or_it_failed_or_was_cut_off(record: JobRecord | None, due: float) -> None:
    assert due_at(job("x", ""), record) == due


def test_a_job_that_runs_often_is_not_put_off_by_a_failure() -> None:
    assert due_at(job("x", "", every=60.0), JobRecord("x", 1.0, 2.0, error="failed")) == 62.0


def test_a_service_that_downloads_nothing_and_writes_to_nobody_needs_no_job() -> None:
    assert [each.name for each in SCHEDULE if each.is_wanted(service())] == ["stats"]


@contextmanager
def kept(directory: Path, *jobs: ScheduledJob) -> Iterator[JobRecords]:
    stop = threading.Event()
    keeper = Keeper(directory, [sys.executable, "-c"], service, time.time, stop, jobs)
    thread = threading.Thread(target=keeper.run)
    thread.start()
    try:
        yield JobRecords(directory)
    finally:
        stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def ended(records: JobRecords, name: str) -> JobRecord | None:
    found = records.read(name)
    return None if found is None or found.is_running else found


def test_what_is_wanted_runs_and_a_failure_says_its_last_line(tmp_path: Path) -> None:
    jobs = (
        job("good", f"open({str(tmp_path / 'ran')!r}, 'a').write('x'); print('y' * 200_000)"),
        job("bad", "import sys; print('first'); print('the key is refused', file=sys.stderr); sys.exit(3)"),
        job("unwanted", "", is_wanted=False),
    )
    with kept(tmp_path, *jobs) as records:
        until(PATIENCE, lambda: ended(records, "good") is not None and ended(records, "bad") is not None)
        good, bad = ended(records, "good"), ended(records, "bad")
        assert good is not None and bad is not None
        assert (good.error, records.read("unwanted")) == (None, None)
        assert bad.error is not None and bad.error.endswith("status 3: the key is refused")
    with kept(tmp_path, *jobs):
        time.sleep(1.5)
    assert (tmp_path / "ran").read_text() == "x", "a keeper that is started again repeats nothing"


def test_a_run_that_is_under_way_at_the_stop_is_ended(tmp_path: Path) -> None:
    with kept(tmp_path, job("long", "import time; time.sleep(600)")) as records:
        until(PATIENCE, lambda: records.read("long") is not None)
        began = time.monotonic()
    assert time.monotonic() - began < PATIENCE / 2


def test_a_job_that_is_cut_off_with_the_keeper_did_not_fail(tmp_path: Path) -> None:
    with kept(tmp_path, job("long", "import time; time.sleep(60)")) as records:
        until(PATIENCE, lambda: (record := records.read("long")) is not None and record.is_running)
    record = records.read("long")
    assert record is not None
    assert (record.is_running, record.error) == (True, None)
    assert due_at(job("long", ""), record) == 0.0
