"""The hot path: lists and metalinks straight from the prepared tables, before Flask makes a request context.

It answers plain GETs for what it has seen asked before, and hands everything else on: HEAD, errors, the vault. What it
answers equals, byte by byte, what the Flask views answer.
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
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.web.clients import Known as KnownClient
from mirrorlist.web.clients import KnownClients
from mirrorlist.web.counts import Counts
from mirrorlist.web.generations import PerGeneration
from mirrorlist.web.lists.prepared_answers import (
    MOST_REMEMBERED,
    PENDING,
    AnswerParts,
    Headers,
    Route,
    Routes,
    WrittenRoute,
)
from mirrorlist.web.lists.views import KEEP
from mirrorlist.web.questions import LIST_PATHS, Question, Questions
from mirrorlist.web.responses import compressed
from mirrorlist.web.time_budget import Budget

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


LONGEST_REMEMBERED = 512
"""Characters; real questions and headers are shorter, and 16,384 longer ones would be a gigabyte."""


FAMILIES = (None, Family.IPV4, Family.IPV6)


class KnownQuestion:
    """A question, and its routes for clients whose family is unknown, for IPv4 and for IPv6 ones, each prepared when
    the first of them asks; None where Flask has to answer."""

    __slots__ = ("is_filtered", "question", "routes")

    def __init__(self, question: Question) -> None:
        self.question = question
        self.is_filtered = bool(question.query.filter)
        self.routes: list[Route | None] = [PENDING] * len(FAMILIES)


class Front(PerGeneration["ListAnswers"]):
    """A WSGI application in front of two others: of what it leaves, ``lists`` answers lists and ``pages`` the rest."""

    def __init__(
        self,
        lists: WSGIApplication,
        pages: WSGIApplication,
        country_of: CountryOf,
        counts: Counts,
        budget: Budget,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(partial(ListAnswers, country_of=country_of, counts=counts, budget=budget, clock=clock))
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

    def network(self, environ: WSGIEnvironment) -> int:
        """The hash of the client's network; 0 before the first generation."""
        return 0 if self._answers is None else self._answers.clients.network(environ)


class ListAnswers:
    """The answers of one generation. Its memos go with it, so nothing in them can be stale."""

    def __init__(
        self,
        prepared: Prepared,
        country_of: CountryOf,
        counts: Counts,
        budget: Budget,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._budget = budget

        self._snapshot = prepared.snapshot
        service = prepared.snapshot.facts.service
        self.clients = KnownClients(prepared, country_of, clock, counts)
        self._clock, self._remembered = clock, self.clients.remembered
        self._questions = Questions(service.catalogue, service.policy)
        self._prepared_routes = Routes(prepared, counts)
        self._asked: dict[tuple[str, str], KnownQuestion | None] = {}
        self._by_question: dict[Question, KnownQuestion] = {}

    def answer(self, environ: WSGIEnvironment) -> tuple[Headers, bytes] | None:
        """Headers and body, or None if Flask has to answer."""
        asked = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        try:
            known = self._asked[asked]
        except KeyError:
            known = self._new(asked)
        if known is None:
            return None
        who = environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR")
        client = self._remembered.get(who)
        if client is None or client[3] <= self._clock():  # ``KnownClients.of``, which takes longer to call
            client = self.clients.new(who)
        place, network, lot, _, family = client
        route = known.routes[family]
        if route is None:
            return None
        if route.is_particular:
            found = self._particular(known, client, environ)
            if found is None:
                return None
            route, body = found
        else:
            row = route.row(place, network, lot)
            if row is None:
                return None
            body = route.body(row, environ)
        accepted = environ.get("HTTP_ACCEPT_ENCODING")
        if accepted and (packed := compressed(body, accepted)):
            return [("Content-Encoding", "gzip"), *route.headers_of(len(packed))], packed
        length = len(body)
        return route.by_length.get(length) or route.headers_of(length), body

    def _particular(
        self, known: KnownQuestion, client: KnownClient, environ: WSGIEnvironment
    ) -> tuple[Route, bytes] | None:
        """The route and the body for a question that filters mirrors, is in a format that Flask writes, or is new."""
        found = self._prepared_routes.filtered.get((known, client)) if known.is_filtered else None
        if found is None:
            found = self._found(known, client, environ)
            if found is None:
                return None
        else:
            found[1].hits += 1
        route, row = found
        if not isinstance(route, WrittenRoute):
            return route, route.body(row, environ)
        body = route.written(row, environ)
        if body is None:
            environ[KEEP] = partial(self._keep, route, row)
            return None
        return route, body

    def _found(
        self, known: KnownQuestion, client: KnownClient, environ: WSGIEnvironment
    ) -> tuple[Route, AnswerParts] | None:
        """The route and the row of a client, worked out; with a filter they are remembered for when it comes again.

        Filters take up to milliseconds, and are paid for; Flask refuses them when the time is spent.
        """
        place, network, lot, _, family = client
        payer = self.clients.network(environ) if known.is_filtered else 0
        if known.is_filtered and not self._budget.is_open(payer):
            return None
        began = time.perf_counter()
        route = known.routes[family]
        if route is PENDING:
            route = known.routes[family] = self._prepared_routes.of(known.question, FAMILIES[family])
        row: AnswerParts | None = None
        while route is not None and (row := route.row(place, network, lot)) is None:
            route = route.instead
        if known.is_filtered:
            self._budget.spend(time.perf_counter() - began, payer)
        if route is None or row is None:
            return None
        if known.is_filtered:
            remembered = self._prepared_routes.filtered
            if len(remembered) >= MOST_REMEMBERED:
                remembered.clear()
            remembered[known, client] = route, row
        return route, row

    def _keep(self, route: WrittenRoute, row: AnswerParts, snapshot: Snapshot, body: bytes) -> None:
        """Keeps what Flask answered; while generations change it may have been of another one."""
        if snapshot is self._snapshot:
            route.keep(row, body)

    def _new(self, asked: tuple[str, str]) -> KnownQuestion | None:
        if not asked[0].startswith(LIST_PATHS):
            return None  # a page; these leave nothing here, whatever their parameters
        if len(self._asked) >= MOST_REMEMBERED or self._prepared_routes.is_full:
            self._prepared_routes.clear()
            self._asked.clear()
            self._by_question.clear()
        try:
            question = self._questions.located(self._snapshot, self._questions.read(*asked), inf)
        except MirrorlistError:
            known = None
        else:
            known = self._by_question.get(question) or KnownQuestion(question)
        if len(asked[0]) + len(asked[1]) <= LONGEST_REMEMBERED:
            self._asked[asked] = known
            if known is not None:
                self._by_question[known.question] = known
        return known

    def collect(self) -> None:
        """Moves into the counts what was answered since the last time."""
        self.clients.collect()
        self._prepared_routes.collect()
