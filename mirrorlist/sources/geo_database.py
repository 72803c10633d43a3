"""Databases of addresses (MaxMind's layouts and those that follow them) as tables of places and ASNs.

A file is read once, whole: its tree is flattened, each distinct record decoded through geoip2. To add a
layout: write one reader function and name it in ``LAYOUTS``.
"""

from __future__ import annotations

import ipaddress
import math
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import geoip2.database
import geoip2.errors
import maxminddb
import numpy as np

from mirrorlist.core.compile import combine
from mirrorlist.core.errors import GeoDatabaseError
from mirrorlist.core.geo import place_of
from mirrorlist.core.model import NOWHERE, Location, Place
from mirrorlist.core.prefixes import IntervalTable
from mirrorlist.sources.mmdb_tree import Leaves, ipv4_leaves, ipv6_leaves, read_tree


@dataclass(frozen=True, slots=True)
class Record:
    """What a database says of a network."""

    location: Location | None = None
    asn: int | None = None


Decode = Callable[[geoip2.database.Reader, str], Record]


def _city(reader: geoip2.database.Reader, address: str) -> Record:
    return Record(_location(reader.city(address)))


def _enterprise(reader: geoip2.database.Reader, address: str) -> Record:
    answer = reader.enterprise(address)
    return Record(_location(answer), _asn(answer.traits.autonomous_system_number))


def _country(reader: geoip2.database.Reader, address: str) -> Record:
    answer = reader.country(address)
    country = answer.country.iso_code or answer.registered_country.iso_code
    return Record(Location(answer.continent.code, country) if country else None)


def _asn_record(reader: geoip2.database.Reader, address: str) -> Record:
    return Record(asn=_asn(reader.asn(address).autonomous_system_number))


def _isp(reader: geoip2.database.Reader, address: str) -> Record:
    return Record(asn=_asn(reader.isp(address).autonomous_system_number))


def _location(answer: geoip2.models.City | geoip2.models.Enterprise) -> Location | None:
    country = answer.country.iso_code or answer.registered_country.iso_code
    latitude = _degrees(answer.location.latitude, 90)
    longitude = _degrees(answer.location.longitude, 180)
    radius = answer.location.accuracy_radius
    if latitude is None or longitude is None:
        return Location(answer.continent.code, country) if country else None
    precision = float(radius) if isinstance(radius, int | float) else None
    return Location(answer.continent.code, country, None, answer.city.name, latitude, longitude, precision)


def _degrees(value: object, most: int) -> float | None:
    """Coordinates as databases hold them, some as strings; None where they are none or out of range."""
    try:
        found = float(value)  # type: ignore[arg-type]  # whatever is no number raises here
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) and -most <= found <= most else None


def _asn(value: object) -> int | None:
    return value if isinstance(value, int) and 0 < value < 2**32 - 1 else None


LAYOUTS: Mapping[str, Decode] = {
    "Enterprise": _enterprise,
    "City": _city,
    "Country": _country,
    "ASN": _asn_record,
    "ISP": _isp,
}
"""What stands in a file's ``database_type``, and how its records are read."""


@dataclass(frozen=True, slots=True)
class GeoTables:
    """Where addresses are (``located``: numbers of ``places``) and whose (``asns``)."""

    located: IntervalTable
    asns: IntervalTable
    places: tuple[Place, ...]


def read_geo_databases(paths: Iterable[str], places: Sequence[Place], country_places: Mapping[str, int]) -> GeoTables:
    """The tables of all these files; for each field the first file that has a value counts.

    ``places`` are nowhere and the countries; the cells that the files name are added to them.

    Raises:
        GeoDatabaseError: a file is missing, damaged, or of a layout that is not known.
    """
    numbers = dict(zip(places, range(len(places)), strict=True))
    located, asns = _empty(), _empty()
    for path in paths:
        found = _read(Path(path), numbers, country_places)
        located, asns = _first(located, found.located), _first(asns, found.asns)
    return GeoTables(located, asns, tuple(numbers))


def _empty() -> IntervalTable:
    return IntervalTable(
        array("I", [0]), array("I", [0]), array("Q", [0]), array("I", [0]), array("Q"), array("Q"), array("I")
    )


