"""Limits on how often a mirror is asked: what its owner wrote as ``probe.at_most``, over all threads of a process."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from threading import Lock
from time import monotonic, sleep

from mirrorlist.checks.fetching.result import Clock
from mirrorlist.core.model import Mirror

MINUTE = 60.0


class RequestLimits:
    """Lets no mirror be asked more often within any minute than its owner allows; others are never held up."""

    def __init__(self, clock: Clock = monotonic, pause: Callable[[float], object] = sleep) -> None:
        self._clock = clock
        self._pause = pause
        self._sent: defaultdict[str, deque[float]] = defaultdict(deque)
        self._lock = Lock()

    def seconds_until_free(self, mirror: Mirror) -> float:
        """How long the next request to a mirror has to wait; 0 if it may be sent now."""
        with self._lock:
            return self._wait(mirror)

    def take(self, mirror: Mirror) -> None:
        """Waits until a request may be sent to a mirror, and counts it."""
        if mirror.requests_per_minute is None:
            return
        while wait := self._taken(mirror):
            self._pause(wait)

    def take_of_half(self, mirror: Mirror) -> bool:
        """Whether a request may be sent now and leave half of the minute's to others; then it is counted."""
        if mirror.requests_per_minute is None:
            return True
        with self._lock:
            is_free = not self._wait(mirror) and len(self._sent[mirror.name]) < mirror.requests_per_minute // 2
            if is_free:
                self._sent[mirror.name].append(self._clock())
            return is_free

    def _taken(self, mirror: Mirror) -> float:
        """0 if the request is counted now, otherwise how long it has to wait."""
        with self._lock:
            wait = self._wait(mirror)
            if not wait:
                self._sent[mirror.name].append(self._clock())
            return wait

    def _wait(self, mirror: Mirror) -> float:
        if mirror.requests_per_minute is None:
            return 0.0
        sent, now = self._sent[mirror.name], self._clock()
        while sent and now - sent[0] >= MINUTE:
            sent.popleft()
        if len(sent) < mirror.requests_per_minute:
            return 0.0
        return sent[-mirror.requests_per_minute] + MINUTE - now
