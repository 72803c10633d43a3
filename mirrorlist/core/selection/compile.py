"""Prepare the tables of a snapshot: the orders of every place, and the networks of every address.

core/selection/rank.py computes one place at a time what numpy computes here for all at once; tests hold
the two against each other.
"""

from __future__ import annotations

from array import array
from collections.abc import Container, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mirrorlist.core.catalogue.policy import Policy, Weights, weight_of
from mirrorlist.core.mirror import added_km, sites_of
from mirrorlist.core.model import ClientPlace, Mirror, Prefix
from mirrorlist.core.network.geo import SQUARED_CHORDS, vector, vector_of
from mirrorlist.core.network.intervals import combine, only, renumbered
from mirrorlist.core.network.prefixes import IntervalTable, NetworkClass, flatten
from mirrorlist.core.rules import carriers, is_open_to_strangers, open_in
from mirrorlist.core.selection.rank import OWN_COUNTRY, UNKNOWN_KM, global_km, is_nowhere, joined_for_quotas, near_count
from mirrorlist.core.selection.spread import order_keys
from mirrorlist.core.snapshot import PlaceOrders

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_PLACES_AT_ONCE = 512
_CHORDS = np.array(SQUARED_CHORDS)


def place_orders(
    mirrors: Sequence[Mirror],
    module: str,
    places: Sequence[ClientPlace],
    policy: Policy,
    key: bytes,
    weights: Weights | None = None,
) -> PlaceOrders:
    """The orders of a module's public mirrors for every place; without ``weights`` by what their files declare."""
    if weights is None:
        declared = [weight_of(mirror, policy) for mirror in mirrors]
        weights = Weights(declared, declared)
    numbers = [number for number in carriers(mirrors, module) if is_open_to_strangers(mirrors[number], module)]
    compiler = _OrderCompiler(mirrors, module, numbers, weights, policy, key)
    for group in _alike(places):
        compiler.add(group)
    return compiler.finished()


def _alike(places: Sequence[ClientPlace]) -> Iterable[Sequence[ClientPlace]]:
    """The places in their order, cut where the kind changes, so that those of one run need rows of one width."""
    start = 0
    for at in range(1, len(places) + 1):
        if at == len(places) or at - start == _PLACES_AT_ONCE or places[at].exact != places[start].exact:
            yield places[start:at]
            start = at


class _Told(NamedTuple):
    """Which mirrors clients of a country and an AS get; which sites they reach, and what is added to their distance."""

    is_open: NDArray[np.bool_]
    is_reached: NDArray[np.bool_]
    added_km: Ints


