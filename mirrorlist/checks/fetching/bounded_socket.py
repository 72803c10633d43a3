"""An open socket whose every read and write knows the deadline of the fetch and how many bytes it may still bring.

A socket's own timeout starts again with each read, so a byte a second never trips it; here it is set before each
read to what remains. That holds for header lines too, which http.client reads through a buffered file.
"""

from __future__ import annotations

import errno
import io
import os
import selectors
import socket
import ssl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import cast

from mirrorlist.checks.fetching.result import Deadline, Failed, Failure, FailureKind, shown

MOST_ADDRESSES_TRIED = 4

_EXPIRED, _NOT_YET_VALID = 10, 9
_WRONG_NAMES = (62, 64)
_UNKNOWN_ISSUERS = (2, 18, 19, 20, 21)
"""X509_V_ERR codes of OpenSSL's x509_vfy.h."""


class Wire:
    """What http.client and urllib3 use of a socket, bounded. Who opened the socket closes it."""

    def __init__(self, opened: socket.socket, deadline: Deadline, most_bytes: int) -> None:
        self._socket = opened
        self._deadline = deadline
        self._received = 0
        self._most_bytes = most_bytes

    def allow(self, more_bytes: int) -> None:
        """From here on this many bytes may come."""
        self._most_bytes = self._received + more_bytes

    def receive_into(self, buffer: memoryview) -> int:
        """How many bytes came; 0 at the end of the stream.

        Raises:
            Failed: the time is over, or more came than may.
        """
        self._set_time()
        try:
            count = self._socket.recv_into(buffer)
        except TimeoutError:
            raise self._late() from None
        self._received += count
        if self._received > self._most_bytes:
            raise Failed(FailureKind.TOO_LARGE, f"over {self._most_bytes} bytes on the wire")
        return count

    def sendall(self, data: bytes) -> None:
        """Raises Failed when the time is over."""
        self._set_time()
        try:
            self._socket.sendall(data)
        except TimeoutError:
            raise self._late() from None

    def mark(self) -> tuple[int, float]:
        """How many bytes came by now, and in how many seconds."""
        return self._received, self._deadline.passed()

    def makefile(self, mode: str) -> io.BufferedReader:
        """Only ever asked for ``rb``."""
        return io.BufferedReader(_Incoming(self))

    def settimeout(self, seconds: float | None) -> None:
        """Without effect: urllib3 sets its own before each request, the deadline rules here."""

    def close(self) -> None:
        """Without effect: http.client closes before the body is read."""

    def _set_time(self) -> None:
        left = self._deadline.left()
        if left <= 0:
            raise self._late()
        self._socket.settimeout(left)

    def _late(self) -> Failed:
        seconds = f"{self._deadline.seconds:g} s"
        if self._received:
            return Failed(FailureKind.DEADLINE, f"{self._received} bytes of the answer came within {seconds}")
        return Failed(FailureKind.TIMEOUT, f"no byte of an answer within {seconds}")


class _Incoming(io.RawIOBase):
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # BufferedReader gives a memoryview
        return self._wire.receive_into(buffer)


@contextmanager
def connection(addresses: Sequence[str], port: int, deadline: Deadline) -> Iterator[tuple[socket.socket, str]]:
    """A connection to the first address that accepts one, and that address.

    Each of the first ``MOST_ADDRESSES_TRIED`` gets an equal share of the time that is left.

    Raises:
        Failed: none accepts; it says what the last one did.
    """
    tried = addresses[:MOST_ADDRESSES_TRIED]
    for place, address in enumerate(tried):
        last = place == len(tried) - 1
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as opened:
            try:
                _connect(opened, address, port, deadline.left() / (len(tried) - place))
            except Failed:
                if last:
                    raise
                continue
            yield opened, address
            return


Door = tuple[str, int]
"""An address and a port."""


