"""The fast path of the redirector: plain redirects to known files, before Flask makes a request context.

It answers GET and HEAD without parameters for files that the index has, or for any file while there is no index.
Everything else goes on to the view in web/files.py, which answers the same, header by header.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING, TypeAlias

from mirrorlist.core.errors import MirrorlistError
from mirrorlist.core.file_index import Holders
from mirrorlist.core.locate import CountryOf
from mirrorlist.core.offer import Wanted, changes_in_place, comes_from_origin, left_out
from mirrorlist.core.prepared import Prepared, PreparedModule
from mirrorlist.core.trees import Place, host_name
from mirrorlist.core.usability import Narrowing
from mirrorlist.formats import checksum
from mirrorlist.formats.links import digest
from mirrorlist.web.courses import Courses, Way
from mirrorlist.web.file_requests import FileRequests, Form, accepted, is_particular
from mirrorlist.web.known_clients import KnownClients

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

METHODS = frozenset({"GET", "HEAD"})
MOST_FILES = 131_072
"""About 350 bytes each."""
MOST_COURSES = 1024
MOST_HEADERS = 256
LONGEST_REMEMBERED = 512
STATUS = "302 Found"

_CONTENT_TYPE = ("Content-Type", checksum.CONTENT_TYPE)
_CACHE_CONTROL = ("Cache-Control", "private, no-store")
_VARY = ("Vary", "Accept")
_LENGTH = ("Content-Length", "0")
Headers = list[tuple[str, str]]


File: TypeAlias = "tuple[int | str, str | None, Courses]"
"""One file: where its path begins in the request's, or the path as URLs spell it where that differs; the value of its
Digest header, if there is one; and who may give it."""


class Redirects:
    """A WSGI application in front of another.

    ``views`` answers what is left of hosts that trees have to themselves: there the paths of lists are files.
    """

    def __init__(
        self,
        behind: WSGIApplication,
        views: WSGIApplication,
        country_of: CountryOf,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._behind = behind
        self._views = views
        self._country_of = country_of
        self._clock = clock
        self._answers: Answers | None = None

    def take(self, prepared: Prepared) -> None:
        """Answers from this generation from now on."""
        trees = prepared.snapshot.facts.service.trees
        self._answers = Answers(prepared, self._country_of, self._clock) if trees else None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answers = self._answers
        if answers is not None:
            headers = answers.answer(environ)
            if headers is not None:
                start_response(STATUS, headers)
                return (b"",)
            if answers.is_own_host(environ):
                return self._views(environ, start_response)
        return self._behind(environ, start_response)


class Answers:
    """The redirects of one generation. Its memos go with it, so nothing in them can be stale."""

    def __init__(self, prepared: Prepared, country_of: CountryOf, clock: Callable[[], float]) -> None:
        self._prepared = prepared
        self._clock = clock
        self._requests = FileRequests(prepared.snapshot)
        self._clients = KnownClients(prepared, country_of, clock)
        self._starts = tuple(f"/{head}/" for head in self._requests.trees.heads)
        self._hosts: dict[str, bool] | None = {} if self._requests.trees.hosts else None
        self._plain: dict[str, bool] = {}
        self._agents: dict[str, bool] = {}
        self._files: dict[str | tuple[str, str], File | None] = {}
        self._courses: dict[Hashable, Courses] = {}
        self._ways: dict[int, Way] = {}
        self._number = 0

    def answer(self, environ: WSGIEnvironment) -> Headers | None:
        """The headers of a redirect, or None if Flask has to answer."""
        path: str = environ["PATH_INFO"]
        asked: str | tuple[str, str] = path
        if self.is_own_host(environ):
            asked = environ["HTTP_HOST"], path
        elif not path.startswith(self._starts):
            return None
        try:
            file = self._files[asked]
        except KeyError:
            file = self._new_file(asked, environ)
        if file is None or environ.get("QUERY_STRING") or environ["REQUEST_METHOD"] not in METHODS:
            return None
        accept = environ.get("HTTP_ACCEPT")
        if accept is not None and not (self._plain.get(accept) or self._wants_redirect(accept)):
            return None
        agent = environ.get("HTTP_USER_AGENT")
        if agent is not None and self._is_particular(agent):
            return None
        rest, checked, courses = file
        https = environ["wsgi.url_scheme"] == "https" or (
            "HTTP_X_FORWARDED_PROTO" in environ and self._requests.is_https(environ)
        )
        way = courses.way(self._clients.of(environ), https)
        if way is None:
            return None
        tree, pieces = way
        path = path[rest:] if isinstance(rest, int) else rest
        headers = [
            ("Location", tree + path), ("Link", path.join(pieces)), _CONTENT_TYPE, _CACHE_CONTROL, _VARY, _LENGTH,
        ]  # fmt: skip
        if checked is not None:
            headers.append(("Digest", checked))
        return headers

    def is_own_host(self, environ: WSGIEnvironment) -> bool:
        """Whether trees have this host to themselves; the spellings of a host are few, so they are remembered."""
        if self._hosts is None:
            return False
        host = environ.get("HTTP_HOST", "")
        known = self._hosts.get(host)
        if known is None:
            known = host_name(host) in self._requests.trees.hosts
            if len(self._hosts) >= MOST_HEADERS:
                self._hosts.clear()
            if len(host) <= LONGEST_REMEMBERED:
                self._hosts[host] = known
        return known

    def _wants_redirect(self, accept: str) -> bool:
        plain = self._plain.get(accept)
        if plain is None:
            plain = accepted(accept) is Form.REDIRECT
            if len(self._plain) >= MOST_HEADERS:
                self._plain.clear()
            if len(accept) <= LONGEST_REMEMBERED:
                self._plain[accept] = plain
        return plain

    def _is_particular(self, agent: str) -> bool:
        known = self._agents.get(agent)
        if known is None:
            known = is_particular(agent)
            if len(self._agents) >= MOST_HEADERS:
                self._agents.clear()
            if len(agent) <= LONGEST_REMEMBERED:
                self._agents[agent] = known
        return known

    def _new_file(self, asked: str | tuple[str, str], environ: WSGIEnvironment) -> File | None:
        try:
            place = self._requests.place(environ)
            file = None if place is None else self._file(place, environ["PATH_INFO"])
        except MirrorlistError:
            file = None
        if (len(asked) if isinstance(asked, str) else len(asked[0]) + len(asked[1])) <= LONGEST_REMEMBERED:
            if len(self._files) >= MOST_FILES:
                self._files.clear()
            self._files[asked] = file
        return file

    def _file(self, place: Place, asked: str) -> File | None:
        """The file of a place, or None if the view has to answer: directories, regions, generated files, and what
        the index does not know, about which it may be wrong for a while."""
        snapshot, belonging, module = self._prepared.snapshot, self._requests.belonging, place.tree.module
        index = snapshot.files.get(module)
        orders = self._prepared.module(module)
        if place.is_directory or place.continents or orders is None or belonging.is_in_vault(module, place.path):
            return None
        number = None if index is None else index.find(place.path)
        if number is None and (index is not None or self._requests.by_ending(place)):
            return None
        checked = None
        if index is not None and number is not None and not changes_in_place(place.path):
            found = index.file(number).sha256
            checked = digest(found.hex()) if found else None
        holders = None if index is None or number is None else index.holders(number)
        return _beginning(place, asked), checked, self._courses_of(place, orders, holders)

    def _courses_of(self, place: Place, orders: PreparedModule, holders: Holders | None) -> Courses:
        """What files with the same repository, origin and holders share."""
        repository = self._requests.belonging.repository(place.tree.module, place.path)
        if repository and changes_in_place(place.path):
            holders = None
        shared = (
            place.tree, place.front, repository, comes_from_origin(place),
            None if holders is None else (holders.having, holders.known),
        )  # fmt: skip
        courses = self._courses.get(shared)
        if courses is None:
            if len(self._courses) >= MOST_COURSES:
                self._courses.clear()
                self._files.clear()
                self._ways.clear()
            without = left_out(self._prepared.snapshot, Wanted(place, ()), holders)
            self._number += 1  # never again, because clients remember it
            courses = Courses(
                self._prepared, self._requests, orders, place, Narrowing(without), self._ways, self._number
            )
            self._courses[shared] = courses
        return courses


def _beginning(place: Place, asked: str) -> int | str:
    """Where the path begins in what was asked for, if it stands there as URLs spell it; else the path itself."""
    path = place.quoted
    return len(asked) - len(path) if asked.endswith(path) else path
