"""Remember when each periodic job ran, how long it took, what failed and when it runs next: one file per job.

The files are below ``jobs/`` of the state directory, each written whole by the one process that leads the job. A disk
that is full keeps no job from running.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from mirrorlist.core.errors import JobStopped
from mirrorlist.files_on_disk import write_whole

_NAME = re.compile(r"[a-z][a-z-]{0,31}")
LONGEST_ERROR = 500
OVERDUE_SECONDS = 86_400.0


class JobRecord(msgspec.Struct, frozen=True):
    """A job: times in seconds since 1970. ``error`` is what the last run failed with, and ``failed_at`` the last
    failure of any. Without ``ended_at`` after ``begun_at`` it runs, or its process died."""

    name: str
    begun_at: float
    ended_at: float | None = None
    seconds: float | None = None
    succeeded_at: float | None = None
    failed_at: float | None = None
    error: str | None = None
    next_at: float | None = None

    @property
    def is_running(self) -> bool:
        """Whether the last run did not end."""
        return self.ended_at is None or self.ended_at < self.begun_at

    def is_failing(self, now: float) -> bool:
        """Whether the last run failed and the next one is not long overdue: then another machine leads, and runs it."""
        return self.error is not None and now < (self.next_at or self.ended_at or self.begun_at) + OVERDUE_SECONDS


class JobRecords:
    """The records of a state directory."""

    def __init__(self, state_dir: Path, clock: Callable[[], float] = time.time) -> None:
        self._directory = state_dir / "jobs"
        self._clock = clock

    def running(self, name: str, every: float | None, retry: float | None = None) -> JobRun:
        """Records one run, for ``with``: whether it ends well or raises; with JobStopped it was cut off.

        The next one begins ``every`` seconds after its end, or ``retry`` after a failure, where that is another time;
        None if nobody knows.
        """
        return JobRun(self, name, every, every if retry is None else retry)

    def begin(self, name: str) -> JobRecord:
        """Notes that a run begins."""
        former, now = self.read(name), self._clock()
        record = msgspec.structs.replace(former, begun_at=now) if former else JobRecord(name, now)
        self._write(record)
        return record

    def end(self, record: JobRecord, every: float | None, error: str | None) -> None:
        """Notes that the run ended, and why it failed."""
        now = self._clock()
        self._write(
            msgspec.structs.replace(
                record,
                ended_at=now,
                seconds=round(max(now - record.begun_at, 0.0), 3),
                succeeded_at=record.succeeded_at if error else now,
                failed_at=now if error else record.failed_at,
                error=error and " ".join(error.split())[:LONGEST_ERROR],
                next_at=None if every is None else now + every,
            )
        )

    def _write(self, record: JobRecord) -> None:
        with suppress(OSError):
            write_whole(self._directory / f"{record.name}.json", [msgspec.json.encode(record)])

    def read(self, name: str) -> JobRecord | None:
        """The record of a job; None where there is none that can be read."""
        try:
            return msgspec.json.decode((self._directory / f"{name}.json").read_bytes(), type=JobRecord)
        except (OSError, msgspec.MsgspecError):
            return None

    def forget(self, name: str) -> None:
        """Removes the record of a job that does not run any more."""
        with suppress(OSError):
            (self._directory / f"{name}.json").unlink(missing_ok=True)

    def all(self) -> tuple[JobRecord, ...]:
        """All records, by name."""
        names = sorted(path.stem for path in self._directory.glob("*.json") if _NAME.fullmatch(path.stem))
        return tuple(record for name in names if (record := self.read(name)) is not None)


class JobRun:
    """One run of a job, while it is under way."""

    def __init__(self, records: JobRecords, name: str, every: float | None, retry: float | None) -> None:
        self._records = records
        self._name = name
        self._every, self._retry = every, retry
        self._record = JobRecord(name, 0.0)

    def __enter__(self) -> None:
        self._record = self._records.begin(self._name)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is not None and issubclass(kind, JobStopped):
            return
        if kind is None:
            self._records.end(self._record, self._every, None)
        else:
            self._records.end(self._record, self._retry, str(error) or kind.__name__)
