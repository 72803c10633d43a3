"""Everything that tells where addresses are and whose: overrides, databases, clouds, and what is installed.

The order is that of docs/places-and-networks.md: the operator's overrides, the databases as service.yml names
them, then what comes with the program. Countries without a database are asked of mirrorlist/countries.py for
each request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mirrorlist.core.compile import CloudTable, Proof, cloud_table, country_places
from mirrorlist.core.model import Place
from mirrorlist.core.prefixes import IntervalTable, unwrapped
from mirrorlist.core.service import GeoSources
from mirrorlist.core.tables import as_numbers
from mirrorlist.countries import country_of
from mirrorlist.sources.asn_table import read_embedded_asns
from mirrorlist.sources.cloud_files import CloudFiles
from mirrorlist.sources.countries import read_countries
from mirrorlist.sources.geo_files import GeoFiles
from mirrorlist.sources.geo_overrides import override_tables
from mirrorlist.sources.geo_tables import NOTHING, GeoTables, merged


@dataclass(frozen=True, slots=True)
class AddressData:
    """What is known of addresses. ``refusals`` name each file that cannot be used, and why.

    ``asns_built_on`` is the day of the installed table of ASNs, where that is used.
    """

    geo: GeoTables
    clouds: CloudTable
    country_places: Mapping[str, int]
    proof: Proof
    asns_built_on: str | None
    refusals: tuple[str, ...]

    def place_at(self, address: bytes) -> Place:
        """Where a packed address is: by the databases, else its country's place."""
        inner = unwrapped(address)
        found = self.geo.located.at(inner) or self.country_places.get(country_of(inner) or "", 0)
        return self.geo.places[found]


class AddressSources:
    """Reads them all; of a file that breaks, what it said before stays in force."""

    def __init__(self, cache: Path) -> None:
        self._databases = GeoFiles(cache)
        self._clouds = CloudFiles()

    def read(self, geo: GeoSources) -> AddressData:
        """What is known now. Files that did not change are not read again."""
        databases, clouds = self._databases.read(geo.databases), self._clouds.read(geo.clouds)
        named = any(_knows(tables.asns) for tables in databases.tables)
        installed = None if named else read_embedded_asns()
        last = (replace(NOTHING, asns=installed.table),) if installed else ()
        places, numbers = country_places(_centres())
        first = (override_tables(geo.overrides),) if geo.overrides else ()
        return AddressData(
            geo=merged((*first, *databases.tables, *last), places, numbers),
            clouds=cloud_table(clouds.ranges),
            country_places=numbers,
            proof=Proof(named, clouds.hints, tuple((each.prefix, each.asn) for each in geo.overrides if each.asn)),
            asns_built_on=installed.built_on if installed else None,
            refusals=databases.refusals + clouds.refusals,
        )


def _knows(table: IntervalTable) -> bool:
    return bool(np.any(as_numbers(table.ids4))) or bool(np.any(as_numbers(table.ids6)))


def _centres() -> dict[str, tuple[float, float]]:
    return {code: (found.latitude, found.longitude) for code, found in read_countries().by_code.items()}
