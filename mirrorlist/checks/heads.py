"""Whether a mirror that offers no list has single files: asked over the web, one file after another.

Only some files can be asked for in a run: the largest, for which a wrong redirect costs most, and a few others in
turn, so that all have been asked for after some time. What was asked too long ago is not known any more.

A file is asked for by its first byte: many servers treat HEAD otherwise than the GET of clients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from mirrorlist.checks.deadline import Clock, deadline_in
from mirrorlist.checks.exchange import Method
from mirrorlist.checks.fetch import Ask, Fetch
from mirrorlist.checks.outcome import Failure, FailureKind, Fetched
from mirrorlist.checks.sizes import is_there, told_size
from mirrorlist.core.elsewhere import NOWHERE, Elsewhere
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


def ask(
    tree: str, paths: Sequence[str], fetch: Fetch, clock: Clock, timeouts: Timeouts, elsewhere: Elsewhere = NOWHERE
) -> dict[str, Answer]:
    """What the mirror says of each path; those that it gave no clear answer about are left out.

    What it redirects ``elsewhere`` it does not have.
    """
    deadline = deadline_in(timeouts.mirror_seconds, clock)
    found: dict[str, Answer] = {}
    failures = 0
    for path in paths:
        left = min(timeouts.request_seconds, deadline.left())
        if left <= 0 or failures == _MOST_FAILURES:
            break
        answer = fetch(tree + quote(path), Ask(Method.FIRST_BYTE, deadline_seconds=left, elsewhere=elsewhere))
        known = _known(answer)
        failures = failures + 1 if isinstance(answer, Failure) and known is None else 0
        if known:
            found[path] = known
    return found


def _known(answer: Fetched | Failure) -> Answer | None:
    """None where the answer says neither that the file is there nor that it is not."""
    if isinstance(answer, Failure):
        return Answer(ABSENT) if answer.kind is FailureKind.ELSEWHERE else None
    if answer.status in _GONE:
        return Answer(ABSENT)
    size = told_size(answer)
    if not is_there(answer) or size is None:
        return None
    return Answer(size, _time(answer.headers.get("last-modified", "")))


def _time(text: str) -> int:
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (ValueError, OverflowError):
        return UNKNOWN
