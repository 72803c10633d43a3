"""Whether a mirror that offers no list has single files: HEAD over the web, one file after another.

Only some files can be asked for in a run: the largest, for which a wrong redirect costs most, and a few others in
turn, so that all have been asked for after some time. What was asked too long ago is not known any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from mirrorlist.checks.deadline import Clock, deadline_in
from mirrorlist.checks.exchange import Method
from mirrorlist.checks.fetch import Ask, Fetch
from mirrorlist.checks.outcome import Failure, Fetched
from mirrorlist.core.listing import ABSENT, UNKNOWN
from mirrorlist.core.model import WEB_PROTOCOLS, Protocol

_GONE = (404, 410)
_MOST_FAILURES = 3
"""So many requests in a row without an answer: the mirror is left alone until the next run."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a mirror said of one file: its size, ABSENT or UNKNOWN, and its time in seconds since 1970 or UNKNOWN."""

    size: int
    mtime: int = UNKNOWN


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long one request and all of one mirror's may take."""

    request_seconds: float = 10.0
    mirror_seconds: float = 120.0


def tree_of(urls: Mapping[Protocol, str]) -> str | None:
    """Where a mirror is asked: https before http."""
    return next((urls[protocol] for protocol in WEB_PROTOCOLS if protocol in urls), None)


def ask(tree: str, paths: Sequence[str], fetch: Fetch, clock: Clock, timeouts: Timeouts) -> dict[str, Answer]:
    """What the mirror says of each path; those that it gave no clear answer about are left out."""
    deadline = deadline_in(timeouts.mirror_seconds, clock)
    found: dict[str, Answer] = {}
    failures = 0
    for path in paths:
        left = min(timeouts.request_seconds, deadline.left())
        if left <= 0 or failures == _MOST_FAILURES:
            break
        answer = fetch(tree + quote(path), Ask(Method.HEAD, deadline_seconds=left))
        failures = failures + 1 if isinstance(answer, Failure) else 0
        if isinstance(answer, Fetched) and (known := _known(answer)):
            found[path] = known
    return found


def _known(answer: Fetched) -> Answer | None:
    """None where the answer says neither that the file is there nor that it is not."""
    if answer.status in _GONE:
        return Answer(ABSENT)
    length = answer.headers.get("content-length", "")
    if answer.status != 200 or not length.isdecimal() or len(length) > 16:
        return None
    return Answer(int(length), _time(answer.headers.get("last-modified", "")))


def _time(text: str) -> int:
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (ValueError, OverflowError):
        return UNKNOWN
