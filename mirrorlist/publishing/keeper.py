"""Run the periodic jobs that are commands of their own: each when it is due, one after the other, in a process each.

When a job ran last is in the state directory, so a process that is started again repeats nothing. The publisher that
leads runs them, so no other does.
"""

from __future__ import annotations

import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.errors import JobFailed, JobStopped
from mirrorlist.core.updates import UpdateOutcome
from mirrorlist.logs import LastingFault
from mirrorlist.pulling.run import pulled_into
from mirrorlist.settings import Settings
from mirrorlist.store.jobs import JobRecord, JobRecords
from mirrorlist.store.snapshot_files import newest_facts

log = structlog.get_logger()

LINES_KEPT = 20
LOOK_SECONDS = 1.0
RETRY_SECONDS = 900.0
"""A job that failed is tried again so soon, or when it is due if that is sooner."""
VENDOR_RETRY_SECONDS = 3600.0
"""For downloads: MaxMind allows 30 a day."""
LONGEST_SECONDS = 3600.0
"""A job that takes longer is ended, and counts as failed."""
ENDING_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ScheduledJob:
    """A command, how often it runs, whether a service needs it, and how soon it is tried again after a failure."""

    name: str
    words: Sequence[str]
    every: float
    is_wanted: Callable[[Service], bool]
    retry: float = RETRY_SECONDS


SCHEDULE = (
    ScheduledJob("geo", ("update", "geo"), 86_400.0, lambda service: bool(service.geo.downloads), VENDOR_RETRY_SECONDS),
    ScheduledJob(
        "clouds",
        ("update", "clouds"),
        86_400.0,
        lambda service: bool(service.geo.cloud_downloads),
        VENDOR_RETRY_SECONDS,
    ),
    ScheduledJob("stats", ("update", "stats"), 3600.0, lambda service: True),
    ScheduledJob("mail", ("mail",), 300.0, lambda service: bool(service.notify.server or service.notify.webhook)),
)
"""To add one: its row. The publisher and the prober run what needs their memory or their lead."""
PULL_EVERY_SECONDS = 300.0


def schedule_of(settings: Settings) -> tuple[ScheduledJob, ...]:
    """The jobs, with pulls where the settings name a repository.

    Raises:
        PullError: they do, but the service file was not pulled.
    """
    if not settings.pull:
        return SCHEDULE
    into, name = pulled_into(settings.config)
    words = ("pull", *settings.pull, "--into", str(into), "--service-file", name, "--once")
    return (ScheduledJob("pull", words, PULL_EVERY_SECONDS, lambda service: True), *SCHEDULE)


def due_at(job: ScheduledJob, record: JobRecord | None) -> float:
    """When a job is due, in seconds since 1970: at once if it never ran or its last run was cut off."""
    if record is None or record.is_running or record.ended_at is None:
        return 0.0
    return record.ended_at + (min(job.retry, job.every) if record.error else job.every)


