"""Prepare one question: everything in its answer that does not depend on the client."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from itertools import count
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakMethod

from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.selection.answer import BEST_PREFERENCE
from mirrorlist.core.selection.columns import NOT_KEPT, Column, PreparedColumn
from mirrorlist.core.selection.fallbacks import each_once, own_trees
from mirrorlist.core.selection.prepared import Prepared, PreparedModule
from mirrorlist.core.selection.spread import ClientHash
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.core.statistics import LONGEST_AGENT, NO_SYSTEM, AskedCell, SystemName, system_of
from mirrorlist.formats import metalink3, mirrorlist
from mirrorlist.formats.registry import LISTS, METALINKS
from mirrorlist.web.counts import (
    CountryNumbers,
    Counts,
    Dimension,
    Hits,
    Labels,
    Tally,
    asked_by_question,
    labels_at,
    labels_of_question,
)
from mirrorlist.web.questions import ListKind, Question
from mirrorlist.web.responses import headers_for

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

MOST_REMEMBERED = 16_384
"""Maximum questions, rows of all lists, and metalink elements that a generation keeps, each."""

MOST_TALLIES = 4096
"""The most kinds of questions that a generation counts apart, 2 KB each: more only where clients make up systems."""
MOST_AGENTS = 64
"""The most User-Agents of a question that are counted apart in a generation."""
MOST_KEPT_BYTES = 16 << 20
"""Of answers that Flask wrote, in a generation."""
_JOINED = ("mirrorlist", "metalink3")
"""Formats whose answers are joined here from parts; the others are kept whole."""

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
    """The parts of one list, the number of its clients' country, whether a monopoly is alone in it, and how
    often it was given since counted."""

    __slots__ = ("alone", "country", "hits", "key", "parts")

    def __init__(self, key: int, parts: Parts, alone: bool, country: int) -> None:
        self.key = key
        self.parts = parts
        self.alone = alone
        self.country = country
        self.hits = 0


class Rows:
    """The rows of one column and kind of answer, by key; all rows of a generation share one room."""

    def __init__(
        self,
        orders: PreparedModule,
        column: PreparedColumn,
        writing: Writing,
        room: Room,
        countries: CountryNumbers,
    ) -> None:
        self._orders, self._countries = orders, countries
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
            row = self._new(key, place)
        row.hits += 1
        return row

    def filtered(self, place: int, network: int, lot: ClientHash) -> AnswerParts | None:
        """The same for a client that filters."""
        key = self._orders.filtered_key(place, network, lot, self._prepared)
        if key is None:
            return None
        row = self.by_key.get(key) or self._new(key, place)
        row.hits += 1
        return row

    def _new(self, key: int, place: int) -> AnswerParts:
        column, writing = self._prepared, self._writing
        numbers, alone = self._orders.listed(key, column)
        listed = each_once(numbers if alone else column.among(numbers), column.every.__getitem__)
        parts = (
            writing.fallback(each, BEST_PREFERENCE - rank)
            if isinstance(each, str)
            else writing.part(each, BEST_PREFERENCE - rank)
            for rank, each in enumerate(listed)
        )
        row = AnswerParts(key, tuple(parts), alone, self._countries.of_place[place])
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


RowOf = Callable[[int, int, ClientHash], AnswerParts | None]


class Route:
    """One question, prepared: how a row becomes its answer. ``hits`` is how often it was asked, by
    the number of the client's country; questions that are counted alike share it.

    ``row`` finds the row of a client's place, network and hash. Where it finds none ``instead`` does, with less of the
    client's filter; without that Flask has to answer. ``is_particular`` where more is to be asked than the row.
    """

    __slots__ = (
        "between", "by_length", "head", "headers", "hits", "instead", "is_particular", "row", "tail", "tail_alone",
    )  # fmt: skip

    def __init__(self, row: RowOf, hits: Hits, is_particular: bool = False) -> None:
        self.row = row
        self.is_particular = is_particular
        self.instead: Route | None = None
        self.hits = hits
        self.head = self.between = self.tail = self.tail_alone = b""
        self.headers: Headers = []
        self.by_length: dict[int, Headers] = {}

    def body(self, row: AnswerParts, environ: WSGIEnvironment) -> bytes:
        """The answer of this row."""
        self.hits[row.country] += 1
        return self.head + self.between.join(row.parts) + (self.tail_alone if row.alone else self.tail)

    def headers_of(self, length: int) -> Headers:
        """The headers of an answer of this many bytes; there are a few thousand lengths at the most."""
        found = self.by_length.get(length)
        if found is None:
            found = self.by_length[length] = [*self.headers, ("Content-Length", str(length))]
        return found


class CountmeRoute(Route):
    """A question that asks to be counted, which a system sends once a week: it is counted by what the system says of
    itself; ``by_agent`` makes the hits of a User-Agent."""

    __slots__ = ("_agents", "_by_agent")

    def __init__(self, row: RowOf, hits: Hits, is_particular: bool, by_agent: Callable[[str], Hits]) -> None:
        super().__init__(row, hits, is_particular)
        self._agents: dict[str, Hits] = {}
        self._by_agent = by_agent

    def body(self, row: AnswerParts, environ: WSGIEnvironment) -> bytes:
        """The answer of this row."""
        agent = environ.get("HTTP_USER_AGENT", "")
        hits = self._agents.get(agent)
        if hits is None:
            hits = self.hits
            if len(agent) <= LONGEST_AGENT and len(self._agents) < MOST_AGENTS:
                hits = self._agents[agent] = self._by_agent(agent)
        hits[row.country] += 1
        return self.head + self.between.join(row.parts) + (self.tail_alone if row.alone else self.tail)


PENDING = Route(lambda *_: None, [], True)
"""Stands for a route that nobody needed yet."""


class WrittenRoute(Route):
    """A question in a format that Flask writes, once for each row; then it is kept. Another route counts it."""

    __slots__ = ("_counting", "_kept", "_number")

    def __init__(self, counting: Route, kept: WrittenAnswers) -> None:
        super().__init__(counting.row, counting.hits, True)
        self._counting = counting
        self._kept = kept
        self._number = next(kept.numbers)

    def written(self, row: AnswerParts, environ: WSGIEnvironment) -> bytes | None:
        """The answer of this row, or None if it is not kept: then Flask writes and counts it."""
        body = self._kept.bodies.get((self._number, row.key))
        if body is None:
            row.hits -= 1
        else:
            self._counting.body(row, environ)
        return body

    def keep(self, row: AnswerParts, body: bytes) -> None:
        """Keeps what Flask wrote for a row."""
        self._kept.put(self._number, row.key, body)


class WrittenAnswers:
    """Answers by the number of their route and the key of their row, within a number of bytes; when full, all go."""

    def __init__(self, most: int = MOST_KEPT_BYTES) -> None:
        self._most = most
        self._bytes = 0
        self.numbers = count()
        self.bodies: dict[tuple[int, int], bytes] = {}

    def put(self, route: int, key: int, body: bytes) -> None:
        """Keeps an answer."""
        if self._bytes + len(body) > self._most:
            self.bodies.clear()
            self._bytes = 0
        self._bytes += len(body)
        self.bodies[route, key] = body


class Routes:
    """Prepares questions for one generation; questions that differ in the path only share what they can."""

    def __init__(self, prepared: Prepared, counts: Counts) -> None:
        self._prepared = prepared
        self._counts = counts
        self._room = Room(MOST_REMEMBERED, self._clear)
        self._rows: dict[tuple[ListKind, int], Rows] = {}
        self._kept = WrittenAnswers()
        self.filtered: dict[Hashable, tuple[Route, AnswerParts]] = {}
        """By question and client the route and the row of one that filters."""
        self._tallies: dict[Hashable, Tally] = {}
        self._countries = CountryNumbers(prepared.snapshot)

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
            snapshot = self._prepared.snapshot
            if not left.countries and own_trees(snapshot, query, family, column.rung, is_empty=True).every:
                break  # the project's own trees are an answer too, and Flask writes it
            before = route
        return first

    def _route(
        self, question: Question, column: PreparedColumn, notes: tuple[str, ...], is_filtered: bool
    ) -> Route | None:
        query = question.query
        orders = self._prepared.module(query.target.module)
        unusual = query.target.vault or query.every_protocol or not query.networks
        if unusual or orders is None or not question.is_plain or column.number == NOT_KEPT:
            return None
        is_joined = question.format in _JOINED
        rows = self._rows_of(question.kind if is_joined else ListKind.MIRRORLIST, column, orders)
        row = rows.filtered if is_filtered else rows.of
        tally = partial(self._tally, labels_of_question(question, column.rung), asked_by_question(question))
        hits = tally(NO_SYSTEM)
        if question.countme:
            route: Route = CountmeRoute(row, hits, is_filtered, lambda agent: tally(system_of(agent)))
        else:
            route = Route(row, hits, is_filtered)
        if not is_joined:
            route = WrittenRoute(route, self._kept)
            known = METALINKS if question.kind is ListKind.METALINK else LISTS
            route.headers = list(headers_for(known[question.format].content_type))
            return route
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

    @property
    def is_full(self) -> bool:
        """Whether the routes have to go, with all that they counted in."""
        return len(self._tallies) >= MOST_TALLIES

    def clear(self) -> None:
        """Forgets what routes counted in; they must not be used any more."""
        self.collect()
        self.filtered.clear()
        self._tallies.clear()

    def collect(self) -> None:
        """Moves the hits of all rows and questions into the counts."""
        for rows in list(self._rows.values()):
            rows.collect(self._counts, self._prepared.snapshot)
        for tally in list(self._tallies.values()):
            if any(tally.hits):
                tally.collect(self._counts, self._countries.names)

    def _tally(self, labels: Labels, cell: AskedCell, system: SystemName) -> Hits:
        """The hits of questions that are counted alike."""
        known = labels[Dimension.ROUTE], labels[Dimension.RUNG], cell, system
        if known not in self._tallies:
            counted = cell._replace(system=system)
            self._tallies[known] = Tally(labels, counted, [0] * len(self._countries.names))
        return self._tallies[known].hits

    def _clear(self) -> None:
        self.collect()
        self.filtered.clear()
        for rows in self._rows.values():
            rows.by_key.clear()

    def _rows_of(self, kind: ListKind, column: PreparedColumn, orders: PreparedModule) -> Rows:
        of = kind, column.number
        if of not in self._rows:
            self._rows[of] = Rows(orders, column, self._writing(kind, column.every), self._room, self._countries)
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