class _OrderCompiler:
    """Fills a PlaceOrders run by run; ``numbers`` are the mirrors in it."""

    def __init__(
        self,
        mirrors: Sequence[Mirror],
        module: str,
        numbers: Sequence[int],
        weights: Weights,
        policy: Policy,
        key: bytes,
    ) -> None:
        self._module = module
        self._mirrors = [mirrors[number] for number in numbers]
        self._numbers = np.array(numbers, dtype=np.int64)
        self._policy = policy
        self._bands_km = np.array(policy.bands_km)
        self._filler = len(mirrors)
        names = [mirror.name for mirror in mirrors]
        self._all_weights = weights
        self._weights = np.array([weights.now[number] for number in numbers], dtype=np.int64)
        self._held = np.array([weights.now[number] < weights.whole[number] for number in numbers], dtype=bool)
        keys = [order_keys(key, names, weights.now, variant) for variant in range(policy.variants)]
        ranks = np.argsort(np.argsort(np.array(keys, dtype=np.float64)[:, numbers], kind="stable"), kind="stable")
        self._key_ranks: Ints = ranks.astype(np.int64) if numbers else np.zeros((policy.variants, 0), dtype=np.int64)
        sites = [site for mirror in self._mirrors for site in sites_of(mirror)]
        counts = [len(sites_of(mirror)) for mirror in self._mirrors]
        self._first_sites = np.cumsum([0, *counts])[:-1]
        self._anywhere = np.array([site is None for site in sites], dtype=bool)
        vectors = [vector_of(site) for site in sites]
        self._placed = np.array([found is not None for found in vectors], dtype=bool)
        self._vectors = np.array([found or (0.0, 0.0, 0.0) for found in vectors], dtype=np.float64).reshape(-1, 3)
        self._countries = np.array([(site and site.country) or "" for site in sites], dtype="U2")
        self._global = np.array([mirror.is_global for mirror in self._mirrors], dtype=bool)
        self._told: dict[tuple[str | None, int | None], _Told] = {}
        self._place_start, self._group_start = array("I", [0]), array("I", [0])
        self._members, self._cumulative, self._orders = array("H"), array("Q"), array("H")

    def finished(self) -> PlaceOrders:
        """What was added so far."""
        return PlaceOrders(self._place_start, self._group_start, self._members, self._cumulative, self._orders)

    def add(self, places: Sequence[ClientPlace]) -> None:
        """Adds a run of places."""
        effective = self._effective_km(places)
        by_distance = np.argsort(effective, axis=1, kind="stable")
        for row, place in enumerate(places):
            nearest = by_distance[row][self._of(place).is_open[by_distance[row]]]
            self._add_place(place, nearest, effective[row][nearest])

    def _of(self, place: ClientPlace) -> _Told:
        """What rules and pairs say for a place; they look at its country and AS alone."""
        found = self._told.get((place.country, place.asn))
        if found is None:
            is_open = np.zeros(len(self._mirrors), dtype=bool)
            is_open[list(open_in(self._mirrors, range(len(self._mirrors)), self._module, place))] = True
            added = [added_km(mirror, site, place) for mirror in self._mirrors for site in sites_of(mirror)]
            reached = np.array([km is not None for km in added], dtype=bool)
            known = np.array([km or 0 for km in added], dtype=np.int64)
            found = self._told[place.country, place.asn] = _Told(is_open, reached, known)
        return found

    def _effective_km(self, places: Sequence[ClientPlace]) -> Ints:
        """What ``rank.effective_km`` says, for each place (row) and mirror (column)."""
        if not self._mirrors:
            return np.zeros((len(places), 0), dtype=np.int64)
        known = np.array([place.latitude is not None for place in places])[:, None]
        points = np.array([vector(place.latitude or 0.0, place.longitude or 0.0) for place in places])
        chords: Floats = np.zeros((len(places), len(self._anywhere)))
        for axis in range(3):
            difference = self._vectors[None, :, axis] - points[:, None, axis]
            chords += difference * difference
        away = np.searchsorted(_CHORDS, chords, side="right")
        countries = np.array([place.country or "-" for place in places], dtype="U2")[:, None]
        at_home = self._countries[None, :] == countries
        rules = [self._of(place) for place in places]
        added = np.array([each.added_km for each in rules])
        away = np.where(at_home, away, away + self._policy.border_km) + added
        away = np.where(known & self._placed[None, :], away, UNKNOWN_KM)
        away = np.where(self._anywhere[None, :], global_km(self._policy) + added, away)
        vague = np.array([not place.exact for place in places])[:, None]
        nowhere = np.array([is_nowhere(place) for place in places])[:, None]
        away = np.where(nowhere, added, away)
        own = np.where(nowhere, self._anywhere[None, :], at_home & vague) & (added == 0)
        away = np.where(np.array([each.is_reached for each in rules]), np.where(own, OWN_COUNTRY, away), UNKNOWN_KM)
        return np.minimum.reduceat(away, self._first_sites, axis=1).astype(np.int64)

    def _add_place(self, place: ClientPlace, nearest: Ints, effective: Ints) -> None:
        is_any_global = self._global[nearest].any()
        cut = min(len(nearest), near_count(place, effective.tolist(), self._policy))
        nearest, effective = nearest[:cut], effective[:cut]
        bands = np.searchsorted(self._bands_km, effective, side="left")
        bands = np.where(effective >= UNKNOWN_KM, len(self._policy.bands_km) + 1, bands)
        bands = 2 * (np.where(effective == OWN_COUNTRY, OWN_COUNTRY, bands) + 1)
        if is_any_global:
            bands += (effective > self._policy.far_km) & (effective < UNKNOWN_KM)
        edges = [0, *(np.flatnonzero(np.diff(bands)) + 1).tolist(), len(nearest)] if len(nearest) else [0]
        self._members.extend(self._numbers[nearest].tolist())
        if self._held[nearest].any():
            parts = [self._numbers[nearest[first:last]].tolist() for first, last in pairwise(edges)]
            groups = joined_for_quotas(parts, self._all_weights)
            bands = np.repeat(np.arange(len(groups)), [len(group.members) for group in groups])
            cumulatives = [group.cumulative for group in groups]
        else:
            sums = (np.cumsum(self._weights[nearest[first:last]]) for first, last in pairwise(edges))
            cumulatives = [found.tolist() for found in sums]
        for cumulative in cumulatives:
            self._cumulative.extend(cumulative)
            self._group_start.append(self._group_start[-1] + len(cumulative))
        self._place_start.append(len(self._group_start) - 1)
        # For each variant the first ``near`` by band, then by the variant's key.
        near = self._policy.near
        rows = np.full((self._policy.variants, near), self._filler, dtype=np.uint16)
        composite = bands[None, :] * (len(self._mirrors) + 1) + self._key_ranks[:, nearest]
        order = nearest[np.argsort(composite, axis=1, kind="stable")][:, :near]
        rows[:, : order.shape[1]] = self._numbers[order]
        self._orders.frombytes(rows.tobytes())


