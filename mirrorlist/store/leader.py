"""Which of several probers works: the one that holds the lock. It is given back when the process ends, however."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

LOCK_NAME = "probe.lock"
ADVISORY_KEY = 0x6D6972726F72
"""Any number, the same in all probers of a database."""


@contextmanager
def leading(engine: sa.Engine, state_dir: Path) -> Iterator[bool]:
    """Whether this process leads; it never waits.

    With PostgreSQL that is an advisory lock of a connection, so probers may run on several machines; with SQLite a
    file in the state directory.
    """
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            leads = bool(connection.execute(sa.select(sa.func.pg_try_advisory_lock(ADVISORY_KEY))).scalar_one())
            try:
                yield leads
            finally:
                if leads:
                    connection.execute(sa.select(sa.func.pg_advisory_unlock(ADVISORY_KEY)))
        return
    state_dir.mkdir(parents=True, exist_ok=True)
    with (state_dir / LOCK_NAME).open("w") as lock:
        yield _locked(lock.fileno())


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
