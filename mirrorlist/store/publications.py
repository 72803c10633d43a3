"""The order of generations: decide who may put the next snapshot in place, and keep the last one for the others.

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
- With SQLite the lock of the lead is a file in the state directory (``publish.lead``), and without the database the
  file's own check is enough: the publisher starts and publishes, and numbers go on from the greater one later. A row
  is of one line of snapshots, those that share the key of the spread.
- With PostgreSQL there is one line for all publishers of the database, and its lock is there. What a publisher claims
  it keeps there as well, in the same transaction, so that another one with a state directory of its own goes on from
  it. While the database is away nobody can know who leads, and nothing is published.
- No lock is held while compiling, so a process that is paused there stops nobody.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import partial
from hashlib import sha256
from pathlib import Path

import msgspec
import sqlalchemy as sa
import zstandard

from mirrorlist.core.channel import FORMAT, ChannelFile, Manifest, file_of, pieces
from mirrorlist.core.errors import ChannelError, MirrorlistError, Overtaken
from mirrorlist.files_on_disk import locked, read_mapped, unwritable
from mirrorlist.store.leader_election import AdvisoryLock, FileLock, Lock, holder, lead_lost, take_epoch
from mirrorlist.store.snapshot_files import NAME
from mirrorlist.store.tables import LEADS, PUBLISHED, PUBLISHED_PIECES, insert_into, upsert

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


ALL = "publish"
"""The line of all publishers of a PostgreSQL database, and the name of their lead."""


class PublisherLead(Enum):
    """What a publisher leads; without its database one of a directory publishes all the same."""

    DIRECTORY = 1
    DATABASE = 2


def line_of(engine: sa.Engine, key: bytes) -> str:
    """The line of the snapshots with this key, which its name does not betray."""
    return ALL if is_shared(engine) else f"publish {sha256(b'line' + key).hexdigest()[:32]}"


def is_shared(engine: sa.Engine) -> bool:
    """Whether publishers on several machines may use a database."""
    return engine.dialect.name == "postgresql"


def publisher_lock(engine: sa.Engine, state_dir: Path) -> Lock:
    """The lock of the publishers that stay and follow changes; a single publication needs none."""
    return AdvisoryLock(engine, ALL) if is_shared(engine) else FileLock(state_dir / "publish.lead")


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


@dataclass(frozen=True, slots=True)
class Publication:
    """A generation that is to be put in place: its number, the bytes of its snapshot, and the indexes that it names."""

    generation: int
    built_at: float
    snapshot: bytes
    indexes: Sequence[Path] = ()


def claim(engine: sa.Engine, turn: Turn, compiled: Publication, now: float) -> None:
    """Gives the next generation to this publisher; a database that publishers share keeps it for the others.

    Raises:
        LeadLost: another publisher took the lead since the turn began.
        Overtaken: another one published since then.
    """
    mine = LEADS.update().where(
        LEADS.c.name == turn.line, LEADS.c.generation == turn.generation, LEADS.c.epoch == turn.epoch
    )
    with engine.begin() as connection:
        if connection.execute(mine.values(generation=compiled.generation, seen_at=now)).rowcount:
            if is_shared(engine):
                _keep(connection, turn.line, compiled)
            return
        row = _row(connection, turn.line)
        if row is not None and row.epoch != turn.epoch:
            raise lead_lost(connection, turn.line)
    raise Overtaken(f"another publisher published generation {row.generation if row else '?'} meanwhile")


def _row(connection: sa.Connection, line: str) -> Turn | None:
    wanted = sa.select(LEADS.c.name, LEADS.c.generation, LEADS.c.epoch).where(LEADS.c.name == line)
    found = connection.execute(wanted).one_or_none()
    return None if found is None else Turn(*found)


LEVEL = 6


def _keep(connection: sa.Connection, line: str, compiled: Publication) -> None:
    """Keeps a generation; of its files only those pieces travel that the database has not."""
    text = connection.execute(sa.select(PUBLISHED.c.manifest).where(PUBLISHED.c.line == line)).scalar()
    former = () if text is None else msgspec.json.decode(text, type=Manifest).files
    kept = {file.name: file for file in former}
    stored = {*connection.execute(sa.select(PUBLISHED_PIECES.c.sha256)).scalars()}

    def put(name: str, data: memoryview) -> ChannelFile:
        for each in pieces(data):
            digest = sha256(each).hexdigest()
            if digest not in stored:
                stored.add(digest)
                packed = zstandard.ZstdCompressor(level=LEVEL).compress(each)
                connection.execute(PUBLISHED_PIECES.insert().values(sha256=digest, data=packed))
        return file_of(name, data)

    # An index is named by its content; it may be large, so what is kept of it already is not read again
    files = [kept.get(path.name) or read_mapped(path, partial(put, path.name)) for path in compiled.indexes]
    files.append(put(NAME, memoryview(compiled.snapshot)))
    manifest = Manifest(FORMAT, compiled.generation, compiled.built_at, tuple(files))
    named = {piece.sha256 for file in (*files, *former) for piece in file.pieces}
    unused = sorted(stored - named)
    connection.execute(PUBLISHED_PIECES.delete().where(PUBLISHED_PIECES.c.sha256.in_(unused)))
    values = {"line": line, "generation": compiled.generation, "manifest": msgspec.json.encode(manifest).decode()}
    connection.execute(upsert(connection.dialect.name, PUBLISHED), values)


class KeptGeneration:
    """The last generation of a database that publishers share; also a source of its pieces."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def manifest(self, seen: int | None) -> Manifest | None:
        """The last generation; None where there is none, or it is the one that was seen."""
        wanted = sa.select(PUBLISHED.c.manifest).where(PUBLISHED.c.line == ALL, PUBLISHED.c.generation != (seen or 0))
        with self._engine.connect() as connection:
            text = connection.execute(wanted).scalar()
        return None if text is None else msgspec.json.decode(text, type=Manifest)

    def file(self, name: str, most: int) -> bytes:
        """A piece by its path (``piece_path``), packed.

        Raises:
            ChannelError: it is gone, as there is a newer generation, or it is larger than ``most`` bytes.
        """
        digest = name.rpartition("/")[2].removesuffix(".zst")
        wanted = sa.select(PUBLISHED_PIECES.c.data).where(PUBLISHED_PIECES.c.sha256 == digest)
        with self._engine.connect() as connection:
            data = connection.execute(wanted).scalar()
        if data is None or len(data) > most:
            raise ChannelError(f"the database has no piece {digest} of at most {most} bytes")
        return bytes(data)


@contextmanager
def only_one(state_dir: Path, seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Held while a snapshot is put in place in a directory.

    Raises:
        MirrorlistError: another process holds it for longer than a publication takes.
    """
    path = state_dir / "publish.lock"
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        lock = path.open("a+")
    except OSError as error:
        raise MirrorlistError(unwritable(path, error)) from None
    with lock:
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
