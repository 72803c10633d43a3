"""Where an address is right after installing: the table of coarse places that comes with the package.

A place is where the people of a country's part of some 200 km are, with the radius that it is good for; so
it is ranked as the place of a database is. It answers where no override and no database of service.yml does.
scripts/build-places makes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.resources.abc import Traversable

import numpy as np

from mirrorlist.core.geo import place_of
from mirrorlist.core.model import NOWHERE, Location, Place
from mirrorlist.core.tables import EMPTY, as_numbers, renumbered
from mirrorlist.sources.geo_tables import GeoTables
from mirrorlist.sources.packed_tables import DATA, Arrays, read_packed, table_of

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
    numbers: dict[Place, int] = {}
    located = renumbered(located, [numbers.setdefault(place, len(numbers)) for place in found])
    return EmbeddedPlaces(GeoTables(located, EMPTY, tuple(numbers)), _day(str(arrays["built_on"])))


def _locations(arrays: Arrays) -> Iterator[Location]:
    columns = [arrays[name] for name in COLUMNS]
    if [column.dtype for column in columns] != [np.dtype(kind) for kind in COLUMNS.values()]:
        raise ValueError("the columns of the places are of another type")
    for country, latitude, longitude, precision in zip(*(each.tolist()[1:] for each in columns), strict=True):
        if not (len(country) == 2 and abs(latitude) <= 90 and abs(longitude) <= 180):
            raise ValueError("a place is nowhere on the Earth")
        yield Location(country=country, latitude=latitude, longitude=longitude, precision_km=float(precision))


def _day(text: str) -> str:
    return date.fromisoformat(text).isoformat()
