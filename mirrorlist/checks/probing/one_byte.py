"""Detect whether a mirror serves a file: by a GET of its first byte, as clients ask, or by HEAD where GET is expensive.

Servers refuse HEAD that give the file, and answer HEAD for files that they refuse: HEAD alone proves neither.

A run asks for some files only: the largest, for which a wrong redirect costs most, and a few others in turn, so that
all are asked for after some time. An answer that is too old counts for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from mirrorlist.checks.fetching.deadline import Clock, deadline_in
from mirrorlist.checks.fetching.exchange import Method
from mirrorlist.checks.fetching.fetch import Ask, Fetch
from mirrorlist.checks.fetching.result import Failure, FailureKind, Fetched
from mirrorlist.core.files.mirror_listing import ABSENT, UNKNOWN
from mirrorlist.core.health.elsewhere import NOWHERE, Elsewhere
from mirrorlist.core.model import WEB_PROTOCOLS, Protocol

NOT_ITS_OWN = frozenset({FailureKind.ELSEWHERE, FailureKind.CIRCLE})
"""Redirects that end a client's way without the file, or with somebody else's."""
_OF_HEAD = NOT_ITS_OWN | {FailureKind.BROKEN_OFF, FailureKind.MALFORMED}
"""Failures that a GET may not have."""
_GONE = (404, 410)
_FOR_NOW = (408, 421, 425, 429)
"""Statuses of the 400s that say nothing of the file."""
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
    return int(length) if length.isdecimal() and len(length) <= 16 else UNKNOWN


def _time(headers: Mapping[str, str]) -> int:
    try:
        return int(parsedate_to_datetime(headers.get("last-modified", "")).timestamp())
    except (ValueError, OverflowError):
        return UNKNOWN


MOST_DIGITS = 16
_TOTAL = re.compile(r"bytes\s+(?:[0-9]+-[0-9]+|\*)/([0-9]+)\s*", re.IGNORECASE)
_WHOLE, _PART, _NO_PART = 200, 206, 416


def is_there(answer: Fetched) -> bool:
    """Whether the file was given. An empty one has no first byte (RFC 9110, 15.5.17)."""
    return answer.status in (_WHOLE, _PART) or (answer.status == _NO_PART and told_size(answer) == 0)


def told_size(answer: Fetched) -> int | None:
    """The size of the whole file in bytes; None where the answer does not say it."""
    text = answer.headers.get("content-length", "")
    if answer.status != _WHOLE:
        found = _TOTAL.fullmatch(answer.headers.get("content-range", ""))
        text = found[1] if found else ""
    return int(text) if text.isdecimal() and len(text) <= MOST_DIGITS else None


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
