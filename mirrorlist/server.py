"""The process that ``mirrorlist serve`` becomes: granian's workers, and the publisher beside them.

It is a module of its own, with few imports, because granian's workers import the main module of the process
that starts them: started from the command line's they would each hold numpy, SQLAlchemy and click.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import structlog

from mirrorlist.logs import set_up_logs
from mirrorlist.store.snapshot_files import NAME
from mirrorlist.workers import Workers

log = structlog.get_logger()

RESTART_SECONDS = 2.0
LONGEST_RESTART_SECONDS = 60.0
LIVED_SECONDS = 60.0
"""A process that lived for so long is started again soon; of others the pause doubles."""
STOP_SECONDS = 10.0
FIRST_SNAPSHOT_SECONDS = 120.0


class Serving(msgspec.Struct, frozen=True):
    """What to serve, how, the command that publishes, and the descriptor of the socket that holds the port."""

    host: str
    port: int
    workers: int
    state_dir: str
    publisher: list[str]
    held: int


def become(serving: Serving) -> None:
    """Replaces this process by one that serves; it keeps the process id."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "mirrorlist.server", msgspec.json.encode(serving).decode()])


def main() -> None:
    """Serves until it is told to end. Status 1 if there is no snapshot to serve, or no worker can be started."""
    set_up_logs()
    serving = msgspec.json.decode(sys.argv[1], type=Serving)
    os.set_inheritable(serving.held, False)
    server = Workers("mirrorlist.app:gateway", serving.host, serving.port, serving.workers)
    stopping = threading.Event()
    server.on_shutdown(stopping.set)
    with Companion([*serving.publisher, "--parent", str(os.getpid())]) as publisher:
        if not publisher.wait_for(Path(serving.state_dir) / NAME):
            sys.exit(1)
        server.run()
    sys.exit(0 if stopping.is_set() and server.interrupt_signal else 1)


class Companion:
    """A process that lives as long as this one: started again when it ends, ended at the end."""

    def __init__(self, command: list[str]) -> None:
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

    def wait_for(self, file: Path) -> bool:
        """Waits for the first snapshot, and keeps the process alive from then on; False if it cannot be made."""
        deadline = time.monotonic() + FIRST_SNAPSHOT_SECONDS
        while not file.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                log.error("there is no snapshot to serve, and the publisher made none")
                return False
            time.sleep(0.05)
        threading.Thread(target=self._keep, name="publisher", daemon=True).start()
        return True

    def _keep(self) -> None:
        pause, started = RESTART_SECONDS, time.monotonic()
        while True:
            self._process.wait()
            if time.monotonic() - started > LIVED_SECONDS:
                pause = RESTART_SECONDS
            if self._stop.wait(pause):
                return
            pause, started = min(2 * pause, LONGEST_RESTART_SECONDS), time.monotonic()
            log.error("the publisher ended and is started again", status=self._process.returncode)
            self._process = subprocess.Popen(self._command)


if __name__ == "__main__":
    main()
