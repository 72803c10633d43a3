"""Prepare one question: everything in its answer that does not depend on the client."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple
from weakref import WeakMethod

from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.selection.answer import BEST_PREFERENCE
from mirrorlist.core.selection.columns import NOT_KEPT, Column, PreparedColumn
from mirrorlist.core.selection.prepared import Prepared, PreparedModule
from mirrorlist.core.selection.spread import ClientHash
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.formats import metalink3, mirrorlist
from mirrorlist.web.counts import Counts, Labels, labels_at, labels_of_question
from mirrorlist.web.questions import DEFAULT_FORMATS, ListKind, Question
from mirrorlist.web.responses import headers_for

MOST_REMEMBERED = 16_384
"""Maximum questions, rows of all lists, and metalink elements that a generation keeps, each."""


Headers = list[tuple[str, str]]
Parts = tuple[bytes, ...]


class Writing(NamedTuple):
    """How a kind of answer is put together: ``head + between.join(parts) + tail``.

    ``part`` writes what stands for a mirror at a preference, up to where the repository's path begins; ``fallback`` the
    same for one of the project's own trees.
    """

    part: Callable[[int, int], bytes]
    fallback: Callable[[str, int], bytes]


class AnswerParts:
    """The parts of one list, whether a monopoly is alone in it, and how often it was given since counted."""

    __slots__ = ("alone", "hits", "key", "parts")

    def __init__(self, key: int, parts: Parts, alone: bool) -> None:
        self.key = key
        self.parts = parts
        self.alone = alone
        self.hits = 0


class Rows:
    """The rows of one column and kind of answer, by key; all rows of a generation share one room."""

    def __init__(self, orders: PreparedModule, column: PreparedColumn, writing: Writing, room: Room) -> None:
        self._orders = orders
        self._prepared = column
        self._column, self._working = column.urls, column.working
        self._writing = writing
        self._room = room
        self.by_key: dict[int, AnswerParts] = {}

    def of(self, place: int, network: int, lot: ClientHash) -> AnswerParts | None:
        """The list of a client, or None where there is no mirror to give.

        What depends on the place, the network, the variant and the first mirror alone is kept, so that most
        requests only join parts that are there.
        """
        key = self._orders.key(place, network, lot, self._column, self._working)
        if key is None:
            key = self._orders.any_key(place, network, lot, self._prepared)
            if key is None:
                return None
        row = self.by_key.get(key)
        if row is None:
            row = self._new(key)
        row.hits += 1
        return row

    def filtered(self, place: int, network: int, lot: ClientHash) -> AnswerParts | None:
        """The same for a client that filters."""
        key = self._orders.filtered_key(place, network, lot, self._prepared)
        return None if key is None else self._row(key)

    def _row(self, key: int) -> AnswerParts:
        row = self.by_key.get(key)
        if row is None:
            row = self._new(key)
        row.hits += 1
        return row

    def _new(self, key: int) -> AnswerParts:
        column, writing = self._prepared, self._writing
        numbers, alone = self._orders.listed(key, column)
        listed = numbers if alone else column.own.among(numbers, column.count_working(numbers))
        parts = (
            writing.fallback(each, BEST_PREFERENCE - rank)
            if isinstance(each, str)
            else writing.part(each, BEST_PREFERENCE - rank)
            for rank, each in enumerate(listed)
        )
        row = AnswerParts(key, tuple(parts), alone)
        self._room.take_one()
        self.by_key[key] = row
        return row

    def collect(self, counts: Counts, snapshot: Snapshot) -> None:
        """Moves the hits of the rows into the counts."""
        for row in list(self.by_key.values()):
            hits, row.hits = row.hits, 0
            if hits:
                place, network, _, first = self._orders.parts_of(row.key)
                counts.add(labels_at(snapshot, self._orders.module, place, network, first), hits)


class Room:
    """How many rows a generation may keep in all; when it is full everything goes, and what was counted is kept.

    It does not keep what it clears alive: that holds the room, and would never go without a collection.
    """

    def __init__(self, most: int, clear: Callable[[], None]) -> None:
        self._most = most
        self._left = most
        self._clear = WeakMethod(clear)

    def take_one(self) -> None:
        """Makes room for one more row."""
        if not self._left:
            if (clear := self._clear()) is not None:
                clear()
            self._left = self._most
        self._left -= 1


class Route:
    """One question, prepared: how a row becomes its answer. ``hits`` is how often it was asked since counted.

    ``row`` finds the row of a client's place, network and hash. Where it finds none ``instead`` does, with less of the
    client's filter; without that Flask has to answer.
    """

    __slots__ = ("_by_length", "between", "head", "headers", "hits", "instead", "labels", "row", "tail", "tail_alone")

    def __init__(self, row: Callable[[int, int, ClientHash], AnswerParts | None], labels: Labels) -> None:
        self.row = row
        self.instead: Route | None = None
        self.labels = labels
        self.hits = 0
        self.head = self.between = self.tail = self.tail_alone = b""
        self.headers: Headers = []
        self._by_length: dict[int, Headers] = {}

    def with_instead(self) -> Iterator[Route]:
        """The route, and those that answer instead of it."""
        route: Route | None = self
        while route is not None:
            yield route
            route = route.instead

    def body(self, row: AnswerParts) -> bytes:
        """The answer of this row."""
        self.hits += 1
        return self.head + self.between.join(row.parts) + (self.tail_alone if row.alone else self.tail)

    def headers_of(self, length: int) -> Headers:
        """The headers of an answer of this many bytes; there are a few thousand lengths at the most."""
        found = self._by_length.get(length)
        if found is None:
            found = self._by_length[length] = [*self.headers, ("Content-Length", str(length))]
        return found


class Routes:
    """Prepares questions for one generation; questions that differ in the path only share what they can."""

    def __init__(self, prepared: Prepared, counts: Counts) -> None:
        self._prepared = prepared
        self._counts = counts
        self._room = Room(MOST_REMEMBERED, self._clear)
        self._rows: dict[tuple[ListKind, int], Rows] = {}

    def of(self, question: Question, family: Family | None) -> Route | None:
        """The prepared question for clients of a family, or None where the mirrors are not what answers it."""
        first: Route | None = None
        before: Route | None = None
        for left, notes in question.query.filter.steps():
            query = replace(question.query, filter=left)
            column = self._prepared.column(query, family)
            route = self._route(replace(question, query=query), column, notes, bool(question.query.filter))
            if route is None:
                return None
            if before is None:
                first = route
            else:
                before.instead = route
            if not left.countries and (query.file is not None or column.own.answering or column.own.last):
                break  # the project's own trees are an answer too, and Flask writes it
            before = route
        return first

    def _route(
        self, question: Question, column: PreparedColumn, notes: tuple[str, ...], is_filtered: bool
    ) -> Route | None:
        query = question.query
        orders = self._prepared.module(query.target.module)
        unusual = query.target.vault or query.every_protocol or not query.networks
        if unusual or orders is None or not question.is_plain:
            return None
        if question.format != DEFAULT_FORMATS[question.kind] or question.kind is ListKind.ISOLIST:
            return None
        if column.number == NOT_KEPT:
            return None
        rows = self._rows_of(question.kind, column, orders)
        route = Route(rows.filtered if is_filtered else rows.of, labels_of_question(question, column.rung))
        if question.kind is ListKind.MIRRORLIST:
            # The trees are joined by the repository's path; the notes on the fallback level are not for a monopoly.
            route.headers = list(headers_for(mirrorlist.CONTENT_TYPE))
            route.head = _comments(question.heading)
            route.between = query.path.encode() + b"\n"
            route.tail_alone = route.between + _comments(notes)
            route.tail = route.tail_alone + _comments(column.notes)
            return route
        metadata = self._prepared.snapshot.facts.metadata.get(query.key)
        if metadata is None:
            return None
        route.headers = list(headers_for(metalink3.CONTENT_TYPE))
        route.head, route.between = metalink3.head(metadata), metalink3.path_part(query.path)
        route.tail = route.tail_alone = route.between + metalink3.TAIL
        return route

    def collect(self) -> None:
        """Moves the hits of all rows into the counts."""
        for rows in list(self._rows.values()):
            rows.collect(self._counts, self._prepared.snapshot)

    def _clear(self) -> None:
        self.collect()
        for rows in self._rows.values():
            rows.by_key.clear()

    def _rows_of(self, kind: ListKind, column: PreparedColumn, orders: PreparedModule) -> Rows:
        of = kind, column.number
        if of not in self._rows:
            self._rows[of] = Rows(orders, column, self._writing(kind, column.every), self._room)
        return self._rows[of]

    def _writing(self, kind: ListKind, column: Column) -> Writing:
        if kind is ListKind.MIRRORLIST:
            return Writing(lambda number, _: column[number] or b"", lambda tree, _: tree.encode())
        mirrors = self._prepared.snapshot.mirrors

        def element(number: int, preference: int) -> bytes:
            return metalink3.url_start((column[number] or b"").decode(), mirrors[number], preference)

        written = lru_cache(maxsize=MOST_REMEMBERED)(element)
        return Writing(written, lambda tree, preference: metalink3.url_start(tree, None, preference))


def _comments(lines: Sequence[str]) -> bytes:
    return "".join(mirrorlist.comment(line) + "\n" for line in lines).encode()
