"""Supervise the workers of ``mirrorlist serve``: start, watch, replace and stop them; nothing is lost with one.

A worker accepts on a socket that this process holds: a connection that waits when the worker ends is taken by its
successor. Signals are never handled in a worker: they are blocked from before its first instruction, and its main
thread waits for them. A worker gives signs of life over a socket of its own; its end is seen there at once.
"""

from __future__ import annotations

import os
import random
import resource
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec
import structlog

from mirrorlist.ports import opened
from mirrorlist.settings import hashing_alike
from mirrorlist.systemd import Manager

log = structlog.get_logger()

START = "import sys; sys.modules['rich'] = None; from mirrorlist.{} import main; main()"
"""The program of a process that serves: structlog would load rich for its tracebacks, 5 MB for each process."""
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
LIVED_SECONDS = 60.0
"""A worker that lived for this long is replaced at once; of others the pause doubles."""
LONGEST_SILENCE_SECONDS = 5.0
"""How long the next worker is waited for when the last one has ended, whatever their pauses."""
MOST_FAILED_STARTS = 3
"""Per worker, while none ever answered; then the service ends."""
STARTING_SECONDS = 120.0
HUNG_SECONDS = 30.0
"""Without a sign of life for this long, a worker is killed and replaced."""
BEAT_SECONDS = 2.0
STOP_SECONDS = 5.0
"""How long a worker may take to end; answers take milliseconds."""
SHARED_BYTES = 1 << 22
"""Of memory that all workers read and write; what is never written takes none."""

CONNECTIONS = 4096
"""Per worker; the next ones wait."""
OTHER_FILES = 256
"""More descriptors than a worker needs besides those of its connections."""


class Post(msgspec.Struct, frozen=True):
    """What a worker is started with: its number, the function that makes the application, and descriptors: the sockets
    for clients, for its signs of life, and for monitoring, and the memory that all workers share."""

    number: int
    target: str
    listening: int
    life: int
    shared: int
    metrics: int | None = None


@dataclass(slots=True)
class Worker:
    """A process that answers, and what was heard of it."""

    number: int
    process: subprocess.Popen[bytes]
    life: socket.socket
    born: float
    heard: float
    is_ready: bool = False
    former: Worker | None = None
    """The one that it takes over from once it is ready."""


