"""The mirrors before or after a change: which groups the clients of each place and network are given.

Every mirror counts as good: a change is judged by whom it serves when all works. core/selection/select.py
finds the same groups for one client at a time; tests hold the two against each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mirrorlist.core.catalogue.policy import Policy, Weights, next_part, weight_of
from mirrorlist.core.mirror import quotas_of
from mirrorlist.core.model import NOWHERE, ClientPlace, Match, Mirror
from mirrorlist.core.network.prefixes import IntervalTable, NetworkClass
from mirrorlist.core.rules import carriers, opened_by, reason_against
from mirrorlist.core.selection.compile import CloudTable, Proof, network_classes, place_orders
from mirrorlist.core.selection.rank import Group, class_match, network_groups
from mirrorlist.core.snapshot import PlaceOrders

# How likely each mirror is first, or among the first few, for clients that are given the same groups.
#
# These are exact shares, not counts of simulated requests: the first place is drawn by weight from the closest group,
# and the others follow group by group in a weighted random order (core/spread.py). Over all keys of the spread that is
# Plackett and Luce's order; a service with its one key and ``policy.variants`` orders deviates from it a little in the
# second and third place, never in the first.

EARLY = 3
"""Clients that go on to another mirror rarely go on beyond the third."""

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Odds:
    """By number of mirror: the part of the clients that get it first, and among the first ``EARLY``."""

    first: Mapping[int, float]
    early: Mapping[int, float]


def odds(groups: Iterable[Group], listed: int = EARLY) -> Odds:
    """The odds of these groups, closest first; ``listed`` is how many a list holds, and at most ``EARLY`` count.

    A mirror that is in several groups counts in the closest one. The sum of ``first`` is 1, that of ``early`` the
    number of places that there are mirrors for; of no groups nothing.
    """
    places = min(listed, EARLY)
    first: dict[int, float] = {}
    early: dict[int, float] = {}
    for group in groups:
        left = places - round(sum(early.values()))
        # the members that are in no closer group, and their weights
        weights = np.diff(np.array(group.cumulative, dtype=np.float64), prepend=0.0)
        new = [at for at, member in enumerate(group.members) if member not in early]
        members, weights = [group.members[at] for at in new], weights[new]
        if not members or left <= 0:
            continue
        first = first or dict(zip(members, (weights / weights.sum()).tolist(), strict=True))
        early.update(zip(members, _among_first(weights, left).tolist(), strict=True))
    return Odds(first, early)


def _among_first(weights: _Floats, places: int) -> _Floats:
    """The chance of each to be among the first 1, 2 or 3 places of a weighted random order.

    The first is drawn by weight, and what follows is such an order of the rest: p; then the same, and after each
    other q first, p / (1 - q); then so once more. What is left of the whole is taken from sums of weights, as rounding
    leaves nothing of 1 less a part that is nearly all.
    """
    if len(weights) <= places:
        return np.ones(len(weights))
    whole = weights.sum()
    parts = weights / whole
    rest = np.maximum(whole - weights, 1.0)
    if places == 1:
        return np.asarray(parts)
    if places == 2:
        after = weights / rest
        return np.asarray(np.minimum(parts * (1.0 + after.sum() - after), 1.0))
    after = weights[None, :] / np.maximum(rest[:, None] - weights[None, :], 1.0)
    np.fill_diagonal(after, 0.0)
    second_or_third = weights[None, :] / rest[:, None] * (1.0 + after.sum(axis=1)[:, None] - after)
    np.fill_diagonal(second_or_third, 0.0)
    return np.asarray(np.minimum(parts + parts @ second_or_third, 1.0))


def _averaged(found: Sequence[tuple[float, Odds]]) -> Odds:
    """The odds over a time, of whose parts (all of which are 1) these are the odds."""
    if len(found) == 1:
        return found[0][1]
    sums: tuple[dict[int, float], dict[int, float]] = defaultdict(float), defaultdict(float)
    for part, each in found:
        for total, chances in zip(sums, (each.first, each.early), strict=True):
            for number, chance in chances.items():
                total[number] += part * chance
    return Odds(*sums)


DayPart = tuple[float, Sequence[Mirror]]
"""A part of a day (1 is all of it), and the mirrors as they are then: some rest."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Mirrors, and what their files make of the addresses: ``networks`` holds numbers of ``classes``.

    ``day`` has its parts, in each of which the same mirrors rest.
    """

    mirrors: tuple[Mirror, ...]
    networks: IntervalTable
    classes: tuple[NetworkClass, ...]
    day: Sequence[DayPart]


def stage(
    mirrors: Sequence[Mirror], clouds: CloudTable, asns: IntervalTable, proof: Proof, day: Sequence[DayPart] = ()
) -> Stage:
    """The stage of these mirrors."""
    return Stage(tuple(mirrors), *network_classes(mirrors, clouds, asns, proof), day or [(1.0, mirrors)])


@dataclass(frozen=True, slots=True)
class NetworkMembership:
    """Who belongs to a class of networks and is opened by it; ``alone`` if its clients get a monopoly only."""

    matches: Mapping[int, Match]
    alone: bool


@dataclass(frozen=True, slots=True)
class _Time:
    """A part of the time, its weights and its orders, in which ``rows`` says where each place is."""

    part: float
    weights: Sequence[int]
    orders: PlaceOrders
    rows: Mapping[int, int]

    def groups(self, place: int) -> list[Group]:
        """The groups of a place, nearest first."""
        orders, row = self.orders, self.rows[place]
        edges = orders.group_start[orders.place_start[row] : orders.place_start[row + 1] + 1]
        return [
            Group(tuple(orders.members[first:last]), tuple(orders.cumulative[first:last]))
            for first, last in pairwise(edges)
        ]


Cell = tuple[int, int]
"""A place and a class of networks, by number."""


class PlacementOdds:
    """The odds in every cell of a stage, for one module. ``places`` are those that clients are at.

    All mirrors are awake and nobody has a quota; see ``changed``.
    """

    def __init__(self, of: Stage, module: str, places: Sequence[ClientPlace], policy: Policy) -> None:
        self._stage = of
        self._policy = policy
        self._places = places
        self._module = module
        self._carriers = carriers(of.mirrors, module)
        self._belonging: dict[int, NetworkMembership] = {0: NetworkMembership({}, False)}
        self._known: dict[Cell, Odds] = {}
        self.whole = [weight_of(mirror, policy) for mirror in of.mirrors]
        every = {number: number for number in range(len(places))}
        self._times = [self._time(1.0, of.mirrors, Weights(self.whole, self.whole), every)]

    def changed(self, days: Sequence[Weights], day: Sequence[DayPart], cells: Collection[Cell]) -> PlacementOdds:
        """The same, but that in these cells the weights are those of some days (which count alike), and mirrors rest in
        parts of each."""
        found = copy(self)
        rows = {place: row for row, place in enumerate(dict.fromkeys(place for place, _ in cells))}
        found._times = [
            self._time(part / len(days), mirrors, weights, rows) for weights in days for part, mirrors in day
        ]
        found._known = {cell: known for cell, known in self._known.items() if cell not in cells}
        for cell in cells:
            found.odds(*cell)
        return found

    def _time(self, part: float, mirrors: Sequence[Mirror], weights: Weights, rows: Mapping[int, int]) -> _Time:
        places, policy = [self._places[place] for place in rows], replace(self._policy, variants=1)
        return _Time(part, weights.now, place_orders(mirrors, self._module, places, policy, b"", weights), rows)

    def odds(self, place: int, network: int) -> Odds:
        """The odds of the clients at a place who are in a class of networks, by their numbers."""
        cell = self.cell(place, network)
        found = self._known.get(cell)
        if found is None:
            found = self._known[cell] = self._new_odds(*cell)
        return found

    def cell(self, place: int, network: int) -> Cell:
        """The cell that has the odds of this one: a class of networks to which no mirror belongs is like none."""
        return place, network if self.belonging(network).matches else 0

    def _new_odds(self, place: int, network: int) -> Odds:
        where, limit = self._places[place], self._policy.limit
        matches = opened_by(self.belonging(network).matches.items(), self._stage.mirrors, self._module, where)

        def at(time: _Time) -> Odds:
            monopolies, groups = network_groups(matches, self._stage.mirrors, where, time.weights, self._policy)
            return odds(monopolies[0] if monopolies else [*groups, *time.groups(place)], limit)

        return _averaged([(time.part, at(time)) for time in self._times])

    def firsts(self, cells: Mapping[Cell, float]) -> tuple[Mapping[int, float], float]:
        """By number of mirror the part of all clients that get it first, and that of those who get none.

        ``cells`` each have a part of all clients.
        """
        found: dict[int, float] = defaultdict(float)
        left_over = 0.0
        for cell, part in cells.items():
            first = self.odds(*cell).first
            if not first:
                left_over += part
            for number, chance in first.items():
                found[number] += part * chance
        return found, left_over

    def belonging(self, network: int) -> NetworkMembership:
        """Who belongs to a class of networks."""
        found = self._belonging.get(network)
        if found is None:
            mirrors, networks = self._stage.mirrors, self._stage.classes[network]
            named = (
                (number, match)
                for number in self._carriers
                if (match := class_match(number, mirrors[number], networks))
            )
            matches = opened_by(named, mirrors, self._module)
            alone = any(mirrors[number].monopoly for number in matches)
            found = self._belonging[network] = NetworkMembership(matches, alone)
        return found

    def is_unproved(self, number: int) -> bool:
        """Whether clients in networks that a mirror names do not get it, as nothing proves that they are there."""
        mirror = self._stage.mirrors[number]
        matches = (class_match(number, mirror, network) for network in self._stage.classes)
        return any(match and reason_against(mirror, self._module, NOWHERE, match) for match in matches)


MOST_DAYS = 12
SETTLED = 0.02
LAST_DAYS = 4
"""Where the weights of mirrors that depend on each other go up and down from day to day, these show what is usual."""


def as_limited(
    of: Stage, module: str, places: Sequence[ClientPlace], policy: Policy, cells: Mapping[Cell, float]
) -> tuple[PlacementOdds, PlacementOdds]:
    """The odds with quiet hours as if nobody had a quota, and those after the days in which quotas find their weights.

    The weights are set as core/catalogue/policy.py sets them every day, by what the day before led to. ``cells`` each
    have a part of all clients; those in which a limited mirror is given are looked at again.
    """
    awake = PlacementOdds(of, module, places, policy)
    like: dict[Cell, float] = defaultdict(float)
    for cell, part in cells.items():
        like[awake.cell(*cell)] += part
    numbers = {mirror.name: number for number, mirror in enumerate(of.mirrors)}
    total, quotas = policy.tib_per_month, quotas_of(of.mirrors)
    shares = {numbers[name]: min(1.0, quota / total) for name, quota in quotas.items()} if total else {}
    quiet = {number for number, mirror in enumerate(of.mirrors) if mirror.off_peak_only}

    def given(limited: Collection[int]) -> dict[Cell, float]:
        return {cell: part for cell, part in like.items() if not awake.odds(*cell).early.keys().isdisjoint(limited)}

    resting, held = given(quiet), given(shares)
    usual, both = ({cell: part for cell, part in held.items() if (cell in resting) is rests} for rests in (False, True))
    all_day = [(1.0, of.mirrors)]

    def after_days(days: Sequence[Weights]) -> PlacementOdds:
        return free.changed(days, all_day, usual).changed(days, of.day, both)

    days = [Weights(awake.whole, awake.whole)]
    free = found = awake.changed(days, of.day, resting) if quiet else awake
    parts = dict.fromkeys(shares, 1.0)
    while len(days) < MOST_DAYS:
        seen, _ = found.firsts(held)
        after = {number: next_part(parts[number], share, seen.get(number)) for number, share in shares.items()}
        if all(abs(after[number] - part) <= SETTLED * part for number, part in parts.items()):
            return free, found
        parts = after
        now = [max(1, round(weight * parts.get(number, 1.0))) for number, weight in enumerate(awake.whole)]
        days.append(Weights(now, awake.whole))
        found = after_days(days[-1:])
    return free, after_days(days[-LAST_DAYS:])
