"""Answers from a snapshot's tables: what core/selection/select.py decides, in a few look-ups.

Orders know nothing of what is usable: that is a column of URLs (or None), one entry per mirror, applied while
the answer is joined. So a mirror that goes out moves nobody else, and needs no new orders.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import islice

from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.model import Match, Query
from mirrorlist.core.rules import carriers, open_in, opened_by
from mirrorlist.core.selection.columns import Column, Columns, PreparedColumn
from mirrorlist.core.selection.rank import (
    Group,
    Monopoly,
    after,
    class_match,
    first_of,
    in_order,
    network_groups,
    place_groups,
)
from mirrorlist.core.selection.spread import ClientHash, HashWords, first_words, order_keys, words_of
from mirrorlist.core.selection.usability import NO_EXCLUSIONS, Exclusions
from mirrorlist.core.snapshot import PlaceOrders, Snapshot


@dataclass(frozen=True, slots=True)
class NetworkOrder:
    """The groups of a network's mirrors for clients at a place, closest first: monopolies, and all of them."""

    monopolies: tuple[Monopoly, ...]
    groups: tuple[Group, ...]

    def monopoly(self, usable: Container[int]) -> Monopoly | None:
        """The closest monopoly of which a mirror is usable."""
        return next(
            (each for each in self.monopolies if any(n in usable for group in each for n in group.members)), None
        )


class _Usable(Container[int]):
    """A column as the set of mirrors that have a URL in it."""

    def __init__(self, column: Column) -> None:
        self._column = column

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and self._column[number] is not None


class _Orders:
    """The weights of a snapshot's mirrors, and the fixed weighted orders that come of them, by variant."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.weights = snapshot.weights
        self._key = snapshot.facts.key
        self._names = [mirror.name for mirror in snapshot.mirrors]
        self._keys: dict[int, list[float]] = {}

    def keys(self, variant: int) -> list[float]:
        """The keys of one of the orders."""
        keys = self._keys.get(variant)
        if keys is None:
            keys = self._keys[variant] = order_keys(self._key, self._names, self.weights.now, variant)
        return keys


class Prepared:
    """One snapshot's tables, ready to answer. Made once for each snapshot in each worker.

    Nothing in it leads back to what holds it, so all of it goes with the last reference, without a collection.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._columns = Columns(snapshot)
        fixed = _Orders(snapshot)
        self._modules = {
            name: PreparedModule(snapshot, fixed, name, orders) for name, orders in snapshot.orders.items()
        }

    def module(self, name: str) -> PreparedModule | None:
        """The prepared orders of a module, or None if no such module has any."""
        return self._modules.get(name)

    def column(self, query: Query, family: Family | None, narrowing: Exclusions = NO_EXCLUSIONS) -> PreparedColumn:
        """What a client of a family can use for a query; queries that cannot differ share a column."""
        return self._columns.of(query, family, narrowing)


_SMALL = 16
"""Members of a group that are looked through before any is drawn; draws that must all fail cost 4 us (measured)."""
_GROUPS_KEPT = 512
"""Places; all groups of one are some 20 KB with 530 mirrors, and few places need them."""
_NETWORKS_KEPT = 16_384
"""Networks at places, about 1 KB each where a few mirrors name them."""
_FILTERED_KEPT = 16_384
"""Keys of clients that filter, about 250 bytes each."""


