"""Resolve a host and a path to a tree of service.yml and the path below it.

A path comes decoded once, as WSGI hands it over (PEP 3333): ``%2F`` is a slash by then, and a ``%`` that is left
is data. It is never decoded again; for a URL it is encoded again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from urllib.parse import quote

from mirrorlist.core.errors import BadRequest, NotFound

RESERVED = frozenset(
    {
        "mirrorlist", "metalink", "isolist", "api", "mirrors", "mirrors.json", "mirrors.txt", "yours", "isos", "kitten",
        "join", "status", "region", "debug", "schemas", "healthz", "readyz", "metrics", "static", "openapi.json",
        "hooks", "isos.html", ".well-known", "favicon.ico", "robots.txt", "prober", "geoip", "dl_map", "stats",
    }
)  # fmt: skip
"""The first segments of the service's own addresses; a tree may use them on a host of its own only."""

REGION = "region"
CONTINENTS: Mapping[str, tuple[str, ...]] = {
    **{code: (code,) for code in ("AF", "AN", "AS", "EU", "NA", "OC", "SA")},
    "DEFAULT": ("NA", "EU"),
}
"""What may be in ``/region/<continent>/``; ``default`` is armbian-router's word for North America and Europe."""

LONGEST_PATH = 4096
"""Bytes; no file system has longer ones."""
LONGEST_IN_URL = 8000
"""Characters of a path as URLs spell it: nginx and Apache take request lines of 8 KiB, so no mirror could be asked for
a longer one; and HAProxy and nginx as docs/redirects.md sets them up have 15 KiB for the headers of an answer."""

_UNSAFE = re.compile("[\x00-\x1f\x7f\\\\]")
_PLAIN = re.compile("[A-Za-z0-9_.~/@:=-]*", re.ASCII)
_SAFE = "/@:="
"""What stays as it is in a URL beside letters, digits and ``-._~``. ``+`` is a blank to some object stores, ``$``
a variable to dnf, and ``,`` and ``;`` end a link to simple readers of Link headers."""


class MetadataFrom(StrEnum):
    """Who gives a tree's index files, which change in place: any mirror, or the origin alone."""

    MIRROR = "mirror"
    ORIGIN = "origin"


class Router(StrEnum):
    """Whose addresses a tree answers beside those of its files."""

    ARMBIAN = "armbian-router"


ROUTER_PATHS = frozenset({"mirrors", "mirrors.json", "geoip", "dl_map", "stats", "status"})
"""What armbian-router answers itself, and ``mirrors/HOST.svg``."""


def is_of_router(path: str) -> bool:
    """Whether armbian-router answers a path itself."""
    return path in ROUTER_PATHS or (path.startswith("mirrors/") and path.endswith(".svg") and path.count("/") == 1)


class Keeps(StrEnum):
    """Which protocol a tree keeps to: the one that the client asked by."""

    AS_ASKED = "as_asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class RedirectTree:
    """A tree of files that is handed out by redirects.

    ``prefix`` begins and ends with a slash; ``host`` is in lower case, None for every host. ``metadata`` None:
    the index files of apt come from the origin, others from mirrors. ``from_origin`` are patterns of further files
    that come from there. ``allow_http``: whether clients who come by https may be sent to http. ``protocol`` None:
    clients who come by http may be sent to either. ``names`` are further names of files, each with the file's path
    below the tree or a whole URL, as ``names_file`` has them; ``regions`` are words beside the continents after
    ``/region/``, in capitals, each with the address of another tree. ``router``: whose further addresses are answered.
    """

    prefix: str
    module: str
    host: str | None = None
    metadata: MetadataFrom | None = None
    from_origin: tuple[str, ...] = ()
    allow_http: bool = False
    protocol: Keeps | None = None
    names: Mapping[str, str] = field(default_factory=dict, hash=False)
    names_file: str | None = None
    regions: Mapping[str, str] = field(default_factory=dict, hash=False)
    router: Router | None = None

    @property
    def segments(self) -> list[str]:
        """The parts of the prefix between its slashes."""
        return [segment for segment in self.prefix.split("/") if segment]


@dataclass(frozen=True, slots=True)
class TreePath:
    """What a request names: a path below a tree, and the continents whose mirrors are wanted, if any.

    ``path`` has no slash at its beginning, no empty or dotted segment; one at its end says that a directory is
    meant, and so does an empty path. Bytes that are not UTF-8 are surrogates in it. ``front`` is what comes before
    the path in an address of this service. ``real`` is where mirrors have it, if ``path`` leads through symbolic
    links, which a mirror may lack. ``is_named``: the request has another name of the file. ``elsewhere`` is the whole
    URL where a file is that no mirror of the tree has.
    """

    tree: RedirectTree
    path: str
    continents: tuple[str, ...] = ()
    front: str = ""
    real: str | None = None
    is_named: bool = False
    elsewhere: str | None = None

    @property
    def is_directory(self) -> bool:
        """Whether the spelling asks for a directory."""
        return not self.path or self.path.endswith("/")

    @property
    def quoted(self) -> str:
        """The path, without symbolic links where these are known, as it appears in a URL."""
        return quoted(self.path if self.real is None else self.real)


