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
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
import structlog

from mirrorlist.core.errors import LeadLost
from mirrorlist.store.locks import AdvisoryLock, FileLock, Lock
from mirrorlist.store.tables import LEADS, insert_into

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
