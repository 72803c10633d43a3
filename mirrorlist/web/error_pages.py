"""Error responses: a line of text, JSON under /api, a page for browsers; never status 200.

Package managers send odd Accept headers, so what they ask for is answered in plain text whatever they accept.
"""

from __future__ import annotations

import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed

from mirrorlist.core.catalogue.service import Service, Site
from mirrorlist.core.errors import BadRequest, NotFound, NotReady, RequestError
from mirrorlist.formats import mirrorlist
from mirrorlist.web.generations import Generations
from mirrorlist.web.languages import gettext, sentence
from mirrorlist.web.questions import ListKind
from mirrorlist.web.rendering import html
from mirrorlist.web.responses import HTML, as_response, private, problem

log = structlog.get_logger()

STATUS: dict[type[RequestError], int] = {BadRequest: 400, NotFound: 404, NotReady: 503}
_RETRY_SECONDS = "30"
_TITLES = {400: "Bad request", 404: "Not found", 405: "Method not allowed", 503: "Not ready yet"}
_FAILED = "Something went wrong"
_SAID = {
    404: "There is nothing at this address.",
    405: "This address can only be read.",
    500: "The operators have a record of it.",
}
ERROR_TEXTS = (*_TITLES.values(), _FAILED, *_SAID.values())
"""What scripts/translate has to find here."""
_LISTS = frozenset(kind.value for kind in ListKind)
API = ("/api/", "/openapi.json")


def register_faults(app: Flask, generations: Generations) -> None:
    """Makes every error of the application something that its asker can read."""

    def fault(status: int, message: str, in_words: str = "") -> Response:
        """The message under this status, in the form that fits what was asked for; pages show ``in_words``."""
        path = request.environ.get("PATH_INFO", "")
        if path.startswith(API) or path == "/api":
            return problem(status, message)
        if path.strip("/").partition("/")[0] not in _LISTS and "text/html" in request.headers.get("Accept", ""):
            return private(HTML, _page(generations, status, in_words or gettext(_SAID.get(status, message))), status)
        return as_response(mirrorlist.CONTENT_TYPE, (mirrorlist.comment(message) + "\n").encode(), status)

    def ours(error: RequestError) -> Response:
        response = fault(STATUS[type(error)], str(error), sentence(error))
        if isinstance(error, NotReady):
            response.headers["Retry-After"] = _RETRY_SECONDS
        return response

    def http(error: HTTPException) -> Response:
        response = fault(error.code or 500, f"{error.code} {error.name}")
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return response

    def crashed(error: InternalServerError) -> Response:
        log.error("request failed", path=request.path, exc_info=error.original_exception)
        return fault(500, "internal error; the operators have a record of it")

    for kind in STATUS:
        app.register_error_handler(kind, ours)
    app.register_error_handler(HTTPException, http)
    app.register_error_handler(InternalServerError, crashed)


def _page(generations: Generations, status: int, told: str) -> bytes:
    """The page of an error, in the look of the others; it needs no snapshot."""
    current = generations.current
    facts = current.snapshot.facts if current else None
    service = facts.service if facts else _NO_SERVICE
    title = gettext(_TITLES.get(status, _FAILED))
    now, generation = (facts.built_at, facts.generation) if facts else (None, None)
    return html("error.html", title=title, message=told, service=service, now=now, generation=generation, here="")


class _NoService:
    """Stands for the service while nothing is known of it."""

    name = "Linux"
    url = None
    site = Site()


_NO_SERVICE: Service | _NoService = _NoService()
