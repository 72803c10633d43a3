"""Redirect targets: the mirrors for files that differ only in path, prepared once per kind of client."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from mirrorlist.core.catalogue.trees import TreePath, spelled
from mirrorlist.core.files.folder import IndexedFolder
from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.mirror import country_of as mirror_country
from mirrorlist.core.model import FallbackLevel
from mirrorlist.core.redirects.file_mirrors import FileQuery, file_query, origin_urls
from mirrorlist.core.selection.columns import PreparedColumn
from mirrorlist.core.selection.known_files import METADATA, METADATA_ENDS
from mirrorlist.core.selection.prepared import Prepared, PreparedModule
from mirrorlist.formats.links import digest, joined, links, longest_path, sizes
from mirrorlist.web.clients import Known
from mirrorlist.web.counts import Labels, labels_at, labels_of_client, labels_of_file
from mirrorlist.web.lists.prepared_answers import Room
from mirrorlist.web.redirects.requests import ENDINGS, FileRequests, Form

FAMILIES = (None, Family.IPV4, Family.IPV6)


class RedirectTarget:
    """Where clients are sent: the URL up to the path, the Link header in pieces to be joined by a path that is not
    longer than ``longest``, the sizes of its links, and how often it was given since counted."""

    __slots__ = ("hits", "longest", "pieces", "sizes", "tree")

    def __init__(self, tree: str, pieces: tuple[str, ...], taken: array[int]) -> None:
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
    ) -> None:
        self._prepared, self._requests, self._orders = prepared, requests, orders
        self._place, self._room = place, room
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
        key = place if column is None else self._orders.key(place, network, lot, column.urls)
        if key is None:
            if column is None or column.every is None:
                return None
            key = self._orders.key(place, network, lot, column.every)
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
                if not hits or kind is None:
                    continue
                snapshot = self._prepared.snapshot
                if kind.column is None:
                    labels = labels_of_client(snapshot.facts.places[key].country, None, None)
                else:
                    place, network, _, first = self._orders.parts_of(key)
                    labels = labels_at(snapshot, self._place.tree.module, place, network, first)
                yield {**of_file, **labels}, hits

    def clear(self) -> None:
        """Forgets the ways."""
        for kind in self._kinds:
            if kind is not None:
                kind.ways.clear()

    def _new_way(self, kind: _Kind, key: int) -> RedirectTarget | None:
        if kind.column is not None:
            way = self._written(kind.column, key)
        elif kind.resorts:  # the project's own trees, the same for everybody
            way = self._way([(tree, None) for tree in kind.resorts])
        else:
            return None
        self._room.take_one()
        kind.ways[key] = way
        return way

    def _kind(self, family: Family | None, https: bool) -> _Kind:
        """Who may give the files to clients of one family, over https or not."""
        place = self._place
        wanted = FileQuery(place, self._requests.allowed(place.tree, https))
        if urls := origin_urls(self._prepared.snapshot, wanted, family):
            return _Kind(None, tuple(url.removesuffix(place.quoted) for url in urls))
        query = file_query(self._prepared.snapshot, self._requests.belonging, wanted, 0.0)
        column = self._prepared.column(query, family)
        if column.rung is not FallbackLevel.FRESH:  # nobody is fresh, which is rare: the view tells the rung
            return _Kind(None, ())
        return _Kind(column, ())

    def _written(self, column: PreparedColumn, key: int) -> RedirectTarget:
        """The way of a key of the orders: its mirrors, and the project's own trees where these are few; each URL once,
        as the origin may be an ordinary mirror too."""
        numbers, alone = self._orders.listed(key, column.urls, column.every)
        mirrors, urls = self._prepared.snapshot.mirrors, column.every or column.urls
        trees: dict[str, str | None] = {}
        for each in numbers if alone else column.own.among(numbers, column.working(numbers)):
            if isinstance(each, str):
                trees.setdefault(each, None)
            else:
                trees[(urls[each] or b"").decode()] = mirror_country(mirrors[each])
        return self._way(list(trees.items()))

    def _way(self, trees: Sequence[tuple[str, str | None]]) -> RedirectTarget:
        found = links(trees[1:], self._place.front)
        return RedirectTarget(sys.intern(trees[0][0]), tuple(map(sys.intern, joined(found))), sizes(found))


@dataclass(frozen=True, slots=True)
class _Kind:
    """For clients of one scheme and family: the usable mirrors, or trees of the project's own.

    Without a column everybody goes to these trees, and ``ways`` are by place, else by key of the orders; without
    either the view answers.
    """

    column: PreparedColumn | None
    resorts: tuple[str, ...]
    ways: dict[int, RedirectTarget] = field(default_factory=dict)


# Directories whose files are redirected: what the files of one share, so that a file asked for the first time costs
# a few look-ups where reading the path and searching the index anew take 20 us (measured).

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

    Without ``files`` there is no index: any mirror that is good may be asked for any file. ``particular`` tells the
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
