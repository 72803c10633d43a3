"""Take word from outside: with a secret that the origin changed; signed what vantage points saw and nodes counted.

The answer is 202 and a file in the state directory, which the publisher notices; nothing else is done here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hmac import compare_digest
from threading import Lock

import structlog
from flask import Blueprint, Response, request

from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.errors import MirrorlistError, UploadRefused
from mirrorlist.store.count_files import CountFiles
from mirrorlist.store.marks import (
    LARGEST_REPORT,
    SignedClaim,
    Signer,
    UploadBox,
    read_report,
    refuse_other,
    verified_claim,
)
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


@dataclass(frozen=True, slots=True)
class UploadKind:
    """One kind of what is uploaded: from whom, where the last of each is kept, and what becomes of one.

    ``take`` raises UploadRefused where it is not what it should be, and OSError where it cannot be kept.
    """

    sender: str
    signers: Callable[[Service], Sequence[Signer]]
    box: UploadBox
    take: Callable[[str, SignedClaim, bytes], None]


def vantage_kind(box: UploadBox) -> UploadKind:
    """Reports of vantage points, which wait for the publisher."""

    def take(header: str, claim: SignedClaim, body: bytes) -> None:
        read_report(claim, body)
        box.leave(header, claim, body)

    return UploadKind("vantage point", lambda service: [each for each in service.vantages if each.key], box, take)


def node_kind(
    box: UploadBox, counts: CountFiles, now: Callable[[], float] = time.time, own: str | None = None
) -> UploadKind:
    """Counts of nodes, which are kept beside those of this machine; ``own`` is its name where it hands over its own."""

    def take(header: str, claim: SignedClaim, body: bytes) -> None:
        if claim.name == own:
            raise UploadRefused(f"{own} is this machine, which has its counts; name the other publishers alone")
        refuse_other(claim, body)
        counts.take(claim.name, body, now())
        box.leave(header, claim, b"")

    return UploadKind("node", lambda service: service.nodes, box, take)


def uploads(
    generations: Generations,
    kind: UploadKind,
    now: Callable[[], float] = time.time,
    clock: Callable[[], float] = time.monotonic,
) -> Blueprint:
    """``POST /hooks/vantage`` or ``/hooks/node``: what senders in service.yml have signed; without any it is not found.

    Nobody's bytes are read but those of a sender that has signed for them, one upload at a time.
    """
    name, scheme = kind.box.scheme.lower(), kind.box.scheme
    views = Blueprint(f"{name}s", __name__)
    calls, refusals = _budgets(clock)
    turns: dict[str, Lock] = {}

    def refused(status: int, error: UploadRefused | str, budget: Budget = calls) -> Response:
        if not budget.is_open():
            return _answer(429, "too many calls; try again in a few seconds", {"Retry-After": "5"})
        budget.spend(1.0)
        return _answer(status, str(error))

    def upload() -> Response:
        prepared = generations.current
        signers = kind.signers(prepared.snapshot.facts.service) if prepared else ()
        if not signers:
            return _answer(404, f"this service takes no uploads of a {kind.sender}")
        header = request.headers.get("Authorization", "")
        try:
            claim = verified_claim(scheme, header, signers, now())
        except UploadRefused as error:
            return refused(401, error, refusals)
        length = request.content_length
        if length is None:
            return refused(411, "send a Content-Length")
        if length > LARGEST_REPORT:
            return refused(413, f"this has {length} bytes; at most {LARGEST_REPORT} are taken")
        turn = turns.setdefault(claim.name, Lock())
        if not turn.acquire(blocking=False):
            return refused(429, f"another upload of this {kind.sender} is on its way; send one at a time")
        try:
            kind.box.refuse_repeated(claim)
            kind.take(header, claim, request.stream.read(length))
        except UploadRefused as error:
            return refused(409, error)
        except TimeoutError:
            return refused(408, "the body did not come in time; try again")
        except OSError as error:
            log.error("an upload is lost", scheme=scheme.value, name=claim.name, reason=str(error))
            return _answer(503, "this cannot be kept; the operators have a record of it", {"Retry-After": "60"})
        finally:
            turn.release()
        return refused(202, "taken; it counts when the next generation is made")

    views.add_url_rule(f"/hooks/{name}", name, upload, methods=["POST"], provide_automatic_options=False)
    return views


def _answer(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    response = private(TEXT, f"# {message}\n".encode(), status)
    response.headers.update(headers or {})
    return response
