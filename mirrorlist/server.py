"""The process that ``mirrorlist serve`` becomes: it supervises the workers, and the publisher beside them.

It is a program of its own, with few imports, because it stays: the command's would hold click and YAML for nothing.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec
import structlog

from mirrorlist.logs import set_up_logs
from mirrorlist.ports import address_of, opened, release
from mirrorlist.settings import read_settings, read_supervision
from mirrorlist.store.snapshot_files import NAME
from mirrorlist.systemd import Manager
from mirrorlist.workers import START, Workers, received_signals

log = structlog.get_logger()

RESTART_SECONDS = 2.0
LONGEST_RESTART_SECONDS = 60.0
LIVED_SECONDS = 60.0
"""A process that lived for this long is started again soon; of others the pause doubles."""
STOP_SECONDS = 10.0
FIRST_SNAPSHOT_SECONDS = 120.0
LOOK_SECONDS = 0.05
METRICS_BACKLOG = 16


class Serving(msgspec.Struct, frozen=True):
    """What serves, and with how many workers; the commands that publish and probe; the descriptors of the bound socket,
    of the lock on the state directory, and of the socket for monitoring. A socket that systemd passed stays its own.
    Without a ``prober`` another process probes, and without a socket another one answers."""

    workers: int
    state_dir: str
    publisher: list[str]
    claimed: int | None
    lock: int | None
    is_passed: bool = False
    metrics: int | None = None
    prober: list[str] = []


def become(serving: Serving) -> None:
    """Replaces this process by one that serves; it keeps the process id."""
    sys.stdout.flush()
    _let_inherit(serving, True)
    os.execv(sys.executable, [sys.executable, "-c", START.format("server"), msgspec.json.encode(serving).decode()])


def _let_inherit(serving: Serving, allowed: bool) -> None:
    for descriptor in (serving.claimed, serving.lock, serving.metrics):
        if descriptor is not None:
            os.set_inheritable(descriptor, allowed)


def main() -> None:
    """Serves until it is told to end. Status 1 if there is no snapshot to serve, or no worker can be started."""
    settings = read_settings()
    set_up_logs(settings.log_format, not settings.no_color)
    serving = msgspec.json.decode(sys.argv[1], type=Serving)
    _let_inherit(serving, False)
    supervision = read_supervision()
    manager = Manager(supervision.notify_socket, supervision.watchdog_seconds)
    claimed = None if serving.claimed is None else socket.socket(fileno=serving.claimed)
    try:
        sys.exit(0 if _serve(serving, claimed, manager) else 1)
    finally:
        if claimed is not None:
            claimed.close() if serving.is_passed else release(claimed)


def _serve(serving: Serving, claimed: socket.socket | None, manager: Manager) -> bool:
    """Whether it ended because it was told to."""
    parent = ["--parent", str(os.getpid())]
    with received_signals() as signals, ExitStack() as companions:
        publisher = companions.enter_context(Companion("publisher", [*serving.publisher, *parent]))
        found = publisher.wait_for(Path(serving.state_dir) / NAME, signals, manager)
        if found is not True:
            return found is None
        publisher.keep()
        if serving.prober:
            companions.enter_context(Companion("prober", [*serving.prober, *parent])).keep()
        if claimed is None:
            return _wait(signals, manager)
        manager.status(f"answers at {address_of(claimed)}")
        metrics = None
        if serving.metrics is not None:
            metrics = opened(socket.socket(fileno=serving.metrics), METRICS_BACKLOG)
            metrics.listen(METRICS_BACKLOG)
        return Workers("mirrorlist.app:create_gateway", claimed, serving.workers, manager, metrics).run(signals)


def _wait(signals: socket.socket, manager: Manager) -> bool:
    """Waits until this process is told to end."""
    manager.ready()
    while not select.select([signals], [], [], manager.beat_seconds)[0] or signals.recv(64) == bytes([signal.SIGHUP]):
        manager.alive()
    manager.stopping()
    return True


class Companion:
    """A process that lives as long as this one: started again when it ends, ended at the end."""

    def __init__(self, name: str, command: list[str]) -> None:
        self._name = name
        self._command = command
        self._stop = threading.Event()
        self._process = subprocess.Popen(command)

    def __enter__(self) -> Companion:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def wait_for(self, file: Path, signals: socket.socket, manager: Manager) -> bool | None:
        """Waits for the first snapshot. False if it cannot be made, None if this process is told to end before."""
        deadline = time.monotonic() + FIRST_SNAPSHOT_SECONDS
        while not file.exists():
            manager.alive()
            if self._process.poll() is not None or time.monotonic() > deadline:
                log.error("there is no snapshot to serve, and the publisher made none")
                return False
            if select.select([signals], [], [], LOOK_SECONDS)[0] and set(signals.recv(64)) - {signal.SIGHUP}:
                return None
        return True

    def keep(self) -> None:
        """Keeps the process alive from now on."""
        threading.Thread(target=self._keep, name=self._name, daemon=True).start()

    def _keep(self) -> None:
        pause, started = RESTART_SECONDS, time.monotonic()
        while True:
            self._process.wait()
            if time.monotonic() - started > LIVED_SECONDS:
                pause = RESTART_SECONDS
            if self._stop.wait(pause):
                return
            pause, started = min(2 * pause, LONGEST_RESTART_SECONDS), time.monotonic()
            log.error(f"the {self._name} ended and is started again", status=self._process.returncode)
            try:
                self._process = subprocess.Popen(self._command)
            except OSError as error:  # the next turn tries again
                log.error(f"the {self._name} cannot be started yet", reason=str(error))
