"""Detect whether a mirror serves a file: by a GET of its first byte, as clients ask, or by HEAD where GET is expensive.

Servers refuse HEAD that give the file, and answer HEAD for files that they refuse: HEAD alone proves neither.

A run asks for some files only: the largest, for which a wrong redirect costs most, and a few others in turn, so that
all are asked for after some time. An answer that is too old counts for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from mirrorlist.checks.fetching.exchange import Method
from mirrorlist.checks.fetching.fetch import Ask, Fetch
from mirrorlist.checks.fetching.result import MOST_DIGITS, Clock, Failure, FailureKind, Fetched, deadline_in
from mirrorlist.core.content import NamedFile
from mirrorlist.core.files.mirror_listing import ABSENT, UNKNOWN
from mirrorlist.core.health.elsewhere import NOWHERE, Elsewhere
from mirrorlist.core.health.whole import EACH_LOOK
from mirrorlist.core.model import WEB_PROTOCOLS, Protocol

NOT_ITS_OWN = frozenset({FailureKind.ELSEWHERE, FailureKind.CIRCLE})
"""Redirects that end a client's way without the file, or with somebody else's."""
_OF_HEAD = NOT_ITS_OWN | {FailureKind.BROKEN_OFF, FailureKind.MALFORMED}
"""Failures that a GET may not have."""
_GONE = (404, 410)
_FOR_NOW = (408, 421, 425, 429, 503)
"""Statuses that say nothing of the file."""
_RANGE = re.compile(r"bytes (?:0-0|\*)/(\d{1,16}|\*)", re.IGNORECASE)
_NO_SUCH_RANGE = 416


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """What a mirror said of one file: its size, ABSENT or UNKNOWN, its time in seconds since 1970 or UNKNOWN, and why
    it counts as absent where that is not a plain 404."""

    size: int
    mtime: int = UNKNOWN
    why: str = ""


@dataclass(frozen=True, slots=True)
class FileReply:
    """What came of asking for one file: ``answer`` is None where that says nothing of the file, ``failed`` says
    whether there was no answer at all, ``whole`` whether the server began to send the whole file."""

    answer: FileAnswer | None
    failed: bool = False
    whole: bool = False


def by_get(url: str, ask: Ask, fetch: Fetch) -> FileReply:
    """Asks for the first byte."""
    reply = fetch(url, replace(ask, method=Method.FIRST_BYTE))
    if isinstance(reply, Failure):
        return _failed(reply)
    if 400 <= reply.status < 500 and reply.status not in (*_FOR_NOW, _NO_SUCH_RANGE):
        return FileReply(FileAnswer(ABSENT, why="" if reply.status in _GONE else f"status {reply.status}"))
    found = _RANGE.fullmatch(reply.headers.get("content-range", "").strip())
    if found and reply.status == 206:
        return FileReply(FileAnswer(UNKNOWN if found[1] == "*" else int(found[1]), _time(reply.headers)))
    if found and reply.status == _NO_SUCH_RANGE and found[1] == "0":
        return FileReply(FileAnswer(0, _time(reply.headers)))
    if reply.status == 200 and (size := _length(reply.headers)) != UNKNOWN and (reply.body or not size):
        return FileReply(FileAnswer(size, _time(reply.headers)), whole=size > 1)
    return FileReply(None)


def by_head(url: str, ask: Ask, fetch: Fetch) -> FileReply:
    """Asks for the head, and by GET where that does not say clearly that the file is there."""
    reply = fetch(url, replace(ask, method=Method.HEAD))
    if isinstance(reply, Failure):
        return by_get(url, ask, fetch) if reply.kind in _OF_HEAD else _failed(reply)
    if reply.status == 200 and (size := _length(reply.headers)) != UNKNOWN:
        return FileReply(FileAnswer(size, _time(reply.headers)))
    return by_get(url, ask, fetch)


def _failed(failure: Failure) -> FileReply:
    if failure.kind in NOT_ITS_OWN:
        return FileReply(FileAnswer(ABSENT, why=str(failure)))
    return FileReply(None, failed=True)


def _length(headers: Mapping[str, str]) -> int:
    length = headers.get("content-length", "")
    return int(length) if length.isdecimal() and len(length) <= MOST_DIGITS else UNKNOWN


def _time(headers: Mapping[str, str]) -> int:
    try:
        return int(parsedate_to_datetime(headers.get("last-modified", "")).timestamp())
    except (ValueError, OverflowError):
        return UNKNOWN


_MOST_FAILURES = 3
"""This many requests in a row without an answer: the mirror is left alone until the next run."""
_GET_EACH = 4
"""A server that sends the whole file for its first byte is asked by HEAD, and by GET for every fourth file."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long one request and all of one mirror's may take."""

    request_seconds: float = 10.0
    mirror_seconds: float = 120.0


def tree_of(urls: Mapping[Protocol, str]) -> str | None:
    """Where a mirror is asked: https before http."""
    return next((urls[protocol] for protocol in WEB_PROTOCOLS if protocol in urls), None)


def ask(
    tree: str, paths: Sequence[str], fetch: Fetch, clock: Clock, timeouts: Timeouts, elsewhere: Elsewhere = NOWHERE
) -> dict[str, FileAnswer]:
    """What the mirror says of each path; those that it gave no clear answer about are left out.

    What it redirects ``elsewhere`` it does not have.
    """
    deadline = deadline_in(timeouts.mirror_seconds, clock)
    found: dict[str, FileAnswer] = {}
    failures, sparing = 0, False
    for number, path in enumerate(paths):
        left = min(timeouts.request_seconds, deadline.left())
        if left <= 0 or failures == _MOST_FAILURES:
            break
        asking = by_head if sparing and number % _GET_EACH else by_get
        asked = asking(tree + quote(path), Ask(deadline_seconds=left, elsewhere=elsewhere), fetch)
        failures = failures + 1 if asked.failed else 0
        sparing |= asked.whole
        if asked.answer is not None:
            found[path] = asked.answer
    return found


