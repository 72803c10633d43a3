"""Readiness: whether a generation is good enough to answer from, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mirrorlist.core.public.types import MirrorState, PublicNetwork
from mirrorlist.core.snapshot import Facts

OLD_SECONDS = 3600.0
"""A publisher that works compiles at least every ten minutes."""
UNCHECKED_SECONDS = 6 * 3600.0
"""A prober that works looks at every mirror several times in that time."""
AHEAD_SECONDS = 300.0
"""A generation from so far in the future means that a clock is wrong."""
USABLE = frozenset({MirrorState.FRESH, MirrorState.UP, MirrorState.LAGGING, MirrorState.UNKNOWN})


class Readiness(StrEnum):
    """``DEGRADED`` answers well enough, and somebody should look."""

    READY = "ready"
    DEGRADED = "degraded"
    NOT_READY = "not ready"


@dataclass(frozen=True, slots=True)
class ReadinessReport:
    """The readiness, and a sentence for each reason against it. Times are seconds, of age or since 1970."""

    status: Readiness
    reasons: tuple[str, ...] = ()
    generation: int | None = None
    built_at: float | None = None
    age_seconds: float | None = None


NOTHING_LOADED = ReadinessReport(Readiness.NOT_READY, ("no generation is loaded yet: see the publisher's log",))


def readiness(facts: Facts, network: PublicNetwork, now: float) -> ReadinessReport:
    """What a loaded generation is good for now."""
    age = now - facts.built_at
    reasons = [
        *_ages(network, age, now),
        *(f"the origin is at fault: {fault}" for fault in network.origin_faults),
    ]
    if facts.behind:
        reasons.append(f"the newest mirror files are not in use: {facts.behind}")
    if network.mirrors and not any(mirror.state in USABLE for mirror in network.mirrors):
        reasons.append("no public mirror is usable: clients get what was good before, or fallbacks")
    status = Readiness.DEGRADED if reasons else Readiness.READY
    return ReadinessReport(status, tuple(reasons), facts.generation, facts.built_at, round(age, 1))


def _ages(network: PublicNetwork, age: float, now: float) -> Sequence[str]:
    """A wrong clock makes every other age wrong, so then it is the only one."""
    if age < -AHEAD_SECONDS:
        return [f"this machine's clock is {_hours(-age)} behind the publisher's: set the clock"]
    found = []
    if age > OLD_SECONDS:
        found.append(
            f"the generation is {_hours(age)} old: the publisher stopped or cannot compile, nothing newer arrives "
            "here, or this machine's clock is ahead"
        )
    checked_at = max((mirror.checked_at or 0.0 for mirror in network.mirrors), default=0.0)
    if checked_at and age <= OLD_SECONDS and now - checked_at > UNCHECKED_SECONDS:
        found.append(f"no mirror was checked for {_hours(now - checked_at)}: the prober stopped")
    return found


def _hours(seconds: float) -> str:
    days = seconds / 86_400
    return f"{days:.0f} days" if days >= 2 else f"{seconds / 3600:.1f} hours"
