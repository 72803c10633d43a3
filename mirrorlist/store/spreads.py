"""Keep how changes of the origin spread, of 30 days."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple

import msgspec
import sqlalchemy as sa

from mirrorlist.core.health.propagation import Spread, SpreadPoint, continued
from mirrorlist.store.tables import SPREADS, upsert

KEPT_SECONDS = 30 * 86_400.0
MOST_KEPT = 2000
MOST_READ = 100
"""The newest changes, which pages show."""
_Points = tuple[tuple[float, int, int, int, int], ...]


class SpreadStore:
    """Reads and writes them in one database."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def note(self, found: Iterable[Spread], now: float) -> None:
        """Adds what is new to each, and forgets what is old."""
        followed = [*found]
        since = min((spread.changed_at for spread in followed), default=now)
        with self._engine.begin() as connection:
            rows = connection.execute(sa.select(SPREADS).where(SPREADS.c.changed_at >= since))
            known = {(row.path, row.changed_at): _points(row.points) for row in rows}
            for spread in followed:
                points = before = known.get((spread.path, spread.changed_at), ())
                for point in spread.points:
                    points = continued(points, point)
                if points != before:
                    text = msgspec.json.encode([astuple(each) for each in points]).decode()
                    values = {"path": spread.path, "changed_at": spread.changed_at, "sha256": spread.sha256}
                    connection.execute(upsert(self._engine.dialect.name, SPREADS), {**values, "points": text})
            connection.execute(SPREADS.delete().where(SPREADS.c.changed_at < now - KEPT_SECONDS))
            newest = sa.select(SPREADS.c.changed_at).order_by(SPREADS.c.changed_at.desc()).offset(MOST_KEPT).limit(1)
            if (oldest := connection.execute(newest).scalar()) is not None:
                connection.execute(SPREADS.delete().where(SPREADS.c.changed_at <= oldest))

    def newest(self, count: int = MOST_READ) -> tuple[Spread, ...]:
        """The newest changes, the newest first."""
        wanted = sa.select(SPREADS).order_by(SPREADS.c.changed_at.desc(), SPREADS.c.path).limit(count)
        with self._engine.connect() as connection:
            return tuple(
                Spread(row.path, row.changed_at, row.sha256, _points(row.points)) for row in connection.execute(wanted)
            )


def _points(text: str) -> tuple[SpreadPoint, ...]:
    return tuple(SpreadPoint(*each) for each in msgspec.json.decode(text, type=_Points))
