"""Counts of workers as files: one directory per day (UTC), two files per worker, each written whole.

``WORKER.json`` holds the sums of one worker's day so far: ``{"country": {"DE": 12, ...}, "first": {...}, ...}``.
``WORKER.cells`` holds what statistics are made of, compressed: sums over several dimensions at once, which are many,
and the registers of clients (see core/statistics.py). No address is in either. Days older than ``KEPT_DAYS`` go.

Files of nodes are beside them, ``node-NAME.cells``: what a node has counted on a day so far, as it hands it over. What
came last counts, so nothing counts twice.

Repeated requests are files of their own, below ``repeats/``, from which the prober learns where to look next: the sums
of a worker's last minutes, row by row, ``[[seconds since 1970, {mirror's name: times}], ...]``.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import zstandard

from mirrorlist.core.errors import UploadRefused
from mirrorlist.core.public.statistics import Compiled, compiled
from mirrorlist.core.statistics import OTHER, REGISTERS, AskedCell, DayCounts, SystemName, given_label, summed, united
from mirrorlist.files_on_disk import write_whole

KEPT_DAYS = 400
_RECENT_DAYS = 30
"""The clock is believed, and old days are removed, where something was counted in the days before."""
MOST_CELLS = 100_000
"""Of each kind in a worker's day; further ones are summed by country."""
MOST_SYSTEMS = 300
"""The most operating systems and versions that a worker counts apart in a day: clients choose their names."""
CELLS = ".cells"
MERGED = "all.merged"
_MOST_BYTES = 256 * 1024 * 1024
ASKED, GIVEN = "asked", "given"
Sums = Mapping[str, Mapping[str, int]]
_Read = dict[str, dict[str, int]]


class _Cells(msgspec.Struct):
    """A file of cells. ``merged`` names the files that it was made of, which count no more where they appear again."""

    asked: dict[str, int]
    given: dict[str, int]
    clients: dict[str, bytes]
    merged: tuple[str, ...] = ()

    @property
    def counts(self) -> DayCounts:
        return DayCounts(self.asked, self.given, self.clients)


_Label = Annotated[str, msgspec.Meta(max_length=1000)]
_Times = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
_Registers = Annotated[bytes, msgspec.Meta(min_length=REGISTERS, max_length=REGISTERS)]


class _NodeDay(msgspec.Struct):
    """What a node hands over: its cells of one day. Bounded, as it comes from another machine."""

    day: date
    asked: dict[_Label, _Times]
    given: dict[_Label, _Times]
    clients: dict[_Label, _Registers]


_MOST_HANDED = 32 << 20
_NODE_LEVEL = 9
NODE = "node-"