def _first(a: IntervalTable, b: IntervalTable) -> IntervalTable:
    """One table for two: what ``a`` says, and where it says nothing, what ``b`` says."""
    both, pairs = combine(a, b)
    winner = [left or right for left, right in pairs]
    return IntervalTable(
        both.starts4, array("I", [winner[number] for number in both.ids4]),
        both.starts6, array("I", [winner[number] for number in both.ids6]),
        array("Q"), array("Q"), array("I"),
    )  # fmt: skip


def _read(path: Path, numbers: dict[Place, int], country_places: Mapping[str, int]) -> GeoTables:
    try:
        with geoip2.database.Reader(path, mode=maxminddb.MODE_MMAP_EXT) as reader:
            return _tables(path, reader, numbers, country_places)
    except GeoDatabaseError:
        raise
    except OSError as error:
        raise GeoDatabaseError(f"{path}: {error.strerror or error}") from None
    except (maxminddb.InvalidDatabaseError, geoip2.errors.GeoIP2Error, ValueError, TypeError, KeyError,
            AttributeError, OverflowError, UnicodeDecodeError, MemoryError, IndexError) as error:  # fmt: skip
        raise GeoDatabaseError(f"{path}: not a usable database: {error}") from None


def _tables(
    path: Path, reader: geoip2.database.Reader, numbers: dict[Place, int], country_places: Mapping[str, int]
) -> GeoTables:
    meta = reader.metadata()
    decode = next((decode for name, decode in LAYOUTS.items() if name in meta.database_type), None)
    if decode is None:
        raise GeoDatabaseError(f"{path}: type {meta.database_type!r} is not known; known are {', '.join(LAYOUTS)}")
    tree = read_tree(path, meta.node_count, meta.record_size, meta.ip_version)
    v4, v6 = ipv4_leaves(tree), ipv6_leaves(tree)
    records = _decoded(v4, v6, lambda address: _record(decode, reader, address))
    by_place = {value: _place_number(record, numbers, country_places) for value, record in records.items()}
    by_asn = {value: record.asn or 0 for value, record in records.items()}
    return GeoTables(_table(v4, v6, by_place), _table(v4, v6, by_asn), tuple(numbers))


def _record(decode: Decode, reader: geoip2.database.Reader, address: str) -> Record:
    try:
        return decode(reader, address)
    except geoip2.errors.AddressNotFoundError:
        return Record()


def _decoded(v4: Leaves, v6: Leaves, record_at: Callable[[str], Record]) -> dict[int, Record]:
    """Each distinct record once, by the tree's value, read at the first address that has it."""
    found: dict[int, Record] = {0: Record()}
    for leaves, address_of in ((v4, _ipv4), (v6, _ipv6)):
        values, first = np.unique(leaves.values, return_index=True)
        for value, start in zip(values.tolist(), leaves.starts[first].tolist(), strict=True):
            if value not in found:
                found[value] = record_at(address_of(start))
    return found


def _ipv4(start: int) -> str:
    return str(ipaddress.IPv4Address(start))


def _ipv6(start: int) -> str:
    return str(ipaddress.IPv6Address(start << 64))


def _place_number(record: Record, numbers: dict[Place, int], country_places: Mapping[str, int]) -> int:
    place = place_of(record.location)
    if place == NOWHERE:
        return 0
    if not place.exact and place.country and place.country in country_places:
        return country_places[place.country]
    return numbers.setdefault(place, len(numbers))


def _table(v4: Leaves, v6: Leaves, ids: Mapping[int, int]) -> IntervalTable:
    return IntervalTable(
        array("I", v4.starts.tolist()), array("I", _mapped(v4, ids)),
        array("Q", v6.starts.tolist()), array("I", _mapped(v6, ids)),
        array("Q"), array("Q"), array("I"),
    )  # fmt: skip


def _mapped(leaves: Leaves, ids: Mapping[int, int]) -> list[int]:
    values, which = np.unique(leaves.values, return_inverse=True)
    found: list[int] = np.array([ids[value] for value in values.tolist()], dtype=np.uint32)[which].tolist()
    return found
