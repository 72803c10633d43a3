"""Rows of the status page: how changes of the origin spread, and what happened, with what has one cause in one row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from mirrorlist.core.health.propagation import Spread, SpreadPoint, at_age
from mirrorlist.core.health.verdicts import EventKind
from mirrorlist.core.public.types import PublicEvent
from mirrorlist.web.words import FAMILY_WORDS

HOUR = 3600.0
AGES = {"1 hour": HOUR, "6 hours": 6 * HOUR, "24 hours": 24 * HOUR}
"""The ages of which a row shows the share."""
CURVE_WIDTH, CURVE_HEIGHT = 120.0, 32.0
MOST_ROWS = 12


@dataclass(frozen=True, slots=True)
class SpreadRow:
    """What changed in one look at the origin, as far as the slowest repository of it has come.

    ``shares`` are parts (0 to 1) of the bandwidth at the ages, None where the change is younger. ``curve`` is the path
    of an SVG picture, and ``told`` what it shows.
    """

    changed_at: float
    path: str
    others: int
    shares: tuple[float | None, ...]
    latest: SpreadPoint
    curve: str
    told: str


def spread_rows(spreads: Iterable[Spread], now: float) -> list[SpreadRow]:
    """The newest changes, one row for all repositories that changed together; ``spreads`` the newest first."""
    rows: list[SpreadRow] = []
    for changed_at, group in groupby(spreads, key=lambda each: each.changed_at):
        together = [each for each in group if each.points]
        if together and len(rows) < MOST_ROWS:
            slowest = min(together, key=lambda each: (each.points[-1].bandwidth_percent, each.path))
            rows.append(_row(slowest, len(together) - 1, now - changed_at))
    return rows


def _row(spread: Spread, others: int, age: float) -> SpreadRow:
    latest = spread.points[-1]
    shares = tuple(_share(spread, seconds) if seconds <= age else None for seconds in AGES.values())
    known = [f"{share:.0%} after {name}" for name, share in zip(AGES, shares, strict=True) if share is not None]
    told = ", ".join([*known, f"{latest.bandwidth_percent:.0f}% when last seen"])
    return SpreadRow(
        spread.changed_at, spread.path, others, shares, latest, _curve(spread, age), f"Share of the bandwidth: {told}"
    )


def _share(spread: Spread, seconds: float) -> float:
    point = at_age(spread, seconds)
    return point.bandwidth_percent / 100 if point else 0.0


def _curve(spread: Spread, age: float) -> str:
    """Steps from the lower left: what was seen once holds until something else is seen."""
    path = f"M0 {CURVE_HEIGHT:g}"
    for point in spread.points:
        if point.seconds <= 24 * HOUR:
            x = CURVE_WIDTH * point.seconds / (24 * HOUR)
            path += f"H{x:.1f}V{CURVE_HEIGHT * (1 - point.bandwidth_percent / 100):.1f}"
    return path + f"H{CURVE_WIDTH * min(age / (24 * HOUR), 1.0):.1f}"


# What happened: mirrors that fall or come back together, for the same reason, are one row.

TOGETHER_SECONDS = 15 * 60.0
"""Events of one kind and reason count as one while no more than this is between them: a run of the prober and a bit."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """Something that happened to one mirror or several; ``at`` is when it happened last. ``ways`` are protocols and
    families, none where it is the whole mirror."""

    at: float
    kind: EventKind
    why: str
    mirrors: tuple[str, ...]
    ways: tuple[str, ...]
    path: str | None


def event_rows(events: Iterable[PublicEvent], most: int) -> list[EventRow]:
    """The newest events, at most ``most`` rows; ``events`` the newest first."""
    groups: list[list[PublicEvent]] = []
    newest: dict[tuple[EventKind, str, str | None], list[PublicEvent]] = {}
    for event in events:
        key = event.kind, event.why, event.path
        group = newest.get(key)
        if group is not None and group[-1].at - event.at <= TOGETHER_SECONDS:
            group.append(event)
        elif len(groups) < most:
            newest[key] = group = [event]
            groups.append(group)
        else:
            break
    return [_event_row(group) for group in groups]


def _event_row(group: Sequence[PublicEvent]) -> EventRow:
    first = group[0]
    ways = (f"{e.protocol} {FAMILY_WORDS[e.family]}" for e in group if e.protocol and e.family)
    mirrors = dict.fromkeys(event.mirror for event in group)
    return EventRow(first.at, first.kind, first.why, tuple(mirrors), tuple(dict.fromkeys(ways)), first.path)
