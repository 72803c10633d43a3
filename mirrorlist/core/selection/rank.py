"""The order of mirrors for a client: groups of equally close ones, and the spread inside a group.

A group is a set of mirrors between which only weight and chance decide. Groups by network come first, each
kind of match and each prefix length on its own, by distance inside; then the groups of the client's place, by distance.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

from mirrorlist.core.catalogue.policy import Policy, Weights
from mirrorlist.core.mirror import Site, added_km, places_of, sites_of
from mirrorlist.core.model import Client, ClientPlace, CloudRegions, Location, Match, Mirror, Proximity
from mirrorlist.core.network.geo import distance_km, vector, vector_of
from mirrorlist.core.network.prefixes import NetworkClass, contains
from mirrorlist.core.selection.spread import HashWords, draw

OWN_COUNTRY = -1
"""The band of the mirrors in a client's country, when no more is known of the client than its country."""

UNKNOWN_KM = 1_000_000
"""The effective distance of a mirror whose place is not known: served, last."""


@dataclass(frozen=True, slots=True)
class Group:
    """Equally close mirrors, by number; ``cumulative`` are the running sums of their weights."""

    members: tuple[int, ...]
    cumulative: tuple[int, ...]

    @classmethod
    def of(cls, members: Iterable[int], weights: Sequence[int]) -> Group:
        """The group of these mirrors, each with its weight from ``weights``."""
        found = tuple(members)
        return cls(found, tuple(accumulate(weights[member] for member in found)))


Monopoly = tuple[Group, ...]
"""The monopolies that match a network equally closely, nearest first: they are listed together, and alone."""


def network_groups(
    matches: Mapping[int, Match], mirrors: Sequence[Mirror], place: ClientPlace, weights: Sequence[int], policy: Policy
) -> tuple[list[Monopoly], list[Group]]:
    """The groups of mirrors that match the network of a client at a place, closest first: monopolies, and all of them.

    Subnets come before cloud regions and these before ASNs; a longer prefix comes before a shorter one. Mirrors that
    match equally closely are in groups by distance, in the bands of ``policy.bands_km``.
    """
    rows = sorted(
        (match.proximity, -match.prefix_length, proximity_of(mirrors[number], match, place, policy)[1], number)
        for number, match in matches.items()
    )

    def grouped(kept: Iterable[tuple[Proximity, int, int, int]]) -> list[tuple[tuple[Proximity, int], Group]]:
        """The groups, each with what its mirrors match by."""
        return [
            (of[:2], Group.of((number for *_, number in members), weights))
            for of, members in groupby(kept, key=lambda row: row[:3])
        ]

    alone = grouped(row for row in rows if mirrors[row[3]].monopoly)
    return (
        [tuple(group for _, group in equal) for _, equal in groupby(alone, key=lambda each: each[0])],
        [group for _, group in grouped(rows)],
    )


def effective_km(mirror: Mirror, place: ClientPlace, policy: Policy) -> int:
    """The distance by which mirrors are compared: the smallest to any of a mirror's sites that clients reach."""
    sites = ((site, added_km(mirror, site, place)) for site in sites_of(mirror))
    return min((_km_to(site, added, place, policy) for site, added in sites if added is not None), default=UNKNOWN_KM)


def _km_to(site: Site, added: int, place: ClientPlace, policy: Policy) -> int:
    """Kilometres, the cost of a border, and what ``reach:`` adds.

    For a client known by its country only, the places in that country are closest, wherever they are. A global mirror
    is at a distance of its own, and closest for clients of whom nothing is known.
    """
    if is_nowhere(place):
        return OWN_COUNTRY if site is None and not added else added
    if site is None:
        return global_km(policy) + added
    at_home = place.country is not None and site.country == place.country
    if at_home and not place.exact and not added:
        return OWN_COUNTRY
    here = vector_of(site)
    if here is None or place.latitude is None or place.longitude is None:
        return UNKNOWN_KM
    away = distance_km(here, vector(place.latitude, place.longitude)) + added
    return away if at_home else away + policy.border_km


