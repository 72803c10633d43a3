"""The schedule: what is due, real runs in processes, failures, and the stop."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mirrorlist.publishing.keeper import RETRY_SECONDS, SCHEDULE, Keeper, ScheduledJob, due_at, reason_in
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


def test_a_vendor_that_refuses_is_asked_less_often_than_it_allows() -> None:
    for each in SCHEDULE:
        if each.words[0] == "update" and each.name != "stats":
            assert due_at(each, JobRecord(each.name, 1.0, 2.0, error="status 429")) >= 2.0 + 86_400 / 30


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


@pytest.mark.slow
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
        assert [each.next_at and each.ended_at and round(each.next_at - each.ended_at) for each in (good, bad)] == [
            3600, RETRY_SECONDS,
        ], "what jobs shows is when it runs"  # fmt: skip
    with kept(tmp_path, *jobs):
        time.sleep(1.5)
    assert (tmp_path / "ran").read_text() == "x", "a keeper that is started again repeats nothing"


@pytest.mark.parametrize(
    ("printed", "errors", "reason"),
    [
        ([b"refused    a  status 401\n", b"changed    b  built on 2026-11-01\n"], [], "refused    a  status 401"),
        ([b"refused    a  x\n", b"refused    b  y\n"], [b"service.yml:1:1: odd\n"], "refused    a  x; refused    b  y"),
        ([b"sent to a\n"], [b"error: no server\n", b"service.yml:1:1: odd\n"], "no server"),
        ([b"a\n", b"\n"], [], "a"),
        ([b"a\n"], [b"Killed \xff\n"], "Killed \ufffd"),
        ([], [], "it wrote nothing"),
    ],
)
def test_a_failure_has_the_reasons_and_no_other_line(printed: list[bytes], errors: list[bytes], reason: str) -> None:
    assert reason_in(printed, errors) == reason


@pytest.mark.slow
def test_a_job_that_is_wanted_no_more_leaves_no_failure(tmp_path: Path) -> None:
    with kept(tmp_path, job("bad", "import sys; sys.exit(3)"), job("good", "")) as records:
        until(PATIENCE, lambda: ended(records, "bad") is not None and ended(records, "good") is not None)
    with kept(tmp_path, job("bad", "", is_wanted=False), job("good", "")):
        until(PATIENCE, lambda: [each.name for each in records.all()] == ["good"])


def test_a_failure_does_not_show_the_command_which_may_hold_a_password(tmp_path: Path) -> None:
    with kept(tmp_path, job("pull", "secret = 'hunter2'; import sys; sys.exit('error: no')")) as records:
        until(PATIENCE, lambda: ended(records, "pull") is not None)
    found = ended(records, "pull")
    assert found is not None and found.error == "status 1: no"


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
