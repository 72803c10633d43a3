"""Slashes at the beginning of a path: several are one, because a base that ends in a slash before a path that begins
with one is what many clients join.

Nobody sees them after this. A path is never made into a host: where a client is sent is said by mirrors' files alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SEVERAL = "//"


class OneSlash:
    """A WSGI application that asks another one with a single slash at the beginning of the path."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        fold(environ)
        return self._application(environ, start_response)


def fold(environ: WSGIEnvironment) -> None:
    """Leaves one of the slashes that the path begins with."""
    path: str = environ["PATH_INFO"]
    if path.startswith(SEVERAL):
        environ["PATH_INFO"] = "/" + path.lstrip("/")
