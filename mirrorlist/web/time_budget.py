"""Limit the share of a worker's time that expensive answers take, so that a flood of them leaves lists fast."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


PAGES_SHARE = 0.05
"""Of a worker's time, for pages and everything else that is not a list: explaining one selection takes milliseconds."""
LISTS_SHARE = 0.5
"""For lists and redirects that Flask answers (``country=``, other formats, errors); the hot paths have no limit."""
BURST_SECONDS = 1.0
"""Time that may be saved up: so much goes through at once. What the process had to do besides is not asked: a process
that waits for the processor looks idle (tried: under a flood lists kept a seventh of their speed)."""


class Budget:
    """Time that comes in at a steady rate, up to a most, and is spent by answering."""

    def __init__(
        self, share: float, burst: float = BURST_SECONDS, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._share = share
        self._burst = burst
        self._clock = clock
        self._left = burst
        self._at = clock()

    def is_open(self) -> bool:
        """Whether there is time left; an answer that takes longer than that is paid for by the next ones."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._share)
        self._at = now
        return self._left > 0

    def spend(self, seconds: float) -> None:
        """Takes away what an answer took."""
        self._left -= seconds


@dataclass(frozen=True, slots=True)
class Budgets:
    """What the worker of a service grants: to lists and redirects, and to everything else."""

    lists: Budget = field(default_factory=lambda: Budget(LISTS_SHARE))
    pages: Budget = field(default_factory=lambda: Budget(PAGES_SHARE))


NOT_HOT = "mirrorlist.not_hot"
"""Set in the environ of a request that the hot paths left to others."""


class Limited:
    """An application with expensive answers: each is charged to a budget, and refused when that is spent."""

    def __init__(
        self,
        application: WSGIApplication,
        budget: Budget,
        exempt: frozenset[str] = frozenset(),
        refused: Callable[[], None] = lambda: None,
    ) -> None:
        """``exempt`` are the paths that are always answered; ``refused`` is called for each answer that is not."""
        self._application = application
        self._budget = budget
        self._exempt = exempt
        self._refused = refused

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] in self._exempt:
            return self._application(environ, start_response)
        if not self._budget.is_open():
            environ[NOT_HOT] = True
            self._refused()
            start_response("503 Service Unavailable", _BUSY_HEADERS)
            return (b"" if environ["REQUEST_METHOD"] == "HEAD" else _BUSY,)
        started = time.perf_counter()
        try:
            return self._application(environ, start_response)
        finally:
            self._budget.spend(time.perf_counter() - started)


_BUSY = b"# busy: too many expensive requests; mirrorlists and redirects are still served. Try again in a few seconds\n"
_BUSY_HEADERS = [
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Content-Length", str(len(_BUSY))),
    ("Cache-Control", "private, no-store"),
    ("Retry-After", "5"),
]
