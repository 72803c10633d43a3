"""Redirect targets: the mirrors for files that differ only in path, prepared once per kind of client."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from mirrorlist.core.catalogue.trees import TreePath, spelled
from mirrorlist.core.files.folder import IndexedFolder
from mirrorlist.core.filter import NO_FILTER, Filter
from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.mirror import country_of as mirror_country
from mirrorlist.core.mirror import is_out_of_reach
from mirrorlist.core.model import FallbackLevel
from mirrorlist.core.redirects.file_mirrors import FileQuery, file_query, origin_urls
from mirrorlist.core.selection.columns import PreparedColumn
from mirrorlist.core.selection.known_files import METADATA, METADATA_ENDS
from mirrorlist.core.selection.prepared import Prepared, PreparedModule
from mirrorlist.formats.links import digest, joined, links, longest_path, sizes
from mirrorlist.web.clients import Known
from mirrorlist.web.counts import Dimension, Joint, Labels, asked_by_file, labels_at, labels_of_client, labels_of_file
from mirrorlist.web.lists.prepared_answers import Room
from mirrorlist.web.redirects.requests import ENDINGS, FileRequests, Form

FAMILIES = (None, Family.IPV4, Family.IPV6)


class RedirectTarget:
    """Where clients are sent: the URL up to the path, the Link header in pieces to be joined by a path that is not
    longer than ``longest``, the sizes of its links, and how often it was given since counted.

    ``key`` is that of the list, ``mirror`` the number of the mirror whose tree it is, ``passed`` that of the one that
    the client was sent to before; None for the project's own trees, and where there was none.
    """

    __slots__ = ("hits", "key", "longest", "mirror", "passed", "pieces", "sizes", "tree")

    def __init__(
        self, key: int, mirror: int | None, passed: int | None, tree: str, pieces: tuple[str, ...], taken: array[int]
    ) -> None:
        self.key = key
        self.mirror = mirror
        self.passed = passed
        self.tree = tree
        self.pieces = pieces
        self.sizes = taken
        self.longest = longest_path(taken)
        self.hits = 0


class RedirectTargets:
    """Who may give the files that share everything but the path, for each kind of client, prepared at first use."""

    def __init__(
        self,
        prepared: Prepared,
        requests: FileRequests,
        orders: PreparedModule,
        place: TreePath,
        room: Room,
        filter: Filter | None = None,
        instead: RedirectTargets | None = None,
    ) -> None:
        self._prepared, self._requests, self._orders = prepared, requests, orders
        self._place, self._room = place, room
        self._filter, self._instead = filter, instead
        self._kinds: list[_Kind | None] = [None] * (2 * len(FAMILIES))

    def way(self, client: Known, https: bool) -> RedirectTarget | None:
        """The way of a client, or None if the view has to find it.

        What depends on the place, the network, the variant and the first mirror alone is kept, as for lists.
        """
        place, network, lot, _, family = client
        at = family * 2 + https
        kind = self._kinds[at]
        if kind is None:
            kind = self._kinds[at] = self._kind(FAMILIES[family], https)
        column = kind.column
        if column is None:
            key: int | None = place
        elif self._filter is not None:
            key = self._orders.filtered_key(place, network, lot, column)
        else:
            key = self._orders.key(place, network, lot, column.urls, column.working)
            if key is None:
                key = self._orders.any_key(place, network, lot, column)
        if key is None:
            if column is None or not self._own_will_do(column):
                return None if self._instead is None else self._instead.way(client, https)
            key = -1 - place
        way = kind.ways.get(key)
        if way is None:
            way = self._new_way(kind, key)
        return way

    def next_way(self, way: RedirectTarget, client: Known, https: bool, turn: int) -> RedirectTarget:
        """The way of a client that came back this many times for the same file, which ``way`` is the first for."""
        kind = self._kinds[client[4] * 2 + https]
        assert kind is not None, "way has made it"
        if self._instead is not None and kind.ways.get(way.key) is not way:
            return self._instead.next_way(way, client, https, turn)
        found = kind.next_ways.get((way.key, turn))
        if found is None:
            self._room.take_one()
            found = kind.next_ways[way.key, turn] = self._turned(kind, way.key, turn)
        return found

    def counted(self) -> Iterator[tuple[Labels, str | None, int]]:
        """What was given since this was last asked for, with its labels, and the name of the mirror passed over."""
        if self._instead is not None:
            yield from self._instead.counted()
        of_file = labels_of_file(Form.REDIRECT.name, self._place.tree.module)
        cell = asked_by_file(self._requests.repository_of(self._place))
        snapshot = self._prepared.snapshot
        for kind in self._kinds:
            for way in [*kind.ways.values(), *kind.next_ways.values()] if kind else ():
                hits, way.hits = way.hits, 0
                if not hits or kind is None:
                    continue
                place, network = self._where(kind, way.key)
                if way.mirror is None:
                    labels = labels_of_client(snapshot.facts.places[place].country, None, None)
                else:
                    labels = labels_at(snapshot, self._place.tree.module, place, network, way.mirror)
                passed = None if way.passed is None else snapshot.mirrors[way.passed].name
                asked = cell._replace(country=labels[Dimension.COUNTRY]).label
                yield {**of_file, **labels, Joint.ASKED: asked}, passed, hits

    def _where(self, kind: _Kind, key: int) -> tuple[int, int]:
        """The place and the network that a key of a kind is about."""
        if key < 0:
            return -1 - key, 0
        return (key, 0) if kind.column is None else self._orders.parts_of(key)[:2]

    def clear(self) -> None:
        """Forgets the ways."""
        if self._instead is not None:
            self._instead.clear()
        for kind in self._kinds:
            if kind is not None:
                kind.ways.clear()
                kind.next_ways.clear()

    def filtered(self, filter: Filter) -> RedirectTargets:
        """Who of these may give the files to clients with a filter, which is given up as in ``select``."""
        found: RedirectTargets | None = None
        for left, _ in reversed(list(filter.steps())):
            found = RedirectTargets(
                self._prepared, self._requests, self._orders, self._place, self._room, left, instead=found
            )
        return found or self

    def _own_will_do(self, column: PreparedColumn) -> bool:
        """Whether the project's own trees are an answer for lack of mirrors."""
        return not (self._filter or NO_FILTER).countries and bool(column.own.every)

    def _new_way(self, kind: _Kind, key: int) -> RedirectTarget | None:
        if (kind.column is None and not kind.resorts) or (key < 0 and self._is_cut_off(-1 - key)):
            return None
        self._room.take_one()
        way = kind.ways[key] = self._turned(kind, key, 0)
        return way

    def _is_cut_off(self, place: int) -> bool:
        """Whether mirrors that clients at a place cannot reach may give way to older versions, which the view finds."""
        snapshot = self._prepared.snapshot
        return any(is_out_of_reach(mirror, snapshot.facts.places[place]) for mirror in snapshot.mirrors)

    def _kind(self, family: Family | None, https: bool) -> _Kind:
        """Who may give the files to clients of one family, over https or not."""
        place = self._place
        wanted = FileQuery(place, self._requests.allowed(place.tree, https), self._filter or NO_FILTER)
        if urls := origin_urls(self._prepared.snapshot, wanted, family):
            return _Kind(None, tuple(url.removesuffix(place.quoted) for url in urls))
        query = file_query(self._prepared.snapshot, self._requests.belonging, wanted, 0.0)
        column = self._prepared.column(query, family)
        is_empty = column.is_filtered and column.rung is FallbackLevel.FALLBACKS  # but for private mirrors
        if column.rung > FallbackLevel.LAGGING and not is_empty:  # which is rare: another protocol may do better
            return _Kind(None, ())
        return _Kind(column, ())

    def _turned(self, kind: _Kind, key: int, turn: int) -> RedirectTarget:
        """The way of a key at the first request for a file, or a later one: this many trees go to the end."""
        trees = dict.fromkeys(kind.resorts) if kind.column is None else self._trees(kind.column, key)
        rows, mirrors = list(trees.items()), self._prepared.snapshot.mirrors
        first = turn % len(rows)
        passed = rows[first - 1][1] if turn else None
        rows = [*rows[first:], *rows[:first]]
        others = [(tree, None if number is None else mirror_country(mirrors[number])) for tree, number in rows[1:]]
        found = links(others, self._place.front)
        tree, mirror = rows[0]
        return RedirectTarget(
            key, mirror, passed, sys.intern(tree), tuple(map(sys.intern, joined(found))), sizes(found)
        )

    def _trees(self, column: PreparedColumn, key: int) -> dict[str, int | None]:
        """The trees of a key of the orders, best first: its mirrors', by number, and the project's own where these are
        few; each URL once, as the origin may be an ordinary mirror too. Of a negative key there are no mirrors."""
        if key < 0:
            return dict.fromkeys(column.own.every)
        numbers, alone = self._orders.listed(key, column)
        urls = column.every
        trees: dict[str, int | None] = {}
        for each in numbers if alone else column.among(numbers):
            if isinstance(each, str):
                trees.setdefault(each, None)
            else:
                trees[(urls[each] or b"").decode()] = each
        return trees


