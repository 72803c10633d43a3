"""The deadline of one fetch, over everything that it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]
"""Seconds that only grow, such as ``time.monotonic``."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on ``clock``, ``seconds`` after the start."""

    ends: float
    seconds: float
    clock: Clock

    def left(self) -> float:
        """Seconds; zero or less when it has passed."""
        return self.ends - self.clock()

    def passed(self) -> float:
        """Seconds since the start."""
        return self.seconds - self.left()


def deadline_in(seconds: float, clock: Clock) -> Deadline:
    """The deadline that starts now."""
    return Deadline(clock() + seconds, seconds, clock)