class PreparedModule:
    """The orders of one module.

    A list depends on four things, and a key is a number made of them: the client's network and place, the
    variant of the orders that its lot chose, and the mirror that was drawn for the first place.
    """

    def __init__(self, snapshot: Snapshot, fixed: _Orders, module: str, orders: PlaceOrders) -> None:
        self._fixed = fixed
        self._orders = orders
        self._facts = facts = snapshot.facts
        self._policy = policy = snapshot.policy
        self._near, self._variants, self._limit = policy.near, policy.variants, policy.limit
        self._matches: dict[int, dict[int, Match]] = {0: {}}
        self._networks: dict[tuple[int, int], NetworkOrder] = {}
        self._filtered: dict[tuple[int, int, int, ClientHash], int | None] = {}
        self._place_groups: dict[int, list[Group]] = {}
        self._nearest: dict[int, tuple[int, int, int]] = {}
        self._mirrors = facts.mirrors
        self._places = len(facts.places)
        self.module = module
        self._carriers = carriers(self._mirrors, module)

    def key(self, place: int, network: int, lot: ClientHash, column: Column, of_network: Column) -> int | None:
        """The key of the list of a client; None if no mirror is usable.

        ``place`` and ``network`` are numbers of the snapshot's places and classes; ``of_network`` is the column of the
        mirrors whose network the client is in.
        """
        if network and self._matching(network):
            return self._key_in_network(place, network, words_of(lot), column, of_network)
        order, word = first_words(lot)
        nearest = self._nearest.get(place)
        if nearest is None:
            nearest = self._new_nearest(place)
        first, last, total = nearest
        drawn: int | None = None
        if total:
            orders = self._orders
            drawn = orders.members[bisect_right(orders.cumulative, word * total >> 32, first, last)]
        if drawn is None or column[drawn] is None:
            drawn = self._drawn(place, words_of(lot), column)
            if drawn is None:
                return None
        return (place * self._variants + order % self._variants) << 16 | drawn

    def any_key(self, place: int, network: int, lot: ClientHash, column: PreparedColumn) -> int | None:
        """The key by ``column.urls``, or by the first of the wider columns that has somebody for the client."""
        columns = ((column.urls, column.working), *((wide, wide) for wide in column.wider))
        keys = (self.key(place, network, lot, *each) for each in columns)
        return next((key for key in keys if key is not None), None)

    def filtered_key(self, place: int, network: int, lot: ClientHash, column: PreparedColumn) -> int | None:
        """The key by ``column.urls``, or a wider column if it has nobody, remembered for clients that come again.

        A filter can leave only mirrors that are far down the groups, where looking for one takes longest.
        """
        of = column.number, place, network, lot
        try:
            return self._filtered[of]
        except KeyError:
            key = self.any_key(place, network, lot, column)
        if len(self._filtered) >= _FILTERED_KEPT:
            self._filtered.clear()
        self._filtered[of] = key
        return key

    def _key_in_network(
        self, place: int, network: int, words: HashWords, column: Column, of_network: Column
    ) -> int | None:
        belongs, usable = self._network(network, place), _Usable(of_network)
        drawn = first_of(belongs.monopoly(usable) or belongs.groups, words, usable)
        if drawn is None:
            drawn = self._drawn(place, words, column)
        row = (network * self._places + place) * self._variants + words[0] % self._variants
        return None if drawn is None else row << 16 | drawn

    def parts_of(self, key: int) -> tuple[int, int, int, int]:
        """What a key is made of: place, network, variant, and the mirror of the first place."""
        row, variant = divmod(key >> 16, self._variants)
        network, place = divmod(row, self._places)
        return place, network, variant, key & 0xFFFF

    def listed(self, key: int, column: PreparedColumn) -> tuple[list[int], bool]:
        """The list of a key: the mirrors' numbers, best first, and whether a monopoly is alone.

        The column that the key was made by decides, and the wider ones fill up the list, one after the other.
        """
        place, network, variant, first = self.parts_of(key)
        found, alone, wider = self._decided(place, network, variant, first, column)
        belongs, keys = self._network(network, place), self._fixed.keys(variant)
        for wide in wider:
            if len(found) == self._limit:
                break
            seen, usable = set(found), _Usable(wide)
            groups = (
                (belongs.monopoly(_Usable(column.working)) or ())
                if alone
                else (*belongs.groups, *self._groups_of(place))
            )
            behind = (number for number in in_order(groups, keys, usable) if number not in seen)
            found = [*found, *islice(behind, self._limit - len(found))]
        return found, alone

    def _decided(
        self, place: int, network: int, variant: int, first: int, column: PreparedColumn
    ) -> tuple[list[int], bool, Sequence[Column]]:
        """What is listed by the column that a key was made by, whether alone, and the columns that fill up the list."""
        is_own = bool(network) and first in self._matching(network) and column.working[first] is not None
        if is_own or column.urls[first] is not None:
            return *self._listed(place, network, variant, first, column.urls, column.working), column.wider
        at, wide = next((at, wide) for at, wide in enumerate(column.wider, start=1) if wide[first] is not None)
        return *self._listed(place, network, variant, first, wide, wide), column.wider[at:]

    def _listed(
        self, place: int, network: int, variant: int, first: int, column: Column, of_network: Column
    ) -> tuple[list[int], bool]:
        if not self._matching(network):
            return self._with_those_of(place, variant, [first], column), False
        belongs, keys, usable = self._network(network, place), self._fixed.keys(variant), _Usable(of_network)
        if (monopoly := belongs.monopoly(usable)) is not None:
            return list(islice(after(first, monopoly, keys, usable), self._limit)), True
        before = list(islice(after(first, belongs.groups, keys, usable), self._limit))
        return self._with_those_of(place, variant, before, column), False

    def _with_those_of(self, place: int, variant: int, found: list[int], column: Column) -> list[int]:
        """A list filled up with the mirrors of a place: those in the tables, or all if these are too few."""
        seen = set(found)
        row = place * self._variants + variant
        for number in self._orders.orders[row * self._near : (row + 1) * self._near]:
            if len(found) == self._limit:
                return found
            if column[number] is not None and number not in seen:
                found.append(number)
        last = self._orders.orders[(place * self._variants + 1) * self._near - 1]
        if len(found) == self._limit or last == len(self._mirrors):  # the order holds every mirror that could be in it
            return found
        keys, usable = self._fixed.keys(variant), _Usable(column)
        rest = after(found[0], self._groups_of(place), keys, usable)
        seen.update(found)
        return [*found, *islice((number for number in rest if number not in seen), self._limit - len(found))]

    def _new_nearest(self, place: int) -> tuple[int, int, int]:
        """Where the nearest group of a place lies in the tables, and the sum of its weights; 0 without groups."""
        orders = self._orders
        group = orders.place_start[place]
        nearest = 0, 0, 0
        if group < orders.place_start[place + 1]:
            first, last = orders.group_start[group], orders.group_start[group + 1]
            nearest = first, last, orders.cumulative[last - 1]
        self._nearest[place] = nearest
        return nearest

    def _drawn(self, place: int, words: HashWords, column: Column) -> int | None:
        """What ``rank.first_of`` says of the place's groups: those in the tables, then all of them."""
        orders = self._orders
        members, cumulative = orders.members, orders.cumulative
        for group in range(orders.place_start[place], orders.place_start[place + 1]):
            first, last = orders.group_start[group], orders.group_start[group + 1]
            if last - first <= _SMALL:
                left = [number for number in members[first:last] if column[number] is not None]
                if not left:
                    continue
                if len(left) == 1:
                    return left[0]
            total = cumulative[last - 1]
            for word in words[1:15]:
                number = members[bisect_right(cumulative, word * total >> 32, first, last)]
                if column[number] is not None:
                    return number
            rest = Group(tuple(members[first:last]), tuple(cumulative[first:last]))
            found = first_of((rest,), words, _Usable(column))
            if found is not None:
                return found
        return first_of(self._groups_of(place), words, _Usable(column))

    def _groups_of(self, place: int) -> list[Group]:
        """All groups of a place, also those that are too far for the tables."""
        groups = self._place_groups.get(place)
        if groups is None:
            where = self._facts.places[place]
            nearby = open_in(self._mirrors, self._carriers, self.module, where)
            groups = place_groups(self._mirrors, nearby, where, self._fixed.weights, self._policy)
            if len(self._place_groups) >= _GROUPS_KEPT:
                self._place_groups.clear()
            self._place_groups[place] = groups
        return groups

    def _matching(self, number: int) -> dict[int, Match]:
        """How mirrors match a network class, found at its first use."""
        found = self._matches.get(number)
        if found is None:
            of = self._facts.classes[number]
            named = ((n, match) for n in self._carriers if (match := class_match(n, self._mirrors[n], of)))
            found = self._matches[number] = opened_by(named, self._mirrors, self.module)
        return found

    def _network(self, number: int, place: int) -> NetworkOrder:
        """The groups of a network class for clients at a place, made at their first use."""
        order = self._networks.get((number, place))
        if order is None:
            where = self._facts.places[place]
            matches = opened_by(self._matching(number).items(), self._mirrors, self.module, where)
            weights = self._fixed.weights.now
            monopolies, groups = network_groups(matches, self._mirrors, where, weights, self._policy)
            if len(self._networks) >= _NETWORKS_KEPT:
                self._networks.clear()
            order = self._networks[number, place] = NetworkOrder(tuple(monopolies), tuple(groups))
        return order