def global_km(policy: Policy) -> int:
    """How far away a global mirror counts: never farther than ``policy.far_km``, beyond which mirrors are behind it."""
    return min(policy.global_km, policy.far_km)


def place_groups(
    mirrors: Sequence[Mirror], nearby: Iterable[int], place: ClientPlace, weights: Weights, policy: Policy
) -> list[Group]:
    """The numbered mirrors in groups by distance from a place, nearest first.

    The bands of ``policy.bands_km`` are cut once, after the nearest ``policy.near``: a list never needs more,
    and what a client is given stays near even where a band holds hundreds. A client's own country, where
    nothing more is known, is never cut. Those beyond ``policy.far_km`` are apart where a global mirror is among them.
    Where all mirrors of a group are held to quotas, the next group takes over what is too much for them, on the same
    side of the cut: the compiled orders hold no more than one side.
    """
    numbers = list(nearby)
    rows = sorted((effective_km(mirrors[number], place, policy), number) for number in numbers)
    cut = near_count(place, [km for km, _ in rows], policy)
    far_km = policy.far_km if any(mirrors[number].is_global for number in numbers) else UNKNOWN_KM
    keyed = [
        ((at >= cut, band_of(km, policy), far_km < km < UNKNOWN_KM), number) for at, (km, number) in enumerate(rows)
    ]
    sides: tuple[list[list[int]], list[list[int]]] = [], []
    for (is_beyond, *_), members in groupby(keyed, key=lambda row: row[0]):
        sides[is_beyond].append([number for _, number in members])
    return [group for side in sides for group in joined_for_quotas(side, weights)]


PARTS = 1 << 30
"""What the weights of groups come to that are one because of quotas: their parts are exact enough."""


