"""One question prepared: everything of its answer that does not depend on the client."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from mirrorlist.core.health import Family
from mirrorlist.core.model import Query, RepoMetadata
from mirrorlist.core.prepared import Column, Prepared, PreparedColumn, PreparedModule
from mirrorlist.core.select import BEST_PREFERENCE
from mirrorlist.core.spread import Lot
from mirrorlist.formats import metalink3, mirrorlist
from mirrorlist.web.questions import DEFAULT_FORMATS, Kind, Question


def headers_for(content_type: str) -> tuple[tuple[str, str], ...]:
    """The headers of every answer that depends on the client."""
    return (
        ("Content-Type", content_type),
        ("Cache-Control", "private, no-store"),
        ("Vary", "Accept-Encoding"),
        ("X-Content-Type-Options", "nosniff"),
    )


Headers = list[tuple[str, str]]
Parts = tuple[bytes, ...]


class Writing(NamedTuple):
    """How a kind of answer is put together: ``head + between.join(parts) + tail``.

    ``part`` writes what stands for a mirror at a preference, up to where the repository's path begins.
    """

    part: Callable[[int, int], bytes]
    fallbacks: tuple[str, ...]
    fallback: Callable[[str, int], bytes]


class Route:
    """One question, prepared. ``answer`` is all that a request still has to do."""

    def __init__(
        self, orders: PreparedModule, column: Column, writing: Writing, few: int, memo: dict[int, Parts]
    ) -> None:
        self.orders = orders
        self.column = column
        self._writing = writing
        self._few = few
        self._memo = memo
        self.head = self.between = self.tail = b""
        self.headers: Headers = []
        self._by_length: dict[int, Headers] = {}

    def parts(self, place: int, network: int, lot: Lot) -> Parts:
        """The answer's parts, empty where there is no mirror to give.

        What depends on the place, the variant and the first mirror alone is kept, so that most requests only join
        parts that are there.
        """
        key = self.orders.key(place, network, lot, self.column)
        if key is None:
            return ()
        parts = self._memo.get(key)
        if parts is None:
            parts = self._written(*self.orders.listed(key, self.column))
            if len(self._memo) >= MOST_REMEMBERED:
                self._memo.clear()
            self._memo[key] = parts
        return parts

    def _written(self, numbers: Sequence[int], alone: bool) -> Parts:
        part = self._writing.part
        parts = [part(number, BEST_PREFERENCE - rank) for rank, number in enumerate(numbers)]
        if len(parts) < self._few and not alone:
            best = BEST_PREFERENCE - len(parts)
            parts += [self._writing.fallback(tree, best - rank) for rank, tree in enumerate(self._writing.fallbacks)]
        return tuple(parts)

    def body(self, parts: Parts) -> bytes:
        """The answer of these parts."""
        return self.head + self.between.join(parts) + self.tail

    def headers_of(self, length: int) -> Headers:
        """The headers of an answer of this many bytes; there are a few thousand lengths at the most."""
        found = self._by_length.get(length)
        if found is None:
            found = self._by_length[length] = [*self.headers, ("Content-Length", str(length))]
        return found


MOST_REMEMBERED = 16_384


class Routes:
    """Prepares questions for one generation; questions that differ in the path only share what they can."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._policy = prepared.snapshot.policy
        self._memos: dict[tuple[Kind, int], tuple[Writing, dict[int, Parts]]] = {}

    def of(self, question: Question, family: Family | None) -> Route | None:
        """The prepared question for clients of a family, or None where the mirrors are not what answers it."""
        query = question.query
        orders = self._prepared.module(query.target.module)
        unusual = query.target.vault or query.countries or query.every_protocol or not query.networks
        if unusual or orders is None or not question.is_plain:
            return None
        if question.format != DEFAULT_FORMATS[question.kind] or question.kind is Kind.ISOLIST:
            return None
        column = self._prepared.column(query, family)
        if column.notes:  # the ladder is rare, and its note is not for those whom a monopoly serves
            return None
        writing, memo = self._shared(question.kind, query, column)
        route = Route(orders, column.urls, writing, self._policy.fallback_minimum, memo)
        if question.kind is Kind.MIRRORLIST:
            _as_text(route, query, question.heading)
            return route
        metadata = self._prepared.snapshot.facts.metadata.get(query.path)
        if metadata is None:
            return None
        _as_metalink(route, query, metadata)
        return route

    def _shared(self, kind: Kind, query: Query, column: PreparedColumn) -> tuple[Writing, dict[int, Parts]]:
        of = kind, column.number
        if of not in self._memos:
            trees = self._prepared.snapshot.facts.service.fallbacks.get(query.target.module, ())
            fallbacks = tuple(tree for tree in trees if tree.partition(":")[0] in query.protocols)
            self._memos[of] = self._writing(kind, column.urls, fallbacks), {}
        return self._memos[of]

    def _writing(self, kind: Kind, column: Column, fallbacks: tuple[str, ...]) -> Writing:
        if kind is Kind.MIRRORLIST:
            return Writing(lambda number, _: column[number] or b"", fallbacks, lambda tree, _: tree.encode())
        mirrors = self._prepared.snapshot.mirrors

        def element(number: int, preference: int) -> bytes:
            return metalink3.url_start((column[number] or b"").decode(), mirrors[number], preference)

        written = lru_cache(maxsize=MOST_REMEMBERED)(element)
        return Writing(written, fallbacks, lambda tree, preference: metalink3.url_start(tree, None, preference))


def _as_text(route: Route, query: Query, heading: tuple[str, ...]) -> None:
    """The repository's path is what the trees are joined by."""
    route.headers = list(headers_for(mirrorlist.CONTENT_TYPE))
    route.head = "".join(mirrorlist.comment(line) + "\n" for line in heading).encode()
    route.between = route.tail = query.path.encode() + b"\n"


def _as_metalink(route: Route, query: Query, metadata: RepoMetadata) -> None:
    route.headers = list(headers_for(metalink3.CONTENT_TYPE))
    route.head, route.between = metalink3.head(metadata), metalink3.path_part(query.path)
    route.tail = route.between + metalink3.TAIL
