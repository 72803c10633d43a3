"""Ask the origin's web server within a deadline that holds from the request to the last byte, redirects included.

``requests`` bounds each read from a socket, so a server that sends a byte now and then never times out.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from types import MappingProxyType, TracebackType
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from mirrorlist.core.errors import OriginError

CONNECT_SECONDS = 10.0
READ_SECONDS = 10.0
"""How long the server may be silent."""
MOST_REDIRECTS = 5
AS_IT_IS: Mapping[str, str] = MappingProxyType({"Accept-Encoding": "identity"})
"""Asks for a file as it is: one that is compressed on the way comes with another size, or with none."""
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})

_sockets: ContextVar[list[socket.socket]] = ContextVar("sockets")
"""Where the connections of the present request note their sockets, so that a deadline can end them."""


class WebExchange:
    """One request and its answer, which ends when the time is over. Use it as a context.

    Raises:
        OriginError: the server gives no answer, or not in time; the message begins with the URL.
    """

    def __init__(
        self,
        url: str,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._url = url
        self._timeout = CONNECT_SECONDS, read_seconds
        self._seconds = seconds
        self._clock = clock
        self._ends_at = clock() + seconds
        self._opened: list[socket.socket] = []
        self._ending = threading.Timer(seconds, self._end)
        self._ending.daemon = True

    def __enter__(self) -> WebExchange:
        self._ending.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ending.cancel()
        if error is None or isinstance(error, (requests.RequestException, urllib3.exceptions.HTTPError)):
            self.check()
        if isinstance(error, (requests.RequestException, urllib3.exceptions.HTTPError)):
            raise OriginError(f"{self._url}: {type(error).__name__}") from None

    def check(self) -> None:
        """Raises OriginError when the time is over: what was read until then may have been cut off."""
        if self._clock() > self._ends_at:
            raise OriginError(f"{self._url}: not complete after {self._seconds:.0f} s")

    def answer(
        self, session: requests.Session, method: str = "GET", headers: Mapping[str, str] = _NO_HEADERS
    ) -> requests.Response:
        """The answer, whose body is not read yet."""
        token = _sockets.set(self._opened)
        try:
            return session.request(
                method, self._url, headers=dict(headers), timeout=self._timeout, stream=True, allow_redirects=True
            )
        finally:
            _sockets.reset(token)

    def _end(self) -> None:
        for opened in self._opened:
            with suppress(OSError):  # it ended meanwhile
                socket.socket.shutdown(opened, socket.SHUT_RDWR)


def origin_session() -> requests.Session:
    """A session whose requests a ``WebExchange`` can end."""
    session = requests.Session()
    session.max_redirects = MOST_REDIRECTS
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter())
    return session


def _note(opened: socket.socket | None) -> None:
    if opened is not None:
        _sockets.get([]).append(opened)


class _Connection(HTTPConnection):
    """A connection that notes its socket when it waits for an answer."""

    def getresponse(self) -> Any:
        _note(self.sock)
        return super().getresponse()


class _SecureConnection(HTTPSConnection):
    """The same over TLS."""

    def getresponse(self) -> Any:
        _note(self.sock)
        return super().getresponse()


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    """Makes connections that note their sockets, also through a proxy."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        _note_sockets(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        return _note_sockets(super().proxy_manager_for(*args, **options))


def _note_sockets(pools: Any) -> Any:
    pools.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
    return pools