@dataclass(slots=True)
class Workers:
    """The workers of a service, by their numbers."""

    target: str
    claimed: socket.socket
    count: int
    manager: Manager = field(default_factory=Manager)
    metrics: socket.socket | None = None
    _shared: int = field(default_factory=lambda: os.memfd_create("mirrorlist-workers"))
    _hash_seed: int = field(default_factory=lambda: random.SystemRandom().randrange(1 << 32))
    """The same for all workers, which find what another put into the shared memory by its hash."""
    _listening: dict[int, socket.socket] = field(default_factory=dict)
    _workers: dict[int, Worker] = field(default_factory=dict)
    _former: list[Worker] = field(default_factory=list)
    _pauses: dict[int, float] = field(default_factory=dict)
    _due: dict[int, float] = field(default_factory=dict)
    _to_renew: list[int] = field(default_factory=list)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _failed_starts: int = 0
    _ever_ready: bool = False
    _reported: bool = False
    _beat_due: float = 0.0

    def run(self, signals: socket.socket) -> bool:
        """Serves until it is told to end; False if no worker can be started. ``signals`` yields their numbers."""
        allow_connections()
        os.ftruncate(self._shared, SHARED_BYTES)
        self._selector.register(signals, selectors.EVENT_READ)
        self._due = dict.fromkeys(range(1, self.count + 1), 0.0)
        try:
            while self._failed_starts < MOST_FAILED_STARTS * self.count:
                now = time.monotonic()
                until = min(self._beat_due, *self._due.values(), now + BEAT_SECONDS)
                for key, _ in self._selector.select(max(0.0, until - now)):
                    if key.data is not None:
                        self._hear(key.data)
                    elif self._is_told_to_end(signals.recv(64)):
                        return True
                self._look(time.monotonic())
            log.error("no worker can be started")
            return False
        finally:
            self.manager.stopping()
            self._stop()

    def _is_told_to_end(self, told: bytes) -> bool:
        if signal.SIGHUP in told:
            log.info("the workers are renewed, one after the other")
            self.manager.reloading()
            self._to_renew = [*self._workers]
            self._reported = False
        return signal.SIGTERM in told or signal.SIGINT in told

    def _start(self, number: int, former: Worker | None = None) -> None:
        if number not in self._listening:
            self._listening[number] = opened(self.claimed, CONNECTIONS)
            if not any(each.is_ready for each in self._workers.values()):  # else whoever comes is better off there
                self._listening[number].listen(CONNECTIONS)
        listening = self._listening[number].fileno()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        metrics = None if self.metrics is None else self.metrics.fileno()
        post = Post(number, self.target, listening, theirs.fileno(), self._shared, metrics)
        command = [sys.executable, "-c", START.format("worker"), msgspec.json.encode(post).decode()]
        with theirs, blocked_signals():  # which the worker inherits, so that none can come too early
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                pass_fds=[each for each in (listening, theirs.fileno(), self._shared, metrics) if each is not None],
                env=hashing_alike(self._hash_seed),
            )
        now = time.monotonic()
        self._workers[number] = Worker(number, process, ours, now, now, former=former)
        self._selector.register(ours, selectors.EVENT_READ, self._workers[number])

    def _hear(self, worker: Worker) -> None:
        """A sign of life, or the end of one."""
        try:
            told = worker.life.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            told = b""
        if not told:
            self._end(worker)
            return
        worker.heard = time.monotonic()
        if not worker.is_ready:
            worker.is_ready = self._ever_ready = True
            if worker.former is not None:
                worker.former.process.terminate()
                worker.former = None

    def _end(self, worker: Worker) -> None:
        """Takes note of a worker that ended; plans its successor unless there is one."""
        self._selector.unregister(worker.life)
        worker.life.close()
        self._wait(worker, time.monotonic() + 1)
        if worker in self._former:
            self._former.remove(worker)
            return
        lived, number = time.monotonic() - worker.born, worker.number
        self._failed_starts += 0 if self._ever_ready else 1
        if worker.former is not None:  # it may have ended, too
            log.error("the new worker ended before it answered, the former one stays", worker=number)
            self._to_renew = []
            if worker.former in self._former:
                self._former.remove(worker.former)
                self._workers[number] = worker.former
                return
        pause = 0.0 if lived > LIVED_SECONDS else self._pauses.get(number, 0.0)
        self._pauses[number] = min(max(2 * pause, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
        self._due[number] = time.monotonic() + pause
        del self._workers[number]
        if pause:  # whoever waits is better off elsewhere
            self._listening.pop(number).close()
        if not self._workers:
            pause, soon = min(pause, LONGEST_SILENCE_SECONDS), time.monotonic() + LONGEST_SILENCE_SECONDS
            self._due = {each: min(due, soon) for each, due in self._due.items()}
        log.error(
            "a worker ended and is started again",
            worker=number, lived_seconds=round(lived, 1), pause_seconds=pause, status=worker.process.returncode,
        )  # fmt: skip

    def _look(self, now: float) -> None:
        """Does what is due: starts, kills what hangs, renews the next worker, and reports."""
        for number in [number for number, due in self._due.items() if due <= now]:
            try:
                self._start(number)
                del self._due[number]
            except OSError as error:  # no memory, or too many processes or files
                log.error("a worker cannot be started yet", worker=number, reason=str(error))
                self._failed_starts += 0 if self._ever_ready else 1
                self._due[number] = now + LONGEST_SILENCE_SECONDS
                if number in self._listening:
                    self._listening.pop(number).close()
        for worker in [*self._workers.values(), *self._former]:
            if now - worker.heard > (HUNG_SECONDS if worker.is_ready else STARTING_SECONDS):
                log.error("a worker gives no sign of life and is killed", worker=worker.number)
                worker.heard = now
                worker.process.kill()
        is_whole = len(self._workers) == self.count and all(worker.is_ready for worker in self._workers.values())
        if is_whole and self._to_renew:
            former = self._workers[number := self._to_renew.pop(0)]
            try:
                self._start(number, former)
                self._former.append(former)
            except OSError as error:
                log.error("the workers cannot be renewed, the former ones stay", worker=number, reason=str(error))
                self._to_renew = []
        elif is_whole and not self._reported:
            self._reported = True
            self.manager.ready()
        if now >= self._beat_due and any(worker.is_ready for worker in self._workers.values()):
            self._beat_due = now + (self.manager.beat_seconds or STARTING_SECONDS)
            self.manager.alive()

    def _stop(self) -> None:
        """Ends all workers, at the same time; one that does not end alone is killed."""
        ending = [*self._workers.values(), *self._former]
        for worker in ending:
            worker.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for worker in ending:
            self._wait(worker, deadline)
        for listening in self._listening.values():
            listening.close()
        os.close(self._shared)

    def _wait(self, worker: Worker, deadline: float) -> None:
        try:
            worker.process.wait(max(deadline - time.monotonic(), 0.01))
        except subprocess.TimeoutExpired:
            log.warning("a worker did not end in time and is killed", worker=worker.number)
            worker.process.kill()
            worker.process.wait()


@contextmanager
def received_signals() -> Iterator[socket.socket]:
    """A socket that yields the numbers of the signals that end or renew a service; none is lost."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    formerly = {number: signal.signal(number, lambda *_: None) for number in numbers}
    former = signal.set_wakeup_fd(theirs.fileno())
    try:
        yield ours
    finally:
        signal.set_wakeup_fd(former)
        for number, handler in formerly.items():
            signal.signal(number, handler)
        ours.close()
        theirs.close()


@contextmanager
def blocked_signals() -> Iterator[None]:
    """Lets the signals that end a process wait, here and in what is started meanwhile."""
    former = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


ENDING = {signal.SIGTERM, signal.SIGINT}


def allow_connections() -> None:
    """Raises the limit of open files for the workers, as far as this user may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
