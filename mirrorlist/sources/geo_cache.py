"""Compiled databases of addresses kept beside the state, so that a file that did not change costs no compiling.

An entry is named by the SHA-256 of the database's content and by its format, whose number changes with the meaning of
what is kept. It is a sealed file (core/sealed.py), its facts the places; one that cannot be used is passed over.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from array import array
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import msgspec
import numpy as np

from mirrorlist.core.errors import GeoDatabaseError, SnapshotError
from mirrorlist.core.model import NOWHERE, Place
from mirrorlist.core.prefixes import ARRAYS, IntervalTable
from mirrorlist.core.sealed import Kind, Values, opened, sealed
from mirrorlist.core.tables import Numbers, as_numbers, interval_table
from mirrorlist.regular_files import open_regular
from mirrorlist.sources.geo_tables import GeoTables

KIND = Kind(b"MIRRGEO\n", 2, "compiled database of addresses")
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
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise GeoDatabaseError(f"{path}: {error.strerror or error}") from None
    return f"geo{KIND.format}-{digest}.tables"


def load(entry: Path) -> GeoTables | None:
    """What an entry holds; None where there is none, or a damaged one."""
    try:
        found = opened(KIND, memoryview(entry.read_bytes()))
        return _tables(msgspec.msgpack.decode(found.facts, type=tuple[Place, ...]), found.arrays)
    except (OSError, SnapshotError, msgspec.MsgspecError, ValueError, KeyError, IndexError, MemoryError):
        return None


def save(entry: Path, tables: GeoTables) -> None:
    """Writes an entry whole or not at all. A directory that cannot be written to costs only time."""
    temporary = entry.with_name(f"{entry.stem}.tmp.{os.getpid()}")
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        write(temporary, tables)
        temporary.replace(entry)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write(path: Path, tables: GeoTables) -> None:
    """Writes the tables to a file; raises OSError."""
    with path.open("wb") as file:
        file.writelines(sealed(KIND, msgspec.msgpack.encode(tables.places), _arrays(tables)).parts)


def remove_others(directory: Path, used: Collection[str]) -> None:
    """Removes the entries that are not used, and what a crash left."""
    for entry in directory.glob("geo*"):
        if entry.name not in used:
            with contextlib.suppress(OSError):
                entry.unlink(missing_ok=True)


def _arrays(tables: GeoTables) -> dict[str, array[int]]:
    return {
        f"{name}/{field}": array(typecode, getattr(getattr(tables, name), field))
        for name in _TABLES
        for field, typecode in _FIELDS.items()
    }


def _tables(places: tuple[Place, ...], arrays: Mapping[str, Values]) -> GeoTables:
    located, asns = (_table(name, arrays) for name in _TABLES)
    if places[:1] != (NOWHERE,) or max(*_largest(located)) >= len(places):
        raise ValueError("the tables and the places do not belong together")
    return GeoTables(located, asns, places)


def _table(name: str, arrays: Mapping[str, Values]) -> IntervalTable:
    found = {field: as_numbers(arrays[f"{name}/{field}"]) for field in _FIELDS}
    for field, typecode in _FIELDS.items():
        if found[field].dtype != np.dtype(typecode):
            raise ValueError(f"{name}/{field} is of another type")
    for starts, ids in (("starts4", "ids4"), ("starts6", "ids6")):
        if len(found[starts]) != len(found[ids]) or found[starts][0] != 0 or not _ascends(found[starts]):
            raise ValueError(f"{name}/{starts} does not ascend from 0")
    return interval_table(*found.values())


def _ascends(starts: Numbers) -> bool:
    return bool((starts[1:] > starts[:-1]).all())


def _largest(table: IntervalTable) -> Iterable[int]:
    return int(as_numbers(table.ids4).max()), int(as_numbers(table.ids6).max())
