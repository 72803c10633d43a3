"""Limit the share of a worker's time that expensive answers take, so that a flood of them leaves lists fast."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


PAGES_SHARE = 0.05
"""Of a worker's time, for pages and everything else that is not a list: explaining one selection takes milliseconds."""
LISTS_SHARE = 0.15
"""For lists and redirects that take long: what Flask answers, lists with filters, and redirects with a filter that is
new to this generation. The rest of the hot paths has no limit."""
BURST_SECONDS = 1.0
"""Time that may be saved up: so much goes through at once. What the process had to do besides is not asked: a process
that waits for the processor looks idle (tried: under a flood lists kept a seventh of their speed)."""
NETWORKS = 1024
"""Purses for clients' networks, which share one where their hashes meet."""
NETWORK_SHARE = 0.25
"""Of the whole, for one network while others ask, too."""


class Budget:
    """Time that comes in at a steady rate, up to a most, and is spent by answering.

    Half of what can be saved up is for anybody. Of the other half each network of clients has its own part, so that
    one that spends all it gets leaves the others theirs.
    """

    def __init__(
        self,
        share: float,
        burst: float = BURST_SECONDS,
        clock: Callable[[], float] = time.perf_counter,
        network_share: float = NETWORK_SHARE,
    ) -> None:
        """``network_share`` of it all is for one network; 1 where networks are not distinguished."""
        self._share = share
        self._network_share = network_share
        self._burst = burst
        self._clock = clock
        self._left = burst
        self._at = now = clock()
        self._own_left = array("d", [burst * network_share]) * NETWORKS
        self._own_at = array("d", [now]) * NETWORKS

    def is_open(self, network: int = 0) -> bool:
        """Whether there is time left for a client of a network, by the hash of that; an answer that takes longer is
        paid for by the next ones."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._share)
        self._at = now
        own = network % NETWORKS
        earned = (now - self._own_at[own]) * self._share * self._network_share
        self._own_left[own] = min(self._burst * self._network_share, self._own_left[own] + earned)
        self._own_at[own] = now
        return self._left > self._burst / 2 or (self._left > 0 and self._own_left[own] > 0)

    def spend(self, seconds: float, network: int = 0) -> None:
        """Takes away what an answer took; a network owes no more than can be saved up."""
        self._left -= seconds
        own = network % NETWORKS
        self._own_left[own] = max(self._own_left[own] - seconds, -self._burst)


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
        network_of: Callable[[WSGIEnvironment], int],
        exempt: frozenset[str] = frozenset(),
        refused: Callable[[], None] = lambda: None,
    ) -> None:
        """``network_of`` is the hash of a client's network. ``exempt`` are the paths that are always answered;
        ``refused`` is called for each answer that is not."""
        self._application = application
        self._budget = budget
        self._network_of = network_of
        self._exempt = exempt
        self._refused = refused

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] in self._exempt:
            return self._application(environ, start_response)
        network = self._network_of(environ)
        if not self._budget.is_open(network):
            environ[NOT_HOT] = True
            self._refused()
            start_response("503 Service Unavailable", _BUSY_HEADERS)
            return (b"" if environ["REQUEST_METHOD"] == "HEAD" else _BUSY,)
        started = time.perf_counter()
        try:
            return self._application(environ, start_response)
        finally:
            waited = getattr(environ.get("wsgi.input"), "waited_seconds", 0.0)  # for a body, in a thread of its own
            self._budget.spend(time.perf_counter() - started - waited, network)


_BUSY = b"# busy: too many expensive requests; mirrorlists and redirects are still served. Try again in a few seconds\n"
_BUSY_HEADERS = [
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Content-Length", str(len(_BUSY))),
    ("Cache-Control", "private, no-store"),
    ("Retry-After", "5"),
]
