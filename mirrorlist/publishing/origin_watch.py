"""Follow the origin: ask for everything now and then, and notice within seconds what changed in between.

A directory is followed by inotify, on the directories of the wanted files and those above them (``createrepo_c``
replaces ``repodata`` as a whole), and its files are looked at every few seconds besides, as inotify hears nothing of
other machines' writes on a network file system or of a link above that is turned. A web server is asked every half
minute, by the ETag of what is known. A mark in the state directory (``mirrorlist notify``, ``POST /hooks/origin``) lets
everything be asked at once.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType

import sqlalchemy as sa
import structlog
from inotify_simple import INotify, flags

from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.errors import MirrorlistError
from mirrorlist.core.updates import UpdateOutcome, UpdateResult
from mirrorlist.publishing import origin_update
from mirrorlist.publishing.canaries import update_canaries
from mirrorlist.publishing.named_files import name_files, update_named_files
from mirrorlist.publishing.origin_update import OriginMemory, RepositoryFile
from mirrorlist.store.database import open_database
from mirrorlist.store.jobs import JobRecords
from mirrorlist.store.marks import Mark, MarkName
from mirrorlist.store.metadata import MetadataStore

SETTLING_SECONDS = 0.2
"""Events that follow each other so quickly are one change."""
LONGEST_SETTLING_SECONDS = 2.0
_CHANGES = (
    flags.CLOSE_WRITE | flags.MOVED_TO | flags.MOVED_FROM | flags.CREATE | flags.DELETE | flags.DELETE_SELF
    | flags.MOVE_SELF | flags.ONLYDIR
)  # fmt: skip
_OF_ITSELF = flags.DELETE_SELF | flags.MOVE_SELF | flags.Q_OVERFLOW


class DirectoryEvents:
    """Waits for changes of some files. Use it as a context. Where there is no inotify it hears of nothing.

    ``fault`` says why it does not hear of all, or is empty.
    """

    def __init__(self) -> None:
        self.fault = ""
        self._names: frozenset[str] = frozenset()
        self._watched: set[int] = set()
        self._inotify: INotify | None = None
        try:
            self._inotify = INotify()
        except (OSError, AttributeError, TypeError) as error:  # the latter two: a system without inotify
            self.fault = f"inotify cannot be used: {error}"

    def __enter__(self) -> DirectoryEvents:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._inotify is not None:
            self._inotify.close()

    def watch(self, files: Iterable[Path]) -> None:
        """Watches these files from now on, and no others. Directories that are not there are left out."""
        if self._inotify is None:
            return
        wanted = [*files]
        self._names = frozenset(name for file in wanted for name in (file.name, file.parent.name))
        watched, self.fault = set[int](), ""
        for directory in dict.fromkeys(above for file in wanted for above in (file.parent, file.parent.parent)):
            try:
                watched.add(self._inotify.add_watch(directory, _CHANGES))
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                self.fault = f"{directory} is not watched by inotify: {error.strerror}"
        for gone in self._watched - watched:
            try:
                self._inotify.rm_watch(gone)
            except OSError:  # the directory is gone, and its watch with it
                continue
        self._watched = watched

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        """Whether one of the files may have changed; returns when that is so and the changes have settled.

        Returns at the latest after ``seconds``, or shortly after ``stop`` is set.
        """
        if self._inotify is None or not self._watched:
            stop.wait(seconds)
            return False
        if not self._heard(seconds):
            return False
        settling = 0.0
        while settling < LONGEST_SETTLING_SECONDS and not stop.is_set() and self._heard(SETTLING_SECONDS):
            settling += SETTLING_SECONDS
        return True

    def _heard(self, seconds: float) -> bool:
        """Whether anything that matters happened within a time."""
        assert self._inotify is not None
        events = self._inotify.read(timeout=round(seconds * 1000))
        return any(event.mask & _OF_ITSELF or event.name in self._names for event in events)


log = structlog.get_logger()

MARK_SECONDS = 0.5
"""How often the mark is looked for."""
DIRECTORY_SECONDS = 2.0
WEB_SECONDS = 30.0
UNSETTLED_SECONDS = 0.3
"""A file in a directory counts when it is the same after this time."""
RETRY_SECONDS = 10.0
"""How soon everything is asked again when the database was away."""


@dataclass(frozen=True, slots=True)
class OriginWatch:
    """Follows the origin of a service. ``every_seconds`` is how often everything is asked.

    ``service`` gives the current service, ``database`` its URL or None, ``clock`` the time in seconds since 1970 and
    ``steady`` one that only grows.
    """

    service: Callable[[], Service]
    database: str | None
    clock: Callable[[], float]
    every_seconds: float
    steady: Callable[[], float] = time.monotonic

    def follow(self, stop: threading.Event, tell: Callable[[UpdateResult], None]) -> None:
        """Runs until it is told to stop; ``tell`` hears of each path that was asked for, or that changed since."""
        memory, turns = OriginMemory(), LookTurns(self.every_seconds)
        mark = Mark(Path(self.service().state_dir), MarkName.ORIGIN)
        jobs = JobRecords(Path(self.service().state_dir), self.clock)
        fault, service, files = "", None, list[RepositoryFile]()
        with DirectoryEvents() as events:
            while not stop.is_set():
                now, sign = self.steady(), mark.sign()
                if service is not self.service():
                    service = self.service()
                    files = origin_update.repository_files(service)
                if turns.is_for_all(now, sign):
                    record = jobs.begin("metadata")
                    is_done = self.look(partial(_everything, service, memory), memory, tell)
                    jobs.end(record, self.every_seconds, None if is_done else "not updated; the log says why")
                    turns.all_asked(now, is_done)
                    events.watch(file.on_disk for file in files if file.on_disk is not None)
                    if events.fault not in ("", fault):
                        log.warning("the origin is looked at every few seconds instead", reason=events.fault)
                    fault = events.fault
                if due := turns.of(files, memory, now):
                    self.look(partial(_changed, due, memory), memory, tell)
                if events.wait(UNSETTLED_SECONDS if memory.unsettled else MARK_SECONDS, stop):
                    turns.directories_at = -math.inf

    def look(self, ask: Asking, memory: OriginMemory, tell: Callable[[UpdateResult], None]) -> bool:
        """One look, written down; False where it could not be, so that it is made again as if nothing were known."""
        changed: list[str] = []
        try:
            state_dir, now = Path(self.service().state_dir), self.clock()
            engine = open_database(state_dir, self.database)
            try:
                for done in ask(MetadataStore(engine), now):
                    tell(done)
                    changed += [done.what] if done.outcome is UpdateOutcome.CHANGED else []
            finally:
                engine.dispose()
            if changed:
                Mark(state_dir, MarkName.PROBE).leave(now, tuple(changed))
        except (MirrorlistError, OSError, sa.exc.SQLAlchemyError) as error:
            log.error("metadata not updated", reason=str(error))
            memory.forget()
            return False
        return True


def only_news(tell: Callable[[UpdateResult], None]) -> Callable[[UpdateResult], None]:
    """Passes on what changed, and each failure once as long as it stays the same."""
    failed: dict[str, str] = {}

    def heard(done: UpdateResult) -> None:
        before = failed.pop(done.what, None)
        if done.outcome is UpdateOutcome.FAILED:
            failed[done.what] = done.detail
        if done.outcome is UpdateOutcome.CHANGED or failed.get(done.what, before) != before:
            tell(done)

    return heard


Asking = Callable[[MetadataStore, float], Iterator[UpdateResult]]


def _everything(service: Service, memory: OriginMemory, store: MetadataStore, now: float) -> Iterator[UpdateResult]:
    yield from origin_update.update_metadata(service, store, now, memory)
    yield from origin_update.update_images(service, store, now)
    yield from origin_update.update_time_files(service, store, now)
    yield from update_named_files(service, store, now)
    yield from update_canaries(service, store, now)


def _changed(
    files: Sequence[RepositoryFile], memory: OriginMemory, store: MetadataStore, now: float
) -> Iterator[UpdateResult]:
    yield from origin_update.update_changed(files, store, now, memory)
    yield from name_files(files, store)


class LookTurns:
    """When which part of the origin is looked at next, by a clock that only grows."""

    def __init__(self, every_seconds: float) -> None:
        self._every_seconds = every_seconds
        self._all_at = self._web_at = self.directories_at = -math.inf
        self._sign: Hashable = None

    def is_for_all(self, now: float, sign: Hashable) -> bool:
        """Whether everything is to be asked: its time has come, or there is a new mark."""
        due = now >= self._all_at or sign != self._sign
        self._sign = sign
        return due

    def all_asked(self, now: float, done: bool) -> None:
        """Everything was asked, or could not be."""
        self._all_at = now + (self._every_seconds if done else min(self._every_seconds, RETRY_SECONDS))
        self._web_at = now + WEB_SECONDS

    def of(self, files: Sequence[RepositoryFile], memory: OriginMemory, now: float) -> list[RepositoryFile]:
        """The files to ask for now."""
        due: list[RepositoryFile] = []
        if now >= self._web_at:
            self._web_at = now + WEB_SECONDS
            due += [file for file in files if file.on_disk is None]
        if now >= self.directories_at:
            due += [file for file in files if file.on_disk is not None and memory.may_differ(file)]
            self.directories_at = now + (UNSETTLED_SECONDS if memory.unsettled else DIRECTORY_SECONDS)
        return due
