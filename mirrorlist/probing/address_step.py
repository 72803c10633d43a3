"""Place a mirror by its addresses where its file names no place.

The prober records the addresses, and asking a mirror reveals them; nothing is looked up for this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.errors import MirrorlistError
from mirrorlist.core.model import ClientPlace
from mirrorlist.core.network.addresses import KnownAddress, PlaceOf, address_location
from mirrorlist.core.review import Reviewed
from mirrorlist.sources.geo.sources import AddressData, AddressSources
from mirrorlist.sources.places.checks import placed_by
from mirrorlist.sources.submissions.judge import Judged
from mirrorlist.sources.submissions.terms import CACHE
from mirrorlist.sources.yaml.documents import Code
from mirrorlist.store.addresses import AddressStore
from mirrorlist.store.database import open_database

Known = Mapping[str, Sequence[KnownAddress]]


def noted_addresses(database: str | None, service: Service) -> Known:
    """What the prober of this service noted; nothing where none works, or its database is away."""
    if not Path(service.state_dir).is_dir():
        return {}
    try:
        return AddressStore(open_database(Path(service.state_dir), database)).known()
    except MirrorlistError:
        return {}


def place_data(service: Service) -> PlaceOf:
    """Where an address is by the data of a service, which is read when it is first asked for."""

    @cache
    def data() -> AddressData:
        return AddressSources(Path(service.state_dir) / CACHE).read(service.geo)

    def place_of(address: bytes) -> ClientPlace:
        return data().place_at(address)

    return place_of


def placed_by_step(judged: Judged, reviewed: Reviewed, known: Known, place_of: PlaceOf) -> Reviewed:
    """The review; of a mirror without a place in its file with that of its addresses, where these tell one."""
    mirror = judged.mirror
    if mirror is None or mirror.private or (mirror.location is not None and mirror.location.latitude is not None):
        return reviewed
    found = address_location(known.get(mirror.name, ()), place_of)
    if found is None:
        return reviewed
    place = placed_by(found)
    remedy = f"so the mirror is {place}; write country, state_province and city"
    findings = tuple(
        replace(each, message=f"{each.message.partition(',')[0]}, {remedy}") if each.code == Code.NO_PLACE else each
        for each in reviewed.findings
    )
    return replace(reviewed, place=place, findings=findings)
