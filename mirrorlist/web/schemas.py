"""The JSON Schemas of mirror and service files at the path of their ``$id``, for editors and other programs."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from flask import Blueprint, Response, request

from mirrorlist.core.errors import NotFound

NAMES = ("mirror.json", "service.json")
CONTENT_TYPE = "application/schema+json"
FRESH_SECONDS = 3600


def schemas() -> Blueprint:
    """The views under /schemas. They are the same for everybody, so anything may keep them and any page read them."""
    views = Blueprint("schemas", __name__)

    @views.get("/schemas/<name>")
    def schema(name: str) -> Response:
        if name not in NAMES:
            raise NotFound(f"there is no schema {name}; there are {' and '.join(NAMES)}")
        body, etag = _file(name)
        response = Response(body, content_type=CONTENT_TYPE)
        response.set_etag(etag)
        response.headers["Cache-Control"] = f"public, max-age={FRESH_SECONDS}"
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.make_conditional(request.environ)
        return response

    return views


@cache
def _file(name: str) -> tuple[bytes, str]:
    """The bytes of a schema of the package, and what tells them from others."""
    body = files("mirrorlist").joinpath("schemas", name).read_bytes()
    return body, hashlib.sha256(body).hexdigest()[:32]
