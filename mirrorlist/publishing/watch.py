"""Publish whenever something changes, and run the updates that keep the data fresh."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from mirrorlist.checks.fetching.fetch import fetch, guard_of
from mirrorlist.core.errors import LeadLost, MirrorlistError, SnapshotError
from mirrorlist.core.updates import UpdateOutcome, UpdateResult
from mirrorlist.publishing.origin_watch import OriginWatch, only_news
from mirrorlist.publishing.publisher import Publisher
from mirrorlist.publishing.subnet_update import update_subnets
from mirrorlist.settings import Settings
from mirrorlist.store.leader_election import LeaderCandidate, LeaderWait
from mirrorlist.store.publications import publisher_lock
from mirrorlist.store.snapshot_files import read_newest

log = structlog.get_logger()

LOOK_SECONDS = 0.5
RETRY_SECONDS = 60.0
ENDING_SECONDS = 5.0
"""How long a run over the files may take to end with the publisher."""
SUBNETS_SECONDS = 3600.0
"""How often the lists of networks that mirrors publish at a URL are asked for."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A publisher that stays, and what its loops need besides."""

    publisher: Publisher
    settings: Settings
    clock: Callable[[], float]


def keep_publishing(
    watched: Watched, force: bool, every: tuple[float, float], stop: threading.Event, parent: int | None = None
) -> None:
    """Waits until this publisher leads, and publishes until it is told to stop or its parent has gone.

    ``parent`` is the process that started it, where that is known: it may be gone before this is read here.
    """
    metadata_every, files_every = every
    waiting = LeaderWait()
    parent = os.getppid() if parent is None else parent
    candidate = LeaderCandidate(
        publisher_lock(Path(watched.publisher.service.state_dir)), watched.settings.lead_seconds
    )
    while not stop.is_set() and os.getppid() == parent:
        with candidate.leading() as lost:
            waiting.tell(lost is not None)
            if lost:
                watched.publisher.lead(True)
                ended = threading.Event()
                if metadata_every:
                    _start(_origin_loop, watched, metadata_every, ended)
                    _start(_subnets_loop, watched, SUBNETS_SECONDS, ended)
                listing = _start(files_loop, watched, files_every, ended) if files_every else None
                try:
                    over = partial(_over, stop, lost, parent)
                    _publish_loop(watched, force, stop, over)
                finally:
                    ended.set()
                    if listing is not None:
                        listing.join(ENDING_SECONDS)
                watched.publisher.lead(False)
                if lost.is_set():
                    log.error("the lead is lost: this process was silent for too long, and another took over")
        force = False
        stop.wait(LOOK_SECONDS)


def _start(
    loop: Callable[[Watched, float, threading.Event], None],
    watched: Watched,
    seconds: float,
    ended: threading.Event,
) -> threading.Thread:
    thread = threading.Thread(target=loop, args=(watched, seconds, ended), daemon=True)
    thread.start()
    return thread


def _over(stop: threading.Event, lost: threading.Event, parent: int) -> bool:
    return stop.is_set() or lost.is_set() or os.getppid() != parent


def _publish_loop(watched: Watched, force: bool, stop: threading.Event, ended: Callable[[], bool]) -> None:
    """Publishes at once and on every change; what could not be published is tried again after a while, or on a change.

    Raises:
        MirrorlistError, OSError: nothing was ever published here, and it cannot be.
    """
    published: Hashable = None
    failed_at, told = float("-inf"), ""
    while not ended():
        now = watched.clock()
        found = watched.publisher.fingerprint(now)  # before reading: what changes meanwhile is published next
        if found != published or (told and now - failed_at >= RETRY_SECONDS):
            try:
                watched.publisher.publish(now, force)
                told = ""
            except LeadLost as error:
                log.error("not published", reason=str(error))
                return
            except (MirrorlistError, OSError) as error:
                if not watched.publisher.generation:
                    raise
                if str(error) != told:
                    log.error("not published, the former snapshot stays in force", reason=str(error))
                failed_at, told = now, str(error)
            published, force = found, False
        stop.wait(LOOK_SECONDS)


def _origin_loop(watched: Watched, seconds: float, ended: threading.Event) -> None:
    """Follows the origin, and logs what changes and what fails."""
    watch = OriginWatch(lambda: watched.publisher.service, watched.settings.database, watched.clock, seconds)
    watch.follow(ended, only_news(_log_origin))


def _log_origin(done: UpdateResult) -> None:
    log.info("metadata", path=done.what, outcome=done.outcome.value, reason=done.detail)


def _subnets_loop(watched: Watched, seconds: float, ended: threading.Event) -> None:
    """In a thread of its own, for a list may take its time."""
    while True:
        service = watched.publisher.service
        fetching = partial(fetch, guard=guard_of(service))
        try:
            for done in update_subnets(service, Path(service.state_dir), fetching, watched.clock()):
                if done.outcome is not UpdateOutcome.UNCHANGED:
                    log.info("subnets", mirror=done.what, outcome=done.outcome.value, reason=done.detail)
        except (MirrorlistError, OSError) as error:
            log.error("lists of networks not updated", reason=str(error))
        if ended.wait(seconds):
            return


_FILES_LOOK_SECONDS = 0.5
_TROUBLE = (UpdateOutcome.KEPT.value, UpdateOutcome.FAILED.value, UpdateOutcome.WARNING.value)


def files_loop(watched: Watched, seconds: float, ended: threading.Event) -> None:
    """Runs ``mirrorlist update files`` until the publisher no longer leads, in a process each, which frees its memory.

    The first run waits for the first snapshot, which names the mirrors. A run that is under way when the publisher ends
    is ended too.
    """
    while not _has_snapshot(watched.publisher):
        if ended.wait(_FILES_LOOK_SECONDS):
            return
    told: frozenset[str] = frozenset()
    while True:
        try:
            told = _run_files(watched, ended, told)
        except OSError as error:
            log.error("files not listed", reason=str(error))
        if ended.wait(seconds):
            return


def _has_snapshot(publisher: Publisher) -> bool:
    try:
        read_newest(Path(publisher.service.state_dir))
    except SnapshotError:
        return False
    return True


def _run_files(watched: Watched, ended: threading.Event, told: frozenset[str]) -> frozenset[str]:
    """One run, and what went wrong in it, which is told in the log where the run before did not say the same; its
    errors on standard error are this process's."""
    settings, state_dir = watched.settings, watched.publisher.service.state_dir
    command = [sys.executable, "-m", "mirrorlist", "--config", str(settings.config), "--state", state_dir]
    command += ["--mirrors", str(settings.mirrors)] if settings.mirrors else []
    command += ["update", "files", "--once"]
    trouble: set[str] = set()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        threading.Thread(target=_end_with, args=(process, ended), daemon=True).start()
        for line in process.stdout or ():
            said = " ".join(line.split())
            if line.startswith(_TROUBLE):
                trouble.add(said)
                if said not in told:
                    log.warning("files", told=said)
            elif line.startswith(UpdateOutcome.BUILT.value):
                log.info("files", told=said)
    return frozenset(trouble)


def _end_with(process: subprocess.Popen[str], ended: threading.Event) -> None:
    while process.poll() is None:
        if ended.wait(_FILES_LOOK_SECONDS):
            process.terminate()
            return
