"""Notice clients that ask for the same file again within seconds, so that they are sent to the next mirror.

What was answered is remembered in a table of fixed size, in memory that workers may share; nobody writes it down. A
request that newer ones pushed out of the table is not noticed: the client gets its first mirror again.
"""

from __future__ import annotations

import mmap
import threading
from collections import Counter
from collections.abc import Hashable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from _typeshed.wsgi import WSGIEnvironment

SLOT_BYTES = 25
MOST_SLOTS = 1 << 17
"""Requests that are remembered: the last ten seconds of 13,000 redirects a second."""
TURNS = 256
"""After this many the client gets its first mirror again."""


class Repeats:
    """The requests of the last seconds, and how often mirrors were passed over.

    Workers may share the memory if they hash alike (``PYTHONHASHSEED``). They take no lock: of two that write the same
    slot at once, one request may be forgotten, or be passed on by one mirror too many. Without memory nothing is
    remembered.
    """

    def __init__(self, memory: WriteableBuffer | None = None) -> None:
        cells = memoryview(mmap.mmap(-1, MOST_SLOTS * SLOT_BYTES) if memory is None else memory)
        slots = 1 << (len(cells) // SLOT_BYTES).bit_length() >> 1
        self._mask = slots - 1
        self._hashes, self._times = cells[: 8 * slots].cast("q"), cells[8 * slots : 16 * slots].cast("d")
        """Of the last request with the same lowest bits of its hash."""
        self._turned, self._turns = cells[16 * slots : 24 * slots].cast("d"), cells[24 * slots : 25 * slots]
        """When it came again the last time, for how often; of another request if that was at another time."""
        self._lock = threading.Lock()
        self._passed: Counter[str] = Counter()

    def turn(self, request: Hashable, now: float, within: float) -> int:
        """How many mirrors a request is to pass over: as often as it was asked before, each time within this many
        seconds."""
        if self._mask < 0:
            return 0
        hashed = hash(request)
        slot = hashed & self._mask
        if self._hashes[slot] != hashed:
            self._hashes[slot], self._times[slot] = hashed, now
            return 0
        at, self._times[slot] = self._times[slot], now
        if not 0 <= now - at < within:
            return 0
        turn = (self._turns[slot] + 1) % TURNS if self._turned[slot] == at else 1
        self._turned[slot], self._turns[slot] = now, turn
        return turn

    def pass_over(self, mirror: str, times: int = 1) -> None:
        """Counts that this many clients who had been sent to a mirror came back for the same file."""
        with self._lock:
            self._passed[mirror] += times

    def take(self) -> dict[str, int]:
        """How often each mirror was passed over since the last time; never an address."""
        with self._lock:
            taken, self._passed = self._passed, Counter()
        return dict(sorted(taken.items()))


FORGETFUL = Repeats(bytearray())
"""Notices nobody."""


def part_of(environ: WSGIEnvironment) -> str:
    """What shows a request for a part of a file from others; "" if it is for the whole.

    Parts that are asked for at once have ranges of their own, so that each comes from the first mirror. A range without
    an end continues a broken transfer: it counts as the whole file.
    """
    span: str = environ.get("HTTP_RANGE", "-")
    return "" if span.endswith("-") else span


def request_of(environ: WSGIEnvironment) -> Hashable:
    """What is the same in a repeated request: client, program, method, and what is asked for.

    All of it is text: only that has the same hash in several processes.
    """
    get = environ.get
    return (
        get("REMOTE_ADDR", ""), get("HTTP_X_FORWARDED_FOR", ""), get("HTTP_USER_AGENT", ""), environ["REQUEST_METHOD"],
        get("HTTP_HOST", ""), environ["PATH_INFO"], get("QUERY_STRING", ""), part_of(environ),
    )  # fmt: skip
