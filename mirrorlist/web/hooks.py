"""Take word from outside that the origin has changed: ``POST /hooks/origin``, with a shared secret.

The answer is 202 and a mark in the state directory, which the publisher notices; nothing is asked of the origin here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from hmac import compare_digest

import structlog
from flask import Blueprint, Response, request

from mirrorlist.core.errors import MirrorlistError
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
    calls, refusals = Budget(CALLS_A_SECOND, MOST_CALLS, clock), Budget(REFUSALS_A_SECOND, MOST_REFUSALS, clock)

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


def _answer(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    response = private(TEXT, f"# {message}\n".encode(), status)
    response.headers.update(headers or {})
    return response
