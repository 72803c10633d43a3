"""Who may give files that share everything but the path: prepared once, for each kind of client."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NamedTuple

from mirrorlist.core.health import Family
from mirrorlist.core.offer import Wanted, file_query, origin_urls, resort_urls
from mirrorlist.core.prepared import Column, Prepared, PreparedModule
from mirrorlist.core.rank import country_of as mirror_country
from mirrorlist.core.trees import Place
from mirrorlist.core.usability import Narrowing
from mirrorlist.formats.links import joined, links
from mirrorlist.web.file_requests import FileRequests
from mirrorlist.web.known_clients import KnownClient

MOST_WAYS = 65_536
MOST_GIVEN = 8
FAMILIES = (None, Family.IPV4, Family.IPV6)


class Way(NamedTuple):
    """Where a client is sent: the URL up to the path, and the Link header in pieces to be joined by the path."""

    tree: str
    pieces: tuple[str, ...]


class Courses:
    """Who may give the files that share everything but the path, for each kind of client, prepared at first use."""

    def __init__(
        self,
        prepared: Prepared,
        requests: FileRequests,
        orders: PreparedModule,
        place: Place,
        narrowing: Narrowing,
        ways: dict[int, Way],
        number: int,
    ) -> None:
        self._prepared, self._requests, self._orders = prepared, requests, orders
        self._place, self._narrowing = place, narrowing
        self._kinds: list[_Kind | None] = [None] * (2 * len(FAMILIES))
        self._ways, self._slot = ways, number * len(self._kinds)

    def way(self, client: KnownClient, https: bool) -> Way | None:
        """The way of a client, or None if the view has to find it."""
        at = client.family * 2 + https
        way: Way | None = client.given.get(self._slot + at)
        if way is None:
            way = self._new_way(client, at)
            if way is not None:
                if len(client.given) >= MOST_GIVEN:
                    client.given.clear()
                client.given[self._slot + at] = way
        return way

    def _new_way(self, client: KnownClient, at: int) -> Way | None:
        """The way of a client for the first time; clients with the same first mirror at one place share it."""
        kind = self._kinds[at]
        if kind is None:
            kind = self._kinds[at] = self._kind(FAMILIES[at // 2], bool(at % 2))
        if kind.fixed is not None or kind.column is None:
            return kind.fixed
        key = self._orders.key(client.place, client.network, client.lot, kind.column)
        own = None if key is None else (self._slot + at) << 64 | key
        way = None if own is None else self._ways.get(own)
        if way is None:
            way = self._written(kind, *self._orders.numbers(client.place, client.network, client.lot, kind.column))
            if way is not None and own is not None:
                if len(self._ways) >= MOST_WAYS:
                    self._ways.clear()
                self._ways[own] = way
        return way

    def _kind(self, family: Family | None, https: bool) -> _Kind:
        place = self._place
        wanted = Wanted(place, self._requests.allowed(place.tree, https))
        if urls := origin_urls(self._prepared.snapshot, wanted):
            return _Kind(None, (), self._way([(url.removesuffix(place.quoted), None) for url in urls]))
        resorts = tuple(url.removesuffix(place.quoted) for url in resort_urls(self._prepared.snapshot, wanted))
        query = file_query(self._prepared.snapshot, self._requests.belonging, wanted, 0.0)
        column = self._prepared.column(query, family, self._narrowing)
        return _Kind(None if column.notes else column.urls, resorts, None)  # the ladder is rare

    def _written(self, kind: _Kind, numbers: Sequence[int], alone: bool) -> Way | None:
        if not numbers or kind.column is None:
            return None
        mirrors, column = self._prepared.snapshot.mirrors, kind.column
        trees = [((column[number] or b"").decode(), mirror_country(mirrors[number])) for number in numbers]
        if len(trees) < self._prepared.snapshot.policy.fallback_minimum and not alone:
            listed = {tree for tree, _ in trees}
            trees += [(tree, None) for tree in kind.resorts if tree not in listed]
        return self._way(trees)

    def _way(self, trees: Sequence[tuple[str, str | None]]) -> Way:
        return Way(trees[0][0], tuple(map(sys.intern, joined(links(trees[1:], self._place.front)))))


class _Kind(NamedTuple):
    """For clients of one scheme and family: the usable mirrors, the project's own trees; or the one way for all.

    Without a column and without a way the view answers.
    """

    column: Column | None
    resorts: tuple[str, ...]
    fixed: Way | None
