"""Send one request to an address that has been judged, and read the answer; redirects are not followed."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import cast

from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError, IncompleteRead, InvalidChunkLength, ProtocolError
from urllib3.response import HTTPResponse

from mirrorlist.checks.fetching.bounded_socket import Wire, certificate_days_left, connection, secured
from mirrorlist.checks.fetching.result import Deadline, Failed, FailureKind, Transfer, shown
from mirrorlist.checks.fetching.url import FetchTarget
from mirrorlist.core.model import Protocol

LARGEST_HEAD = 65_536
"""Bytes of status line and headers together, interim answers included."""

KEPT_HEADERS = (
    "accept-ranges", "age", "content-encoding", "content-length", "content-range", "content-type", "date", "etag",
    "last-modified", "location", "retry-after", "server",
)  # fmt: skip

_READ_AT_ONCE = 65_536
_FRAMING_SHARE = 8
"""Chunk sizes and trailers may add an eighth; chunks of a byte would cost more time than a body of any size."""

_PACKED = (".gz", ".tgz")
_NO_LABELS = frozenset({"", "identity"})
_LABELS = _NO_LABELS | {"gzip", "x-gzip"}
"""What servers such as Apache with AddEncoding say of a packed file, which they send as it is."""
_LONGEST_KEPT_VALUE = 2048
_REDIRECTS = (301, 302, 303, 307, 308)
_VALIDATOR = re.compile(r"[ -~]{1,256}")


class Method(StrEnum):
    """What is wanted of the file: its bytes, only whether it is there, in a client's way or in a cheap one, or how fast
    its beginning comes."""

    GET = "GET"
    HEAD = "HEAD"
    FIRST_BYTE = "GET of one byte"
    PART = "GET of a part"

    @property
    def verb(self) -> str:
        """The word of the request."""
        return "HEAD" if self is Method.HEAD else "GET"


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. ``etag`` and ``modified_since`` are validators that an earlier answer gave.

    ``is_last``: the server may close the connection after the answer. ``forwarded_for``: the client for whom it is
    asked.
    """

    method: Method
    user_agent: str
    etag: str | None
    modified_since: str | None
    most_bytes: int
    is_last: bool = True
    forwarded_for: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of one host; ``location`` is where it redirects to, None if it does not.

    ``stays_open``: another request may follow on the same connection.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    location: str | None
    address: str
    certificate_days_left: int | None
    stays_open: bool = False
    transfer: Transfer | None = None


class _QuietResponse(http.client.HTTPResponse):
    """urllib3 logs a record, some with a traceback, for headers it finds odd; strangers would fill the log."""

    def begin(self) -> None:
        super().begin()
        self.msg.defects.clear()
        self.msg.set_payload("")
        if self.chunked:
            del self.msg["content-length"]


class _OpenConnection(HTTPConnection):
    """Speaks over a wire that is open already. It never opens one, so it never resolves a name."""

    response_class = _QuietResponse

    def __init__(self, target: FetchTarget, wire: Wire) -> None:
        super().__init__(target.host, target.port)
        self.sock = cast(socket.socket, wire)

    def connect(self) -> None:
        raise ConnectionError("the connection is gone")


def exchanged(
    target: FetchTarget,
    addresses: tuple[str, ...],
    request: Request,
    context: ssl.SSLContext,
    deadline: Deadline,
    now: Callable[[], float],
) -> Reply:
    """The answer of the first of the addresses that accepts a connection.

    Raises:
        Failed: there is none that can be used.
    """
    try:
        with connection(addresses, target.port, deadline) as (opened, address):
            if target.scheme is Protocol.HTTP:
                return _reply(Wire(opened, deadline, LARGEST_HEAD), target, request, address, None)
            with closing(secured(opened, target.host, context, deadline)) as tls:
                wire = Wire(tls, deadline, LARGEST_HEAD)
                return _reply(wire, target, request, address, certificate_days_left(tls, now()))
    except (OSError, http.client.HTTPException, HTTPError, ValueError) as error:  # parsers let ValueError through
        raise _failure(error) from None


def secured_for(
    target: FetchTarget, plain: socket.socket, context: ssl.SSLContext, deadline: Deadline
) -> socket.socket:
    """The connection as the target's scheme wants it, in place of the plain one, which is closed if there is none.

    Raises:
        Failed: the handshake is not done in time, or the certificate is not good for the name.
    """
    if target.scheme is Protocol.HTTP:
        return plain
    try:
        return secured(plain, target.host, context, deadline)
    except OSError as error:
        raise _failure(error) from None


def exchanged_over(opened: socket.socket, target: FetchTarget, request: Request, deadline: Deadline) -> Reply:
    """The answer that comes over a connection, which for https is secured already; it is left open.

    Raises:
        Failed: there is none that can be used.
    """
    try:
        return _reply(Wire(opened, deadline, LARGEST_HEAD), target, request, "", None)
    except (OSError, http.client.HTTPException, HTTPError, ValueError) as error:
        raise _failure(error) from None


def sent_headers(target: FetchTarget, request: Request) -> dict[str, str]:
    """The headers of a request. A validator that is not plain ASCII is left out: then the whole file comes."""
    headers = {
        "Host": target.authority,
        "User-Agent": request.user_agent,
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close" if request.is_last else "keep-alive",
    }
    validators = (("If-None-Match", request.etag), ("If-Modified-Since", request.modified_since))
    if request.method is Method.FIRST_BYTE:
        headers["Range"] = "bytes=0-0"
    if request.method is Method.PART:
        headers["Range"] = f"bytes=0-{request.most_bytes - 1}"
    if request.forwarded_for:
        headers["X-Forwarded-For"] = request.forwarded_for
    return headers | {name: value for name, value in validators if value and _VALIDATOR.fullmatch(value)}


