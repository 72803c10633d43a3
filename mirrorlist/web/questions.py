"""The spellings of the service's addresses: which paths ask for a list, and which for a metalink."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mirrorlist.core.catalogue import Catalogue
from mirrorlist.core.errors import NotFound
from mirrorlist.core.model import Policy, Query
from mirrorlist.core.query import Spellings, for_metalink, parameters


class Kind(Enum):
    """What is asked for; the value is the first segment of its paths."""

    MIRRORLIST = "mirrorlist"
    METALINK = "metalink"


@dataclass(frozen=True, slots=True)
class Question:
    """A query and the kind of answer it wants."""

    kind: Kind
    query: Query


class Questions:
    """Reads paths and query strings by one catalogue."""

    def __init__(self, catalogue: Catalogue, policy: Policy) -> None:
        self._spellings = Spellings(catalogue, policy)

    def read(self, path: str, query_string: str) -> Question:
        """The question of ``/mirrorlist/9/baseos`` or ``/metalink`` with ``repo=baseos-9&arch=x86_64``.

        Raises:
            NotFound: the path is none of these, or names something that does not exist.
            BadRequest: a value is malformed or missing.
        """
        kind, rest = _split(path)
        given = parameters(query_string)
        query = self._spellings.by_path(*rest, given) if rest else self._spellings.by_name(given)
        return Question(kind, for_metalink(query) if kind is Kind.METALINK else query)


def _split(path: str) -> tuple[Kind, tuple[str, str] | None]:
    segments = path.strip("/").split("/")
    kind = next((kind for kind in Kind if kind.value == segments[0]), None)
    if kind is None or len(segments) not in (1, 3) or path.startswith("//") or path.endswith("//"):
        raise NotFound("there is nothing here; lists are at /mirrorlist/VERSION/REPOSITORY")
    return kind, (segments[1], segments[2]) if len(segments) == 3 else None


def sent_by(peer: str, forwarded: str | None) -> bytes:
    """What the spread hashes for a client whose address is not known: what it sent."""
    return f"{peer}\n{forwarded or ''}".encode("utf-8", "surrogateescape")
