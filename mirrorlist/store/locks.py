"""Locks behind leadership: a file where processes share a directory, PostgreSQL's where they share a database.

Either is given back when its process ends, however it ends. A process that hangs keeps it, so a holder gives signs of
life, and others may break the lock of one that gives none. The former holder's ``beat`` then says that it is lost.
"""

from __future__ import annotations

import os
from collections.abc import Hashable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import IO, Protocol

import sqlalchemy as sa

from mirrorlist.core.errors import DatabaseError, MirrorlistError
from mirrorlist.files_on_disk import locked, unwritable
from mirrorlist.store.tables import LEADS


class Lock(Protocol):
    """Held by one process at a time."""

    def take(self) -> bool:
        """Whether this process holds it now; never waits.

        Raises:
            MirrorlistError: nobody can hold it now; the message says what to do.
        """

    def beat(self) -> str | None:
        """Gives a sign of life; why the lock is lost, or None while it is held. May be called in another thread."""

    def sign(self) -> Hashable:
        """What changes as long as the holder lives."""

    def destroy(self) -> None:
        """Takes it from a holder that hangs; nobody holds it then."""

    def release(self) -> None:
        """Gives it back, if it is held."""


RELEASED = "it was given back"


class FileLock:
    """A locked file. A sign of life is its time; to break it another file takes its name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def take(self) -> bool:
        self.release()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = self._path.open("a")
        except OSError as error:
            raise MirrorlistError(unwritable(self._path, error)) from None
        if not locked(file.fileno()):
            file.close()
            return False
        self._file = file
        if self.beat() is None:
            return True
        self.release()
        return False

    def beat(self) -> str | None:
        file = self._file
        try:
            if file is None or not os.path.samestat(os.fstat(file.fileno()), self._path.stat()):
                return RELEASED if file is None else "this process was silent for too long, and another took over"
            os.utime(self._path)
        except ValueError:  # released meanwhile
            return RELEASED
        except OSError as error:
            return unwritable(self._path, error)
        return None

    def sign(self) -> Hashable:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    def destroy(self) -> None:
        other = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        other.touch()
        other.replace(self._path)

    def release(self) -> None:
        if self._file:
            self._file.close()
            self._file = None


class AdvisoryLock:
    """A lock of a PostgreSQL session, so the processes may be on several machines; ``name`` is the lead's.

    A sign of life is a number in the lead's row. To break the lock is to end the session.
    """

    def __init__(self, engine: sa.Engine, name: str) -> None:
        self._engine = engine
        self._name = name
        self._key = int.from_bytes(sha256(f"mirrorlist {name}".encode()).digest()[:8], signed=True)
        self._session: sa.Connection | None = None

    def take(self) -> bool:
        self.release()
        session = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        held = False
        try:
            held = bool(session.execute(sa.select(sa.func.pg_try_advisory_lock(self._key))).scalar_one())
        finally:
            if not held:
                session.close()
        self._session = session if held else None
        return held

    def beat(self) -> str | None:
        session = self._session
        if session is None:
            return RELEASED
        try:
            session.execute(LEADS.update().where(LEADS.c.name == self._name).values(beats=LEADS.c.beats + 1))
        except (DatabaseError, sa.exc.SQLAlchemyError) as error:
            return f"the session with the database ended, so that another may lead: {error}"
        return None

    def sign(self) -> Hashable:
        wanted = sa.select(LEADS.c.epoch, LEADS.c.beats).where(LEADS.c.name == self._name)
        with self._engine.connect() as connection:
            row = connection.execute(wanted).one_or_none()
        return row and tuple(row)

    def destroy(self) -> None:
        high, low = (self._key >> 32) & 0xFFFFFFFF, self._key & 0xFFFFFFFF
        held = sa.text(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
            "AND classid::bigint = :high AND objid::bigint = :low "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        with self._engine.connect() as connection:
            connection.execute(held, {"high": high, "low": low})

    def release(self) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        with suppress(DatabaseError, sa.exc.SQLAlchemyError):  # a session that ended has no lock any more
            session.execute(sa.select(sa.func.pg_advisory_unlock(self._key)))
        session.invalidate()  # a pool would keep it, and with it a lock that could not be given back
        session.close()