def _reply(wire: Wire, target: FetchTarget, request: Request, address: str, days_left: int | None) -> Reply:
    speaking = _OpenConnection(target, wire)
    speaking.request(
        request.method.verb,
        target.path,
        headers=sent_headers(target, request),
        preload_content=False,
        decode_content=False,
    )
    with closing(speaking.getresponse()) as answer:
        location = _location(answer)
        said = answer.headers.get("connection", "").lower()
        may_stay = "close" not in said and (answer.version == 11 or "keep-alive" in said)  # RFC 9112, 9.3
        stays_open = not request.is_last and request.method is Method.HEAD and may_stay
        if request.method is Method.PART:
            transfer = _transfer(answer, wire, request.most_bytes) if 200 <= answer.status < 300 else None
            return Reply(answer.status, _kept(answer), b"", location, address, days_left, transfer=transfer)
        body = _body(answer, wire, request, target.path.partition("?")[0].endswith(_PACKED))
        return Reply(answer.status, _kept(answer), body, location, address, days_left, stays_open)


def _location(answer: HTTPResponse) -> str | None:
    if answer.status < 200:
        raise Failed(FailureKind.MALFORMED, f"an interim answer, status {answer.status}, that nobody asked for")
    return answer.headers.get("location") if answer.status in _REDIRECTS else None


def _kept(answer: HTTPResponse) -> dict[str, str]:
    """The headers that matter, without control characters; a value that is overlong is cut."""
    found = ((name, answer.headers.get(name)) for name in KEPT_HEADERS)
    return {
        name: "".join(character if character.isprintable() else "?" for character in value[:_LONGEST_KEPT_VALUE])
        for name, value in found
        if value is not None
    }


def _body(answer: HTTPResponse, wire: Wire, request: Request, is_packed: bool) -> bytes:
    if request.method is Method.HEAD or not 200 <= answer.status < 300:
        return b""
    if request.method is Method.FIRST_BYTE:  # whoever knows no ranges sends all; the connection is closed on him
        return next(iter(answer.stream(1, decode_content=False)), b"")[:1]
    # nothing is decompressed: identity was asked for, and a bomb must cost nothing; a packed file's label is its own
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in (_LABELS if is_packed else _NO_LABELS):
        raise Failed(FailureKind.ENCODED, f"Content-Encoding {shown(encoding)}, although identity was asked for")
    transfer = answer.headers.get("transfer-encoding", "chunked").strip().lower()
    if transfer not in ("", "identity", "chunked"):
        raise Failed(FailureKind.ENCODED, f"Transfer-Encoding {shown(transfer)}")
    if answer.length_remaining is not None and answer.length_remaining > request.most_bytes:
        raise Failed(FailureKind.TOO_LARGE, f"{answer.length_remaining} bytes announced, {request.most_bytes} wanted")
    wire.allow(request.most_bytes + request.most_bytes // _FRAMING_SHARE + LARGEST_HEAD)
    body = bytearray()
    for piece in answer.stream(_READ_AT_ONCE, decode_content=False):
        body += piece
        if len(body) > request.most_bytes:
            raise Failed(FailureKind.TOO_LARGE, f"over {request.most_bytes} bytes")
    return bytes(body)


def _transfer(answer: HTTPResponse, wire: Wire, most_bytes: int) -> Transfer:
    """Reads this many bytes and keeps none; a server that sends more is hung up on, a slow one cut off in time."""
    wire.allow(most_bytes + most_bytes // _FRAMING_SHARE + LARGEST_HEAD)
    begun, size = wire.mark(), 0
    marks = [begun]
    try:
        for piece in answer.stream(_READ_AT_ONCE, decode_content=False):
            size += len(piece)
            if (now := wire.mark())[0] - marks[-1][0] >= most_bytes // 4:
                marks.append(now)
            if size >= most_bytes:
                break
    except Failed as failed:
        if failed.failure.kind is not FailureKind.DEADLINE:
            raise
        size = max(size, wire.mark()[0] - begun[0])
    if len(marks) == 1:
        marks.append(wire.mark())
    rates = [(many - few) * 8e-6 / (late - early) for (few, early), (many, late) in pairwise(marks) if late > early]
    return Transfer(size, max(rates, default=None) if size else None)


def _failure(error: Exception) -> Failed:
    """The failure for an error of the socket, TLS, http.client or urllib3, which wraps causes that say more."""
    cause = error.__cause__ or error
    said = shown(f"{type(cause).__name__}: {cause}")
    if isinstance(cause, ssl.SSLError):
        return Failed(FailureKind.TLS, shown(cause.reason or str(cause)))
    if isinstance(cause, (InvalidChunkLength, http.client.LineTooLong, http.client.BadStatusLine)):
        ended = isinstance(cause, http.client.RemoteDisconnected)
        return Failed(FailureKind.BROKEN_OFF if ended else FailureKind.MALFORMED, said)
    if isinstance(cause, (ConnectionError, http.client.IncompleteRead, IncompleteRead, ProtocolError)):
        return Failed(FailureKind.BROKEN_OFF, said)
    if isinstance(cause, OSError):
        return Failed(FailureKind.LOCAL, said)
    return Failed(FailureKind.MALFORMED, said)
