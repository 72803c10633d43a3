"""The fast path of the redirector: plain redirects to known files, before Flask makes a request context.

It answers GET and HEAD without parameters, or with those that filter mirrors, for files that the index has, or for any
file while there is no index. Everything else goes on to the view in web/redirects/views.py, which answers the same,
header by header.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from mirrorlist.core.catalogue.query import FILTERS, asked_filter, parameters
from mirrorlist.core.catalogue.trees import MetadataFrom, TreePath, Trees, host_name, is_of_router, quoted
from mirrorlist.core.errors import BadRequest, MirrorlistError
from mirrorlist.core.files.folder import indexed_folder
from mirrorlist.core.files.index import FileIndex, Holders
from mirrorlist.core.filter import NO_FILTER, Filter
from mirrorlist.core.memo import Memo
from mirrorlist.core.model import Query
from mirrorlist.core.redirects.file_mirrors import FileQuery, comes_from_origin, file_query
from mirrorlist.core.selection.client import CountryOf
from mirrorlist.core.selection.known_files import changes_in_place, holders_of, really
from mirrorlist.core.selection.prepared import Prepared, PreparedModule
from mirrorlist.formats.links import digest, shortened
from mirrorlist.web.clients import KnownClients
from mirrorlist.web.counts import Counts, Measure
from mirrorlist.web.generations import PerGeneration
from mirrorlist.web.lists.prepared_answers import Room
from mirrorlist.web.redirects.requests import FileRequests, Form, accepted, by_ending, is_particular
from mirrorlist.web.redirects.targets import File, Folder, RedirectTargets
from mirrorlist.web.repeats import FORGETFUL, Repeats, part_of
from mirrorlist.web.time_budget import Budget

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


METHODS = frozenset({"GET", "HEAD"})
MOST_FOLDERS = 16_384
"""About 600 bytes each."""
MOST_FILES = 131_072
"""About 340 bytes each, the first ones that are asked for in a generation: 43 MB at the most. The others cost 5 us
more, a fifth of a request (see ``folders``; measured with 100,000 files in no order)."""
MOST_COURSES = 1024
MOST_WAYS = 65_536
MOST_HEADERS = 256
LONGEST_REMEMBERED = 512
STATUS = "302 Found"

_CACHE_CONTROL = ("Cache-Control", "private, no-store")
_VARY = ("Vary", "Accept")
_LENGTH = ("Content-Length", "0")
Headers = list[tuple[str, str]]


class Redirects(PerGeneration["RedirectAnswers"]):
    """A WSGI application in front of two others: ``files`` answers what is left of trees, ``behind`` everything else.

    At a host of its own a tree comes first: there the paths of lists may be files.
    """

    def __init__(
        self,
        behind: WSGIApplication,
        files: WSGIApplication,
        country_of: CountryOf,
        counts: Counts,
        budget: Budget,
        clock: Callable[[], float] = time.time,
        repeats: Repeats = FORGETFUL,
    ) -> None:
        def answers_of(prepared: Prepared) -> RedirectAnswers | None:
            trees = prepared.snapshot.facts.service.trees
            return RedirectAnswers(prepared, country_of, counts, budget, clock, repeats) if trees else None

        super().__init__(answers_of)
        self._behind = behind
        self._files = files

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answers = self._answers
        if answers is not None:
            host = answers.host(environ)
            if host is not None:
                headers = answers.answer(environ, host)
                if headers is not None:
                    start_response(STATUS, headers)
                    return (b"",)
                return self._files(environ, start_response)
        return self._behind(environ, start_response)


class RedirectAnswers:
    """The redirects of one generation. Its memos go with it, so nothing in them can be stale."""

    def __init__(
        self,
        prepared: Prepared,
        country_of: CountryOf,
        counts: Counts,
        budget: Budget,
        clock: Callable[[], float],
        repeats: Repeats = FORGETFUL,
    ) -> None:
        self._prepared = prepared
        self._budget = budget
        self._within = prepared.snapshot.policy.repeat_seconds if repeats is not FORGETFUL else 0
        self._repeats = repeats
        self._counts = counts
        self._requests = FileRequests(prepared.snapshot)
        self._clients = KnownClients(prepared, country_of, clock, counts)
        self._clock, self._remembered = clock, self._clients.remembered
        self._starts = self._requests.trees.starts("")
        trees = self._requests.trees
        self._own = Memo(partial(_starts_of, trees), MOST_HEADERS, _is_short) if trees.hosts else None
        self._plain = Memo(lambda accept: accepted(accept) is Form.REDIRECT, MOST_HEADERS, _is_short)
        self._particular = Memo(is_particular, MOST_HEADERS, _is_short)
        self._folders: dict[str, Folder] = {}
        self._files: dict[str, File] = {}
        self._courses: dict[Hashable, RedirectTargets] = {}
        self._filters = Memo(_filter, MOST_HEADERS, _is_short)
        self._filtered: dict[tuple[RedirectTargets, str], RedirectTargets] = {}
        self._room = Room(MOST_WAYS, self._clear_ways)

    def host(self, environ: WSGIEnvironment) -> str | None:
        """Whose trees are asked: those of a host of their own, or "" for all; None if the path lies in none.

        Of odd spellings the view finds out.
        """
        path: str = environ["PATH_INFO"]
        if self._own is not None and (starts := self._own[environ.get("HTTP_HOST", "")]):
            return environ["HTTP_HOST"] if path.startswith(starts) or path + "/" in starts else None
        return "" if path.startswith(self._starts) else None

    def collect(self) -> None:
        """Moves into the counts what was answered since the last time."""
        self._clients.collect()
        for courses in (*self._courses.values(), *self._filtered.values()):
            for labels, passed, hits in courses.counted():
                self._counts.add({**labels, Measure.ANSWERS: "files 302"}, hits)
                if passed is not None:
                    self._repeats.pass_over(passed, hits)

    def _clear_ways(self) -> None:
        self.collect()
        for courses in (*self._courses.values(), *self._filtered.values()):
            courses.clear()

    def answer(self, environ: WSGIEnvironment, host: str) -> Headers | None:
        """The headers of a redirect, or None if Flask has to answer."""
        method, query = environ["REQUEST_METHOD"], environ.get("QUERY_STRING")
        if method not in METHODS or (query and self._filters[query] is None):
            return None
        path: str = environ["PATH_INFO"]
        asked = host + path
        file = self._files.get(asked)
        if file is None:
            file = self._new_file(host, path, environ)
            if file is None:
                return None
        accept = environ.get("HTTP_ACCEPT")
        if accept is not None and not self._plain[accept]:
            return None
        agent = environ.get("HTTP_USER_AGENT")
        if agent is not None and self._particular[agent]:
            return None
        written, checked, courses = file
        if query:
            asked = f"{asked}?{query}"
            found = self._filtered_courses(courses, query, environ)
            if found is None:
                return None
            courses = found
        if isinstance(written, int):
            written = path[written:]
        https = environ["wsgi.url_scheme"] == "https" or (
            "HTTP_X_FORWARDED_PROTO" in environ and self._requests.is_https(environ)
        )
        who = environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR")
        now, client = self._clock(), self._remembered.get(who)
        if client is None or client[3] <= now:
            client = self._clients.new(who)
        way = courses.way(client, https)
        if way is None:
            return None
        if self._within and client[4]:
            request = (  # as ``request_of`` finds it, which takes twice the time
                who[0], who[1] or "", agent or "", method, environ.get("HTTP_HOST", ""), path, query or "",
                part_of(environ) if "HTTP_RANGE" in environ else "",
            )  # fmt: skip
            turn = self._repeats.turn(request, now, self._within)
            if turn:
                way = courses.next_way(way, client, https, turn)
        way.hits += 1
        links = written.join(way.pieces) if len(written) <= way.longest else shortened(way.pieces, way.sizes, written)
        headers = [("Location", way.tree + written), ("Link", links), _CACHE_CONTROL, _VARY, _LENGTH]
        if not links:
            del headers[1]
        if checked is not None:
            headers.append(("Digest", checked))
        return headers

    def _new_file(self, host: str, path: str, environ: WSGIEnvironment) -> File | None:
        """A file by its folder, if that is known, else looked at closely. The first files of a generation stay."""
        asked, name = host + path, path.rfind("/") + 1
        is_short = len(asked) <= LONGEST_REMEMBERED
        folder = self._folders.get(host + path[:name]) if is_short else None
        file = None if folder is None else folder.file(path[name:])
        if file is None:
            try:
                place = self._requests.place(environ)
            except MirrorlistError:
                place = None
            file = None if place is None else self._file(place, host, path)
        if file is not None and is_short and len(self._files) < MOST_FILES:
            self._files[asked] = file
        return file

    def _file(self, place: TreePath, host: str, path: str) -> File | None:
        """The file of a place, or None if the view has to answer: directories, regions, generated files, and what
        the index does not know, about which it may be wrong for a while."""
        snapshot, belonging, module = self._prepared.snapshot, self._requests.belonging, place.tree.module
        index = snapshot.files.get(module)
        orders = self._prepared.module(module)
        if (
            place.elsewhere
            or place.is_directory
            or place.continents
            or orders is None
            or belonging.is_in_vault(module, place.path)
        ):
            return None
        number = None if index is None else index.find(place.path)
        if number is None and (
            index is not None or by_ending(self._requests.snapshot, self._requests.belonging, place)
        ):
            return None
        checked = None
        if index is not None and number is not None and not changes_in_place(place.path):
            found = index.sha256(number)
            checked = digest(found) if found else None
        place = really(snapshot, place)
        query = file_query(snapshot, belonging, FileQuery(place, ()), 0.0)
        holders = None if index is None else holders_of(index, query)
        courses = self._courses_of(place, orders, query, holders)
        if not query.within or not query.within[1]:  # no image, which has a verdict of its own
            self._remember_folder(place, host, path, index, courses)
        return place.quoted, checked, courses

    def _remember_folder(
        self, place: TreePath, host: str, asked: str, index: FileIndex | None, courses: RedirectTargets
    ) -> None:
        """Lets the file's neighbours go by their folder from now on; not where the file itself is a link."""
        name = asked.rfind("/") + 1
        if (
            place.is_named
            or changes_in_place(place.path)
            or comes_from_origin(place)
            or len(host) + len(asked) > LONGEST_REMEMBERED
        ):
            return
        key = host + asked[:name]
        folder = self._folders.get(key)
        if folder is None:
            folder = self._new_folder(place, asked[:name], index)
            if folder is None:
                return
            tree = place.tree
            if tree.metadata is MetadataFrom.ORIGIN or tree.from_origin or tree.names or tree.router:
                folder.particular = partial(_is_of_its_own, place)
            if len(self._folders) >= MOST_FOLDERS:
                self._folders.clear()
            self._folders[key] = folder
        folder.take(asked[name:], courses)

    def _new_folder(self, place: TreePath, asked: str, index: FileIndex | None) -> Folder | None:
        parent = place.path.rpartition("/")[0]
        module, belonging = place.tree.module, self._requests.belonging
        if index is None:
            return Folder(asked, quoted(parent) + "/" if parent else "", None, belonging.images_in(module, parent))
        real = (place.path if place.real is None else place.real).rpartition("/")[0]
        files = indexed_folder(index, real) if real == index.real_path(parent) else None
        images = belonging.images_in(module, parent) | belonging.images_in(module, real)
        return None if files is None else Folder(asked, quoted(real) + "/" if real else "", files, images)

    def _filtered_courses(
        self, courses: RedirectTargets, asked: str, environ: WSGIEnvironment
    ) -> RedirectTargets | None:
        """Who may give the files to clients with a filter; None where it is new and the time for new ones is spent."""
        found = self._filtered.get((courses, asked))
        if found is None:
            network = self._clients.network(environ)
            if not self._budget.is_open(network):
                return None
            began = time.perf_counter()
            if len(self._filtered) >= MOST_COURSES:
                self._clear_ways()
                self._filtered.clear()
            found = self._filtered[courses, asked] = courses.filtered(self._filters[asked] or NO_FILTER)
            found.way(self._clients.of(environ), environ["wsgi.url_scheme"] == "https")
            self._budget.spend(time.perf_counter() - began, network)
        return found

    def _courses_of(
        self, place: TreePath, orders: PreparedModule, query: Query, holders: Holders | None
    ) -> RedirectTargets:
        """What files with the same repository, verdicts of their own, origin and holders share."""
        shared = (
            place.tree, place.front, query.within, comes_from_origin(place),
            None if holders is None else (holders.having, holders.known),
        )  # fmt: skip
        courses = self._courses.get(shared)
        if courses is None:
            if len(self._courses) >= MOST_COURSES:
                self._clear_ways()
                self._courses.clear()
                self._filtered.clear()
                self._files.clear()
                self._folders.clear()
            courses = RedirectTargets(self._prepared, self._requests, orders, place, self._room)
            self._courses[shared] = courses
        return courses


def _starts_of(trees: Trees, host: str) -> tuple[str, ...]:
    """How paths of trees begin at a host that trees have to themselves."""
    return trees.starts(host) if host_name(host) in trees.hosts else ()


def _filter(query_string: str) -> Filter | None:
    """The filter, if a query string asks for nothing else and is well-formed."""
    try:
        given = parameters(query_string)
        return asked_filter(given) if given.keys() <= FILTERS else None
    except BadRequest:
        return None


def _is_short(text: str) -> bool:
    return len(text) <= LONGEST_REMEMBERED


def _is_of_its_own(neighbour: TreePath, name: str) -> bool:
    """Whether the file of a name (its bytes as Latin-1) beside another comes from the origin, or is another file."""
    parent = neighbour.path.rpartition("/")[0]
    path = name.encode("latin-1").decode("utf-8", "surrogateescape")
    path = f"{parent}/{path}" if parent else path
    tree = neighbour.tree
    if path in tree.names or (tree.router and is_of_router(path)):
        return True
    return comes_from_origin(replace(neighbour, path=path))
