"""Take word from outside: that the origin has changed, with a shared secret, and what vantage points saw, signed.

The answer is 202 and a file in the state directory, which the publisher notices; nothing else is done here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from hmac import compare_digest
from threading import Lock

import structlog
from flask import Blueprint, Response, request

from mirrorlist.core.errors import MirrorlistError, VoteRefused
from mirrorlist.store.marks import LARGEST_REPORT, UploadBox, read_report, verified_claim
from mirrorlist.web.generations import Generations
from mirrorlist.web.responses import private
from mirrorlist.web.time_budget import Budget

log = structlog.get_logger()

TEXT = "text/plain; charset=utf-8"
SCHEME = "Bearer "
CALLS_A_SECOND = 1.0
MOST_CALLS = 30.0
"""How many calls with the secret, saved up at that rate, one worker takes at once."""
REFUSALS_A_SECOND = 0.2
MOST_REFUSALS = 5.0
"""The same for calls without it: strangers do not use up what the origin has."""


def hooks(secret: str | None, leave_mark: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> Blueprint:
    """The view; without a secret there is none, and the address is not found."""
    views = Blueprint("hooks", __name__)
    if secret is None:
        return views
    expected = (SCHEME + secret).encode()
    calls, refusals = _budgets(clock)

    def origin() -> Response:
        known = compare_digest(request.headers.get("Authorization", "").encode(errors="replace"), expected)
        budget = calls if known else refusals
        if not budget.is_open():
            return _answer(429, "too many calls; try again in a few seconds", {"Retry-After": "5"})
        budget.spend(1.0)
        if not known:
            message = "the secret is missing or wrong; send the header Authorization: Bearer SECRET"
            return _answer(401, message, {"WWW-Authenticate": 'Bearer realm="mirrorlist"'})
        try:
            leave_mark()
        except MirrorlistError as error:
            log.error("the origin's call is lost", reason=str(error))
            return _answer(503, "the call cannot be noted; the operators have a record of it", {"Retry-After": "30"})
        return _answer(202, "noted; the origin is asked at once")

    views.add_url_rule("/hooks/origin", "origin", origin, methods=["POST"], provide_automatic_options=False)
    return views


def _budgets(clock: Callable[[], float]) -> tuple[Budget, Budget]:
    """What calls with the secret may spend, and those without; each call costs 1."""
    return Budget(CALLS_A_SECOND, MOST_CALLS, clock, 1.0), Budget(REFUSALS_A_SECOND, MOST_REFUSALS, clock, 1.0)


def vantage_reports(
    generations: Generations,
    box: UploadBox,
    now: Callable[[], float] = time.time,
    clock: Callable[[], float] = time.monotonic,
) -> Blueprint:
    """``POST /hooks/vantage``: signed reports of the vantage points in service.yml; without any it is not found.

    Nobody's bytes are read but those of a vantage that has signed for them, one report at a time.
    """
    views = Blueprint("vantages", __name__)
    calls, refusals = _budgets(clock)
    turns: dict[str, Lock] = {}

    def refused(status: int, error: VoteRefused | str, budget: Budget = calls) -> Response:
        if not budget.is_open():
            return _answer(429, "too many calls; try again in a few seconds", {"Retry-After": "5"})
        budget.spend(1.0)
        return _answer(status, str(error))

    def vantage() -> Response:
        prepared = generations.current
        vantages = [each for each in prepared.snapshot.facts.service.vantages if each.key] if prepared else []
        if not vantages:
            return _answer(404, "this service takes no reports of vantage points")
        header = request.headers.get("Authorization", "")
        try:
            claim = verified_claim(header, vantages, now())
        except VoteRefused as error:
            return refused(401, error, refusals)
        length = request.content_length
        if length is None:
            return refused(411, "send the report with a Content-Length")
        if length > LARGEST_REPORT:
            return refused(413, f"the report has {length} bytes; at most {LARGEST_REPORT} are taken")
        turn = turns.setdefault(claim.vantage, Lock())
        if not turn.acquire(blocking=False):
            return refused(429, "another report of this vantage point is on its way; send one at a time")
        try:
            box.refuse_repeated(claim)
            body = request.stream.read(length)
            read_report(claim, body)
            box.leave(header, claim, body)
        except VoteRefused as error:
            return refused(409, error)
        except TimeoutError:
            return refused(408, "the report did not come in time; try again")
        except OSError as error:
            log.error("a vantage point's report is lost", vantage=claim.vantage, reason=str(error))
            return _answer(503, "the report cannot be kept; the operators have a record of it", {"Retry-After": "60"})
        finally:
            turn.release()
        return refused(202, "taken; it counts when the next generation is made")

    views.add_url_rule("/hooks/vantage", "vantage", vantage, methods=["POST"], provide_automatic_options=False)
    return views


def _answer(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    response = private(TEXT, f"# {message}\n".encode(), status)
    response.headers.update(headers or {})
    return response
