"""Pass requests from a server to the WSGI application, with no header mistaken for another.

WSGI writes ``X-Forwarded-For`` and ``X_Forwarded_For`` as one key, so behind a proxy that passes the second on,
anybody could choose an address. ``Gateway`` reads requests as granian's ASGI shows them, where names are still apart,
and leaves out every name with an underscore. ``Apart`` is for other servers: it believes forwarded headers only of
those that are known to leave such names out.
"""

from __future__ import annotations

import io
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote_to_bytes

import structlog

from mirrorlist.core.memo import Memo

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


log = structlog.get_logger()

Scope = Mapping[str, Any]
"""The scope of ASGI: https://asgi.readthedocs.io/en/latest/specs/www.html."""

FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO")
_DROP_UNDERSCORES = re.compile(r"gunicorn/(?:2[2-9]|[3-9]\d|\d{3})\b|waitress\b|Apache/2\.[4-9]", re.ASCII)
"""Servers, by SERVER_SOFTWARE, that pass no header on whose name has an underscore: gunicorn since 22.0, waitress,
and mod_wsgi of Apache since 2.4."""
_WITHOUT_PREFIX = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}
_MOST_NAMES = 1024
_LONGEST_NAME = 64
_MOST_SENT = 4096
_LONGEST_VALUE = 40
"""Lengths and types; shorter than what belongs to one file, such as addresses and digests."""


class Exchange(Protocol):
    """One request of granian's: what was asked, and the way to answer. ``send`` answers at once."""

    def send(self, message: dict[str, object]) -> object:
        """Sends one message of ASGI."""

    def receive(self) -> Any:
        """A future of the next message with a part of the body; it is done without an event loop."""


ONE_HOST = b"# send one Host header\n"
BAD_HOST: tuple[dict[str, object], ...] = (
    {
        "type": "http.response.start", "status": 400,
        "headers": [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(ONE_HOST))],
    },
    {"type": "http.response.body", "body": ONE_HOST},
)  # fmt: skip
"""To a request with several hosts, of which a proxy may have gone by another: RFC 9112, section 3.2. One with none is
answered: nginx makes such a one of HTTP/1.0."""

BODY_SECONDS = 15.0
"""How long the body of a request may take."""
BODY_LOOK_SECONDS = 0.01