class Trees:
    """Finds the tree of a request. Make one for each snapshot and keep it."""

    def __init__(self, trees: Iterable[RedirectTree]) -> None:
        ordered = sorted(trees, key=lambda tree: len(tree.segments), reverse=True)
        self._of_all = [(tree.segments, tree) for tree in ordered if tree.host is None]
        self._by_host: dict[str, list[tuple[list[str], RedirectTree]]] = {}
        for tree in ordered:
            if tree.host is not None:
                self._by_host.setdefault(tree.host, []).append((tree.segments, tree))
        self._starts = (*_starts(self._of_all), *((f"/{REGION}/",) if self._of_all or self._by_host else ()))
        self._host_starts = {host: (*_starts(of), *self._starts) for host, of in self._by_host.items()}
        self.hosts = frozenset(self._by_host)

    def find(self, host: str, path: str) -> TreePath | None:
        """The place that a request names, or None if it is no tree's.

        ``host`` is a Host header, ``path`` a PATH_INFO: its bytes as Latin-1. A tree with a host of its own comes
        before the service's addresses and the other trees; the longest prefix wins.

        Raises:
            BadRequest: the path lies in a tree but is none that a file can have.
            NotFound: ``/region/`` is followed by no continent.
        """
        candidates = [*self._by_host.get(host_name(host), ()), *self._of_all]
        if not candidates or not path.startswith("/"):
            return None
        segments = [segment for segment in path.split("/") if segment not in ("", ".")]
        below = segments[2:] if segments[:1] == [REGION] else []
        if below and any(below[: len(prefix)] == prefix for prefix, _ in candidates):
            continent, place = segments[1], _placed(below, path, candidates)
            continents = CONTINENTS.get(continent.upper())
            if continents is None and place is not None and (base := place.tree.regions.get(continent.upper())):
                return replace(place, elsewhere=place.elsewhere or base + place.quoted)
            if continents is None:
                known = ", ".join(code.lower() if code == "DEFAULT" else code for code in CONTINENTS)
                raise NotFound("unknown continent; write /region/ and one of %(known)s, then the path", known=known)
            return place and replace(place, continents=continents, front=f"/{REGION}/{continent}{place.front}")
        return _placed(segments, path, candidates)

    def starts(self, host: str) -> tuple[str, ...]:
        """How the paths of trees begin at a host, as far as they are spelt plainly, with a slash at the end."""
        return self._host_starts.get(host_name(host), self._starts)


def _starts(trees: Iterable[tuple[list[str], RedirectTree]]) -> tuple[str, ...]:
    return tuple(tree.prefix for _, tree in trees)


def _placed(segments: list[str], path: str, candidates: list[tuple[list[str], RedirectTree]]) -> TreePath | None:
    for prefix, tree in candidates:
        if segments[: len(prefix)] == prefix:
            rest = segments[len(prefix) :]
            # refuses what could mean something else to a mirror's server or to a client than it does here
            if len(path) > LONGEST_PATH:
                raise BadRequest("the path is longer than %(most)s bytes", most=LONGEST_PATH)
            if 3 * len(path) > LONGEST_IN_URL and len(quoted(_decoded(path))) > LONGEST_IN_URL:
                raise BadRequest(
                    "the path is longer than %(most)s characters where it is percent-encoded", most=LONGEST_IN_URL
                )
            if _UNSAFE.search(path):
                raise BadRequest("the path has a backslash or a control character; write plain names and slashes")
            if ".." in segments:
                raise BadRequest("the path climbs with ..; write it from the top")
            is_directory = bool(rest) and path.endswith(("/", "/."))
            text = _decoded("/".join(rest) + ("/" if is_directory else ""))
            if tree.router and is_of_router(text):
                return None
            place = TreePath(tree, text, front=tree.prefix)
            return _named(place) if tree.names else place
    return None


_MADE = (".meta4", ".metalink", ".sha256", ".sha512")
"""How the addresses of what is made of a file end."""


def _named(place: TreePath) -> TreePath:
    """The place of the file that a further name stands for; what is made of a file keeps its ending."""
    for ending in ("", *_MADE):
        name = place.path.removesuffix(ending)
        found = place.tree.names.get(name) if place.path.endswith(ending) else None
        if found and "://" in found:
            return replace(place, elsewhere=found, is_named=True)
        if found:
            return replace(place, path=found + ending, is_named=True)
    return place


def host_name(host: str) -> str:
    """The name in a Host header: lower case, without port and final dot."""
    name = host.rpartition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
    return name.lower().removesuffix(".")


def spelled(name: str) -> str | None:
    """The last segment of a path, its bytes as Latin-1, as it appears in a URL; None if no file can be called so."""
    if _PLAIN.fullmatch(name):
        return None if name in ("", ".", "..") else name
    return None if _UNSAFE.search(name) else quoted(_decoded(name))


def _decoded(text: str) -> str:
    """What a server hands over, its bytes as Latin-1, as the path that it spells."""
    return text.encode("latin-1").decode("utf-8", "surrogateescape")


def quoted(path: str) -> str:
    """A path in the one spelling that URLs of this service have: ASCII, everything unusual percent-encoded."""
    if _PLAIN.fullmatch(path):
        return path
    return quote(path.encode("utf-8", "surrogateescape"), safe=_SAFE)
