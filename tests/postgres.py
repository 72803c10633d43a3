"""A real PostgreSQL for the tests: Debian's, in a directory of its own, on a Unix socket, ended by its process id."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa

from tests.serving import until

PREFIX, LOCK = "mirrorlist-pg-", "tests.lock"
ACCOUNTS = ("postgres", "nobody")
"""PostgreSQL refuses to run as root; of these the first that exists runs it."""


def programs() -> Path | None:
    """Where Debian keeps the newest PostgreSQL; None if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    return found[-1].parent if found else None


@dataclass
class Server:
    """A PostgreSQL with its data and its socket in one directory; it runs between ``start`` and ``stop``."""

    programs: Path
    socket: Path
    as_other: list[str]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        command = [
            *self.as_other, str(self.programs / "postgres"), "-D", str(self.socket / "data"), "-k", str(self.socket),
            "-h", "", "-c", "fsync=off", "-c", "max_connections=60",
        ]  # fmt: skip
        with (self.socket / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.socket, env=self.environment)
        started = self.process
        ready = [str(self.programs / "pg_isready"), "-q", "-h", str(self.socket)]
        until(60, lambda: started.poll() is not None or subprocess.run(ready, check=False).returncode == 0)
        assert started.poll() is None, (self.socket / "log").read_text()

    def stop(self) -> None:
        """Ends it at once: whoever is connected loses the connection."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(30)

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self.socket)}

    def url(self, name: str) -> str:
        return f"postgresql://mirrorlist@/{name}?host={self.socket}"

    def run(self, statement: str, name: str = "postgres") -> list[tuple[object, ...]]:
        """What a statement answers, outside of any transaction."""
        engine = sa.create_engine(
            self.url(name).replace("postgresql", "postgresql+psycopg", 1), poolclass=sa.NullPool,
            isolation_level="AUTOCOMMIT",
        )  # fmt: skip
        with engine.connect() as connection:
            found = connection.execute(sa.text(statement))
            return [tuple(row) for row in found] if found.returns_rows else []

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"test_{uuid4().hex}"
        self.run(f"CREATE DATABASE {name}")
        return self.url(name)


@contextmanager
def postgresql(bin_directory: Path) -> Iterator[Server]:
    """A server until the block ends. The path of its socket has to be short, so it is not in pytest's directory."""
    _remove_what_killed_tests_left()
    new = Path(tempfile.mkdtemp(prefix="mirrorlist-new-", dir="/tmp"))
    with (new / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield from _running(bin_directory, new.rename(new.with_name(new.name.replace("mirrorlist-new-", PREFIX))))


def _remove_what_killed_tests_left() -> None:
    """Who makes a directory holds its lock as long as he lives."""
    for directory in Path("/tmp").glob(f"{PREFIX}*"):
        with suppress(OSError), (directory / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(directory, ignore_errors=True)


def _running(bin_directory: Path, directory: Path) -> Iterator[Server]:
    server = Server(bin_directory, directory, _as_account(directory))
    try:
        subprocess.run(
            [*server.as_other, str(bin_directory / "initdb"), "-D", str(directory / "data"), "-A", "trust",
             "-U", "mirrorlist", "--no-sync", "-E", "UTF8"],
            check=True, capture_output=True, cwd=directory, env=server.environment, timeout=60,
        )  # fmt: skip
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


def _as_account(directory: Path) -> list[str]:
    """The words before a command that run it without root's rights; the directory is given to that account."""
    if os.geteuid() != 0:
        return []
    known = {account.pw_name: account for account in pwd.getpwall()}
    account = next(known[name] for name in ACCOUNTS if name in known)
    os.chown(directory, account.pw_uid, account.pw_gid)
    ids = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    return ["setpriv", *ids, "--pdeathsig=INT", "--"]  # it ends with the tests, even where these are killed
