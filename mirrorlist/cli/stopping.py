"""Ends a run of the prober soon after somebody told it to stop: what is asked ends, and nothing more is asked."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mirrorlist.checks.deadline import Clock
from mirrorlist.checks.fetch import Ask
from mirrorlist.checks.outcome import Failure, FailureKind, Fetched
from mirrorlist.core.errors import MirrorlistError

TOLD = "told to stop; what this run found does not count"
LEAP_SECONDS = 1e9
"""Beyond every deadline."""


class Stopped(MirrorlistError):
    """The run was told to stop; what it found so far does not count."""


def leaping(clock: Clock, stop: threading.Event) -> Clock:
    """The clock, on which all that has begun is over once it was told to stop."""
    return lambda: clock() + (LEAP_SECONDS if stop.is_set() else 0.0)


def until_stopped(fetch: Callable[[str, Ask], Fetched | Failure], stop: threading.Event) -> (
    Callable[[str, Ask], Fetched | Failure]
):  # fmt: skip
    """The fetch, which asks nothing more once it was told to stop."""

    def asked(url: str, ask: Ask) -> Fetched | Failure:
        return Failure(FailureKind.LOCAL, "told to stop") if stop.is_set() else fetch(url, ask)

    return asked


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """An event that the first SIGTERM or SIGINT sets; a second one interrupts the run."""
    stop = threading.Event()

    def asked(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, asked)
    yield stop
