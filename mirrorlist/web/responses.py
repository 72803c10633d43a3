"""Build responses: for everybody or for one client, compressed only where that is asked for, and errors for programs.

dnf fails on gzip that it did not ask for.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from http import HTTPStatus

import msgspec
from flask import Blueprint, Response, current_app, request
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

HTML = "text/html; charset=utf-8"
PAGE_VARY = "Accept-Encoding, Accept-Language"
"""What the pages depend on; see web/languages.py."""
SVG = "image/svg+xml"
JSON = "application/json"
CSV = "text/csv; charset=utf-8"
PROBLEM = "application/problem+json"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
LEAST_BYTES = 1024
_MOST_CHARACTERS = 1000
_LEVEL = 1  # 13 us for a metalink of 50 URLs, level 6 takes 26 for a tenth less


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header names gzip with a quality above 0 (RFC 9110, 12.5.3)."""
    return _accepts_gzip(accept_encoding[:_MOST_CHARACTERS])


@lru_cache(maxsize=256)
def _accepts_gzip(accept_encoding: str) -> bool:
    accepted: Accept = parse_accept_header(accept_encoding)
    return any(name.lower() == "gzip" and quality > 0 for name, quality in accepted)


def compressed(body: bytes, accept_encoding: str) -> bytes | None:
    """The body in gzip, or None if it is to be sent as it is."""
    if len(body) < LEAST_BYTES or not accepts_gzip(accept_encoding):
        return None
    return gzip.compress(body, _LEVEL, mtime=0)


def headers_for(content_type: str) -> tuple[tuple[str, str], ...]:
    """The headers of every answer that depends on the client."""
    return (
        ("Content-Type", content_type),
        ("Cache-Control", "private, no-store"),
        ("Vary", "Accept-Encoding"),
        ("X-Content-Type-Options", "nosniff"),
    )


def as_response(content_type: str, body: bytes, status: int = 200) -> Response:
    """An answer that depends on the client: never cached by anybody else, compressed only when asked."""
    packed = compressed(body, request.headers.get("Accept-Encoding", ""))
    response = current_app.response_class(packed or body, status=status, content_type=content_type)
    for name, value in headers_for(content_type)[1:]:
        response.headers[name] = value
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    return response


def private(content_type: str, body: bytes, status: int = 200) -> Response:
    """A page or an API answer for one client, never cached by anybody else."""
    response = as_response(content_type, body, status)
    _guard(response, POLICY)
    return response


@dataclass(frozen=True, slots=True)
class Made:
    """An answer that is the same for everybody."""

    content_type: str
    body: bytes
    packed: bytes
    etag: str


def made(content_type: str, body: bytes) -> Made:
    """The answer, compressed once and for all."""
    return Made(content_type, body, gzip.compress(body, 9, mtime=0), sha256(body).hexdigest()[:24])


def answer(found: Made, max_age: int = 60, policy: str = POLICY) -> Response:
    """The response: 304 if the client has it already, compressed if the client accepts that."""
    packs = len(found.body) >= LEAST_BYTES and accepts_gzip(request.headers.get("Accept-Encoding", ""))
    body = found.packed if packs else found.body
    response: Response = current_app.response_class(body, content_type=found.content_type)
    response.set_etag(found.etag + ("-gzip" if packs else ""))
    response.headers["Cache-Control"] = f"public, max-age={max_age}"
    response.headers["Vary"] = PAGE_VARY if found.content_type == HTML else "Accept-Encoding"
    if packs:
        response.headers["Content-Encoding"] = "gzip"
    _guard(response, policy)
    response.make_conditional(request)
    return response


def _guard(response: Response, policy: str) -> None:
    response.headers["Content-Security-Policy"] = policy
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "strict-origin-when-cross-origin"


# What pages of other sites may read (https://fetch.spec.whatwg.org/#http-cors-protocol): the same for everybody.

_SHARED = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Content-Type, ETag, Link, Retry-After",
}
_PREFLIGHT = {
    **_SHARED,
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "86400",
    "Allow": "GET, HEAD, OPTIONS",
}


def shared(response: Response) -> Response:
    """The response with leave for pages of other sites to read it."""
    response.headers.update(_SHARED)
    return response


def add_shared(views: Blueprint, rule: str, name: str, view: Callable[..., Response], **options: bool) -> None:
    """A rule for GET and HEAD whose answers pages of other sites may read, and for OPTIONS, by which browsers ask."""
    rules: tuple[tuple[str, str, Callable[..., Response]], ...] = (
        ("GET", name, lambda **named: shared(view(**named))),
        ("OPTIONS", f"{name} options", lambda **_: Response(status=204, headers=_PREFLIGHT)),
    )
    for method, endpoint, answering in rules:
        views.add_url_rule(rule, endpoint, answering, methods=[method], provide_automatic_options=False, **options)


# Errors for programs: Problem Details (RFC 9457).


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a request, and what to write instead."""

    title: str
    status: int
    detail: str


def problem(status: int, message: str) -> Response:
    """The message under this status, for programs."""
    return shared(private(PROBLEM, msgspec.json.encode(Problem(HTTPStatus(status).phrase, status, message)), status))