class _DayCells:
    """The cells of one worker's day, which stay below a bound whatever clients send."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.given: Counter[str] = Counter()
        self.clients: dict[str, bytes] = {}
        self._systems: set[SystemName] = set()

    def add(self, asked: Mapping[str, int], given: Mapping[str, int], clients: Mapping[str, bytes]) -> None:
        """Adds sums by label, and registers by country."""
        for label, times in asked.items():
            self.asked[label if label in self.asked else self._kept(label)] += times
        for label, times in given.items():
            is_kept = label in self.given or len(self.given) < MOST_CELLS
            self.given[label if is_kept else given_label(label.partition("\t")[0], OTHER)] += times
        for country, registers in clients.items():
            self.clients[country] = united(self.clients.get(country, registers), registers)

    def _kept(self, label: str) -> str:
        """The label that is counted for a new one."""
        cell = AskedCell.read(label)
        if len(self.asked) >= MOST_CELLS:
            return AskedCell(cell.kind, OTHER, OTHER, OTHER, cell.country).label
        if len(self._systems) >= MOST_SYSTEMS and cell.system not in self._systems:
            return cell._replace(system=SystemName(OTHER)).label
        self._systems.add(cell.system)
        return label


def _packed(cells: _Cells) -> bytes:
    return zstandard.compress(msgspec.msgpack.encode(cells))


def _read(file: Path) -> _Cells | None:
    """The cells in a file; None where there is none that can be read."""
    try:
        with zstandard.ZstdDecompressor().stream_reader(file.read_bytes()) as reader:
            return msgspec.msgpack.decode(reader.read(_MOST_BYTES), type=_Cells)
    except (OSError, zstandard.ZstdError, msgspec.MsgspecError):
        return None


class CountFiles:
    """The files below ``counts/`` of a state directory; one object a process."""

    def __init__(self, state_dir: Path) -> None:
        self._directory = state_dir / "counts"
        self._writes: tuple[int, date] | None = None
        self._name = ""
        self._today: dict[str, Counter[str]] = {}
        self._cells = _DayCells()

    def add(self, sums: Sums, now: float, clients: Mapping[str, bytes] | None = None) -> None:
        """Adds to what this process counted on the day of ``now``; ``clients`` are registers by country.

        Raises:
            OSError: a file cannot be written; the sums are kept for the next time.
        """
        day = datetime.fromtimestamp(now, UTC).date()
        if self._writes != (os.getpid(), day):
            # A new day, or a new process, which must not write into its parent's file
            self._writes = os.getpid(), day
            self._name = f"{os.getpid()}-{time.time_ns()}"
            self._today, self._cells = {}, _DayCells()
            days = list(self._days())
            if any(day - timedelta(days=_RECENT_DAYS) <= old < day for old in days):  # else the clock may have jumped
                for old in days:
                    if old < day - timedelta(days=KEPT_DAYS):
                        shutil.rmtree(self._directory / old.isoformat(), ignore_errors=True)
        for dimension, counted in sums.items():
            if dimension not in (ASKED, GIVEN):
                self._today.setdefault(dimension, Counter()).update(counted)
        self._cells.add(sums.get(ASKED, {}), sums.get(GIVEN, {}), clients or {})
        directory = self._directory / day.isoformat()
        directory.mkdir(parents=True, exist_ok=True)
        half = directory / f".{self._name}"
        for name, data in (
            (f"{self._name}.json", msgspec.json.encode(self._today)),
            (f"{self._name}{CELLS}", _packed(_Cells(self._cells.asked, self._cells.given, self._cells.clients))),
        ):
            half.write_bytes(data)
            half.replace(directory / name)

    def read(self, first: date, last: date) -> Iterator[Sums]:
        """The sums of all workers on the days from ``first`` to ``last``; files that cannot be read are passed over."""
        for day in self._days():
            if first <= day <= last:
                for file in sorted((self._directory / day.isoformat()).glob("*.json")):
                    try:
                        yield msgspec.json.decode(file.read_bytes(), type=_Read)
                    except (OSError, msgspec.MsgspecError):
                        continue

    def cells(self, first: date, last: date) -> Iterator[tuple[date, DayCounts]]:
        """Each day from ``first`` to ``last`` on which something was counted, the oldest first."""
        for day in self._days():
            if first <= day <= last and (found := self._of_day(day)):
                yield day, summed(each.counts for each in found.values())

    def merge(self, before: date) -> None:
        """Makes one file of the cells of each day before; workers write to those of the present day only.

        Raises:
            OSError: a file cannot be written; the former ones stay.
        """
        for day in self._days():
            directory = self._directory / day.isoformat()
            if day < before and any(directory.glob(f"*{CELLS}")):
                found = self._of_day(day)
                whole = summed(each.counts for each in found.values())
                names = {name for name in found if name != MERGED}.union(*(each.merged for each in found.values()))
                merged = _Cells(dict(whole.asked), dict(whole.given), dict(whole.clients), tuple(sorted(names)))
                write_whole(directory / MERGED, [_packed(merged)])
                for name in names:
                    (directory / name).unlink(missing_ok=True)

    def signature(self, before: date) -> str:
        """A text that changes when the cells of a day before do."""
        files = [
            (str(file), file.stat().st_size, file.stat().st_mtime_ns)
            for day in self._days()
            if day < before
            for file in sorted((self._directory / day.isoformat()).iterdir())
            if file.name == MERGED or file.suffix == CELLS
        ]
        return hashlib.sha256(repr((before, files)).encode()).hexdigest()

    def packed(self, day: date) -> bytes | None:
        """What this machine counted on a day, to be handed over; None where that is nothing."""
        files = self._of_day(day).items()
        whole, bounded = summed(each.counts for name, each in files if not name.startswith(NODE)), _DayCells()
        bounded.add(whole.asked, whole.given, whole.clients)
        if not whole.asked and not whole.given:
            return None
        return zstandard.compress(
            msgspec.msgpack.encode(_NodeDay(day, bounded.asked, bounded.given, bounded.clients)), _NODE_LEVEL
        )

    def take(self, node: str, data: bytes, now: float) -> None:
        """Keeps what a node has counted on a day, in place of what it handed over before.

        Raises:
            UploadRefused: it cannot be read, or is of another day than today, yesterday or, by a clock that is ahead,
                tomorrow.
            OSError: it cannot be written.
        """
        try:
            with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(data) as reader:
                content = reader.read(_MOST_HANDED + 1)
            if len(content) > _MOST_HANDED:
                raise UploadRefused(f"the counts have over {_MOST_HANDED} bytes unpacked")
            found = msgspec.msgpack.decode(content, type=_NodeDay)
        except (zstandard.ZstdError, msgspec.MsgspecError) as error:
            raise UploadRefused(f"the counts cannot be read: {error}") from None
        today = datetime.fromtimestamp(now, UTC).date()
        if abs((found.day - today).days) > 1:
            raise UploadRefused(f"the counts are of {found.day}; those of yesterday and today are taken")
        bounded = _DayCells()
        bounded.add(found.asked, found.given, found.clients)
        cells = _packed(_Cells(bounded.asked, bounded.given, bounded.clients))
        write_whole(self._directory / found.day.isoformat() / f"{NODE}{node}{CELLS}", [cells])

    def _of_day(self, day: date) -> dict[str, _Cells]:
        """The files of a day by name, but for those that are in the merged one; what cannot be read is passed over."""
        directory = self._directory / day.isoformat()
        merged = _read(directory / MERGED)
        found = {} if merged is None else {MERGED: merged}
        for file in sorted(directory.glob(f"*{CELLS}")):
            if (merged is None or file.name not in merged.merged) and (cells := _read(file)) is not None:
                found[file.name] = cells
        return found

    def _days(self) -> list[date]:
        found = []
        for directory in sorted(self._directory.iterdir()) if self._directory.is_dir() else ():
            try:
                found.append(date.fromisoformat(directory.name))
            except ValueError:
                continue
        return found


KEPT_SECONDS = 600
_Rows = list[tuple[float, dict[str, int]]]


class RepeatFiles:
    """The files of a state directory; one object per process."""

    def __init__(self, state_dir: Path) -> None:
        self._directory = state_dir / "repeats"
        self._writer = 0
        self._rows: _Rows = []

    def add(self, sums: Mapping[str, int], now: float) -> None:
        """Adds what this process counted since the last time; a file whose worker is gone for long goes.

        Raises:
            OSError: the file cannot be written.
        """
        if self._writer != os.getpid():  # a forked process must not write into its parent's file
            self._writer, self._rows = os.getpid(), []
        self._rows = [row for row in self._rows if abs(now - row[0]) < KEPT_SECONDS]
        self._rows.append((now, dict(sums)))
        self._directory.mkdir(parents=True, exist_ok=True)
        half = self._directory / f".{self._writer}"
        half.write_bytes(msgspec.json.encode(self._rows))
        half.replace(self._directory / f"{self._writer}.json")
        for file in self._directory.glob("*.json"):
            if now - _modified(file, now) > KEPT_SECONDS:
                file.unlink(missing_ok=True)

    def since(self, moment: float) -> Counter[str]:
        """How often clients who had been sent to each mirror came back within seconds for the same file, after a moment
        of the last ``KEPT_SECONDS``; all workers together. Files that cannot be read are passed over.

        The prober looks at these mirrors next, those with the highest sums first.
        """
        found: Counter[str] = Counter()
        for file in sorted(self._directory.glob("*.json")):
            try:
                rows = msgspec.json.decode(file.read_bytes(), type=_Rows)
            except (OSError, msgspec.MsgspecError):
                continue
            for at, sums in rows:
                if at > moment:
                    found.update(sums)
        return found


def _modified(file: Path, otherwise: float) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return otherwise


# What statistics come to, for the next generation: one file, compiled again when a day is over.

STATISTICS = "statistics.json"


class _Statistics(msgspec.Struct):
    """``of`` is the signature of the counts that these were made of."""

    of: str
    compiled: Compiled | None


def update_statistics(state_dir: Path, today: date) -> bool:
    """Compiles statistics of the whole days that were counted, unless there is nothing new, and merges those before
    yesterday: until then files of other machines may arrive.

    Raises:
        OSError: a file cannot be written; the former ones stay.
    """
    counts, former = CountFiles(state_dir), _statistics(state_dir)
    counts.merge(today - timedelta(days=1))
    signature = counts.signature(today)
    if former is not None and former.of == signature:
        return False
    found = compiled(counts.cells(date.min, today - timedelta(days=1)), today)
    write_whole(state_dir / STATISTICS, [msgspec.json.encode(_Statistics(signature, found))])
    return True


def read_statistics(state_dir: Path) -> Compiled | None:
    """The statistics that were compiled last; None where there are none that can be read."""
    return found.compiled if (found := _statistics(state_dir)) else None


def _statistics(state_dir: Path) -> _Statistics | None:
    try:
        return msgspec.json.decode((state_dir / STATISTICS).read_bytes(), type=_Statistics)
    except (OSError, msgspec.MsgspecError):
        return None
