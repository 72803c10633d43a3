"""Answers from a snapshot's tables: what core/select.py decides, in a few look-ups.

Orders know nothing of what is usable: that is a column of URLs (or None), one entry a mirror, applied while
the answer is joined. So a mirror that goes out moves nobody else, and needs no new orders.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import islice

from mirrorlist.core.health import Family
from mirrorlist.core.matches import match_without_subnet
from mirrorlist.core.model import SERVED_STATUSES, Match, Proximity, Query
from mirrorlist.core.rank import Group, candidates, network_groups, ordered, place_groups, weight_of
from mirrorlist.core.rules import opens
from mirrorlist.core.snapshot import NetworkClass, PlaceOrders, Snapshot
from mirrorlist.core.spread import Words, order_keys
from mirrorlist.core.usability import WIDE, Narrowing, paths_of, usability

Column = Sequence[bytes | None]
"""The base URL of each mirror, or None where it is not usable; one None more at the end."""


@dataclass(frozen=True, slots=True)
class PreparedColumn:
    """A column with a number of its own, and what people are told of its rung."""

    number: int
    urls: Column
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NetworkOrder:
    """The groups of the mirrors that belong to a network: monopolies, and all, closest first."""

    monopolies: tuple[Group, ...]
    groups: tuple[Group, ...]


class _Usable(Container[int]):
    """A column as the set of mirrors that have a URL in it."""

    def __init__(self, column: Column) -> None:
        self._column = column

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and self._column[number] is not None


class Prepared:
    """One snapshot's tables, ready to answer. Made once for each snapshot in each worker."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._weights = [weight_of(mirror, snapshot.policy) for mirror in snapshot.mirrors]
        self._columns: dict[object, PreparedColumn] = {}
        self._modules = {module: PreparedModule(self, module, orders) for module, orders in snapshot.orders.items()}
        self._keys: dict[int, list[float]] = {}

    def module(self, name: str) -> PreparedModule | None:
        """The prepared orders of a module, or None if no such module has any."""
        return self._modules.get(name)

    def column(self, query: Query, family: Family | None, narrowing: Narrowing = WIDE) -> PreparedColumn:
        """What a client of a family can use for a query; queries that cannot differ share a column.

        Narrowed columns are not kept: there may be as many as sets of mirrors that have a file.
        """
        if narrowing.without:
            return self._new_column(-1, query, family, narrowing)
        health = self.snapshot.facts.health
        alike = health.holds.keys().isdisjoint(paths_of(query))
        key = (
            query.target.module, query.protocols, family if health.bad_reach else None,
            ("", False) if alike else (query.path if query.within is None else query.within, query.checksummed),
        )  # fmt: skip
        column = self._columns.get(key)
        if column is None:
            column = self._columns[key] = self._new_column(len(self._columns), query, family, narrowing)
        return column

    def _new_column(self, number: int, query: Query, family: Family | None, narrowing: Narrowing) -> PreparedColumn:
        usable = usability(self.snapshot.mirrors, self.snapshot.facts.health, query, family, narrowing)
        urls = [trees[0].encode() if trees else None for trees in usable.urls]
        return PreparedColumn(number, [*urls, None], usable.notes)

    def keys(self, variant: int) -> list[float]:
        """The keys of one of the fixed weighted orders."""
        keys = self._keys.get(variant)
        if keys is None:
            names = [mirror.name for mirror in self.snapshot.mirrors]
            keys = order_keys(self.snapshot.facts.key, names, self._weights, variant)
            self._keys[variant] = keys
        return keys

    @property
    def weights(self) -> Sequence[int]:
        """The weight of each mirror in its groups."""
        return self._weights


