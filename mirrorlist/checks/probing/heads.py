"""Ask a mirror for single files over the web, one after another, where no list covers them.

A run asks for some files only: the largest, for which a wrong redirect costs most, and a few others in turn, so that
all are asked for after some time. An answer that is too old counts for nothing.

A file is asked for by its first byte: many servers treat HEAD differently from the GET of clients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from mirrorlist.checks.fetching.deadline import Clock, deadline_in
from mirrorlist.checks.fetching.fetch import Ask, Fetch
from mirrorlist.checks.probing.one_byte import FileAnswer, by_get, by_head
from mirrorlist.core.health.elsewhere import NOWHERE, Elsewhere
from mirrorlist.core.model import WEB_PROTOCOLS, Protocol

_MOST_FAILURES = 3
"""So many requests in a row without an answer: the mirror is left alone until the next run."""
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
