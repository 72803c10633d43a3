"""The operator's address databases: reloaded when they change, kept when they break."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import tempfile
from array import array
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from mirrorlist.core.container import FileKind, Values, opened, sealed
from mirrorlist.core.errors import GeoDatabaseError, SnapshotError
from mirrorlist.core.model import NOWHERE, ClientPlace
from mirrorlist.core.network.intervals import as_numbers, interval_table
from mirrorlist.core.network.prefixes import ARRAYS, IntervalTable
from mirrorlist.files_on_disk import open_regular, remove_left_overs, write_whole
from mirrorlist.sources.geo.mmdb import read_geo_database
from mirrorlist.sources.geo.tables import GeoTables

# The cache of compiled databases: an unchanged file is not compiled again.
#
# An entry is named by the SHA-256 of the database's content and by its format, whose number changes with the meaning of
# what is kept. It is a sealed file (core/container.py), its facts the places; one that cannot be used is passed over.

KIND = FileKind(b"MIRRGEO\n", 2, "compiled database of addresses")
_TABLES = ("located", "asns")
_FIELDS = {name: ARRAYS[name] for name in ("starts4", "ids4", "starts6", "ids6")}
"""The arrays of a table that divides no /64, as those of databases."""


def entry_name(path: Path) -> str:
    """The name of the entry of a database's present content.

    Raises:
        GeoDatabaseError: the file cannot be read.
    """
    try:
        with open_regular(path) as file:
            if not os.fstat(file.fileno()).st_size:  # as of all files of /proc, some of which never end
                raise OSError(0, "empty; name a database", str(path))
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise GeoDatabaseError(f"{path}: {error.strerror or error}") from None
    return f"geo{KIND.format}-{digest}.tables"


def load(entry: Path) -> GeoTables | None:
    """What an entry holds; None where there is none, or a damaged one."""
    try:
        found = opened(KIND, memoryview(entry.read_bytes()))
        places = msgspec.msgpack.decode(found.facts, type=tuple[ClientPlace, ...])
        located, asns = (_table(name, found.arrays) for name in _TABLES)
        last = max(int(as_numbers(ids).max()) for ids in (located.ids4, located.ids6))
        if places[:1] != (NOWHERE,) or last >= len(places):
            raise ValueError("the tables and the places do not belong together")
        return GeoTables(located, asns, places)
    except (OSError, SnapshotError, msgspec.MsgspecError, ValueError, KeyError, IndexError, MemoryError):
        return None


def save(entry: Path, tables: GeoTables) -> None:
    """Writes an entry whole or not at all. A directory that cannot be written to costs only time."""
    with contextlib.suppress(OSError):
        write_whole(entry, sealed_tables(tables))


def sealed_tables(tables: GeoTables) -> Iterable[bytes | memoryview]:
    """The parts of an entry."""
    arrays = {
        f"{name}/{field}": array(typecode, getattr(getattr(tables, name), field))
        for name in _TABLES
        for field, typecode in _FIELDS.items()
    }
    return sealed(KIND, msgspec.msgpack.encode(tables.places), arrays).parts


def remove_others(directory: Path, used: Collection[str]) -> None:
    """Removes the entries that are not used, and what a crash left."""
    for entry in directory.glob("geo*"):
        if entry.name not in used:
            with contextlib.suppress(OSError):
                entry.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        remove_left_overs(directory)


def _table(name: str, arrays: Mapping[str, Values]) -> IntervalTable:
    found = {field: as_numbers(arrays[f"{name}/{field}"]) for field in _FIELDS}
    for field, typecode in _FIELDS.items():
        if found[field].dtype != np.dtype(typecode):
            raise ValueError(f"{name}/{field} is of another type")
    for starts, ids in (("starts4", "ids4"), ("starts6", "ids6")):
        ascends = (found[starts][1:] > found[starts][:-1]).all()
        if len(found[starts]) != len(found[ids]) or found[starts][0] != 0 or not ascends:
            raise ValueError(f"{name}/{starts} does not ascend from 0")
    return interval_table(*found.values())


# A database is compiled in a process of its own, which may crash without ending the service.
#
# The C reader of maxminddb 3.2 ends the process that runs it where a database is damaged so that the key of a
# mapping is no text; a file that is written over in place while it is mapped does so too. Besides, the memory that
# compiling takes is given back.

MOST_SECONDS = 900
_PACKAGE_PARENT = Path(__file__).parents[3]
_REFUSED = 3


def compiled(path: Path) -> GeoTables:
    """The tables of a database.

    Raises:
        GeoDatabaseError: as ``read_geo_database``, or the reader broke down over the file.
    """
    with tempfile.TemporaryDirectory(prefix="mirrorlist-") as directory:
        result = Path(directory) / "tables"
        command = [sys.executable, "-m", __name__, str(path.absolute()), str(result)]
        try:
            done = subprocess.run(command, cwd=_PACKAGE_PARENT, capture_output=True, timeout=MOST_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise GeoDatabaseError(f"{path}: not read after {MOST_SECONDS} seconds") from None
        if done.returncode == _REFUSED:
            raise GeoDatabaseError(done.stdout.decode(errors="replace"))
        tables = load(result) if done.returncode == 0 else None
    if tables is None:
        raise GeoDatabaseError(f"{path}: not a usable database: its reader broke down (status {done.returncode})")
    return tables


def _main(path: Path, result: Path) -> int:
    try:
        write_whole(result, sealed_tables(read_geo_database(path)))
    except GeoDatabaseError as error:
        sys.stdout.write(str(error))
        return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(_main(*map(Path, sys.argv[1:])))


@dataclass(frozen=True, slots=True)
class GeoRead:
    """The tables of each file that could ever be read, in their order, and why the others were refused."""

    tables: tuple[GeoTables, ...]
    refusals: tuple[str, ...]


class GeoFiles:
    """Remembers the last good tables of each file; keeps compiled ones in ``cache``, a directory."""

    def __init__(self, cache: Path, compile: Callable[[Path], GeoTables] = compiled) -> None:
        self._cache = cache
        self._compile = compile
        self._good: dict[str, tuple[str, GeoTables]] = {}

    def read(self, paths: Iterable[str]) -> GeoRead:
        """The tables of these files as they are now; of one that broke, what it was before."""
        found: dict[str, tuple[str, GeoTables]] = {}
        refusals: list[str] = []
        for path in paths:
            try:
                found[path] = self._read(path)
            except GeoDatabaseError as error:
                refusals.append(str(error))
                if path in self._good:
                    found[path] = self._good[path]
        self._good = found
        remove_others(self._cache, {name for name, _ in found.values()})
        return GeoRead(tuple(tables for _, tables in found.values()), tuple(refusals))

    def _read(self, path: str) -> tuple[str, GeoTables]:
        name = entry_name(Path(path))
        former = self._good.get(path)
        if former and former[0] == name:
            return former
        tables = load(self._cache / name)
        if tables is None:
            tables = self._compile(Path(path))
            save(self._cache / name, tables)
        return name, tables
