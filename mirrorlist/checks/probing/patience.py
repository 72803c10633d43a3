"""Patience of a visit: how long each look may take, so that silent mirrors do not hold up a run."""

from __future__ import annotations

from collections.abc import Callable

from mirrorlist.checks.fetching.deadline import Clock, deadline_in

SHARE_OF_SILENCE = 1.25
"""What a silent host costs at most, in timeouts: a whole one for the first look, a quarter for all others."""
LEAST_SHARE = 0.01


class Patience:
    """The time that is left of a visit. A visit is over after ``visit_seconds``, whatever came until then.

    ``wait`` is how long the mirror's owner wants the next request to wait.
    """

    def __init__(
        self, timeout_seconds: float, visit_seconds: float, clock: Clock, wait: Callable[[], float] = float
    ) -> None:
        self._wait = wait
        self._timeout = timeout_seconds
        self._for_silence = SHARE_OF_SILENCE * timeout_seconds
        self._visit = deadline_in(visit_seconds, clock)
        self._tired = False

    @property
    def is_short(self) -> bool:
        """Whether first looks get less than the whole timeout by now, because the host was silent."""
        return self._for_silence < self._timeout

    def for_first_look(self, looks_left: int) -> float:
        """Seconds for the next of this many looks at whether anything answers; 0 where there is no time.

        After the first silence each gets half of what is left.
        """
        share = self._timeout if not self.is_short else self._for_silence / min(looks_left, 2)
        return share if LEAST_SHARE * self._timeout < share <= self._left() else 0.0

    def for_walk(self) -> float:
        """Seconds for the next look at a tree that answers; 0 when it fell silent, or the visit is over.

        It is the whole timeout or nothing: with less a slow mirror would seem silent.
        """
        return 0.0 if self._tired or self._left() < self._timeout else self._timeout

    def _left(self) -> float:
        return self._visit.left() - self._wait()

    def was_silent(self, seconds: float) -> None:
        """At a first look nothing that can be used came for this long."""
        self._for_silence -= seconds

    def fell_silent(self) -> None:
        """In a walk nothing that can be used came."""
        self._tired = True
