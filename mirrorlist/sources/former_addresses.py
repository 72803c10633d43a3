"""Address data out of the former snapshot, for a start at which a database that it was made of is missing."""

from __future__ import annotations

from dataclasses import replace

from mirrorlist.core.snapshot import Snapshot
from mirrorlist.sources.address_sources import AddressData
from mirrorlist.sources.geo_tables import GeoTables


def with_former(found: AddressData, former: Snapshot) -> AddressData:
    """What was found, with the former places and autonomous systems of addresses; clouds are as they were found."""
    facts = former.facts
    return replace(
        found,
        geo=GeoTables(former.located, former.asns, facts.places),
        country_places=facts.country_places,
        proof=replace(found.proof, asns=found.proof.asns or facts.asns_built_on is None),
        asns_built_on=facts.asns_built_on,
    )
