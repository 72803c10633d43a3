"""Thirty days of history for the public record: events, probes, first sightings and runs."""

from __future__ import annotations

from itertools import chain
from sys import intern

import sqlalchemy as sa
import structlog

from mirrorlist.core.content import content_key
from mirrorlist.core.health.history import DAY, DAYS, Sighting
from mirrorlist.core.health.verdicts import Event, Override, Probe, path_spelled
from mirrorlist.core.public.record import EVENTS_OF_ONE, PROBES_OF_ONE, History
from mirrorlist.core.public.types import PublicRun
from mirrorlist.core.snapshot import Facts
from mirrorlist.store.health import HealthStore
from mirrorlist.store.leader_election import take_epoch
from mirrorlist.store.tables import HEALTH_EVENTS, ORIGIN_CHANGES, PROBES, RUNS, event_of, kept_of, probe_of

RECENT_SECONDS = 6 * 3600.0
"""Probes older than this are not shown one by one; a mirror that is probed at all has newer ones."""
MOST_RUNS = 48
REPOSITORY_DAYS = 7
"""Days for which events of single repositories are shown: there are a hundred times as many."""


class HistoryStore:
    """Reads the history from one database. What was seen is read on from where the last call ended."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._last_id = 0
        self._sightings: dict[str, list[Sighting]] = {}
        self._holds: dict[tuple[str, str], str] = {}
        self._first_seen: dict[str, float] = {}

    def version(self) -> int:
        """A number that grows with every run of the prober that ends."""
        ended = sa.select(sa.func.max(RUNS.c.id)).where(RUNS.c.seconds.is_not(None))
        with self._engine.connect() as connection:
            return connection.execute(ended).scalar() or 0

    def history(self, now: float) -> History:
        """The history until now."""
        with self._engine.connect() as connection:
            self._read_on(connection, now)
            wanted = sa.select(PROBES).where(PROBES.c.at >= now - RECENT_SECONDS)
            probes: dict[str, list[Probe]] = {}
            for row in connection.execute(wanted.order_by(PROBES.c.at.desc(), PROBES.c.id.desc())):
                mine = probes.setdefault(row.mirror, [])
                if len(mine) < PROBES_OF_ONE:
                    mine.append(probe_of(row))
            # when each mirror was probed for the first time; asked of the whole table once only
            if not self._first_seen:
                first = sa.select(PROBES.c.mirror, sa.func.min(PROBES.c.at)).group_by(PROBES.c.mirror)
                self._first_seen.update((mirror, at) for mirror, at in connection.execute(first))
            for mirror, mine in probes.items():
                self._first_seen.setdefault(mirror, mine[-1].at)
            return History(
                events=_events(connection, now),
                probes=probes,
                sightings=self._sightings,
                first_seen=self._first_seen,
                runs=self.runs(),
            )

    def runs(self) -> tuple[PublicRun, ...]:
        """The last runs of the prober, the newest first."""
        with self._engine.connect() as connection:
            return tuple(
                PublicRun(
                    number=row.id,
                    started_at=row.started_at,
                    seconds=row.seconds,
                    mirrors=row.mirrors,
                    requests=row.requests,
                    kept=kept_of(row),
                )
                for row in connection.execute(sa.select(RUNS).order_by(RUNS.c.id.desc()).limit(MOST_RUNS))
            )

    def _read_on(self, connection: sa.Connection, now: float) -> None:
        """Takes up the sightings since the last call, and forgets what is over.

        Of the same content seen again and again the first time is enough, and equal texts are held once: a month of
        probes has a million rows.
        """
        oldest = now - DAYS * DAY
        seen = sa.select(
            PROBES.c.id, PROBES.c.mirror, PROBES.c.module, PROBES.c.path, PROBES.c.at, PROBES.c.sha256
        ).where(PROBES.c.id > self._last_id, PROBES.c.at >= oldest, PROBES.c.path != "", PROBES.c.sha256.is_not(None))
        for number, mirror, module, path, at, sha256 in connection.execute(seen.order_by(PROBES.c.id)):
            self._last_id = number
            path, sha256 = intern(content_key(module, path_spelled(path) or "")), intern(sha256)
            if self._holds.get((mirror, path)) != sha256:
                self._holds[mirror, path] = sha256
                self._sightings.setdefault(mirror, []).append(Sighting(path, at, sha256))
        for mirror, sightings in self._sightings.items():
            if sightings and sightings[0].at < oldest:  # of each path the last one before that is kept: it holds on
                before = {sighting.path: sighting for sighting in sightings if sighting.at < oldest}
                later = (sighting for sighting in sightings if sighting.at >= oldest)
                self._sightings[mirror] = [*before.values(), *later]


def _events(connection: sa.Connection, now: float) -> dict[str, list[Event]]:
    """Of each mirror the ups and downs of its trees, all of them, and the newest of the rest."""
    of_tree = sa.or_(HEALTH_EVENTS.c.path.is_(None), HEALTH_EVENTS.c.path == "")
    wanted = sa.select(HEALTH_EVENTS).where(
        HEALTH_EVENTS.c.at >= now - DAYS * DAY, sa.or_(of_tree, HEALTH_EVENTS.c.at >= now - REPOSITORY_DAYS * DAY)
    )
    found: dict[str, list[Event]] = {}
    for row in connection.execute(wanted.order_by(HEALTH_EVENTS.c.at.desc(), HEALTH_EVENTS.c.id.desc())):
        mine = found.setdefault(row.mirror, [])
        if len(mine) < EVENTS_OF_ONE or not row.path:
            mine.append(event_of(row))
    return found


# Restore an empty database from the last snapshot: the former one was lost, or left behind.

log = structlog.get_logger()

AUTHOR = "mirrorlist"
OVERRIDE_SECONDS = 86_400.0
"""How long a mirror stays out whose override was lost: a person has to say again for how long."""


def restore(engine: sa.Engine, facts: Facts, now: float) -> bool:
    """Writes the origin's history and the overrides, if the database has no history at all; whether it did."""
    if not facts.metadata and not facts.health.out:
        return False
    with engine.begin() as connection:
        if not _knows_nothing(connection):
            return False
        take_epoch(connection, "restore", now)  # whoever restores at the same time waits for this one
        if not _knows_nothing(connection):
            return False
        for metadata in facts.metadata.values():
            # A snapshot does not say when alternates were seen: when the current one came, or before.
            rows = [
                {"path": metadata.path, "sha256": version.sha256, "sha512": version.sha512, "size": version.size,
                 "timestamp": version.timestamp, "seen_at": metadata.first_seen, "accepted": True}
                for version in chain(reversed(metadata.alternates), (metadata.current,))
            ]  # fmt: skip
            connection.execute(ORIGIN_CHANGES.insert(), rows)
    health = HealthStore(engine)
    names = [facts.mirrors[number].name for number in facts.health.out if number < len(facts.mirrors)]
    for name in names:
        why = "taken out before the database was lost; say again why and for how long, or --clear it"
        health.override(Override(name, why, AUTHOR, now, now + OVERRIDE_SECONDS))
    log.warning(
        "the database is new: the origin's history and who is out were taken from the last snapshot; probes follow",
        repositories=len(facts.metadata), out=names,
    )  # fmt: skip
    return True


def _knows_nothing(connection: sa.Connection) -> bool:
    return not any(
        connection.execute(sa.select(sa.exists(sa.select(table.c.id)))).scalar_one()
        for table in (ORIGIN_CHANGES, HEALTH_EVENTS, RUNS)
    )
