"""Prepares the tables of a snapshot: the orders of every place, and the networks of every address.

What is computed here with numpy, for all places at once, core/rank.py says one place at a time; tests hold
the two against each other.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mirrorlist.core.geo import SQUARED_CHORDS, vector
from mirrorlist.core.model import SERVED_STATUSES, Mirror, Place, Policy, Prefix
from mirrorlist.core.prefixes import DEEP, IntervalTable, flatten
from mirrorlist.core.rank import (
    OWN_COUNTRY,
    UNKNOWN_KM,
    country_is_open,
    country_of,
    is_nowhere,
    is_public,
    near_count,
    vector_of,
    weight_of,
)
from mirrorlist.core.snapshot import NetworkClass, PlaceOrders
from mirrorlist.core.spread import order_keys

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_PLACES_AT_ONCE = 512
_CHORDS = np.array(SQUARED_CHORDS)


def place_orders(
    mirrors: Sequence[Mirror], module: str, places: Sequence[Place], policy: Policy, key: bytes
) -> PlaceOrders:
    """The orders of a module's public mirrors for every place."""
    numbers = [n for n, m in enumerate(mirrors) if m.status in SERVED_STATUSES and module in m.urls and is_public(m)]
    compiler = _OrderCompiler(mirrors, numbers, policy, key)
    for group in _alike(places):
        compiler.add(group)
    return compiler.finished()


def _alike(places: Sequence[Place]) -> Iterable[Sequence[Place]]:
    """The places in their order, cut where the kind changes, so that those of one run need rows of one width."""
    start = 0
    for at in range(1, len(places) + 1):
        if at == len(places) or at - start == _PLACES_AT_ONCE or places[at].exact != places[start].exact:
            yield places[start:at]
            start = at


