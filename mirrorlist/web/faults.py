"""What a client reads when there is no answer: one comment line in plain text, never HTML, never with status 200."""

from __future__ import annotations

import structlog
from flask import Flask, Response
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed

from mirrorlist.core.errors import BadRequest, MirrorlistError, NotFound, NotReady
from mirrorlist.formats import mirrorlist
from mirrorlist.web.lists import as_response

log = structlog.get_logger()

STATUS: dict[type[MirrorlistError], int] = {BadRequest: 400, NotFound: 404, NotReady: 503}
_RETRY_SECONDS = "30"


def register_faults(app: Flask) -> None:
    """Makes every error of the application a line of text."""

    def ours(error: MirrorlistError) -> Response:
        response = fault(STATUS[type(error)], str(error))
        if isinstance(error, NotReady):
            response.headers["Retry-After"] = _RETRY_SECONDS
        return response

    def http(error: HTTPException) -> Response:
        response = fault(error.code or 500, f"{error.code} {error.name}")
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return response

    def crashed(error: InternalServerError) -> Response:
        log.error("request failed", error=repr(error.original_exception))
        return fault(500, "internal error; the operators have a record of it")

    for kind in STATUS:
        app.register_error_handler(kind, ours)
    app.register_error_handler(HTTPException, http)
    app.register_error_handler(InternalServerError, crashed)


def fault(status: int, message: str) -> Response:
    """One comment line under this status."""
    return as_response(mirrorlist.CONTENT_TYPE, (mirrorlist.comment(message) + "\n").encode(), status)
