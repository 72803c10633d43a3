"""Infer from the addresses of a mirror's own hosts where it may be, and whose network it is in.

An address that is announced in many places, or that belongs to a network of caches, says nothing of where the
mirror is. So several addresses have to agree, and what is known to be such a network is left alone.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from mirrorlist.core.model import ClientPlace, Location, PlaceSource, Prefix
from mirrorlist.core.network.geo import distance_km, vector
from mirrorlist.core.network.prefixes import IntervalTable, contains, packed

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


PlaceOf = Callable[[bytes], ClientPlace]
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


def _are_apart(pair: tuple[ClientPlace, ClientPlace]) -> bool:
    first, second = (vector(place.latitude or 0.0, place.longitude or 0.0) for place in pair)
    return distance_km(first, second) > SAME_PLACE_KM


# Who claims which networks: the claims of all mirrors side by side, and how much of the address space one takes.


class Claim(NamedTuple):
    """A network, and whoever claims it."""

    prefix: Prefix
    holder: str


class Claims:
    """Finds the claims that share addresses with a network, in a few look-ups however many there are."""

    def __init__(self, claims: Iterable[Claim]) -> None:
        self._at: dict[tuple[int, int, int], list[Claim]] = {}
        for claim in claims:
            self._at.setdefault((*_kind(claim.prefix), first(claim.prefix)), []).append(claim)
        self._kinds = sorted({(bits, length) for bits, length, _ in self._at})
        self._firsts: dict[int, list[tuple[int, int]]] = {}
        for bits, length, start in sorted(self._at, key=lambda key: (key[0], key[2], key[1])):
            self._firsts.setdefault(bits, []).append((start, length))

    def sharing(self, prefix: Prefix) -> Iterator[Claim]:
        """Every claim with an address in common, the wider ones first; claims of the other family share none."""
        bits, length = _kind(prefix)
        start = first(prefix)
        for other in (other for kind, other in self._kinds if kind == bits and other <= length):
            yield from self._at.get((bits, other, start >> (bits - other) << (bits - other)), ())
        rows = self._firsts.get(bits, [])
        last = start | ((1 << (bits - length)) - 1)
        for row in rows[bisect_left(rows, (start, 0)) : bisect_right(rows, (last, bits))]:
            if row[1] > length:
                yield from self._at[(bits, row[1], row[0])]


def first(prefix: Prefix) -> int:
    """The first address of a prefix, as a number."""
    return int.from_bytes(prefix.packed, "big")


def size(prefix: Prefix) -> int:
    """How many addresses a prefix has."""
    return 1 << (len(prefix.packed) * 8 - prefix.length)


def overlap(one: Prefix, other: Prefix) -> bool:
    """Whether two prefixes have an address in common."""
    if len(one.packed) != len(other.packed):
        return False
    shift = len(one.packed) * 8 - min(one.length, other.length)
    return first(one) >> shift == first(other) >> shift


def covered(prefixes: Iterable[Prefix]) -> int:
    """How many addresses prefixes of one family have together; what several share counts once."""
    total, reached = 0, -1
    for start, end in sorted((first(each), first(each) + size(each) - 1) for each in prefixes):
        total += max(0, end - max(start, reached + 1) + 1)
        reached = max(reached, end)
    return total


def _kind(prefix: Prefix) -> tuple[int, int]:
    return len(prefix.packed) * 8, prefix.length


# Whether the networks that a mirror claims are its own, as far as the routing of the internet shows.
#
# A disagreement proves nothing: a university's prefix may be announced by its provider. It shows a maintainer where
# to ask.

HIGH_BITS = 64
"""IPv6 routes are no longer than this, and neither are the intervals of a table."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A claimed network whose origin speaks against the claim. ``origins`` is empty where nobody announces it."""

    prefix: Prefix
    origins: tuple[int, ...]


def origins(table: IntervalTable, prefix: Prefix) -> tuple[int, ...]:
    """The autonomous systems that announce addresses of a prefix, ascending; what nobody announces is left out."""
    start = first(prefix)
    last = start + size(prefix) - 1
    if len(prefix.packed) == 4:
        return _between(table.starts4, table.ids4, start, last)
    high = 128 - HIGH_BITS
    if prefix.length > HIGH_BITS:
        return tuple(number for number in (table.at(prefix.packed),) if number)
    return _between(table.starts6, table.ids6, start >> high, last >> high)


def _between(starts: Sequence[int], ids: Sequence[int], start: int, last: int) -> tuple[int, ...]:
    lower, upper = bisect_right(starts, start) - 1, bisect_right(starts, last)
    return tuple(sorted({number for number in ids[lower:upper] if number}))


def doubts(
    table: IntervalTable, prefixes: Iterable[Prefix], asns: Collection[int], addresses: Collection[bytes]
) -> tuple[Doubt, ...]:
    """The claimed prefixes that neither a claimed ASN announces nor the mirror's own network.

    ``addresses`` are the mirror's own, packed. Without ASNs and addresses there is nothing to compare with.
    """
    own = {*asns, *(number for each in addresses if (number := table.at(each)))}
    found = []
    for prefix in prefixes:
        announced = origins(table, prefix)
        if any(contains(prefix, each) for each in addresses) or own.intersection(announced):
            continue
        if own or not announced:
            found.append(Doubt(prefix, announced))
    return tuple(found)


def foreign_asns(table: IntervalTable, asns: Collection[int], addresses: Collection[bytes]) -> tuple[int, ...]:
    """The claimed ASNs that announce none of the mirror's own addresses; none where nobody announces these."""
    own = {number for each in addresses if (number := table.at(each))}
    return tuple(each for each in asns if each not in own) if own else ()


def announced4(table: IntervalTable) -> dict[int, int]:
    """How many IPv4 addresses each autonomous system announces."""
    widths = np.diff(np.asarray(table.starts4, dtype=np.int64), append=1 << 32)
    asns, places = np.unique(np.asarray(table.ids4, dtype=np.int64), return_inverse=True)
    return dict(zip(asns.tolist(), np.bincount(places, widths).astype(np.int64).tolist(), strict=True))