def connected(doors: Iterable[Door], deadline: Deadline) -> dict[Door, socket.socket | Failure]:
    """A connection to each door, all tried at once, or why there is none; the caller closes them."""
    found: dict[Door, socket.socket | Failure] = {}
    with selectors.DefaultSelector() as waiting:
        for door in dict.fromkeys(doors):
            try:
                opened = socket.socket(socket.AF_INET6 if ":" in door[0] else socket.AF_INET, socket.SOCK_STREAM)
            except OSError as error:
                found[door] = Failure(FailureKind.LOCAL, str(error.strerror or error))
                continue
            opened.setblocking(False)
            status = opened.connect_ex(door)
            if status in (0, errno.EINPROGRESS):
                waiting.register(opened, selectors.EVENT_WRITE, door)
            else:
                found[door] = _no_connection(opened, door, status)
        while waiting.get_map() and (left := deadline.left()) > 0:
            for key, _ in waiting.select(left):
                opened, door = cast(socket.socket, key.fileobj), key.data
                waiting.unregister(opened)
                status = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                found[door] = _no_connection(opened, door, status) if status else opened
        for key in list(waiting.get_map().values()):
            found[key.data] = _no_connection(cast(socket.socket, key.fileobj), key.data, errno.ETIMEDOUT)
    return found


def _no_connection(opened: socket.socket, door: Door, status: int) -> Failure:
    opened.close()
    where = f"port {door[1]}"
    if status == errno.ECONNREFUSED:
        return Failure(FailureKind.REFUSED, where)
    if status == errno.ETIMEDOUT:
        return Failure(FailureKind.TIMEOUT, where)
    is_ours = status in (errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM, errno.EPERM)
    return Failure(FailureKind.LOCAL if is_ours else FailureKind.UNREACHABLE, f"{where}: {os.strerror(status)}")


def _connect(opened: socket.socket, address: str, port: int, seconds: float) -> None:
    where = f"{address} port {port}"
    if seconds <= 0:
        raise Failed(FailureKind.TIMEOUT, f"no time left to connect to {where}")
    opened.settimeout(seconds)
    try:
        opened.connect((address, port))
    except TimeoutError:
        raise Failed(FailureKind.TIMEOUT, f"{where} accepts no connection within {seconds:.1f} s") from None
    except ConnectionRefusedError:
        raise Failed(FailureKind.REFUSED, where) from None
    except OSError as error:
        raise Failed(FailureKind.UNREACHABLE, f"{where}: {error.strerror or error}") from None
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def secured(plain: socket.socket, name: str, context: ssl.SSLContext, deadline: Deadline) -> ssl.SSLSocket:
    """The TLS connection for ``name`` in place of the plain one, which is closed if there is none.

    urllib3 would do this, but it sets options of the context for each connection, which is not safe while other
    threads use the same context.

    Raises:
        Failed: the handshake is not done in time, or the certificate is not good for the name.
        OSError: the handshake fails.
    """
    left = deadline.left()
    with ExitStack() as on_failure:
        on_failure.callback(plain.close)
        plain.settimeout(max(left, 0.001))
        tls = context.wrap_socket(plain, server_hostname=name, do_handshake_on_connect=False)
        on_failure.callback(tls.close)
        try:
            tls.do_handshake()
        except ssl.SSLCertVerificationError as error:
            raise Failed(FailureKind.CERTIFICATE, certificate_fault(error.verify_code, error.verify_message)) from None
        except TimeoutError:
            raise Failed(FailureKind.TIMEOUT, f"no TLS handshake within {left:.1f} s") from None
        on_failure.pop_all()
    return tls


def certificate_days_left(tls: ssl.SSLSocket, now: float) -> int | None:
    """Whole days from ``now`` (seconds since 1970); None where the context asks for no certificate."""
    ends = (tls.getpeercert() or {}).get("notAfter")
    return int((ssl.cert_time_to_seconds(ends) - now) // 86_400) if isinstance(ends, str) else None


def certificate_fault(code: int, message: str) -> str:
    """What is wrong with a certificate, from OpenSSL's number and words."""
    if code == _EXPIRED:
        return "expired"
    if code == _NOT_YET_VALID:
        return "not valid yet"
    if code in _WRONG_NAMES:
        return f"wrong name: {shown(message)}"
    return f"unknown issuer: {shown(message)}" if code in _UNKNOWN_ISSUERS else shown(message)
