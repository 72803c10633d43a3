"""Notice clients that ask for the same file again within seconds, so that they are sent to the next mirror.

One worker remembers what it answered, in a table of fixed size, and nobody writes it down. A request that another
worker answered, or that newer ones pushed out of the table, is not noticed: the client gets its first mirror again.
"""

from __future__ import annotations

import threading
from array import array
from collections import Counter
from collections.abc import Hashable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

SLOTS = 1 << 14
"""Requests that a worker remembers, 16 bytes each: the last ten seconds of 1,600 redirects a second."""
MOST_TURNS = 4096
"""Requests that came again, at the most."""


class Repeats:
    """The requests of the last seconds, and how often mirrors were passed over; one object per worker.

    Without ``slots``, which are a power of 2, nothing is remembered.
    """

    def __init__(self, slots: int = SLOTS) -> None:
        self._slots = slots
        self._hashes, self._times = array("q", bytes(8 * slots)), array("d", bytes(8 * slots))
        """Of the last request with the same lowest bits of its hash. Flat arrays stay in the processor's cache."""
        self._turns: dict[int, int] = {}
        self._lock = threading.Lock()
        self._passed: Counter[str] = Counter()

    def turn(self, request: Hashable, now: float, within: float) -> int:
        """How many mirrors a request is to pass over: as often as it was asked before, each time within so many
        seconds."""
        if not self._slots:
            return 0
        hashed = hash(request)
        slot = hashed & self._slots - 1
        if self._hashes[slot] != hashed:
            self._hashes[slot], self._times[slot] = hashed, now
            return 0
        at, self._times[slot] = self._times[slot], now
        if len(self._turns) >= MOST_TURNS:
            self._turns.clear()
        turn = self._turns[hashed] = self._turns.get(hashed, 0) + 1 if 0 <= now - at < within else 0
        return turn

    def pass_over(self, mirror: str, times: int = 1) -> None:
        """Counts that so many clients who had been sent to a mirror came back for the same file."""
        with self._lock:
            self._passed[mirror] += times

    def take(self) -> dict[str, int]:
        """How often each mirror was passed over since the last time; never an address."""
        with self._lock:
            taken, self._passed = self._passed, Counter()
        return dict(sorted(taken.items()))


FORGETFUL = Repeats(slots=0)
"""Notices nobody."""


def open_range(environ: WSGIEnvironment) -> str | None:
    """What tells a request for a part of a file from others.

    Parts that are asked for at once have ranges of their own, so that each comes from the first mirror. A range without
    an end continues a broken transfer: it counts as the whole file.
    """
    span: str | None = environ.get("HTTP_RANGE")
    return None if span is None or span.endswith("-") else span


def request_of(environ: WSGIEnvironment) -> Hashable:
    """What is the same in a repeated request: client, program, method, and what is asked for."""
    get = environ.get
    return (
        get("REMOTE_ADDR"), get("HTTP_X_FORWARDED_FOR"), get("HTTP_USER_AGENT"), get("REQUEST_METHOD"),
        get("HTTP_HOST"), get("PATH_INFO"), get("QUERY_STRING"), open_range(environ),
    )  # fmt: skip
