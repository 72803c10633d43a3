"""Response times of mirrors in the database: written after each run, read by the next one and the publisher."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from mirrorlist.core.catalogue.policy import WeightReduction
from mirrorlist.core.health.response_times import Pace
from mirrorlist.store.leader_election import Leadership
from mirrorlist.store.tables import PACES, grow

VERSION = "paces"
"""The row of HEALTH_VERSIONS whose number grows when a weight changes."""


class PaceStore:
    """Reads and writes the paces in one database; with a ``lead`` only while that counts."""

    def __init__(self, engine: sa.Engine, lead: Leadership | None = None) -> None:
        self._engine = engine
        self._lead = lead

    def paces(self) -> dict[str, Pace]:
        """The pace of every mirror, by its name."""
        with self._engine.connect() as connection:
            return {row.mirror: _pace(row) for row in connection.execute(sa.select(PACES))}

    def lowered(self) -> dict[str, WeightReduction]:
        """The mirrors whose weight is lowered, by name."""
        wanted = sa.select(PACES).where(PACES.c.step > 0)
        with self._engine.connect() as connection:
            return {row.mirror: WeightReduction(row.step, row.since, row.why) for row in connection.execute(wanted)}

    def record(self, found: Mapping[str, Pace], before: Mapping[str, Pace], oldest: float) -> None:
        """Writes what a run found, whole or not at all, and forgets mirrors not measured since ``oldest``.

        Raises:
            LeadLost: another prober leads by now.
        """
        rows = [_row(name, pace) for name, pace in found.items()]
        lowered = {name: pace.lowered for name, pace in before.items()}
        changed = any(pace.lowered != lowered.get(name) for name, pace in found.items())
        with self._engine.begin() as connection:
            if self._lead:
                self._lead.hold(connection)
            connection.execute(PACES.delete().where(PACES.c.mirror.in_(sa.bindparam("names", expanding=True))),
                               {"names": list(found)})  # fmt: skip
            if rows:
                connection.execute(PACES.insert(), rows)
            lost = connection.execute(PACES.delete().where(PACES.c.at < oldest, PACES.c.step > 0)).rowcount
            connection.execute(PACES.delete().where(PACES.c.at < oldest))
            if changed or lost:
                grow(connection, VERSION)


def _row(name: str, pace: Pace) -> dict[str, Any]:
    lowered = pace.lowered or WeightReduction(0, 0.0, "")
    return {
        "mirror": name, "at": pace.at, "step": lowered.step, "since": lowered.since, "why": lowered.why,
        "bad": pace.bad, "calm": pace.calm, "times": json.dumps(pace.times),
    }  # fmt: skip


def _pace(row: Any) -> Pace:
    lowered = WeightReduction(row.step, row.since, row.why) if row.step else None
    return Pace(row.at, lowered, row.bad, row.calm, tuple(json.loads(row.times)))
