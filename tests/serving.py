"""Runs the real service on 127.0.0.1 for a test, and ends it by its process ids."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socketserver import BaseServer

SERVICE = """\
versions: ["9", "9.8"]
duplicated_versions: {"9": "9.8"}
arches: {"9": [x86_64]}
repos:
  - {name: baseos, path: BaseOS/$basearch/os/}
"""
PATH = "/mirrorlist/9/baseos"


def mirror_file(name: str) -> str:
    return (
        f"name: {name}\naddress: {{https: 'https://{name}/linux/'}}\nupdate_frequency: 3h\n"
        "sponsor: Example\nsponsor_url: https://example.org/\nemail: mirror@example.org\n"
    )


def put(path: Path, text: str | bytes) -> None:
    """Puts a file in place whole."""
    other = path.parent / f".{path.name}.new"
    other.write_bytes(text if isinstance(text, bytes) else text.encode())
    other.replace(path)


def checkout(directory: Path, *names: str) -> Path:
    """A service file and these mirrors; the service file's path."""
    (directory / "mirrors.d").mkdir(parents=True)
    for name in names:
        put(directory / "mirrors.d" / f"{name}.yml", mirror_file(name))
    put(directory / "service.yml", SERVICE)
    return directory / "service.yml"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextmanager
def served(server: BaseServer) -> Iterator[str]:
    """A server of this process that answers in a thread; its address without a slash at the end."""
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def ask(port: int, path: str = PATH) -> tuple[int, str]:
    """Status and body, over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def until(seconds: float, true: Callable[[], bool]) -> float:
    """Waits until something is true, and tells after how many seconds it was.

    Raises:
        AssertionError: it was not in time.
    """
    start = time.monotonic()
    while not true():
        assert time.monotonic() - start < seconds, f"not within {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - start


def until_all(seconds: float, true: Callable[[], bool]) -> float:
    """Waits until something is true of both workers: twelve connections in turn, as each takes either."""
    return until(seconds, lambda: all(true() for _ in range(12)))


def answers(port: int) -> bool:
    try:
        return ask(port)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


@dataclass(frozen=True)
class Row:
    """A process as ps shows it."""

    pid: int
    parent: int
    state: str
    command: str


def processes() -> dict[int, Row]:
    """All processes but zombies."""
    shown = subprocess.run(
        ["ps", "-ww", "-eo", "pid=,ppid=,stat=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(None, 3) for line in shown.splitlines()]
    found = [Row(int(row[0]), int(row[1]), row[2], row[3]) for row in rows if len(row) == 4]
    return {row.pid: row for row in found if not row.state.startswith("Z")}


@dataclass(frozen=True)
class Service:
    """A running service."""

    process: subprocess.Popen[bytes]
    port: int
    directory: Path

    def _children(self, *commands: str) -> set[int]:
        """The processes below that run one of these; without any those that run none."""
        below = [row for row in processes().values() if row.parent == self.process.pid]
        wanted = commands or ("publish --watch", " probe ", " follow ")
        return {row.pid for row in below if any(each in row.command for each in wanted) is bool(commands)}

    def workers(self) -> set[int]:
        return self._children()

    def publishers(self) -> set[int]:
        return self._children("publish --watch", " follow ")

    def probers(self) -> set[int]:
        return self._children(" probe ")

    def log(self) -> str:
        return (self.directory / "log").read_text()


@contextmanager
def serving(
    config: Path,
    *options: str,
    database: str = "",
    secret: str = "",
    state: Path | None = None,
    port: int | None = None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Service]:
    """``mirrorlist serve`` with two workers until the block ends."""
    port = port or free_port()
    before = ["--config", str(config), *(["--state", str(state)] if state else [])]
    command = [sys.executable, "-m", "mirrorlist", *before, "serve", "--port", str(port), *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MIRRORLIST_")}
    environment |= {"MIRRORLIST_DATABASE": database, "MIRRORLIST_HOOK_SECRET": secret, **(settings or {})}
    with (config.parent / "log").open("wb") as log:
        process = subprocess.Popen([*command, "--workers", "2"], stdout=log, stderr=log, env=environment)
    service = Service(process, port, config.parent)
    try:
        until(90, lambda: process.poll() is not None or answers(port))
        assert process.poll() is None, service.log()
        until(30, lambda: len(service.workers()) == 2)
        yield service
    finally:
        started = {process.pid, *service.workers(), *service.publishers(), *service.probers()}
        process.terminate()
        try:
            process.wait(20)
        finally:
            for pid in started & processes().keys():
                os.kill(pid, signal.SIGKILL)
            process.wait(5)
