"""Elect the one process that works; the others wait, and take over when it ends or hangs.

A lock decides who leads, but a lock alone cannot stop a leader that lost it and does not know: one whose connection
is gone, or that was paused and continues. So each taking of the lead raises an epoch in the database, and whatever a
leader writes is written under the condition that the epoch is still its own, in one transaction. The epoch's row is
the fence; the lock only spares the others the work.

Probers lead their database, publishers theirs on PostgreSQL and their state directory on SQLite
(``publications.py``).
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Protocol

import sqlalchemy as sa
import structlog

from mirrorlist.core.errors import DatabaseError, LeadLost, MirrorlistError
from mirrorlist.files_on_disk import locked, unwritable
from mirrorlist.store.tables import LEADS, insert_into


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


log = structlog.get_logger()

PROBER = "probe"
HUNG_SECONDS = 60.0
"""Without a sign of life for this long a leader is taken for hung, and another takes over."""
BEATS = 4
"""Signs of life in that time."""


class LostLock(threading.Event):
    """Set when a lock is lost, with the reason."""

    why = ""


@dataclass(frozen=True, slots=True)
class Leadership:
    """The right to write under one name. ``lost`` is set when the lock is gone; the epoch decides all the same."""

    name: str
    epoch: int
    lost: LostLock

    def hold(self, connection: sa.Connection) -> None:
        """Makes sure that this lead counts until the transaction ends: nobody can take it before.

        Raises:
            LeadLost: another process took it.
        """
        mine = LEADS.update().where(LEADS.c.name == self.name, LEADS.c.epoch == self.epoch)
        if connection.execute(mine.values(epoch=self.epoch)).rowcount == 0:
            raise lead_lost(connection, self.name)


def lead_lost(connection: sa.Connection, name: str) -> LeadLost:
    """The error that names who leads by now."""
    row = connection.execute(sa.select(LEADS.c.holder).where(LEADS.c.name == name)).one_or_none()
    other = f"{row.holder} took the lead" if row else "the database knows of no lead, so it is another one than before"
    return LeadLost(f"this process was paused or cut off, and leads no longer: {other}; what it found is not written")


def take_epoch(connection: sa.Connection, name: str, now: float, generation: int = 0) -> int:
    """Takes the lead, from whomever: whatever the former leader would write is refused from now on.

    ``generation`` is for a lead that the database does not know.
    """
    insert = insert_into(connection.dialect.name, LEADS)
    new = {"epoch": 1, "generation": generation, "beats": 0, "holder": holder(), "seen_at": now}
    raised = {"epoch": LEADS.c.epoch + 1, "holder": holder(), "seen_at": now}
    taken = insert.values(name=name, **new).on_conflict_do_update(index_elements=["name"], set_=raised)
    return int(connection.execute(taken.returning(LEADS.c.epoch)).scalar_one())


def holder() -> str:
    """What this process is called in messages."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def prober_lock(engine: sa.Engine, state_dir: Path) -> Lock:
    """The lock of the probers of a database."""
    if engine.dialect.name == "postgresql":
        return AdvisoryLock(engine, PROBER)
    return FileLock(state_dir / "probe.lock")


def vantage_lead(name: str) -> str:
    """What the lead of a vantage point is called; it is not that of the probers."""
    return f"vantage {name}"


def vantage_lock(engine: sa.Engine, state_dir: Path, name: str) -> Lock:
    """The lock of those who vote as this vantage point."""
    if engine.dialect.name == "postgresql":
        return AdvisoryLock(engine, vantage_lead(name))
    return FileLock(state_dir / "vantages" / f"{name}.lock")


class LeaderCandidate:
    """A process that would lead. It remembers when it last saw a sign of life of the one that does."""

    def __init__(
        self, lock: Lock, hung_seconds: float = HUNG_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lock = lock
        self._hung_seconds = hung_seconds
        self._clock = clock
        self._seen: tuple[Hashable, float] | None = None

    @contextmanager
    def leading(self) -> Iterator[LostLock | None]:
        """Whether the lock is held; it never waits. The event is set when the lock is lost."""
        if not self._take():
            yield None
            return
        lost, over = LostLock(), threading.Event()
        beating = threading.Thread(target=self._beat, args=(lost, over), name="sign of life", daemon=True)
        beating.start()
        try:
            yield lost
        finally:
            over.set()
            beating.join()
            self._lock.release()

    def _take(self) -> bool:
        if self._lock.take():
            self._seen = None
            return True
        sign, now = self._lock.sign(), self._clock()
        if self._seen is None or self._seen[0] != sign:
            self._seen = sign, now
        elif now - self._seen[1] > self._hung_seconds:
            log.warning("the leader gives no sign of life, another takes over", seconds=round(now - self._seen[1]))
            self._seen = None
            self._lock.destroy()
            return self._lock.take()
        return False

    def _beat(self, lost: LostLock, over: threading.Event) -> None:
        while not over.wait(self._hung_seconds / BEATS):
            if why := self._lock.beat():
                lost.why = why
                lost.set()
                return


class LeaderWait:
    """Reports once, not at each look, that another leads, and that this process does again."""

    def __init__(self) -> None:
        self._leads: bool | None = None

    def tell(self, leads: bool) -> None:
        """Logs it where it is news; leading from the first look on is none."""
        if leads != self._leads and not (leads and self._leads is None):
            log.info("this process leads" if leads else "another process leads, this one waits to take over")
        self._leads = leads


@contextmanager
def leading(
    engine: sa.Engine, candidate: LeaderCandidate, name: str, now: Callable[[], float]
) -> Iterator[Leadership | None]:
    """The lead of a name, if its lock is free; it never waits."""
    with candidate.leading() as lost:
        if lost is None:
            yield None
            return
        with engine.begin() as connection:
            epoch = take_epoch(connection, name, now())
        yield Leadership(name, epoch, lost)
