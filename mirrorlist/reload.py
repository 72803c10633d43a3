"""Replace the snapshot in a worker: verify, map and prepare a newer file, then swap it in."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from mirrorlist.core.container import at_once
from mirrorlist.core.errors import SnapshotError
from mirrorlist.core.selection.prepared import Prepared
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.store.index_files import with_indexes
from mirrorlist.store.snapshot_files import NAME, Signature, read_newest, read_snapshot, signature

log = structlog.get_logger()

_GENERATIONS_UNTHAWED = 64
"""Generations after which everything is collected once, which takes 30 to 60 ms."""
_PAUSE_SECONDS = 0.001
"""Between pieces of a file of some 0.3 ms, so that requests on the same core wait no longer than that."""
_NEVER: Signature = (-1, -1, -1)
"""What no file has: nothing was looked at yet."""


class Reloader:
    """Keeps ``current`` at the newest whole snapshot of a state directory.

    ``current`` is replaced whole; read it once for each request. It is None before the first snapshot.
    """

    def __init__(self, state_dir: Path, seconds: float) -> None:
        self._state_dir = state_dir
        self._seconds = seconds
        self._seen: Signature | None = _NEVER
        self._takers: list[Callable[[Prepared], None]] = []
        self._taken = 0
        self.current: Prepared | None = None

    def subscribe(self, taker: Callable[[Prepared], None]) -> None:
        """``taker`` is called with every new generation, and now if there is one."""
        self._takers.append(taker)
        if self.current is not None:
            taker(self.current)

    def start(self) -> None:
        """Loads what is there and watches for more, in this process and in every one forked from it."""
        self.look()
        self._watch()

        def look_again() -> None:
            """In a forked process: the fork may have come while the parent was reading what it noted as seen."""
            self._seen = _NEVER
            self._watch()

        os.register_at_fork(after_in_child=look_again)

    def _watch(self) -> None:
        pause = threading.Event()

        def loop() -> None:
            while not pause.wait(self._seconds):
                self.look()

        threading.Thread(target=loop, name="reload", daemon=True).start()

    def look(self) -> None:
        """Takes up the snapshot file if it changed since the last look; a bad or an older one leaves the former.

        Only a process that has none yet falls back on the older files: for any other they are a step back.
        """
        file = self._state_dir / NAME
        found = signature(file)
        if found == self._seen:
            return
        self._seen = found
        try:
            snapshot = read_newest(self._state_dir) if self.current is None else read_snapshot(file, _pause)
        except SnapshotError as error:
            log.error("snapshot refused, the former one is kept", reason=str(error))
            return
        former = None if self.current is None else self.current.snapshot.facts
        if former and snapshot.facts.key == former.key and snapshot.facts.generation < former.generation:
            log.error(
                "an older snapshot is refused, the former one is kept; to go back, restart the service",
                generation=snapshot.facts.generation, kept=former.generation,
            )  # fmt: skip
            return
        if snapshot.facts != former:
            self._take(Prepared(self._with_indexes(snapshot)))

    def _with_indexes(self, snapshot: Snapshot) -> Snapshot:
        """With the file indexes it names; those that did not change stay mapped."""
        former = self.current.snapshot.files if self.current else {}
        return with_indexes(
            snapshot,
            self._state_dir,
            former,
            lambda module, reason: log.error("file index refused, redirects do without", module=module, reason=reason),
            at_once if self.current is None else _pause,
        )

    def _take(self, prepared: Prepared) -> None:
        for taker in self._takers:
            taker(prepared)
        self.current = prepared  # the old one is freed immediately: it is not part of a reference cycle
        self._taken += 1
        if self._taken % _GENERATIONS_UNTHAWED == 0:
            gc.unfreeze()  # generations that were frozen while a request used them, and are reference cycles
        gc.collect()
        gc.freeze()  # a later collection need not walk the snapshot: p99 of new clients 3-6 ms, not 22-39


def _pause() -> None:
    time.sleep(_PAUSE_SECONDS)
