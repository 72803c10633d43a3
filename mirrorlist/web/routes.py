"""One question prepared: everything of its answer that does not depend on the client."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mirrorlist.core.model import Mirror, Protocol, Query, RepoMetadata
from mirrorlist.core.prepared import Column, Prepared, PreparedModule
from mirrorlist.core.select import BEST_PREFERENCE
from mirrorlist.formats import metalink3, mirrorlist
from mirrorlist.web.questions import DEFAULT_FORMATS, Kind, Question

Headers = tuple[tuple[str, str], ...]


def headers_for(content_type: str) -> Headers:
    """The headers of every answer that depends on the client."""
    return (
        ("Content-Type", content_type),
        ("Cache-Control", "private, no-store"),
        ("Vary", "Accept-Encoding"),
        ("X-Content-Type-Options", "nosniff"),
    )


Body = Callable[[Sequence[int], bool], bytes | None]


@dataclass(frozen=True, slots=True)
class Route:
    """``body`` joins the answer from the chosen mirrors, or is None where there is none to give."""

    orders: PreparedModule
    column: Column
    headers: Headers
    body: Body


class Routes:
    """Prepares questions for one generation; questions that differ in the path only share what they can."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._policy = prepared.snapshot.policy
        self._fragments: dict[tuple[str, tuple[Protocol, ...]], Fragments] = {}

    def of(self, question: Question) -> Route | None:
        """The prepared question, or None where the mirrors are not what answers it."""
        query = question.query
        orders = self._prepared.module(query.target.module)
        unusual = query.target.vault or query.countries or query.every_protocol or not query.networks
        if unusual or orders is None or not question.is_plain:
            return None
        if question.format != DEFAULT_FORMATS[question.kind] or question.kind is Kind.ISOLIST:
            return None
        column = self._prepared.column(query.target.module, query.protocols)
        if question.kind is Kind.MIRRORLIST:
            return Route(
                orders, column, headers_for(mirrorlist.CONTENT_TYPE), self._text(query, column, question.heading)
            )
        metadata = self._prepared.snapshot.facts.metadata.get(query.path)
        if metadata is None:
            return None
        return Route(orders, column, headers_for(metalink3.CONTENT_TYPE), self._metalink(query, column, metadata))

    def _fallbacks(self, query: Query) -> list[str]:
        trees = self._prepared.snapshot.facts.service.fallbacks.get(query.target.module, ())
        return [tree for tree in trees if tree.partition(":")[0] in query.protocols]

    def _text(self, query: Query, column: Column, heading: tuple[str, ...]) -> Body:
        """The repository's path is what the trees are joined by."""
        head = "".join(mirrorlist.comment(line) + "\n" for line in heading).encode()
        end = query.path.encode() + b"\n"
        fallbacks = [tree.encode() for tree in self._fallbacks(query)]
        few = self._policy.fallback_minimum

        def body(numbers: Sequence[int], alone: bool) -> bytes | None:
            trees = [column[number] or b"" for number in numbers]
            if len(trees) < few and not alone:
                trees += fallbacks
            return head + end.join(trees) + end if trees else None

        return body

    def _metalink(self, query: Query, column: Column, metadata: RepoMetadata) -> Body:
        head, end = metalink3.head(metadata), metalink3.path_part(query.path)
        tail = end + metalink3.TAIL
        fallbacks = self._fallbacks(query)
        few = self._policy.fallback_minimum
        shared = (query.target.module, query.protocols)
        starts = self._fragments.setdefault(shared, Fragments(self._prepared.snapshot.mirrors, column))

        def body(numbers: Sequence[int], alone: bool) -> bytes | None:
            parts = [starts[number, BEST_PREFERENCE - rank] for rank, number in enumerate(numbers)]
            if len(parts) < few and not alone:
                best = BEST_PREFERENCE - len(parts)
                parts += [metalink3.url_start(tree, None, best - rank) for rank, tree in enumerate(fallbacks)]
            return head + end.join(parts) + tail if parts else None

        return body


class Fragments(dict[tuple[int, int], bytes]):
    """The beginning of a mirror's URL element at each preference, written when it is first wanted."""

    def __init__(self, mirrors: Sequence[Mirror], column: Column) -> None:
        super().__init__()
        self._mirrors = mirrors
        self._column = column

    def __missing__(self, key: tuple[int, int]) -> bytes:
        number, preference = key
        tree = (self._column[number] or b"").decode()
        written = self[key] = metalink3.url_start(tree, self._mirrors[number], preference)
        return written
