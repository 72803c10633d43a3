"""Who may give files that share everything but the path: prepared once, for each kind of client."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mirrorlist.core.columns import Column
from mirrorlist.core.health import Family
from mirrorlist.core.offer import Wanted, file_query, origin_urls, resort_urls
from mirrorlist.core.prepared import Prepared, PreparedModule
from mirrorlist.core.rank import country_of as mirror_country
from mirrorlist.core.trees import Place
from mirrorlist.formats.links import joined, links, longest_path, sizes
from mirrorlist.web.counts import Labels, labels_at, labels_of_client, labels_of_file
from mirrorlist.web.file_requests import FileRequests, Form
from mirrorlist.web.known_clients import Known
from mirrorlist.web.routes import Room

FAMILIES = (None, Family.IPV4, Family.IPV6)


class Way:
    """Where clients are sent: the URL up to the path, the Link header in pieces to be joined by a path that is not
    longer than ``longest``, the sizes of its links, and how often it was given since counted."""

    __slots__ = ("hits", "longest", "pieces", "sizes", "tree")

    def __init__(self, tree: str, pieces: tuple[str, ...], taken: array[int]) -> None:
        self.tree = tree
        self.pieces = pieces
        self.sizes = taken
        self.longest = longest_path(taken)
        self.hits = 0


class Courses:
    """Who may give the files that share everything but the path, for each kind of client, prepared at first use."""

    def __init__(
        self,
        prepared: Prepared,
        requests: FileRequests,
        orders: PreparedModule,
        place: Place,
        room: Room,
    ) -> None:
        self._prepared, self._requests, self._orders = prepared, requests, orders
        self._place, self._room = place, room
        self._kinds: list[_Kind | None] = [None] * (2 * len(FAMILIES))

    def way(self, client: Known, https: bool) -> Way | None:
        """The way of a client, or None if the view has to find it.

        What depends on the place, the network, the variant and the first mirror alone is kept, as for lists.
        """
        place, network, lot, _, family = client
        at = family * 2 + https
        kind = self._kinds[at]
        if kind is None:
            kind = self._kinds[at] = self._kind(FAMILIES[family], https)
        column = kind.column
        key = place if column is None else self._orders.key(place, network, lot, column)
        if key is None:
            if kind.every is None:
                return None
            key = self._orders.key(place, network, lot, kind.every)
            if key is None:
                return None
        way = kind.ways.get(key)
        if way is None:
            way = self._new_way(kind, key)
            if way is None:
                return None
        way.hits += 1
        return way

    def counted(self) -> Iterator[tuple[Labels, int]]:
        """What was given since this was last asked for, with its labels."""
        of_file = labels_of_file(Form.REDIRECT.name, self._place.tree.module)
        for kind in self._kinds:
            for key, way in list(kind.ways.items()) if kind else ():
                hits, way.hits = way.hits, 0
                if hits and kind:
                    yield {**of_file, **self._labels(kind, key)}, hits

    def clear(self) -> None:
        """Forgets the ways."""
        for kind in self._kinds:
            if kind is not None:
                kind.ways.clear()

    def _labels(self, kind: _Kind, key: int) -> Labels:
        if kind.column is None:
            return labels_of_client(self._prepared.snapshot.facts.places[key].country, None, None)
        place, network, _, first = self._orders.parts_of(key)
        return labels_at(self._prepared.snapshot, self._place.tree.module, place, network, first)

    def _new_way(self, kind: _Kind, key: int) -> Way | None:
        way = self._fixed(kind) if kind.column is None else self._written(kind, kind.column, key)
        if way is not None:
            self._room.take_one()
            kind.ways[key] = way
        return way

    def _kind(self, family: Family | None, https: bool) -> _Kind:
        """Who may give the files to clients of one family, over https or not."""
        place = self._place
        wanted = Wanted(place, self._requests.allowed(place.tree, https))
        if urls := origin_urls(self._prepared.snapshot, wanted):
            return _Kind(None, None, tuple(url.removesuffix(place.quoted) for url in urls))
        resorts = tuple(url.removesuffix(place.quoted) for url in resort_urls(self._prepared.snapshot, wanted))
        query = file_query(self._prepared.snapshot, self._requests.belonging, wanted, 0.0)
        column = self._prepared.column(query, family)
        if column.notes:  # nobody is fresh, which is rare: the view tells the rung
            return _Kind(None, None, ())
        return _Kind(column.urls, column.every, resorts)

    def _fixed(self, kind: _Kind) -> Way | None:
        """The way to the project's own trees, the same for everybody; None if the view has to find one."""
        return self._way([(tree, None) for tree in kind.resorts]) if kind.resorts else None

    def _written(self, kind: _Kind, column: Column, key: int) -> Way:
        """The way of a key of the orders: its mirrors, and the project's own trees where these are few."""
        numbers, alone = self._orders.listed(key, column, kind.every)
        mirrors, urls = self._prepared.snapshot.mirrors, kind.every or column
        trees = [((urls[number] or b"").decode(), mirror_country(mirrors[number])) for number in numbers]
        if len(trees) < self._prepared.snapshot.policy.fallback_minimum and not alone:
            listed = {tree for tree, _ in trees}
            trees += [(tree, None) for tree in kind.resorts if tree not in listed]
        return self._way(trees)

    def _way(self, trees: Sequence[tuple[str, str | None]]) -> Way:
        found = links(trees[1:], self._place.front)
        return Way(sys.intern(trees[0][0]), tuple(map(sys.intern, joined(found))), sizes(found))


@dataclass(frozen=True, slots=True)
class _Kind:
    """For clients of one scheme and family: the usable mirrors and the project's own trees.

    Without a column everybody goes to these trees, and ``ways`` are by place, else by key of the orders; without
    either the view answers. ``every`` is as a PreparedColumn's.
    """

    column: Column | None
    every: Column | None
    resorts: tuple[str, ...]
    ways: dict[int, Way] = field(default_factory=dict)