class _OrderCompiler:
    """Fills a PlaceOrders run by run; ``numbers`` are the mirrors that stand in it."""

    def __init__(self, mirrors: Sequence[Mirror], numbers: Sequence[int], policy: Policy, key: bytes) -> None:
        self._mirrors = [mirrors[number] for number in numbers]
        self._numbers = np.array(numbers, dtype=np.int64)
        self._policy = policy
        self._filler = len(mirrors)
        names = [mirror.name for mirror in mirrors]
        weights = [weight_of(mirror, policy) for mirror in mirrors]
        self._weights = np.array([weights[number] for number in numbers], dtype=np.int64)
        keys = [order_keys(key, names, weights, variant) for variant in range(policy.variants)]
        ranks = np.argsort(np.argsort(np.array(keys, dtype=np.float64)[:, numbers], kind="stable"), kind="stable")
        self._key_ranks: Ints = ranks.astype(np.int64) if numbers else np.zeros((policy.variants, 0), dtype=np.int64)
        vectors = [vector_of(mirror) for mirror in self._mirrors]
        self._placed = np.array([found is not None for found in vectors], dtype=bool)
        self._vectors = np.array([found or (0.0, 0.0, 0.0) for found in vectors], dtype=np.float64).reshape(-1, 3)
        self._countries = np.array([country_of(mirror) or "" for mirror in self._mirrors], dtype="U2")
        self._choosy = [at for at, m in enumerate(self._mirrors) if m.countries_only or m.countries_never]
        self._place_start, self._group_start = array("I", [0]), array("I", [0])
        self._members, self._cumulative, self._orders = array("H"), array("Q"), array("H")

    def finished(self) -> PlaceOrders:
        """What was added so far."""
        return PlaceOrders(self._place_start, self._group_start, self._members, self._cumulative, self._orders)

    def add(self, places: Sequence[Place]) -> None:
        """Adds a run of places."""
        effective = self._effective_km(places)
        by_distance = np.argsort(effective, axis=1, kind="stable")
        for row, place in enumerate(places):
            nearest = self._open(place, by_distance[row])
            self._add_place(place, nearest, effective[row][nearest])

    def _open(self, place: Place, nearest: Ints) -> Ints:
        closed = [at for at in self._choosy if not country_is_open(self._mirrors[at], place.country)]
        return nearest[~np.isin(nearest, closed)] if closed else nearest

    def _effective_km(self, places: Sequence[Place]) -> Ints:
        """What ``rank.effective_km`` says, for each place (row) and mirror (column)."""
        known = np.array([place.latitude is not None for place in places])[:, None]
        points = np.array([vector(place.latitude or 0.0, place.longitude or 0.0) for place in places])
        chords: Floats = np.zeros((len(places), len(self._mirrors)))
        for axis in range(3):
            difference = self._vectors[None, :, axis] - points[:, None, axis]
            chords += difference * difference
        away = np.searchsorted(_CHORDS, chords, side="right")
        countries = np.array([place.country or "-" for place in places], dtype="U2")[:, None]
        at_home = self._countries[None, :] == countries
        away = np.where(at_home, away, away + self._policy.border_km)
        away = np.where(known & self._placed[None, :], away, UNKNOWN_KM)
        vague = np.array([not place.exact for place in places])[:, None]
        nowhere = np.array([is_nowhere(place) for place in places])[:, None]
        return np.asarray(np.where(nowhere, 0, np.where(at_home & vague, OWN_COUNTRY, away)), dtype=np.int64)

    def _add_place(self, place: Place, nearest: Ints, effective: Ints) -> None:
        cut = min(len(nearest), near_count(place, effective.tolist(), self._policy))
        nearest, effective = nearest[:cut], effective[:cut]
        bands = np.searchsorted(np.array(self._policy.bands_km), effective, side="left")
        bands = np.where(effective >= UNKNOWN_KM, len(self._policy.bands_km) + 1, bands)
        bands = np.where(effective == OWN_COUNTRY, OWN_COUNTRY, bands)
        self._add_groups(nearest, bands)
        self._add_orders(nearest, bands)

    def _add_groups(self, nearest: Ints, bands: Ints) -> None:
        edges = [0, *(np.flatnonzero(np.diff(bands)) + 1).tolist(), len(nearest)] if len(nearest) else [0]
        self._members.extend(self._numbers[nearest].tolist())
        for first, last in pairwise(edges):
            self._cumulative.extend(np.cumsum(self._weights[nearest[first:last]]).tolist())
            self._group_start.append(self._group_start[-1] + last - first)
        self._place_start.append(len(self._group_start) - 1)

    def _add_orders(self, nearest: Ints, bands: Ints) -> None:
        """For each variant the first ``near`` by band, then by the variant's key."""
        near = self._policy.near
        rows = np.full((self._policy.variants, near), self._filler, dtype=np.uint16)
        composite = (bands[None, :] + 1) * (len(self._mirrors) + 1) + self._key_ranks[:, nearest]
        order = nearest[np.argsort(composite, axis=1, kind="stable")][:, :near]
        rows[:, : order.shape[1]] = self._numbers[order]
        self._orders.frombytes(rows.tobytes())


def network_classes(
    mirrors: Sequence[Mirror], clouds: Iterable[tuple[Prefix, tuple[str, str]]], asns: IntervalTable
) -> tuple[IntervalTable, tuple[NetworkClass, ...]]:
    """The table of what each address belongs to: mirrors' subnets, cloud regions, and ASNs that mirrors name.

    Where cloud ranges nest, the most specific one counts.
    """
    claims: list[tuple[Prefix, Hashable]] = [
        (prefix, _Claim(number, prefix.length)) for number, mirror in enumerate(mirrors) for prefix in mirror.subnets
    ]
    claims += clouds
    claimed, meanings = flatten(claims)
    wanted = {asn for mirror in mirrors for asn in mirror.asns}
    networks, pairs = combine(claimed, only(asns, wanted))
    return networks, tuple(_network_class(meanings[claim], asn) for claim, asn in pairs)


class _Claim(NamedTuple):
    """A mirror's claim of a subnet of this length."""

    number: int
    length: int