class PreparedModule:
    """The orders of one module."""

    def __init__(self, prepared: Prepared, module: str, orders: PlaceOrders) -> None:
        self._prepared = prepared
        self._module = module
        self._orders = orders
        policy = prepared.snapshot.policy
        self._near, self._variants, self._limit = policy.near, policy.variants, policy.limit
        self._networks: dict[int, NetworkOrder | None] = {0: None}
        self._place_groups: dict[int, list[Group]] = {}
        facts = prepared.snapshot.facts
        self._mirrors = facts.mirrors
        self._carriers = [n for n, m in enumerate(self._mirrors) if m.status in SERVED_STATUSES and module in m.urls]

    def numbers(self, place: int, network: int, words: Words, column: Column) -> tuple[list[int], bool]:
        """The mirrors to list, best first, and whether a monopoly stands alone.

        ``place`` and ``network`` are numbers of the snapshot's places and classes.
        """
        belongs = self._network(network)
        if belongs is not None:
            return self._numbers_in_network(place, belongs, words, column)
        key = self.key(place, network, words, column)
        found = self.numbers_of(key, column) if key is not None else None
        return (found if found is not None else self._farther(place, (), words, column)), False

    def key(self, place: int, network: int, words: Words, column: Column) -> int | None:
        """A number on which the list depends alone, with the column; None where it depends on more.

        It is made of the place, the variant of its orders, and the mirror that was drawn for the first place.
        """
        if network and self._network(network) is not None:
            return None
        first = self._drawn(place, words, column)
        return None if first is None else (place * self._variants + words[0] % self._variants) << 16 | first

    def numbers_of(self, key: int, column: Column) -> list[int] | None:
        """The list of a key from the prepared tables, or None if it needs mirrors that are not in them."""
        first, row = key & 0xFFFF, key >> 16
        found = [first]
        for number in self._orders.orders[row * self._near : (row + 1) * self._near]:
            if len(found) == self._limit:
                return found
            if column[number] is not None and number != first:
                found.append(number)
        return found if len(found) == self._limit or self._is_whole(row // self._variants) else None

    def _is_whole(self, place: int) -> bool:
        """Whether the prepared order of a place holds every mirror that could stand in it."""
        last = (place * self._variants + 1) * self._near - 1
        return self._orders.orders[last] == len(self._mirrors)

    def _drawn(self, place: int, words: Words, column: Column) -> int | None:
        """What ``rank.first_of`` says of the place's groups that are in the tables."""
        orders = self._orders
        members, cumulative = orders.members, orders.cumulative
        for group in range(orders.place_start[place], orders.place_start[place + 1]):
            first, last = orders.group_start[group], orders.group_start[group + 1]
            total = cumulative[last - 1]
            for word in words[1:15]:
                number = members[bisect_right(cumulative, word * total >> 32, first, last)]
                if column[number] is not None:
                    return number
            rest = Group(tuple(members[first:last]), tuple(cumulative[first:last]))
            found = next(ordered([rest], self._prepared.keys(0), words, _Usable(column)), None)
            if found is not None:
                return found
        return None

    def _numbers_in_network(
        self, place: int, belongs: NetworkOrder, words: Words, column: Column
    ) -> tuple[list[int], bool]:
        usable = _Usable(column)
        for group in belongs.monopolies:
            if any(member in usable for member in group.members):
                return self._listed([group], words, column), True
        return self._farther(place, belongs.groups, words, column), False

    def _farther(self, place: int, before: Sequence[Group], words: Words, column: Column) -> list[int]:
        """The list from the whole groups of a place, after the groups of a network."""
        groups = self._place_groups.get(place)
        if groups is None:
            snapshot = self._prepared.snapshot
            where = snapshot.facts.places[place]
            nearby = candidates(self._mirrors, self._carriers, where.country)
            groups = place_groups(nearby, where, self._prepared.weights, snapshot.policy)
            self._place_groups[place] = groups
        return self._listed([*before, *groups], words, column)

    def _listed(self, groups: Sequence[Group], words: Words, column: Column) -> list[int]:
        keys = self._prepared.keys(words[0] % self._variants)
        return list(islice(ordered(groups, keys, words, _Usable(column)), self._limit))

    def _network(self, number: int) -> NetworkOrder | None:
        """The groups of a network class, made at its first use."""
        if number not in self._networks:
            facts = self._prepared.snapshot.facts
            found = facts.classes[number]
            matches = {
                n: match for n in self._carriers if (match := self._match(n, found)) and opens(match, self._mirrors[n])
            }
            monopolies, groups = network_groups(matches, self._mirrors, self._prepared.weights)
            self._networks[number] = NetworkOrder(tuple(monopolies), tuple(groups)) if groups else None
        return self._networks[number]

    def _match(self, number: int, found: NetworkClass) -> Match | None:
        for claimant, length in found.subnets:
            if claimant == number:
                return Match(Proximity.SUBNET, length)
        return match_without_subnet(self._mirrors[number], found.asn, found.cloud, found.asn_proves, found.cloud_proves)
