"""How much of a worker's time dear answers may take, so that a flood of them leaves the lists their speed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

PAGES_SHARE = 0.1
"""Of a worker's time, for pages and everything else that is no list: explaining one selection takes milliseconds."""
LISTS_SHARE = 0.5
"""For lists that Flask answers (``country=``, other formats, errors); the hot path has no limit."""
BURST_SECONDS = 0.25
"""Time that may be saved up: so much goes through at once."""


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
    """What the worker of a service grants: to lists, and to everything else."""

    lists: Budget = field(default_factory=lambda: Budget(LISTS_SHARE))
    pages: Budget = field(default_factory=lambda: Budget(PAGES_SHARE))


def unlimited() -> Budgets:
    """Budgets that never end."""
    return Budgets(Budget(0, math.inf), Budget(0, math.inf))