def joined_for_quotas(groups: Sequence[Sequence[int]], weights: Weights) -> list[Group]:
    """The groups, nearest first; where all mirrors of one are held to quotas, it is one with the next.

    There each mirror of the nearer one keeps the part of its clients that its quota leaves it; the others are those of
    the next group, as if it were the nearest.
    """
    found: list[Group] = []
    members: list[int] = []
    parts: list[int] = []
    left = PARTS
    for at, group in enumerate(groups):
        whole = sum(weights.whole[number] for number in group)
        is_held = at + 1 < len(groups) and all(weights.now[number] < weights.whole[number] for number in group)
        if not is_held and not members:
            found.append(Group.of(group, weights.now))
            continue
        among = whole if is_held else sum(weights.now[number] for number in group)
        members += group
        parts += (max(1, left * weights.now[number] // among) for number in group)
        if is_held:
            left = max(1, left - left * sum(weights.now[number] for number in group) // whole)
        else:
            found.append(Group(tuple(members), tuple(accumulate(parts))))
            members, parts, left = [], [], PARTS
    return found


def near_count(place: ClientPlace, effective: Sequence[int], policy: Policy) -> int:
    """After how many of the ascending effective distances the bands are cut."""
    if is_nowhere(place):
        return len(effective)
    return max(policy.near, effective.count(OWN_COUNTRY))


def is_nowhere(place: ClientPlace) -> bool:
    """Whether nothing is known of the place."""
    return place.country is None and place.latitude is None


def band_of(km: int, policy: Policy) -> int:
    """The band of an effective distance: -1 the own country, 0 the nearest, the last one for unknown places."""
    if km == OWN_COUNTRY:
        return OWN_COUNTRY
    return bisect_left(policy.bands_km, km) if km < UNKNOWN_KM else len(policy.bands_km) + 1


def proximity_of(mirror: Mirror, match: Match | None, place: ClientPlace, policy: Policy) -> tuple[Proximity, int]:
    """How a mirror is close to a client at a place, and its band there."""
    band = band_of(effective_km(mirror, place, policy), policy)
    if match:
        return match.proximity, band
    within = not is_nowhere(place) and band < len(policy.bands_km)
    return Proximity.NEARBY if within else Proximity.WORLD, band


def nearest_place(mirror: Mirror, place: ClientPlace) -> tuple[Location, int] | None:
    """The nearest of a mirror's places and the kilometres to it, or None where either's coordinates are not known."""
    if place.latitude is None or place.longitude is None:
        return None
    here = vector(place.latitude, place.longitude)
    found = ((each, distance_km(at, here)) for each in places_of(mirror) if (at := vector_of(each)))
    return min(found, key=lambda row: row[1], default=None)


def distance_to(mirror: Mirror, place: ClientPlace) -> int | None:
    """The kilometres from a place to the nearest of a mirror's, or None where one of them is not known."""
    nearest = nearest_place(mirror, place)
    return nearest[1] if nearest else None


def ordered(groups: Sequence[Group], keys: Sequence[float], words: HashWords, usable: Container[int]) -> Iterator[int]:
    """The usable mirrors, best first.

    The first is drawn from the closest group that has a usable one. The others follow group by group, each in
    the fixed weighted order of ``keys``.
    """
    drawn = first_of(groups, words, usable)
    return iter(()) if drawn is None else after(drawn, groups, keys, usable)


def after(drawn: int, groups: Iterable[Group], keys: Sequence[float], usable: Container[int]) -> Iterator[int]:
    """The mirror that was drawn for the first place, and all others in their order."""
    yield drawn
    yield from (member for member in in_order(groups, keys, usable) if member != drawn)


def in_order(groups: Iterable[Group], keys: Sequence[float], usable: Container[int]) -> Iterator[int]:
    """The usable mirrors, group by group, each in the fixed weighted order of ``keys``."""
    seen: set[int] = set()
    for group in groups:
        for member in sorted(group.members, key=keys.__getitem__):
            if member in usable and member not in seen:
                seen.add(member)
                yield member


def first_of(groups: Iterable[Group], words: HashWords, usable: Container[int]) -> int | None:
    """The draw from the closest group that has a usable mirror."""
    for group in groups:
        drawn = draw(group.members, group.cumulative, words, usable)
        if drawn is not None:
            return drawn
    return None


# Which mirrors belong to a client's network, and how closely.


def network_matches(mirrors: Sequence[Mirror], client: Client) -> dict[int, Match]:
    """The closest match of each mirror that matches the client's address, ASN or cloud region, by number."""
    found = {number: network_match(mirror, client) for number, mirror in enumerate(mirrors)}
    return {number: match for number, match in found.items() if match}


def network_match(mirror: Mirror, client: Client) -> Match | None:
    """The closest way in which the client is in one of the mirror's networks, or None."""
    if client.address is not None:
        lengths = [prefix.length for prefix in mirror.subnets if contains(prefix, client.address)]
        if lengths:
            return Match(Proximity.SUBNET, max(lengths))
    return match_without_subnet(mirror, client.asn, client.cloud, client.asn_proves, client.cloud_proves)


def match_without_subnet(
    mirror: Mirror, asn: int | None, cloud: tuple[str, str] | None, asn_proves: bool, cloud_proves: bool
) -> Match | None:
    """The match by cloud region, else by ASN. A match that proves its network goes before one that does not."""
    by_cloud = Match(Proximity.CLOUD_REGION, 0, cloud_proves) if in_regions(mirror.cloud, cloud) else None
    by_asn = Match(Proximity.ASN, 0, asn_proves) if asn is not None and asn in mirror.asns else None
    if by_cloud and by_asn and by_asn.proves and not by_cloud.proves:
        return by_asn
    return by_cloud or by_asn


def in_regions(served: CloudRegions | None, cloud: tuple[str, str] | None) -> bool:
    """Whether a provider's region is among those that a mirror serves."""
    if served is None or cloud is None or served.provider != cloud[0]:
        return False
    return served.regions is None or cloud[1] in served.regions


def class_match(number: int, mirror: Mirror, found: NetworkClass) -> Match | None:
    """How a mirror matches the clients of a network class, or None."""
    for claimant, length in found.subnets:
        if claimant == number:
            return Match(Proximity.SUBNET, length)
    return match_without_subnet(mirror, found.asn, found.cloud, found.asn_proves, found.cloud_proves)
