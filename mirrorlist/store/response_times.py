"""Response times and bandwidths of mirrors in the database: what the prober measured, for itself and the publisher."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from mirrorlist.core.catalogue.policy import MeasuredBandwidth, WeightReduction
from mirrorlist.core.health.response_times import SPEEDS_KEPT_SECONDS, Pace, SpeedSample, bandwidth_after, seen_speeds
from mirrorlist.store.leader_election import Leadership
from mirrorlist.store.tables import BANDWIDTHS, PACES, SPEEDS, grow, upsert

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


# Bandwidths: measurements with large files. What they take is noted before they begin, so that the budget of a mirror
# holds whatever ends a process.

MOST_BYTES = 64_000_000
"""What all places together take of a mirror in a day for this."""
EACH_BYTES = 12_000_000
RESERVED_BYTES = 16_000_000
"""For one measurement: a server that knows no ranges has sent more than is read when the connection is closed."""
DAY = 86_400.0
LEAST_APART = DAY * RESERVED_BYTES / MOST_BYTES
"""Seconds between two measurements of a mirror, where one place measures alone."""
BANDWIDTHS_VERSION = "bandwidths"
"""The row of HEALTH_VERSIONS whose number grows when measurements change a weight."""
TURNS = "speed turns"
"""The row that keeps two places from beginning at once."""


class SpeedStore:
    """Reads and writes measurements in one database; with a ``lead`` it writes only while that counts."""

    def __init__(self, engine: sa.Engine, lead: Leadership | None = None) -> None:
        self._engine = engine
        self._lead = lead

    def begin(self, mirror: str, place: str, now: float) -> SpeedSample | None:
        """Notes that a place measures a mirror now; None where it is not its turn, or the mirror's day is used up.

        The places take turns over the day. Raises LeadLost.
        """
        of_mirror, table = SPEEDS.c.mirror == mirror, SPEEDS.c
        places = sa.select(sa.func.count(sa.distinct(table.place))).where(table.place != place)
        with self._engine.begin() as connection:
            if self._lead:
                self._lead.hold(connection)
            grow(connection, TURNS)
            others = connection.execute(places.where(table.at > now - SPEEDS_KEPT_SECONDS)).scalar_one()
            apart = LEAST_APART * (others + 1)
            taken = sa.select(sa.func.sum(table.size)).where(of_mirror, table.at > now - DAY, table.at <= now)
            last = sa.select(sa.func.max(table.at)).where(of_mirror, table.place == place)
            last_at = connection.execute(last).scalar()
            has_turn = last_at is None or not last_at <= now < last_at + apart
            if not has_turn or (connection.execute(taken).scalar() or 0) + RESERVED_BYTES > MOST_BYTES:
                return None
            speed = SpeedSample(mirror, place, now, RESERVED_BYTES)
            values = {"mirror": mirror, "place": place, "at": now, "size": speed.size, "mbps": None}
            connection.execute(upsert(self._engine.dialect.name, SPEEDS), values)
        return speed

    def end(self, speed: SpeedSample, declared_mbps: int) -> MeasuredBandwidth | None:
        """Notes what a measurement came to, and what the mirror's bandwidth is by that. Raises LeadLost."""
        table, mirror = SPEEDS.c, speed.mirror
        with self._engine.begin() as connection:
            if self._lead:
                self._lead.hold(connection)
            grow(connection, TURNS)
            of_speed = (table.mirror == mirror, table.place == speed.place, table.at == speed.at)
            connection.execute(SPEEDS.update().where(*of_speed).values(mbps=speed.mbps, size=speed.size))
            oldest = speed.at - SPEEDS_KEPT_SECONDS
            connection.execute(SPEEDS.delete().where((table.at < oldest) | (table.at > speed.at + DAY)))
            rows = connection.execute(sa.select(SPEEDS).where(table.mbps.is_not(None)))
            seen = seen_speeds(SpeedSample(*row) for row in rows)
            before = _bandwidths(connection.execute(sa.select(BANDWIDTHS).where(BANDWIDTHS.c.mirror == mirror))).get(
                mirror
            )
            found = bandwidth_after(before, mirror, declared_mbps, seen, speed.at) if speed.mbps is not None else before
            if found is not None and found != before:
                lowered = found.lowered or WeightReduction(0, 0.0, "")
                values = {
                    "mirror": mirror, "at": found.at, "mbps": found.mbps, "step": lowered.step, "since": lowered.since,
                    "why": lowered.why, "slow": found.slow, "well": found.well,
                }  # fmt: skip
                connection.execute(upsert(self._engine.dialect.name, BANDWIDTHS), values)
            gone = connection.execute(BANDWIDTHS.delete().where(BANDWIDTHS.c.at < oldest)).rowcount
            if gone or (found and found.lowered) != (before and before.lowered):
                grow(connection, BANDWIDTHS_VERSION)
        return found

    def last_at(self, place: str) -> dict[str, float]:
        """When each mirror was measured last from a place, by name."""
        table = SPEEDS.c
        wanted = (
            sa.select(table.mirror, sa.func.max(table.at).label("at"))
            .where(table.place == place)
            .group_by(table.mirror)
        )
        with self._engine.connect() as connection:
            return {row.mirror: row.at for row in connection.execute(wanted)}

    def bandwidths(self) -> dict[str, MeasuredBandwidth]:
        """What is known of each mirror that was measured, by name."""
        with self._engine.connect() as connection:
            return _bandwidths(connection.execute(sa.select(BANDWIDTHS)))


def _bandwidths(rows: Iterable[Any]) -> dict[str, MeasuredBandwidth]:
    return {
        row.mirror: MeasuredBandwidth(
            row.mbps, row.at, WeightReduction(row.step, row.since, row.why) if row.step else None, row.slow, row.well
        )
        for row in rows
    }
