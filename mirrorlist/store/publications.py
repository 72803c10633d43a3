"""The order of generations: decide who may put the next snapshot of a state directory in place.

Publishing is a compare-and-set. A publisher notes what is there (the snapshot file, and in the database the last
generation and the epoch of the lead), compiles, and then, for the moment in which it puts its file in place, holds
``publish.lock``: is the file still the one it began with? Does the row in the database still say the same
generation, and its own epoch? Then the row gets the new generation, and after that is on disk the file is renamed.
Whoever was paused while it compiled, lost its lead, or was overtaken finds another file or another row, writes
nothing, and says so.

- A crash between the two steps leaves a generation that no file has. The next one is one more than the greater of the
  file's and the row's: numbers are left out, but never used twice.
- So it is with a state directory from a backup: its file is older than the row, and the next number is greater than
  all that were ever given.
- Without the database the file's own check is what remains; it is enough for publishers of one directory, since
  the lock of a lead (``publish.lead``) is a file there as well. So the publisher starts and publishes without any
  database. When that is back, numbers go on from the greater one.
- A row is of one line of snapshots, those that share the key of the spread: copies of a directory, or one that
  several machines share, have one row; machines with directories of their own do not disturb each other.
- No lock is held while compiling, so a process that is paused there stops nobody.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import sqlalchemy as sa

from mirrorlist.core.errors import MirrorlistError, Overtaken
from mirrorlist.files_on_disk import locked
from mirrorlist.store.leader_election import holder, lead_lost, take_epoch
from mirrorlist.store.locks import FileLock
from mirrorlist.store.tables import LEADS, insert_into

WAIT_SECONDS = 10.0
PAUSE_SECONDS = 0.02
KEPT_SECONDS = 30 * 86_400.0
"""A line on which nothing was published for this long is forgotten when another begins; it goes on from its file."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What the database says before a publication: the last generation of a line, and the epoch that publishes."""

    line: str
    generation: int
    epoch: int


def line_of(key: bytes) -> str:
    """The name of the line of snapshots with this key, which it does not betray."""
    return f"publish {sha256(b'line' + key).hexdigest()[:32]}"


def publisher_lock(state_dir: Path) -> FileLock:
    """The lock of the publishers that stay and follow changes; a single publication needs none."""
    return FileLock(state_dir / "publish.lead")


def begin(engine: sa.Engine, line: str, generation: int, epoch: int | None, leads: bool, now: float) -> Turn:
    """Notes what is there. One that ``leads`` takes a new epoch where it has none.

    ``generation`` is the file's, for a line that the database does not know.

    Raises:
        LeadLost: another publisher took the lead from one that has an epoch.
    """
    with engine.begin() as connection:
        row = _row(connection, line)
        if row is None or (leads and epoch is None):
            if row is None:
                old = LEADS.c.name.startswith("publish ") & (LEADS.c.seen_at < now - KEPT_SECONDS)
                connection.execute(LEADS.delete().where(old))
            if leads:
                epoch = take_epoch(connection, line, now, generation)
            else:
                new = {"epoch": 0, "generation": generation, "beats": 0, "holder": holder(), "seen_at": now}
                insert = insert_into(engine.dialect.name, LEADS).values(name=line, **new)
                connection.execute(insert.on_conflict_do_nothing())
            row = _row(connection, line)
        assert row is not None
        if leads and row.epoch != epoch:
            raise lead_lost(connection, line)
        return row


def claim(engine: sa.Engine, turn: Turn, generation: int, now: float) -> None:
    """Gives the next generation to this publisher.

    Raises:
        LeadLost: another publisher took the lead since the turn began.
        Overtaken: another one published since then.
    """
    mine = LEADS.update().where(
        LEADS.c.name == turn.line, LEADS.c.generation == turn.generation, LEADS.c.epoch == turn.epoch
    )
    with engine.begin() as connection:
        if connection.execute(mine.values(generation=generation, seen_at=now)).rowcount:
            return
        row = _row(connection, turn.line)
        if row is not None and row.epoch != turn.epoch:
            raise lead_lost(connection, turn.line)
    raise Overtaken(f"another publisher published generation {row.generation if row else '?'} meanwhile")


def _row(connection: sa.Connection, line: str) -> Turn | None:
    wanted = sa.select(LEADS.c.name, LEADS.c.generation, LEADS.c.epoch).where(LEADS.c.name == line)
    found = connection.execute(wanted).one_or_none()
    return None if found is None else Turn(*found)


@contextmanager
def only_one(state_dir: Path, seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Held while a snapshot is put in place.

    Raises:
        MirrorlistError: another process holds it for longer than a publication takes.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    path = state_dir / "publish.lock"
    with path.open("a+") as lock:
        deadline = time.monotonic() + seconds
        while not locked(lock.fileno()):
            if time.monotonic() > deadline:
                lock.seek(0)
                raise MirrorlistError(
                    f"{path} is held for over {seconds:.0f} s by {lock.read(200).strip() or 'another process'}, "
                    "which hangs while it puts a snapshot in place; end that process"
                )
            time.sleep(PAUSE_SECONDS)
        lock.truncate(0)
        lock.write(f"{holder()}\n")
        lock.flush()
        yield
