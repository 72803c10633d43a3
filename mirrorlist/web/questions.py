"""Parse list URLs: which paths ask for what, and in which format the answer is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property

from mirrorlist.core.catalogue.catalogue import Catalogue
from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.catalogue.query import Spellings, for_metalink, for_one_arch, is_denied, is_set, parameters
from mirrorlist.core.errors import BadRequest, NotFound
from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.model import Query
from mirrorlist.core.network.prefixes import packed
from mirrorlist.core.selection.known_files import RepositoryLocator, located
from mirrorlist.core.selection.usability import NO_EXCLUSIONS, Exclusions
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.formats.registry import LISTS, METALINKS

_FAMILIES = {"4": Family.IPV4, "6": Family.IPV6}


class ListKind(Enum):
    """What is asked for; the value is the first segment of its paths."""

    MIRRORLIST = "mirrorlist"
    METALINK = "metalink"
    ISOLIST = "isolist"


LIST_PATHS = tuple(f"/{kind.value}" for kind in ListKind)
"""How the paths of lists begin."""
_COUNTME = ("1", "2", "3", "4")
DEFAULT_FORMATS = {ListKind.MIRRORLIST: "mirrorlist", ListKind.METALINK: "metalink3", ListKind.ISOLIST: "isolist"}


@dataclass(frozen=True, slots=True)
class Question:
    """A query, and what is wanted of the answer.

    ``heading`` begins a text list; ``redirect`` wants the first mirror instead of the list; ``time`` the age of
    the data; ``ip`` (packed) the public answer for another address; ``family`` mirrors that work over it (``ipv=``).
    ``countme`` is how long ago the asking system was installed, in dnf's four steps (man dnf.conf), and only counted.
    """

    kind: ListKind
    query: Query
    format: str
    heading: tuple[str, ...] = ()
    redirect: bool = False
    time: bool = False
    ip: bytes | None = None
    countme: str | None = None
    family: Family | None = None

    @property
    def narrowing(self) -> Exclusions:
        """What it leaves out beside what its query says."""
        return Exclusions(family=self.family) if self.family else NO_EXCLUSIONS

    @property
    def is_plain(self) -> bool:
        """Whether the answer depends on nothing but the query and who asks."""
        return not (self.redirect or self.time or self.ip or self.family)


class Questions:
    """Reads paths and query strings by one catalogue. Make one for each snapshot and keep it."""

    def __init__(self, catalogue: Catalogue, policy: Policy) -> None:
        self._catalogue = catalogue
        self._spellings = Spellings(catalogue, policy)

    @cached_property
    def belonging(self) -> RepositoryLocator:
        """Which verdicts count for a path."""
        return RepositoryLocator(self._catalogue)

    def located(self, snapshot: Snapshot, question: Question, now: float) -> Question:
        """The question, with what is known of a path that it asks for; raises NotFound as ``known_files.located``."""
        query = question.query
        if query.file is None:
            return question
        return replace(question, query=located(snapshot, self.belonging, query, now))

    def read(self, path: str, query_string: str) -> Question:
        """The question of ``/mirrorlist/9/baseos`` or ``/metalink`` with ``repo=baseos-9&arch=x86_64``.

        Raises:
            NotFound: the path is none of these, or names something that does not exist.
            BadRequest: a value is malformed or missing.
        """
        kind, rest = _split(path)
        given = parameters(query_string)
        if kind is not ListKind.ISOLIST:
            query = self._spellings.by_path(*rest, given) if rest else self._spellings.by_name(given)
        elif rest:
            query = self._spellings.by_isos(*rest, given)
        else:
            raise NotFound("there is nothing here; write /isolist/VERSION/ARCH")
        if kind is ListKind.METALINK:
            query = for_metalink(query)
        redirect = kind is ListKind.MIRRORLIST and is_set(given, "redirect")
        ip = _ip(given)
        if redirect:  # it goes to one URL, so nobody is left to fill in an arch
            query = for_one_arch(query)
        if ip is not None:  # another address has no networks here
            query = replace(query, networks=False)
        return Question(
            kind,
            query,
            _format(kind, given),
            _heading(given) if kind is ListKind.MIRRORLIST and rest is None else (),
            redirect=redirect,
            time="time" in given and not is_denied(given, "time"),
            ip=ip,
            countme=given["countme"] if given.get("countme") in _COUNTME else None,
            family=family_asked(given),
        )


def family_asked(given: Mapping[str, str]) -> Family | None:
    """The address family of ``ipv=4`` or ``ipv=6``. Raises BadRequest for anything else that is not empty."""
    text = given.get("ipv")
    if not text:
        return None
    if text not in _FAMILIES:
        raise BadRequest("the parameter %(name)s is malformed; write 4 or 6", name="ipv")
    return _FAMILIES[text]


def _split(path: str) -> tuple[ListKind, tuple[str, str] | None]:
    segments = path.strip("/").split("/")
    kind = next((kind for kind in ListKind if kind.value == segments[0]), None)
    if kind is None or len(segments) not in (1, 3) or path.startswith("//") or path.endswith("//"):
        raise NotFound("there is nothing here; lists are at /mirrorlist/VERSION/REPOSITORY")
    return kind, (segments[1], segments[2]) if len(segments) == 3 else None


def _format(kind: ListKind, given: Mapping[str, str]) -> str:
    asked = given.get("format")
    if not asked:
        return DEFAULT_FORMATS[kind]
    known = METALINKS if kind is ListKind.METALINK else LISTS
    if asked not in known:
        raise BadRequest("the %(name)s is unknown; write one of %(known)s", name="format", known=", ".join(known))
    return asked


def _ip(given: Mapping[str, str]) -> bytes | None:
    """``ip=`` shows what the public gets at another address. It proves nothing, so it opens no private mirror."""
    text = given.get("ip")
    if not text:
        return None
    address = packed(text)
    if address is None:
        raise BadRequest("the parameter %(name)s is malformed; write an IPv4 or IPv6 address", name="ip")
    return address


def _heading(given: Mapping[str, str]) -> tuple[str, ...]:
    """The line that MirrorManager's lists begin with; both names are known by now, so they are safe.

    MirrorManager takes every repository with ``source`` in its name for the arch ``source``. Beside ``path=``
    the names mean nothing, and nobody has looked at them.
    """
    repo, arch = given.get("repo"), given.get("arch", "").strip()
    if not repo or given.get("path"):
        return ()
    if arch and "source" in repo.split("-"):
        arch = "source"
    return (f"repo = {repo} arch = {arch} " if arch else f"repo = {repo} ",)


def sent_by(peer: str, forwarded: str | None) -> bytes:
    """What the spread hashes for a client whose address is not known: what it sent."""
    return f"{peer}\n{forwarded or ''}".encode("utf-8", "surrogateescape")