def _network_class(labels: Iterable[Hashable], asn: int) -> NetworkClass:
    """Labels come widest first, so the last of a kind is the most specific one."""
    subnets: dict[int, int] = {}
    cloud: tuple[str, str] | None = None
    for label in labels:
        if isinstance(label, _Claim):
            subnets[label.number] = label.length
        elif isinstance(label, tuple):
            cloud = label
    return NetworkClass(tuple(subnets.items()), asn or None, cloud)


def only(table: IntervalTable, wanted: Iterable[int]) -> IntervalTable:
    """The table with every id that is not wanted made 0, and equal neighbours joined."""
    keep = np.array(sorted(wanted), dtype=np.uint32)
    v4 = _joined(_as_array(table.starts4), _kept(_as_array(table.ids4), keep))
    v6 = _joined(_as_array(table.starts6), _kept(_as_array(table.ids6), keep))
    return IntervalTable(*v4, *v6, array("Q"), array("Q"), array("I"))


def _as_array(values: Sequence[int]) -> NDArray[np.unsignedinteger]:
    return np.asarray(values)


def _kept(ids: NDArray[np.unsignedinteger], keep: NDArray[np.uint32]) -> NDArray[np.uint32]:
    return np.where(np.isin(ids, keep), ids, 0).astype(np.uint32)


def _joined(starts: NDArray[np.unsignedinteger], ids: NDArray[np.uint32]) -> tuple[array[int], array[int]]:
    first = np.ones(len(ids), dtype=bool)
    first[1:] = ids[1:] != ids[:-1]
    return _array("I" if starts.dtype.itemsize == 4 else "Q", starts[first]), _array("I", ids[first])


def _array(typecode: str, values: NDArray[np.unsignedinteger]) -> array[int]:
    found = array(typecode)
    found.frombytes(values.astype(f"u{found.itemsize}").tobytes())
    return found


def combine(a: IntervalTable, b: IntervalTable) -> tuple[IntervalTable, list[tuple[int, int]]]:
    """One table for two: ``pairs[id]`` are the ids of both; ``pairs[0]`` is (0, 0).

    Only ``a`` may divide a /64; databases of ASNs and places do not go further.
    """
    numbers: dict[tuple[int, int], int] = {(0, 0): 0}
    v4 = _combined(a.starts4, a.ids4, b.starts4, b.ids4, numbers)
    v6 = _combined(a.starts6, a.ids6, b.starts6, b.ids6, numbers)
    deep = [
        numbers.setdefault((found, b.at(high.to_bytes(8, "big") + bytes(8))), len(numbers))
        for high, found in zip(a.deep_hi, a.deep_ids, strict=True)
    ]
    return IntervalTable(*v4, *v6, array("Q", a.deep_hi), array("Q", a.deep_lo), array("I", deep)), list(numbers)


def _combined(
    starts_a: Sequence[int],
    ids_a: Sequence[int],
    starts_b: Sequence[int],
    ids_b: Sequence[int],
    numbers: dict[tuple[int, int], int],
) -> tuple[array[int], array[int]]:
    left, right = _as_array(starts_a), _as_array(starts_b)
    starts = np.union1d(left, right)
    found_a = _as_array(ids_a)[np.searchsorted(left, starts, side="right") - 1].astype(np.uint64)
    found_b = _as_array(ids_b)[np.searchsorted(right, starts, side="right") - 1].astype(np.uint64)
    pairs, which = np.unique(found_a << np.uint64(32) | found_b, return_inverse=True)
    ids = [
        DEEP if (pair := int(raw)) >> 32 == DEEP else numbers.setdefault((pair >> 32, pair & DEEP), len(numbers))
        for raw in pairs
    ]
    return _joined(starts, np.array(ids, dtype=np.uint32)[which])


def country_places(centres: Mapping[str, tuple[float, float]]) -> tuple[tuple[Place, ...], dict[str, int]]:
    """Nowhere and every country as a place, and the number of each country's place."""
    places = [Place()] + [Place(code, *centre) for code, centre in sorted(centres.items())]
    return tuple(places), {place.country: number for number, place in enumerate(places) if place.country}
