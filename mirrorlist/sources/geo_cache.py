"""Compiled databases of addresses kept beside the state, so that a file that did not change costs no compiling.

An entry is named by the SHA-256 of the database's content and by ``FORMAT``, which changes with the meaning of
what is kept. It is data only: a SHA-256 and NumPy's ``.npz`` without pickles; one that cannot be used is passed over.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
import os
import zipfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirrorlist.core.errors import GeoDatabaseError
from mirrorlist.core.model import NOWHERE, Place
from mirrorlist.core.prefixes import IntervalTable
from mirrorlist.core.tables import as_numbers, interval_table
from mirrorlist.sources.geo_tables import GeoTables

FORMAT = 1
_DIGEST_BYTES = 32
_TABLES = ("located", "asns")
_TYPES = {"starts4": "u4", "ids4": "u4", "starts6": "u8", "ids6": "u4"}
_PLACES = ("country", "latitude", "longitude", "exact")

Arrays = Mapping[str, NDArray[Any]]


def entry_name(path: Path) -> str:
    """The name of the entry of a database's present content.

    Raises:
        GeoDatabaseError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise GeoDatabaseError(f"{path}: {error.strerror or error}") from None
    return f"geo{FORMAT}-{digest}.tables"


def load(entry: Path) -> GeoTables | None:
    """What an entry holds; None where there is none, or a damaged one."""
    try:
        data = entry.read_bytes()
        if hashlib.sha256(memoryview(data)[_DIGEST_BYTES:]).digest() != data[:_DIGEST_BYTES]:
            return None
        with np.load(io.BytesIO(memoryview(data)[_DIGEST_BYTES:]), allow_pickle=False) as arrays:
            return _tables({name: arrays[name] for name in arrays.files})
    except (OSError, ValueError, KeyError, IndexError, EOFError, TypeError, zipfile.BadZipFile, MemoryError):
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
    packed = io.BytesIO()
    np.savez(packed, **_arrays(tables))  # type: ignore[arg-type]  # the stub takes the names for allow_pickle
    path.write_bytes(hashlib.sha256(packed.getbuffer()).digest() + packed.getbuffer())


def remove_others(directory: Path, used: Collection[str]) -> None:
    """Removes the entries that are not used, and what a crash left."""
    for entry in directory.glob("geo*"):
        if entry.name not in used:
            with contextlib.suppress(OSError):
                entry.unlink(missing_ok=True)


def _arrays(tables: GeoTables) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {}
    for name, table in zip(_TABLES, (tables.located, tables.asns), strict=True):
        found |= {f"{name}_{field}": as_numbers(getattr(table, field)) for field in _TYPES}
    rows = ((p.country or "", _stored(p.latitude), _stored(p.longitude), p.exact) for p in tables.places)
    columns = zip(*rows, strict=True)
    for name, column, kind in zip(_PLACES, columns, ("U2", "f8", "f8", "?"), strict=True):
        found[name] = np.array(column, dtype=kind)
    return found


def _stored(value: float | None) -> float:
    return math.nan if value is None else value


def _tables(arrays: Arrays) -> GeoTables:
    columns = (arrays[name].tolist() for name in _PLACES)
    places = tuple(
        Place(country or None, _known(latitude), _known(longitude), exact)
        for country, latitude, longitude, exact in zip(*columns, strict=True)
    )
    located, asns = (_table(name, arrays) for name in _TABLES)
    if places[:1] != (NOWHERE,) or max(*_largest(located)) >= len(places):
        raise ValueError("the tables and the places do not belong together")
    return GeoTables(located, asns, places)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _table(name: str, arrays: Arrays) -> IntervalTable:
    found = {field: arrays[f"{name}_{field}"] for field in _TYPES}
    for field, kind in _TYPES.items():
        if found[field].dtype != np.dtype(kind) or found[field].ndim != 1:
            raise ValueError(f"{name}_{field} is of another type")
    for starts, ids in (("starts4", "ids4"), ("starts6", "ids6")):
        if len(found[starts]) != len(found[ids]) or found[starts][0] != 0 or not _ascends(found[starts]):
            raise ValueError(f"{name}_{starts} does not ascend from 0")
    return interval_table(*found.values())


def _ascends(starts: NDArray[Any]) -> bool:
    return bool((starts[1:] > starts[:-1]).all())


def _largest(table: IntervalTable) -> Iterable[int]:
    return int(as_numbers(table.ids4).max()), int(as_numbers(table.ids6).max())
