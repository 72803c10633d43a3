"""In each worker: what was answered is collected and written down, off the request path."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import structlog

from mirrorlist.store.count_files import CountFiles
from mirrorlist.web.counts import Counts

log = structlog.get_logger()


class Counting:
    """Collects and writes every few seconds, in this process and in every one forked from it."""

    def __init__(
        self,
        collect: Callable[[], None],
        counts: Counts,
        files: CountFiles,
        seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._collect = collect
        self._counts = counts
        self._files = files
        self._seconds = seconds
        self._clock = clock
        self._failed = False

    def start(self) -> None:
        """Begins; a forked process counts for itself."""
        self._watch()
        os.register_at_fork(after_in_child=self._watch)

    def write(self) -> None:
        """Writes down what was answered since the last time. A full disk is told once."""
        self._collect()
        taken = self._counts.take()
        if not taken:
            return
        try:
            self._files.add(taken, self._clock())
        except OSError as error:
            if not self._failed:
                log.error("counts cannot be written; answers go on", reason=str(error))
            self._failed = True
        else:
            self._failed = False

    def _watch(self) -> None:
        threading.Thread(target=self._loop, name="counts", daemon=True).start()

    def _loop(self) -> None:
        pause = threading.Event()
        while not pause.wait(self._seconds):
            self.write()