class RequestBody:
    """The body of a request; reading it blocks, so only threads beside the one that answers may."""

    def __init__(self, exchange: Exchange, clock: Callable[[], float] = time.monotonic) -> None:
        self._exchange, self._clock = exchange, clock
        self._begun = clock()
        self._is_over = False
        self.waited_seconds = 0.0
        """How long its client had it wait."""

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes, fewer at the end. Raises TimeoutError, or OSError where the client has gone."""
        found = b""
        while len(found) < size and not self._is_over:
            coming = self._exchange.receive()
            while not coming.done():
                if self._clock() > self._begun + BODY_SECONDS:
                    raise TimeoutError
                time.sleep(BODY_LOOK_SECONDS)
                self.waited_seconds = self._clock() - self._begun
            message = coming.result()
            if message["type"] != "http.request":
                raise ConnectionResetError("the client went away")
            found += message.get("body", b"")
            self._is_over = not message.get("more_body", False)
        return found[:size]


class Gateway:
    """Calls a WSGI application for requests in the form of ASGI, without an event loop."""

    def __init__(
        self,
        application: WSGIApplication,
        operators: WSGIApplication | None = None,
        end: Callable[[], None] = lambda: None,
    ) -> None:
        """``operators`` is what answers at a port for operators, and ``end`` is called when the process ends."""
        self._application = application
        self.operators = operators
        self.end = end
        self._keys: dict[bytes, str] = {}
        self._sent = Memo(_raw, _MOST_SENT, lambda header: len(header[1]) <= _LONGEST_VALUE)
        self._base: dict[str, Any] = {
            "": "",  # the key of headers that are left out
            "SCRIPT_NAME": "",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_SOFTWARE": "mirrorlist",
            "wsgi.version": (1, 0),
            "wsgi.errors": sys.stderr,
            "wsgi.input": io.BytesIO(),
            "wsgi.input_terminated": True,
            "wsgi.multithread": False,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }

    def __call__(
        self, scope: Scope, exchange: Exchange, body_of_request: RequestBody | None = None
    ) -> Callable[[], object] | None:
        """Answers one request; of one that may have a body, gives what answers it and has to be called in a thread."""
        if body_of_request is None and scope["method"] == "POST":
            return partial(self, scope, exchange, RequestBody(exchange))
        begun, environ = _Begun(), self.environ(scope)
        if "," in environ.get("HTTP_HOST", ""):
            for message in BAD_HOST:
                exchange.send(message)
            return None
        if body_of_request is not None:
            environ["wsgi.input"] = body_of_request
        answer = self._application(environ, begun)
        try:
            body = answer[0] if type(answer) is tuple and len(answer) == 1 else b"".join(answer)
        finally:
            if (close := getattr(answer, "close", None)) is not None:
                close()
        status, sent = begun.status, self._sent
        headers = [sent[header] for header in begun.headers]
        exchange.send({"type": "http.response.start", "status": int(status[:3]), "headers": headers})
        exchange.send({"type": "http.response.body", "body": body})
        return None

    def time_next(self, took: Callable[[WSGIEnvironment, float], None]) -> None:
        """Calls ``took`` with the next request and the seconds that its answer took. The others pay nothing for it."""
        application = self._application

        def timed(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            self._application = application
            begun = time.perf_counter()
            answer = application(environ, start_response)
            took(environ, time.perf_counter() - begun)
            return answer

        self._application = timed

    def environ(self, scope: Scope) -> WSGIEnvironment:
        """The WSGI environ of a request; a header that comes twice is one with commas, as RFC 9110 joins them."""
        environ = self._base.copy()
        keys = self._keys
        for name, value in scope["headers"]:
            key = keys.get(name)
            if key is None:
                text = name.decode("latin-1").lower()  # one with an underscore is left out
                key = "" if "_" in text else _WITHOUT_PREFIX.get(text) or "HTTP_" + text.upper().replace("-", "_")
                if len(name) <= _LONGEST_NAME and len(keys) < _MOST_NAMES:
                    keys[name] = key
            if key not in environ:
                environ[key] = value.decode("latin-1")
            elif key:
                environ[key] += "," + value.decode("latin-1")
        path = scope["raw_path"]
        environ["PATH_INFO"] = (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1")
        environ["QUERY_STRING"] = scope["query_string"].decode("latin-1")
        environ["REQUEST_METHOD"] = scope["method"]
        environ["REMOTE_ADDR"] = scope["client"][0]
        environ["SERVER_NAME"], environ["SERVER_PORT"] = scope["server"]
        environ["wsgi.url_scheme"] = scope["scheme"]
        return environ


def _raw(header: tuple[str, str]) -> tuple[bytes, bytes]:
    """A header of an answer as it is sent; most of them come again, so they are remembered."""
    name, value = header
    return name.lower().encode("latin-1"), value.encode("latin-1")


class _Begun:
    """The status and the headers that an application gives."""

    __slots__ = ("headers", "status")

    def __call__(self, status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Callable[..., object]:
        self.status, self.headers = status, headers
        return _unsupported


def _unsupported(_: bytes) -> object:
    raise NotImplementedError("write() of WSGI")


class Apart:
    """A WSGI application behind a server that may take one header for another: of such a server forwarded headers
    are not believed, and the client behind a proxy is not known."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._told = threading.Event()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not _DROP_UNDERSCORES.match(server := environ.get("SERVER_SOFTWARE", "")):
            for key in FORWARDED:
                if environ.pop(key, None) is not None and not self._told.is_set():
                    self._told.set()
                    log.warning(
                        "X-Forwarded-For and X-Forwarded-Proto are ignored: this server may take X_Forwarded_For for "
                        "them; use mirrorlist serve, or gunicorn 22 or newer",
                        server=server,
                    )
        return self._application(environ, start_response)


# Several slashes in a path are one, because a base that ends in a slash before a path that begins with one is what many
# clients join.
#
# Nobody sees them after this. A path is never made into a host: where a client is sent is said by mirrors' files alone.


_SLASHES = re.compile("//+")


class OneSlash:
    """A WSGI application that hands requests on; to ``folded`` those with several slashes in a row, when one of them is
    left."""

    def __init__(self, application: WSGIApplication, folded: WSGIApplication) -> None:
        self._application = application
        self._folded = folded

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if "//" not in path:
            return self._application(environ, start_response)
        environ["PATH_INFO"] = _SLASHES.sub("/", path)
        return self._folded(environ, start_response)
