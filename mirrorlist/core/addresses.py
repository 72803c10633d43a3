"""What the addresses of a mirror's own hosts tell of it: where it may be, and whose network it is in.

An address that is announced in many places, or that belongs to a network of caches, tells nothing of where the
mirror is. So several addresses have to agree, and what is known to be such a network is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

from mirrorlist.core.geo import distance_km, vector
from mirrorlist.core.model import Location, Place, PlaceSource
from mirrorlist.core.prefixes import packed

CELL_KM = 100.0
COUNTRY_KM = 1000.0
"""How far from the found place a mirror may be: a cell of a degree, or a country."""
SAME_PLACE_KM = 200
"""Addresses farther apart than this are not those of one machine room."""

CACHES = frozenset(
    {
        12_222, 12_989, 13_335, 15_133, 16_625, 19_551, 20_446, 20_940, 22_822, 30_081, 32_787, 33_438, 35_994, 54_113,
        60_068, 199_524, 200_325, 209_242, 212_238,
    }
)  # fmt: skip
"""Networks of caches by their ASNs: Akamai, Cloudflare, Fastly, Edgio, Highwinds, Imperva, CDN77, Gcore, bunny.net."""


@dataclass(frozen=True, slots=True)
class KnownAddress:
    """An address that a mirror's name leads to, and the autonomous system that announces it."""

    address: str
    asn: int | None = None


PlaceOf = Callable[[bytes], Place]
"""Where a packed address is by the data at hand."""


def address_location(addresses: Sequence[KnownAddress], place_of: PlaceOf) -> Location | None:
    """Where the machine with these addresses is; None where they tell nothing, or not the same."""
    if is_cached(addresses):
        return None
    found = [place_of(each) for known in addresses if (each := packed(known.address))]
    places = [place for place in found if place.country is not None or place.latitude is not None]
    points = [place for place in places if place.exact]
    if not places or any(map(_are_apart, combinations(points, 2))):
        return None
    if len(points) < len(places) and len({place.country for place in places}) > 1:
        return None
    best = (points or places)[0]
    return Location(
        country=best.country, latitude=best.latitude, longitude=best.longitude,
        precision_km=CELL_KM if best.exact else COUNTRY_KM, source=PlaceSource.ADDRESS,
    )  # fmt: skip


def is_cached(addresses: Sequence[KnownAddress]) -> bool:
    """Whether an address is one of a network of caches."""
    return any(known.asn in CACHES for known in addresses)


def other_systems(declared: Sequence[int], addresses: Sequence[KnownAddress]) -> tuple[int, ...]:
    """The systems of a mirror's addresses, if it declares some and none of these is among them."""
    found = tuple(sorted({known.asn for known in addresses if known.asn is not None}))
    return found if declared and not is_cached(addresses) and not set(declared) & set(found) else ()


def _are_apart(pair: tuple[Place, Place]) -> bool:
    first, second = (vector(place.latitude or 0.0, place.longitude or 0.0) for place in pair)
    return distance_km(first, second) > SAME_PLACE_KM
