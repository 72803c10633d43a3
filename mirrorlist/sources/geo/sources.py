"""All sources of address data: overrides, databases, clouds, and the tables of the package.

The order is that of docs/places-and-networks.md: the operator's overrides, the databases as service.yml names
them, then what comes with the program. The country of an address of which none of these knows the place is asked
of mirrorlist/countries.py for each request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, reduce
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TypeVar

import numpy as np

from mirrorlist.core.catalogue.service import GeoSources, NetworkOverride
from mirrorlist.core.errors import GeoDatabaseError
from mirrorlist.core.model import NOWHERE, ClientPlace
from mirrorlist.core.network.geo import place_of
from mirrorlist.core.network.intervals import as_numbers, places_in_systems, renumbered
from mirrorlist.core.network.prefixes import flatten, place_at
from mirrorlist.core.selection.compile import CloudTable, Proof, cloud_table, country_places
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.countries import country_of
from mirrorlist.sources.geo.bundled import DATA, read_embedded_asns, read_embedded_places
from mirrorlist.sources.geo.clouds import CloudFiles, Clouds
from mirrorlist.sources.geo.databases import GeoFiles
from mirrorlist.sources.geo.tables import NOTHING, GeoTables, completed, merged
from mirrorlist.sources.places.countries import read_countries

# The operator's overrides: tables that are looked up before all others.


def override_tables(overrides: Sequence[NetworkOverride]) -> GeoTables:
    """The tables of these overrides; where networks nest, the narrower one wins, field by field."""
    table, meanings = flatten((override.prefix, number) for number, override in enumerate(overrides))
    covering = [[overrides[int(str(label))] for label in reversed(labels)] for labels in meanings]
    numbers: dict[ClientPlace, int] = {NOWHERE: 0}
    places = [reduce(completed, (place_of(each.location) for each in group), NOWHERE) for group in covering]
    located = [numbers.setdefault(place, len(numbers)) for place in places]
    asns = [next((each.asn for each in group if each.asn), 0) for group in covering]
    return GeoTables(renumbered(table, located), renumbered(table, asns), tuple(numbers))


_Installed = TypeVar("_Installed")


@dataclass(frozen=True, slots=True)
class AddressData:
    """What is known of addresses. ``refusals`` name each file that cannot be used, and why.

    ``asns_built_on`` and ``places_built_on`` are the days of the installed tables, where these are used.
    """

    geo: GeoTables
    clouds: CloudTable
    country_places: Mapping[str, int]
    proof: Proof
    asns_built_on: str | None
    places_built_on: str | None
    refusals: tuple[str, ...]
    system_places: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    """See ``core.snapshot.Facts``."""

    def by_systems(self, asns: frozenset[int]) -> AddressData:
        """The same, with places split by these ASes of clients."""
        geo = self.geo
        found = places_in_systems(geo.located, geo.places, self.country_places, geo.asns, asns)
        return replace(
            self, geo=replace(geo, located=found.located, places=found.places), system_places=found.countries
        )

    def place_at(self, address: bytes) -> ClientPlace:
        """Where a packed address is: by the databases, else its country's place."""
        number = place_at(self.geo.located, address, self.country_places, self.system_places, country_of)
        return self.geo.places[number]


def database_files(geo: GeoSources) -> tuple[str, ...]:
    """The databases that there are: those that service.yml names, then the downloads that came so far."""
    return (*geo.databases, *(each.path for each in geo.downloads if Path(each.path).exists()))


def cloud_files(geo: GeoSources) -> Mapping[str, str]:
    """The file of each provider's ranges: the operator's, else the download if it came so far."""
    came = {provider: path for provider, path in geo.cloud_downloads.items() if Path(path).exists()}
    return {**came, **geo.clouds}


class AddressSources:
    """Reads them all; of a file that breaks, what it said before stays in effect. ``data`` is the package's."""

    def __init__(self, cache: Path, data: Traversable = DATA) -> None:
        self._databases = GeoFiles(cache)
        self._clouds = CloudFiles()
        self._data = data

    def read(self, geo: GeoSources) -> AddressData:
        """What is known now. Files that did not change are not read again."""
        databases = self._databases.read(database_files(geo))
        if files := cloud_files(geo):
            clouds = self._clouds.read(files)
            regions = cloud_table(clouds.ranges)
        else:
            clouds, regions = _installed_clouds()
        numbers_of_asns = (ids for tables in databases.tables for ids in (tables.asns.ids4, tables.asns.ids6))
        named = any(np.any(as_numbers(ids)) for ids in numbers_of_asns)
        refusals = [*databases.refusals, *clouds.refusals]
        asns = None if named else self._installed(read_embedded_asns, refusals)
        where = self._installed(read_embedded_places, refusals)
        last = replace(where.tables if where else NOTHING, asns=asns.table if asns else NOTHING.asns)
        centres = {code: (each.latitude, each.longitude) for code, each in read_countries().by_code.items()}
        places, numbers = country_places(centres)
        first = (override_tables(geo.overrides),) if geo.overrides else ()
        return AddressData(
            geo=merged((*first, *databases.tables, last), places, numbers),
            clouds=regions,
            country_places=numbers,
            proof=Proof(named, clouds.hints, tuple((each.prefix, each.asn) for each in geo.overrides if each.asn)),
            asns_built_on=asns.built_on if asns else None,
            places_built_on=where.built_on if where else None,
            refusals=tuple(refusals),
        )

    def _installed(self, read: Callable[[Traversable], _Installed], refusals: list[str]) -> _Installed | None:
        """A table of the package; without it the service knows less, but runs."""
        try:
            return _of_package(read) if self._data is DATA else read(self._data)
        except GeoDatabaseError as error:
            refusals.append(str(error))
            return None


@cache
def _of_package(read: Callable[[Traversable], _Installed]) -> _Installed:
    """A table of the package, unpacked once for a process."""
    return read(DATA)


@cache
def _installed_clouds() -> tuple[Clouds, CloudTable]:
    """What holds where the operator named no ranges: half a second's work, whose outcome stays the same."""
    clouds = CloudFiles().read({})
    return replace(clouds, ranges=()), cloud_table(clouds.ranges)


# Address data from the former snapshot, for a start without one of its databases.


def with_former(found: AddressData, former: Snapshot) -> AddressData:
    """What was found, with the former places and autonomous systems of addresses; clouds are as they were found."""
    facts = former.facts
    return replace(
        found,
        geo=GeoTables(former.located, former.asns, facts.places),
        country_places=facts.country_places,
        proof=replace(found.proof, asns=found.proof.asns or facts.asns_built_on is None),
        asns_built_on=facts.asns_built_on,
    ).by_systems(frozenset())
