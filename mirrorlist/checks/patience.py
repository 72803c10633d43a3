"""How long one visit may wait: for a single answer, for a host that stays silent, and in all."""

from __future__ import annotations

from mirrorlist.checks.deadline import Clock, deadline_in

SHARE_OF_SILENCE = 1.25
"""What a silent host costs at most, in timeouts: a whole one for the first request, a quarter for all others."""
LEAST_SECONDS = 0.05


class Patience:
    """The time that is left of a visit. A visit is over after ``visit_seconds``, whatever came until then."""

    def __init__(self, timeout_seconds: float, visit_seconds: float, clock: Clock) -> None:
        self._timeout = timeout_seconds
        self._left_for_silence = SHARE_OF_SILENCE * timeout_seconds
        self._visit = deadline_in(visit_seconds, clock)

    def seconds(self, requests_left: int) -> float:
        """How long the next of so many requests may take; 0 where there is no time for it."""
        whole = self._left_for_silence >= self._timeout
        silence = self._timeout if whole else self._left_for_silence / max(requests_left, 1)
        found = min(silence, self._visit.left())
        return found if found >= min(LEAST_SECONDS, self._timeout / 10) else 0.0

    def is_short(self) -> bool:
        """Whether requests get less than the whole timeout by now."""
        return self._left_for_silence < self._timeout

    def was_silent(self, seconds: float) -> None:
        """So long nothing came that can be used."""
        self._left_for_silence -= seconds
