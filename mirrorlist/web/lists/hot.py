"""The hot path: lists and metalinks straight from the prepared tables, before Flask makes a request context.

It answers plain GETs for what it has seen asked before, and hands everything else on: HEAD, errors,
``country=``. What it answers equals, byte by byte, what the Flask views answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from math import inf
from typing import TYPE_CHECKING

from mirrorlist.core.errors import MirrorlistError
from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.selection.client import CountryOf
from mirrorlist.core.selection.prepared import Prepared
from mirrorlist.web.clients import KnownClients
from mirrorlist.web.counts import Counts
from mirrorlist.web.generations import PerGeneration
from mirrorlist.web.lists.prepared_answers import MOST_REMEMBERED, Headers, Route, Routes
from mirrorlist.web.questions import LIST_PATHS, Questions
from mirrorlist.web.responses import compressed

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


LONGEST_REMEMBERED = 256
"""Characters; real questions and headers are shorter, and 16,384 longer ones would be a gigabyte."""


PerFamily = tuple[Route | None, Route | None, Route | None]
"""A question's routes for clients whose family is unknown, for IPv4 and for IPv6 ones."""


class Front(PerGeneration["ListAnswers"]):
    """A WSGI application in front of two others: of what it leaves, ``lists`` answers lists and ``pages`` the rest."""

    def __init__(
        self,
        lists: WSGIApplication,
        pages: WSGIApplication,
        country_of: CountryOf,
        counts: Counts,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(partial(ListAnswers, country_of=country_of, counts=counts, clock=clock))
        self._lists = lists
        self._pages = pages

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answers = self._answers
        if answers is not None and environ["REQUEST_METHOD"] == "GET":
            answer = answers.answer(environ)
            if answer is not None:
                start_response("200 OK", answer[0])
                return (answer[1],)
        behind = self._lists if environ["PATH_INFO"].startswith(LIST_PATHS) else self._pages
        return behind(environ, start_response)


class ListAnswers:
    """The answers of one generation. Its memos go with it, so nothing in them can be stale."""

    def __init__(
        self, prepared: Prepared, country_of: CountryOf, counts: Counts, clock: Callable[[], float] = time.time
    ) -> None:
        self._counts = counts
        self._snapshot = prepared.snapshot
        service = prepared.snapshot.facts.service
        self.clients = KnownClients(prepared, country_of, clock, counts)
        self._questions = Questions(service.catalogue, service.policy)
        self._prepared_routes = Routes(prepared, counts)
        self._routes: dict[tuple[str, str], PerFamily | None] = {}

    def answer(self, environ: WSGIEnvironment) -> tuple[Headers, bytes] | None:
        """Headers and body, or None if Flask has to answer."""
        asked = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        try:
            routes = self._routes[asked]
        except KeyError:
            routes = self._new_routes(asked)
        if routes is None:
            return None
        place, network, lot, _, family = self.clients.of(environ)
        route = routes[family]
        if route is None:
            return None
        row = route.row(place, network, lot)
        while row is None:
            route = route.instead
            if route is None:
                return None
            row = route.row(place, network, lot)
        body = route.body(row, environ)
        accepted = environ.get("HTTP_ACCEPT_ENCODING")
        if accepted and (packed := compressed(body, accepted)):
            return [("Content-Encoding", "gzip"), *route.headers_of(len(packed))], packed
        return route.headers_of(len(body)), body

    def _new_routes(self, asked: tuple[str, str]) -> PerFamily | None:
        if not asked[0].startswith(LIST_PATHS):
            return None  # a page; these leave nothing here, whatever their parameters
        if len(self._routes) >= MOST_REMEMBERED or self._prepared_routes.is_full:
            self._prepared_routes.clear()
            self._routes.clear()
        try:
            question = self._questions.located(self._snapshot, self._questions.read(*asked), inf)
        except MirrorlistError:
            routes = None
        else:
            of = self._prepared_routes.of
            routes = of(question, None), of(question, Family.IPV4), of(question, Family.IPV6)
        if len(asked[0]) + len(asked[1]) <= LONGEST_REMEMBERED:
            self._routes[asked] = routes
        return routes

    def collect(self) -> None:
        """Moves into the counts what was answered since the last time."""
        self.clients.collect()
        self._prepared_routes.collect()
