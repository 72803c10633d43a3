"""The mirrors as they stand before or after a change: which groups the clients of each place and network are given.

Every mirror counts as good: a change is judged by whom it serves when all works. What is said here of groups,
core/select.py says of one client at a time; tests hold the two against each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from mirrorlist.core.compile import CloudTable, Proof, network_classes, place_orders
from mirrorlist.core.model import Match, Mirror, Place
from mirrorlist.core.odds import Odds, odds
from mirrorlist.core.policy import Policy
from mirrorlist.core.prefixes import IntervalTable
from mirrorlist.core.prepared import class_match
from mirrorlist.core.rank import Group, network_groups, weight_of
from mirrorlist.core.rules import carriers, opened_by, reason_against
from mirrorlist.core.snapshot import NetworkClass, PlaceOrders


@dataclass(frozen=True, slots=True)
class Stage:
    """Mirrors, and what their files make of the addresses: ``networks`` holds numbers of ``classes``."""

    mirrors: tuple[Mirror, ...]
    networks: IntervalTable
    classes: tuple[NetworkClass, ...]


def stage(mirrors: Sequence[Mirror], clouds: CloudTable, asns: IntervalTable, proof: Proof) -> Stage:
    """The stage of these mirrors."""
    return Stage(tuple(mirrors), *network_classes(mirrors, clouds, asns, proof))


@dataclass(frozen=True, slots=True)
class Belonging:
    """Who belongs to a class of networks and is opened by it; ``alone`` if its clients get a monopoly only."""

    matches: Mapping[int, Match]
    groups: tuple[Group, ...]
    alone: bool


class Standing:
    """The odds in every cell of a stage, for one module. ``places`` are those that clients are at."""

    def __init__(self, of: Stage, module: str, places: Sequence[Place], policy: Policy) -> None:
        self._stage = of
        self._limit = policy.limit
        self._weights = [weight_of(mirror, policy) for mirror in of.mirrors]
        self._orders = place_orders(of.mirrors, module, places, replace(policy, variants=1), b"")
        self._module = module
        self._carriers = carriers(of.mirrors, module)
        self._belonging: dict[int, Belonging] = {0: Belonging({}, (), False)}
        self._known: dict[tuple[int, int], Odds] = {}

    def odds(self, place: int, network: int) -> Odds:
        """The odds of the clients at a place who are in a class of networks, by their numbers."""
        found = self._known.get((place, network))
        if found is None:
            found = self._known[place, network] = self._new_odds(place, network)
        return found

    def _new_odds(self, place: int, network: int) -> Odds:
        belongs = self.belonging(network)
        if belongs.alone:
            return odds(belongs.groups, self._limit)
        if not belongs.groups and network:
            return self.odds(place, 0)
        return odds([*belongs.groups, *_groups_at(self._orders, place)], self._limit)

    def belonging(self, network: int) -> Belonging:
        """Who belongs to a class of networks."""
        found = self._belonging.get(network)
        if found is None:
            found = self._belonging[network] = self._new_belonging(self._stage.classes[network])
        return found

    def is_unproved(self, number: int) -> bool:
        """Whether clients in networks that a mirror names do not get it, as nothing proves that they are there."""
        mirror = self._stage.mirrors[number]
        matches = (class_match(number, mirror, network) for network in self._stage.classes)
        return any(match and reason_against(mirror, self._module, None, match) for match in matches)

    def _new_belonging(self, network: NetworkClass) -> Belonging:
        mirrors = self._stage.mirrors
        named = (
            (number, match) for number in self._carriers if (match := class_match(number, mirrors[number], network))
        )
        matches = opened_by(named, mirrors, self._module)
        monopolies, groups = network_groups(matches, mirrors, self._weights)
        return Belonging(matches, tuple(monopolies[:1] or groups), bool(monopolies))


def _groups_at(orders: PlaceOrders, place: int) -> list[Group]:
    """The groups of a place, nearest first."""
    edges = orders.group_start[orders.place_start[place] : orders.place_start[place + 1] + 1]
    return [
        Group(tuple(orders.members[first:last]), tuple(orders.cumulative[first:last]))
        for first, last in pairwise(edges)
    ]
