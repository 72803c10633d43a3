"""Slashes at the beginning of a path: several are one, because a base that ends in a slash before a path that begins
with one is what many clients join.

Nobody sees them after this. A path is never made into a host: where a client is sent is said by mirrors' files alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class OneSlash:
    """A WSGI application that hands requests on; to ``folded`` those with several slashes at the beginning of the path,
    when one of them is left."""

    def __init__(self, application: WSGIApplication, folded: WSGIApplication) -> None:
        self._application = application
        self._folded = folded

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if not path.startswith("//"):
            return self._application(environ, start_response)
        environ["PATH_INFO"] = "/" + path.lstrip("/")
        return self._folded(environ, start_response)
