"""The hot path: lists and metalinks straight from the prepared tables, before Flask makes a request context.

It answers plain GETs for what it has seen asked before, and hands everything else on: HEAD, errors,
``country=``. What it answers equals, byte by byte, what the Flask views answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from mirrorlist.core.errors import MirrorlistError
from mirrorlist.core.health import Family
from mirrorlist.core.locate import CountryOf, place_number
from mirrorlist.core.prepared import Prepared
from mirrorlist.core.spread import Lot, Turns, identity_of
from mirrorlist.web.budget import Budgets
from mirrorlist.web.client import TrustedProxies, client_address
from mirrorlist.web.counts import Counts
from mirrorlist.web.encoding import compressed
from mirrorlist.web.questions import LIST_PATHS, Questions, sent_by
from mirrorlist.web.routes import MOST_REMEMBERED, Headers, Route, Routes

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LONGEST_REMEMBERED = 256
"""Characters; real questions and headers are shorter, and 16,384 longer ones would be a gigabyte."""


PerFamily = tuple[Route | None, Route | None, Route | None]
"""A question's routes for clients whose family is unknown, for IPv4 and for IPv6 ones."""


_Known = tuple[int, int, Lot, float, int]
"""What is known of a client until its turn ends: place, network, lot, end of the turn, place in ``PerFamily``.

A plain tuple of plain values: the garbage collector stops tracking it, where it would walk through thousands of
objects of a class of our own again and again (measured: 10 us a new client, half of all it cost).
"""


class Front:
    """A WSGI application in front of another."""

    def __init__(
        self,
        behind: WSGIApplication,
        country_of: CountryOf,
        counts: Counts,
        budgets: Budgets,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._behind = behind
        self._country_of = country_of
        self._counts = counts
        self._clock = clock
        self._answers: Answers | None = None
        self._budgets = budgets

    def take(self, prepared: Prepared) -> None:
        """Answers from this generation from now on."""
        former = self._answers
        self._answers = Answers(prepared, self._country_of, self._counts, self._clock)
        if former is not None:
            former.collect()

    def collect(self) -> None:
        """Moves into the counts what was answered since the last time."""
        if self._answers is not None:
            self._answers.collect()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answers = self._answers
        if answers is not None and environ["REQUEST_METHOD"] == "GET":
            answer = answers.answer(environ)
            if answer is not None:
                start_response("200 OK", answer[0])
                return (answer[1],)
        return self._from_behind(environ, start_response)

    def _from_behind(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """What Flask answers, within the time that such answers may take."""
        is_list = environ["PATH_INFO"].startswith(LIST_PATHS)
        budget = self._budgets.lists if is_list else self._budgets.pages
        if not budget.is_open():
            start_response("503 Service Unavailable", _BUSY_HEADERS)
            return (b"" if environ["REQUEST_METHOD"] == "HEAD" else _BUSY,)
        started = time.perf_counter()
        try:
            return self._behind(environ, start_response)
        finally:
            budget.spend(time.perf_counter() - started)


_BUSY = b"# too many dear requests at once; plain lists are answered all the same. Try again in a few seconds\n"
_BUSY_HEADERS = [
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Content-Length", str(len(_BUSY))),
    ("Cache-Control", "private, no-store"),
    ("Retry-After", "5"),
]


class Answers:
    """The answers of one generation. Its memos go with it, so nothing in them can be stale."""

    def __init__(
        self, prepared: Prepared, country_of: CountryOf, counts: Counts, clock: Callable[[], float] = time.time
    ) -> None:
        self._prepared = prepared
        self._country_of = country_of
        self._counts = counts
        self._clock = clock
        service = prepared.snapshot.facts.service
        self._proxies = TrustedProxies(service.trusted_proxies)
        self._questions = Questions(service.catalogue, service.policy)
        self._prepared_routes = Routes(prepared, counts)
        self._turns = Turns(prepared.snapshot.facts.key, service.policy.turn_seconds)
        self._routes: dict[tuple[str, str], PerFamily | None] = {}
        self._clients: dict[tuple[str, str | None], _Known] = {}
        self._once = bytearray(MOST_REMEMBERED)

    def answer(self, environ: WSGIEnvironment) -> tuple[Headers, bytes] | None:
        """Headers and body, or None if Flask has to answer."""
        asked = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        try:
            routes = self._routes[asked]
        except KeyError:
            routes = self._new_routes(asked)
        if routes is None:
            return None
        who = environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR")
        client = self._clients.get(who)
        if client is None or client[3] <= self._clock():
            client = self._new_client(who)
        place, network, lot, _, family = client
        route = routes[family]
        if route is None:
            return None
        row = route.rows.of(place, network, lot)
        if row is None:
            return None
        body = route.body(row)
        accepted = environ.get("HTTP_ACCEPT_ENCODING")
        if accepted and (packed := compressed(body, accepted)):
            return [("Content-Encoding", "gzip"), *route.headers_of(len(packed))], packed
        return route.headers_of(len(body)), body

    def _new_routes(self, asked: tuple[str, str]) -> PerFamily | None:
        try:
            question = self._questions.read(*asked)
        except MirrorlistError:
            routes = None
        else:
            of = self._prepared_routes.of
            routes = of(question, None), of(question, Family.IPV4), of(question, Family.IPV6)
        if len(asked[0]) + len(asked[1]) <= LONGEST_REMEMBERED:
            if len(self._routes) >= MOST_REMEMBERED:
                self._collect_routes()
                self._routes.clear()
            self._routes[asked] = routes
        return routes

    def collect(self) -> None:
        """Moves into the counts what was answered since the last time."""
        self._collect_routes()
        self._prepared_routes.collect()

    def _collect_routes(self) -> None:
        for routes in list(self._routes.values()):
            for route in routes or ():
                if route is not None and route.hits:
                    hits, route.hits = route.hits, 0
                    self._counts.add(route.labels, hits)

    def _new_client(self, who: tuple[str, str | None]) -> _Known:
        snapshot = self._prepared.snapshot
        address = client_address(*who, self._proxies)
        if address is None:
            lot, until = self._turns.lot(sent_by(*who), self._clock())
            known = 0, 0, lot, until, 0
        else:
            lot, until = self._turns.lot(identity_of(address), self._clock())
            place = place_number(snapshot, address, self._country_of)
            known = place, snapshot.networks.at(address), lot, until, 1 if len(address) == 4 else 2
        if self._comes_again(who):
            if len(self._clients) >= MOST_REMEMBERED:
                self._clients.clear()
            self._clients[who] = known
        return known

    def _comes_again(self, who: tuple[str, str | None]) -> bool:
        """Whether a client is worth remembering: it was here before, probably, and its header is not long.

        A byte of a hash stands for each client, so that those who come once push nobody out and leave nothing.
        """
        hashed = hash(who)
        at, mark = hashed % MOST_REMEMBERED, hashed >> 32 & 0xFF or 1
        if self._once[at] == mark:
            return len(who[0]) + len(who[1] or "") <= LONGEST_REMEMBERED
        self._once[at] = mark
        return False
