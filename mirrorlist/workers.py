"""Run granian's workers as this service needs them: no ambiguous headers, no asyncio, no crash on exit.

It uses parts of granian that are not public, so setup.cfg holds granian to the minor release they were read in.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import structlog
from granian._granian import ASGIWorker, CallbackScheduler
from granian._signals import set_sync_signals
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.common import WORKERS_METHODS
from granian.server.mp import MPServer, WorkerProcess

log = structlog.get_logger()

PARENT_CHECK_SECONDS = 0.5
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
LIVED_SECONDS = 60.0
"""A worker that lived for so long is replaced at once; of others the pause doubles."""
STARTED_SECONDS = 5.0
MOST_FAILED_STARTS = 3
"""Per worker, while none was ever seen to live for ``STARTED_SECONDS``; then the service ends."""

CONNECTIONS = 4096
"""Per worker; the next ones wait."""
OTHER_FILES = 256
"""More descriptors than a worker needs besides those of its connections."""
STOP_SECONDS = 2  # answers take milliseconds; granian 2.8 loses the stop signal of every fourth worker

Answer = Callable[[Any, Any], None]
"""Answers a request: the scope, and the exchange that sends."""


class Direct(CallbackScheduler):
    """Calls the application on granian's thread for Python, where granian would start an asyncio task: three times as
    fast (measured)."""

    __slots__ = ()

    def __init__(self, loop: Any, answer: Answer, task: None = None, enter: None = None, leave: None = None) -> None:
        super().__init__()

        def schedule(watcher: Any) -> None:
            try:
                answer(watcher.scope, watcher.proto)
            except Exception as error:  # noqa: BLE001  # granian logs it and answers 500; else the worker ends
                watcher.err(error)
            else:
                watcher.done()

        self._schedule_fn = schedule


@WorkerProcess.wrap_target  # type: ignore[untyped-decorator]  # granian's decorator has no types
def serve_in_worker(
    number: int, answer: Answer, sockets: Any, ipc: Any, loop: Any, mode: Any, threads: int, *more: Any
) -> None:
    """The whole life of a worker: it serves until it is told to end or its parent is gone."""
    (blocking, python_threads, idle_timeout, backpressure, _, http, http1, http2, websockets, static, _, tls, _, metrics
     ) = more  # fmt: skip
    if parent := multiprocessing.parent_process():
        threading.Thread(target=_end_with, args=(parent.pid,), name="parent", daemon=True).start()
    ending = set_sync_signals()  # type: ignore[no-untyped-call]  # granian's function has no types
    ended = threading.Event()
    ending.add_cb(ended.set)
    worker = ASGIWorker(  # type: ignore[call-arg]  # granian's stub lacks the last one
        number, sockets, ipc, threads, blocking, python_threads, idle_timeout, backpressure, http, http1, http2,
        websockets, static, *tls, metrics,
    )  # fmt: skip
    getattr(worker, WORKERS_METHODS[mode][False])(Direct(loop, answer, None, None, None), loop, ending)
    ended.wait()


def _end_with(parent: int | None) -> None:
    """Ends the process at once when its parent is gone: nobody would stop or replace it, and it holds the port."""
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    os._exit(1)


class Workers(MPServer):
    """granian's server, which replaces workers that died, after growing pauses; the others go on meanwhile."""

    def __init__(self, target: str, host: str, port: int, count: int) -> None:
        super().__init__(
            target,
            address=host,
            port=port,
            interface=Interfaces.ASGINL,
            workers=count,
            blocking_threads=1,  # half the CPU of the defaults for an application that never waits
            http=HTTPModes.http1,
            backlog=CONNECTIONS,
            backpressure=CONNECTIONS,
            websockets=False,
            workers_kill_timeout=STOP_SECONDS,
            log_level=LogLevels.warning,
        )
        self._pauses: dict[int, float] = {}
        self._due: dict[int, float] = {}
        self._failed_starts = 0

    def run(self) -> None:
        """Serves until it is told to end, or until no worker can be started."""
        _allow_connections()
        self.serve(spawn_target=serve_in_worker)

    def _serve_loop(self, spawn_target: Any, target_loader: Any) -> None:
        while self._failed_starts < MOST_FAILED_STARTS * self.workers:
            due = min(self._due.values(), default=None)
            self.main_loop_interrupt.wait(None if due is None else max(0.0, due - time.monotonic()))
            self.main_loop_interrupt.clear()
            if self.interrupt_signal:
                return
            while self.interrupt_children:
                self._plan(self.interrupt_children.pop())
            if self.reload_signal:
                self._due.clear()
                self._reload(spawn_target, target_loader)  # type: ignore[no-untyped-call]  # granian has no types here
            now = time.monotonic()
            for number in [number for number, at in self._due.items() if at <= now]:
                del self._due[number]
                self._respawn_workers([number], spawn_target, target_loader)
        log.error("no worker can be started")

    def _plan(self, number: int) -> None:
        """Plans the successor of a worker that ended."""
        now, worker = time.monotonic(), self.wrks[number]
        lived = now - worker.birth
        if lived > STARTED_SECONDS or (worker.inner.exitcode or 0) < 0:  # a signal is no failure to start
            self._failed_starts = -sys.maxsize
        self._failed_starts += 1
        pause = 0.0 if lived > LIVED_SECONDS else self._pauses.get(number, 0.0)
        self._pauses[number] = min(max(2 * pause, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
        self._due[number] = now + pause
        log.error(
            "a worker ended and is started again", worker=number + 1, lived_seconds=round(lived, 1), pause_seconds=pause
        )


def _allow_connections() -> None:
    """Raises the limit of open files for the workers, as far as this user may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