@dataclass(frozen=True, slots=True)
class _Kind:
    """For clients of one scheme and family: the usable mirrors, or trees of the project's own.

    Without a column everybody goes to these trees, and ``ways`` are by place, else by key of the orders, or by -1 less
    the place where clients there get no mirror; without either the view answers.
    """

    column: PreparedColumn | None
    resorts: tuple[str, ...]
    ways: dict[int, RedirectTarget] = field(default_factory=dict)
    next_ways: dict[tuple[int, int], RedirectTarget] = field(default_factory=dict)
    """By key and turn, for clients that come back for the same file."""


# Directories whose files are redirected: what the files of one share, so that a file asked for the first time costs
# a few look-ups where reading the path and searching the index again take 20 us (measured).

File: TypeAlias = "tuple[int | str, str | None, RedirectTargets]"
"""One file: where its path begins in the request's, or the path as URLs spell it where that differs; the value of its
Digest header, if there is one; and who may give it."""

_PARTICULAR = (*METADATA, *METADATA_ENDS, *(form.value for form in ENDINGS))
"""How the names of files end that change in place or are generated, and a few others'."""
_ANY = -1
"""Stands for the holders of any file where there is no index."""


class Folder:
    """One directory of a tree. ``path`` is how URLs spell it below the tree, with a slash at the end unless empty, and
    ``asked`` how requests do that end here.

    Without ``files`` there is no index: any mirror that is good may be asked for any file. ``particular`` says the
    names of files that come from the origin, where a tree has such. ``images`` are the names of files with verdicts of
    their own, which go by no folder.
    """

    __slots__ = ("_begins", "_courses", "_files", "_images", "_path", "particular")

    def __init__(self, asked: str, path: str, files: IndexedFolder | None, images: Iterable[str]) -> None:
        self._path = path
        self._images = frozenset(name.encode("utf-8", "surrogateescape").decode("latin-1") for name in images)
        self._begins = len(asked) - len(path) if asked.endswith(path) else None
        self._files = files
        self._courses: dict[int, RedirectTargets] = {}
        self.particular: Callable[[str], bool] | None = None

    def file(self, name: str) -> File | None:
        """The file of this name (its bytes as Latin-1, see PEP 3333), or None where it has to be looked at closely."""
        if (
            name.endswith(_PARTICULAR)
            or name in self._images
            or (self.particular is not None and self.particular(name))
        ):
            return None
        files, holders, checked = self._files, _ANY, None
        if files is not None:
            number = files.find(name.encode("latin-1"))
            if number is None:
                return None
            holders = files.holders(number)
            checksum = files.sha256(number)
            checked = None if checksum is None else digest(checksum)
        courses, written = self._courses.get(holders), spelled(name)
        if courses is None or written is None:
            return None
        begins = self._begins
        return begins if begins is not None and written == name else self._path + written, checked, courses

    def take(self, name: str, courses: RedirectTargets) -> None:
        """Remembers who may give a file; that holds for all with the same holders."""
        number = None if self._files is None else self._files.find(name.encode("latin-1"))
        if self._files is None:
            self._courses[_ANY] = courses
        elif number is not None:
            self._courses[self._files.holders(number)] = courses