@dataclass(frozen=True, slots=True)
class CloudTable:
    """Which cloud region an address is in: ``regions`` by the numbers of ``table``, provider and name; 0 is none."""

    table: IntervalTable
    regions: tuple[tuple[str, str] | None, ...]


def cloud_table(ranges: Iterable[tuple[Prefix, tuple[str, str]]]) -> CloudTable:
    """The table of these ranges; where they nest, the most specific one counts."""
    rows = list(ranges)
    numbers: dict[tuple[str, str] | None, int] = {None: 0}
    for _, region in rows:
        numbers.setdefault(region, len(numbers))
    regions = tuple(numbers)
    table, meanings = flatten((prefix, numbers[region]) for prefix, region in rows)
    return CloudTable(renumbered(table, [int(str(labels[-1])) if labels else 0 for labels in meanings]), regions)


@dataclass(frozen=True, slots=True)
class Proof:
    """Which sources of networks the operator named, so that a match opens private mirrors.

    ``asns``: those of the table of ASNs; ``hints``: cloud providers whose ranges came with the program;
    ``overrides``: the operator's own word on the ASN of a prefix, which wins over the table and always proves.
    """

    asns: bool = True
    hints: frozenset[str] = frozenset()
    overrides: Sequence[tuple[Prefix, int]] = ()


def network_classes(
    mirrors: Sequence[Mirror],
    clouds: CloudTable,
    asns: IntervalTable,
    proof: Proof = Proof(),
) -> tuple[IntervalTable, tuple[NetworkClass, ...]]:
    """The table of what each address belongs to: mirrors' subnets, cloud regions, and ASNs that mirrors name.

    Where overrides nest, the most specific one counts.
    """
    claims: list[tuple[Prefix, Hashable]] = [
        (prefix, _Claim(number, prefix.length)) for number, mirror in enumerate(mirrors) for prefix in mirror.subnets
    ]
    claims += [(prefix, _Override(asn)) for prefix, asn in proof.overrides]
    claimed, meanings = flatten(claims)
    wanted = {asn for mirror in mirrors for asn in mirror.asns}
    placed, places = combine(claimed, clouds.table)
    networks, pairs = combine(placed, only(asns, wanted))
    return networks, tuple(
        _network_class(meanings[places[place][0]], clouds.regions[places[place][1]], asn, wanted, proof)
        for place, asn in pairs
    )


class _Claim(NamedTuple):
    """A mirror's claim of a subnet of this length."""

    number: int
    length: int


class _Override(NamedTuple):
    """The operator's word on an ASN."""

    asn: int


def _network_class(
    labels: Iterable[Hashable], cloud: tuple[str, str] | None, asn: int, wanted: Container[int], proof: Proof
) -> NetworkClass:
    """Labels come widest first, so the last of a kind is the most specific one."""
    subnets: dict[int, int] = {}
    asn_proves = proof.asns
    for label in labels:
        if isinstance(label, _Claim):
            subnets[label.number] = label.length
        elif isinstance(label, _Override):
            asn, asn_proves = label.asn if label.asn in wanted else 0, True
    cloud_proves = cloud is None or cloud[0] not in proof.hints
    return NetworkClass(tuple(subnets.items()), asn or None, cloud, asn_proves or not asn, cloud_proves)


def country_places(centres: Mapping[str, tuple[float, float]]) -> tuple[tuple[ClientPlace, ...], dict[str, int]]:
    """Nowhere and every country as a place, and the number of each country's place."""
    places = [ClientPlace()] + [ClientPlace(code, *centre) for code, centre in sorted(centres.items())]
    return tuple(places), {place.country: number for number, place in enumerate(places) if place.country}
