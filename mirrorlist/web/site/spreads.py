"""Rows of the status page on how changes of the origin spread: shares at some ages, and a curve of the first day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from mirrorlist.core.health.propagation import Spread, SpreadPoint, at_age

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