Asked = Callable[[str, Method], Fetched | Failure | None]
"""What a path below the tree gives by a method; None where no time is left."""

_FIRST_OF = re.compile(r"bytes\s+0-0/(\d{1,16}|\*)", re.IGNORECASE)
_NONE_OF = re.compile(r"bytes\s+\*/(\d{1,16})", re.IGNORECASE)
_BY_FIRST_BYTE = (Method.FIRST_BYTE,)
_BY_HEAD = (Method.HEAD, Method.FIRST_BYTE)
_OF_THE_FILE = frozenset(
    {
        FailureKind.ELSEWHERE,
        FailureKind.CIRCLE,
        FailureKind.TOO_MANY_REDIRECTS,
        FailureKind.DOWNGRADE,
        FailureKind.ENCODED,
        FailureKind.FORBIDDEN_REDIRECT,
    }
)
"""Failures by which a client does not get the file; the others say nothing of it."""


@dataclass(frozen=True, slots=True)
class FilesSeen:
    """What asking came to.

    ``fault``: what is wrong with a file, whose path comes first; ``good``: how many were given before, None where that
    says nothing of the mirror. ``requests``: how often it was asked.
    """

    requests: int
    good: int | None = None
    fault: str = ""


def look_at_files(files: Sequence[NamedFile], asked: Asked) -> FilesSeen:
    """Asks for files, at most ``EACH_LOOK`` times, until one is at fault or cannot be judged now.

    The first is asked for by its first byte, which shows whether ranges work; the others by their heads, and by the
    first byte where a head does not say that all is well: servers refuse heads, or answer them wrongly.
    """
    requests = 0
    methods: tuple[Method, ...] = _BY_FIRST_BYTE
    for number, file in enumerate(files):
        said: str | None = None
        for method in methods:
            if requests == EACH_LOOK:
                return FilesSeen(requests, good=number)
            requests += 1
            said = _fault(file, asked(file.path, method), method)
            if said == "":
                # whose heads say nothing is asked for no more of them
                methods = _BY_HEAD if number == 0 or method is Method.HEAD else _BY_FIRST_BYTE
                break
        if said is None:
            return FilesSeen(requests)
        if said:
            return FilesSeen(requests, fault=f"{file.path}: {said}")
    return FilesSeen(requests, good=len(files))


def _fault(file: NamedFile, answer: Fetched | Failure | None, method: Method) -> str | None:
    """What is wrong with a file by an answer; nothing where all is well, None where the answer does not say."""
    if answer is None:
        return None
    if isinstance(answer, Failure):
        return str(answer) if answer.kind in _OF_THE_FILE else None
    if answer.status in _FOR_NOW:
        return None
    if answer.status == 206 and method is Method.FIRST_BYTE:
        return _of_range(file, answer)
    if answer.status == 416 and method is Method.FIRST_BYTE:
        empty = _NONE_OF.fullmatch(answer.headers.get("content-range", "").strip())
        return (
            ""
            if empty and int(empty[1]) == 0 == (file.size or 0)
            else "status 416 for its first byte: ranges are broken"
        )
    if answer.status != 200:
        return "missing" if answer.status in _GONE else f"status {answer.status}"
    return _of_whole(file, answer, method)


def _of_range(file: NamedFile, answer: Fetched) -> str:
    found = _FIRST_OF.fullmatch(answer.headers.get("content-range", "").strip())
    if not found or not answer.body:
        return "another range than the one that was asked for"
    return "" if found[1] == "*" else _of_size(file, int(found[1]), answer)


def _of_whole(file: NamedFile, answer: Fetched, method: Method) -> str | None:
    if (size := _length(answer.headers)) != UNKNOWN:
        return _of_size(file, size, answer)
    if method is Method.HEAD:
        return None
    if answer.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        return "compressed on the way, although identity was asked for"
    if _is_page(file, answer):
        return "an HTML page"
    begins = _BEGINNINGS.get(file.path.rpartition(".")[2])
    return "another file: it begins as none of this kind" if begins and answer.body[:1] not in begins else ""


_BEGINNINGS = {
    "rpm": b"\xed", "deb": b"!", "gz": b"\x1f", "xz": b"\xfd", "bz2": b"B", "zst": b"(" + bytes(range(0x50, 0x60)),
}  # fmt: skip
"""The bytes with which files begin, by their endings: they tell one from a page about its absence where nothing else
does. Before a frame of zstd there may be others, which are skipped."""


def _of_size(file: NamedFile, size: int, answer: Fetched) -> str:
    """A label such as ``Content-Encoding: x-gzip`` on a file of the right size changes no byte."""
    if file.size is None or size == file.size:
        return "an HTML page" if file.size is None and _is_page(file, answer) else ""
    return "an HTML page" if _is_page(file, answer) else f"{size} bytes, but {file.size} at the origin"


def _is_page(file: NamedFile, answer: Fetched) -> bool:
    is_html = answer.headers.get("content-type", "").lower().startswith(("text/html", "application/xhtml"))
    return is_html and not file.path.endswith((".html", ".htm"))
