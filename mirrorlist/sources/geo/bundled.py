"""Address tables of the package: packed for NumPy's ``.npz``, and checked when they are read.

The starts of intervals are kept as differences, and of all numbers the bytes of equal weight side by side: so
they pack to a third less. The arrays of a family are ``starts4`` and what is from there on, as ``asns4``.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mirrorlist.core.errors import GeoDatabaseError
from mirrorlist.core.model import NOWHERE, ClientPlace, Location
from mirrorlist.core.network.geo import place_of
from mirrorlist.core.network.intervals import EMPTY, as_numbers, interval_table, renumbered
from mirrorlist.core.network.prefixes import IntervalTable
from mirrorlist.sources.geo.tables import GeoTables

DATA = files("mirrorlist").joinpath("data")
"""Where the package has its data."""

Arrays = Mapping[str, NDArray[Any]]
_Read = TypeVar("_Read")


def read_packed(file: Traversable, read: Callable[[Arrays], _Read]) -> _Read:
    """What ``read`` makes of the arrays of a file of the package.

    Raises:
        GeoDatabaseError: the file is missing or damaged, or ``read`` cannot make sense of it.
    """
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            return read({name: arrays[name] for name in arrays.files})
    except OSError as error:
        reason = error.strerror or str(error)
    except (ValueError, KeyError, IndexError, EOFError, TypeError, AttributeError, NotImplementedError, MemoryError,
            zipfile.BadZipFile, zlib.error) as error:  # fmt: skip
        reason = f"not a table of this version: {error}"
    raise GeoDatabaseError(f"{file}: {reason}; install the package again") from None


def table_of(arrays: Arrays, ids: str) -> IntervalTable:
    """The table of both families; raises ValueError where the starts do not ascend from 0."""
    found: list[NDArray[np.unsignedinteger]] = []
    for family, kind in (("4", "<u4"), ("6", "<u8")):
        starts = np.cumsum(_numbers(arrays[f"starts{family}"], kind), dtype=kind[1:])
        numbers = _numbers(arrays[f"{ids}{family}"], "<u4")
        if len(starts) != len(numbers) or starts[0] != 0 or not (starts[1:] > starts[:-1]).all():
            raise ValueError(f"starts{family} do not ascend from 0")
        found += [starts, numbers]
    return interval_table(*found)


def packed_table(ids: str, family: str, starts: NDArray[Any], numbers: NDArray[Any]) -> Arrays:
    """The arrays of one family, ``"4"`` or ``"6"``, from which ``table_of`` makes a table."""
    kind = np.dtype("<u4" if family == "4" else "<u8")
    differences = np.diff(starts.astype(kind), prepend=kind.type(0))
    return {f"starts{family}": _planes(differences, kind), f"{ids}{family}": _planes(numbers, np.dtype("<u4"))}


def _planes(values: NDArray[Any], kind: np.dtype[Any]) -> NDArray[np.uint8]:
    """The bytes of the values, little-endian, those of equal weight in one row."""
    return np.ascontiguousarray(values.astype(kind).view(np.uint8).reshape(len(values), -1).T)


def _numbers(planes: NDArray[np.uint8], kind: str) -> NDArray[np.unsignedinteger]:
    """The numbers whose bytes of equal weight are in one row each."""
    if planes.dtype != np.uint8 or planes.ndim != 2:
        raise ValueError("the bytes do not lie side by side")
    found: NDArray[np.unsignedinteger] = np.ascontiguousarray(planes.T).view(kind).ravel()
    return found


# The package's table of ASNs.
#
# It is used where no database of service.yml knows ASNs, and proves nothing: it orders public mirrors only.
# scripts/build-asn makes it.


@dataclass(frozen=True, slots=True)
class EmbeddedAsns:
    """The table, and the day of its data as 2026-06-17."""

    table: IntervalTable
    built_on: str


def read_embedded_asns(data: Traversable = DATA) -> EmbeddedAsns:
    """The table of the package; it takes about 0.1 seconds.

    Raises:
        GeoDatabaseError: the file is missing or damaged.
    """
    return read_packed(
        data.joinpath("asn.npz"), lambda arrays: EmbeddedAsns(table_of(arrays, "asns"), str(arrays["built_on"]))
    )


# The package's table of coarse places.
#
# A place is where the people of a country's part of some 200 km are, with the radius that it is good for; so
# it is ranked as the place of a database is. It answers where no override and no database of service.yml does.
# scripts/build-places makes it.

FILE = "places.npz"
IDS = "places"
COLUMNS = {"countries": "U2", "latitudes": "f4", "longitudes": "f4", "precisions": "u2"}
"""What the file has of each place, and as which type; the first place is nowhere."""


@dataclass(frozen=True, slots=True)
class EmbeddedPlaces:
    """The tables, without ASNs, and the day of their data as 2026-06-05."""

    tables: GeoTables
    built_on: str


def read_embedded_places(data: Traversable = DATA) -> EmbeddedPlaces:
    """The table of the package; it takes about 0.1 seconds.

    Raises:
        GeoDatabaseError: the file is missing or damaged.
    """
    return read_packed(data.joinpath(FILE), _places)


def _places(arrays: Arrays) -> EmbeddedPlaces:
    located = table_of(arrays, IDS)
    found = [NOWHERE, *(place_of(location) for location in _locations(arrays))]
    if max(as_numbers(located.ids4).max(), as_numbers(located.ids6).max()) >= len(found):
        raise ValueError("the table names places that are not there")
    numbers: dict[ClientPlace, int] = {}
    located = renumbered(located, [numbers.setdefault(place, len(numbers)) for place in found])
    built_on = date.fromisoformat(str(arrays["built_on"])).isoformat()
    return EmbeddedPlaces(GeoTables(located, EMPTY, tuple(numbers)), built_on)


def _locations(arrays: Arrays) -> Iterator[Location]:
    columns = [arrays[name] for name in COLUMNS]
    if [column.dtype for column in columns] != [np.dtype(kind) for kind in COLUMNS.values()]:
        raise ValueError("the columns of the places are of another type")
    for country, latitude, longitude, precision in zip(*(each.tolist()[1:] for each in columns), strict=True):
        if not (len(country) == 2 and abs(latitude) <= 90 and abs(longitude) <= 180):
            raise ValueError("a place is nowhere on the Earth")
        yield Location(country=country, latitude=latitude, longitude=longitude, precision_km=float(precision))
