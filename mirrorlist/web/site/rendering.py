"""Render pages as bytes: the templates, their filters, and a cache of what one generation rendered."""

from __future__ import annotations

import gzip
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from importlib.resources import files

import msgspec
from flask import Response, current_app, request
from jinja2 import Environment, PackageLoader, StrictUndefined

from mirrorlist.core.public.types import MirrorState
from mirrorlist.web.encoding import LEAST_BYTES, accepts_gzip
from mirrorlist.web.site import words

HTML = "text/html; charset=utf-8"
SVG = "image/svg+xml"
JSON = "application/json"
MOST_KEPT = 96
"""So many answers are kept for a generation; a mirror's page is about 30 KB."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_ASSETS = {"site.css": "text/css; charset=utf-8", "site.js": "text/javascript; charset=utf-8", "icon.svg": SVG}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the pages' own; ``version`` changes with its bytes."""

    content_type: str
    body: bytes
    version: str


def _read(name: str, content_type: str) -> Asset:
    body = (files("mirrorlist.web") / "static" / name).read_bytes()
    return Asset(content_type, body, sha256(body).hexdigest()[:12])


ASSETS = {name: _read(name, content_type) for name, content_type in _ASSETS.items()}


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("mirrorlist.web", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        auto_reload=False,
    )
    made.filters |= {
        "duration": words.duration, "every": words.every,
        "moment": words.moment, "day": words.day, "iso": words.iso, "speed": words.speed, "size": words.size,
        "percent": words.percent, "flag": words.flag, "country": words.country_name, "state": words.state_words,
        "family": words.FAMILY_WORDS.__getitem__, "kind": words.KIND_WORDS.__getitem__,
    }  # fmt: skip
    made.globals |= {
        "State": MirrorState,
        "css": f"/static/site.css?{ASSETS['site.css'].version}",
        "script": f"/static/site.js?{ASSETS['site.js'].version}",
    }
    return made


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
    """The response: 304 where the asker has it, compressed where it is taken."""
    packs = len(found.body) >= LEAST_BYTES and accepts_gzip(request.headers.get("Accept-Encoding", ""))
    body = found.packed if packs else found.body
    response: Response = current_app.response_class(body, content_type=found.content_type)
    response.set_etag(found.etag + ("-gzip" if packs else ""))
    response.headers["Cache-Control"] = f"public, max-age={max_age}"
    response.headers["Vary"] = "Accept-Encoding"
    if packs:
        response.headers["Content-Encoding"] = "gzip"
    _guard(response, policy)
    response.make_conditional(request)
    return response


def _guard(response: Response, policy: str) -> None:
    response.headers["Content-Security-Policy"] = policy
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "strict-origin-when-cross-origin"


_TEMPLATES = _environment()
for _name in _TEMPLATES.list_templates():  # compiled before the first request, which would wait half a second for it
    _TEMPLATES.get_template(_name)


def html(template: str, **values: object) -> bytes:
    """A template with these values; every value is escaped."""
    return _TEMPLATES.get_template(template).render(**values).encode()


class Kept:
    """What was rendered for a generation, the newest of it; it goes with the generation."""

    def __init__(self) -> None:
        self._made: OrderedDict[str, Made] = OrderedDict()

    def get(self, key: str, content_type: str, make: Callable[[], bytes]) -> Made:
        """What stands under a key, rendered if it does not."""
        found = self._made.get(key)
        if found is None:
            found = made(content_type, make())
            self._made[key] = found
            if len(self._made) > MOST_KEPT:
                self._made.popitem(last=False)
        return found


def private(content_type: str, body: bytes, status: int = 200) -> Response:
    """A response for one asker, which nobody keeps."""
    packs = len(body) >= LEAST_BYTES and accepts_gzip(request.headers.get("Accept-Encoding", ""))
    response: Response = current_app.response_class(
        gzip.compress(body, 1, mtime=0) if packs else body, status=status, content_type=content_type
    )
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Vary"] = "Accept-Encoding"
    if packs:
        response.headers["Content-Encoding"] = "gzip"
    _guard(response, POLICY)
    return response


# Errors for programs: Problem Details (RFC 9457).

PROBLEM = "application/problem+json"


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a request, and what to write instead."""

    title: str
    status: int
    detail: str


def problem(status: int, message: str) -> Response:
    """The message under this status."""
    return private(PROBLEM, msgspec.json.encode(Problem(HTTPStatus(status).phrase, status, message)), status)