@dataclass(frozen=True, slots=True)
class Keeper:
    """Runs a schedule. ``command`` is this program on the same files; ``service`` yields what service.yml says now."""

    state_dir: Path
    command: Sequence[str]
    service: Callable[[], Service]
    clock: Callable[[], float]
    stop: threading.Event
    schedule: Sequence[ScheduledJob] = SCHEDULE

    def run(self) -> None:
        """Runs what is due until it is told to stop; a run that is under way then is ended."""
        records = JobRecords(self.state_dir, self.clock)
        faults = {job.name: LastingFault() for job in self.schedule}
        while not self.stop.wait(LOOK_SECONDS):
            service = self.service()
            for job in self.schedule:
                if not job.is_wanted(service):
                    records.forget(job.name)  # else its last failure would stay for good
            for job in self.wanted(records):
                self._run_one(job, records, faults[job.name])

    def wanted(self, records: JobRecords) -> list[ScheduledJob]:
        """What is due now."""
        service, now = self.service(), self.clock()
        return [job for job in self.schedule if job.is_wanted(service) and due_at(job, records.read(job.name)) <= now]

    def _run_one(self, job: ScheduledJob, records: JobRecords, fault: LastingFault) -> None:
        if self.stop.is_set():
            return
        try:
            with records.running(job.name, job.every, min(job.retry, job.every)):
                self._carry_out(job)
        except JobStopped:
            return
        except (JobFailed, OSError) as error:
            if fault.is_new(str(error)):
                log.error("a job failed", job=job.name, reason=str(error))
        else:
            fault.is_over()
            log.info("a job ran", job=job.name)

    def _carry_out(self, job: ScheduledJob) -> None:
        """One run in a process of its own, which frees its memory.

        Raises:
            JobStopped: it was ended with the keeper.
            JobFailed: its status is not 0, or it took too long; the message has its own words, and none of the command,
                which may hold a password.
        """
        command = [*self.command, *job.words]
        pipe, deadline = subprocess.PIPE, self.clock() + LONGEST_SECONDS
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe) as process:
            printed, errors = deque[bytes](maxlen=LINES_KEPT), deque[bytes](maxlen=LINES_KEPT)
            readers = [
                threading.Thread(target=printed.extend, args=(process.stdout or (),), daemon=True),
                threading.Thread(target=errors.extend, args=(process.stderr or (),), daemon=True),
            ]
            for reader in readers:
                reader.start()
            while process.poll() is None:
                if self.stop.wait(LOOK_SECONDS / 5) or self.clock() > deadline:
                    process.terminate()
                    try:
                        process.wait(ENDING_SECONDS)
                    except subprocess.TimeoutExpired:
                        process.kill()
            for reader in readers:
                reader.join()
        if process.returncode != 0 and self.stop.is_set():
            raise JobStopped
        if process.returncode != 0:
            if self.clock() > deadline:
                raise JobFailed(f"it took over {LONGEST_SECONDS / 60:.0f} minutes and was ended")
            raise JobFailed(f"status {process.returncode}: {reason_in(printed, errors)}")


_TROUBLES = ("error:", UpdateOutcome.REFUSED.value, UpdateOutcome.FAILED.value)


def reason_in(printed: Iterable[bytes], errors: Iterable[bytes]) -> str:
    """Why a command failed, by what it wrote: each thing that it reports as refused or failed, or its last line.
    Other lines on standard error may be remarks on the service file."""
    lines = [line.decode("utf-8", "replace").strip() for line in (*printed, *errors)]
    troubles = [line.removeprefix("error: ") for line in lines if line.startswith(_TROUBLES)]
    return "; ".join(troubles) or next((line for line in reversed(lines) if line), "it wrote nothing")


_FILES_LOOK_SECONDS = 0.5
_TROUBLE = (UpdateOutcome.KEPT.value, UpdateOutcome.FAILED.value, UpdateOutcome.WARNING.value)


class FilesRuns:
    """Runs of ``mirrorlist update files``, in a process each, which frees its memory.

    The first run waits for the first snapshot, which names the mirrors. A run that is under way when the publisher no
    longer leads is ended too. Its errors on standard error are this process's; trouble that a run reports is logged
    unless the run before reported the same.
    """

    def __init__(self, state_dir: Path, command: Sequence[str], ended: threading.Event) -> None:
        self._state_dir = state_dir
        self._command = command
        self._ended = ended
        self._trouble: set[str] = set()

    def run(self) -> None:
        """One run, unless the publisher no longer leads before there is a snapshot."""
        while newest_facts(self._state_dir) is None:
            if self._ended.wait(_FILES_LOOK_SECONDS):
                return
        command = [*self._command, "update", "files", "--once"]
        former, self._trouble = self._trouble, set()
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:

            def end_with_publisher() -> None:
                while process.poll() is None:
                    if self._ended.wait(_FILES_LOOK_SECONDS):
                        process.terminate()
                        return

            threading.Thread(target=end_with_publisher, daemon=True).start()
            for line in process.stdout or ():
                said = " ".join(line.split())
                if line.startswith(_TROUBLE):
                    self._trouble.add(said)
                    if said not in former:
                        log.warning("files", told=said)
                elif line.startswith(UpdateOutcome.BUILT.value):
                    log.info("files", told=said)
