"""Mirror health in the database: verdicts, the probes behind them, events, overrides and runs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from mirrorlist.core.health.probe_run import HealthChange, RunResult
from mirrorlist.core.health.verdicts import (
    Event,
    EventKind,
    Family,
    Override,
    Probe,
    ProbeOutcome,
    Subject,
    Verdict,
    path_spelled,
)
from mirrorlist.core.model import Protocol
from mirrorlist.store.addresses import VERSION as ADDRESSES_VERSION
from mirrorlist.store.leader_election import Leadership
from mirrorlist.store.metadata import ReleaseStore
from mirrorlist.store.response_times import BANDWIDTHS_VERSION, PaceStore, SpeedStore
from mirrorlist.store.response_times import VERSION as PACES_VERSION
from mirrorlist.store.tables import (
    HEALTH_EVENTS,
    HEALTH_VERSIONS,
    OVERRIDES,
    PROBES,
    RUNS,
    VERDICTS,
    event_of,
    grow,
    kept_of,
    probe_of,
    upsert,
)

KEPT_SECONDS = 30 * 86_400.0
"""How long probes, events, runs and verdicts of what is not probed any more are kept."""
WATCHED_SECONDS = 86_400.0
"""A prober that ended no run for this long does not run."""
ROWS_AT_ONCE = 1000
_SETTLED_SECONDS = 86_400.0
"""The clock is believed when there were runs for a day."""
MOST_PRUNED = 20_000
"""Probes and events that one run forgets at most, so that a long pause costs no long transaction."""
_KEYS = ("mirror", "module", "protocol", "family", "path")


@dataclass(frozen=True, slots=True)
class Run:
    """A run of the prober. ``seconds`` and what follows are None until it ends."""

    number: int
    started_at: float
    seconds: float | None = None
    mirrors: int | None = None
    requests: int | None = None
    kept: tuple[Family, ...] = ()


class HealthStore:
    """Reads and writes the health in one database.

    Only the prober that leads writes runs and verdicts: with its ``lead`` each such transaction raises LeadLost, and
    writes nothing, if another leads by now.
    """

    def __init__(self, engine: sa.Engine, lead: Leadership | None = None) -> None:
        self._engine = engine
        self.paces = PaceStore(engine, lead)
        self.speeds = SpeedStore(engine, lead)
        self.releases = ReleaseStore(engine)
        self._lead = lead

    def version(self, now: float) -> tuple[int, int, int, int]:
        """Numbers that change whenever ``verdicts``, ``overrides``, a lowered weight or the addresses of mirrors say
        something else that matters.

        When something was last checked does not; the third is how many overrides are in effect, the last that of
        weights and addresses.
        """
        with self._engine.connect() as connection:
            numbers = {row.name: row.number for row in connection.execute(sa.select(HEALTH_VERSIONS))}
            active = connection.execute(
                sa.select(sa.func.count()).select_from(OVERRIDES).where(OVERRIDES.c.until > now)
            ).scalar_one()
        others = sum(numbers.get(name, 0) for name in (PACES_VERSION, ADDRESSES_VERSION, BANDWIDTHS_VERSION))
        return numbers.get("verdicts", 0), numbers.get("overrides", 0), active, others

    def verdicts(self, mirror: str | None = None) -> dict[Subject, Verdict]:
        """The verdict on every subject, of all mirrors or of one."""
        wanted = sa.select(VERDICTS)
        if mirror is not None:
            wanted = wanted.where(VERDICTS.c.mirror == mirror)
        with self._engine.connect() as connection:
            return dict(known_verdict(*row) for row in connection.execute(wanted))

    def probes(self, mirror: str, since: float = 0.0) -> list[Probe]:
        """The probes of a mirror that were kept, the newest first."""
        wanted = sa.select(PROBES).where(PROBES.c.mirror == mirror, PROBES.c.at >= since)
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(PROBES.c.at.desc(), PROBES.c.id.desc()))
            return [probe_of(row) for row in rows]

    def events(self, mirror: str | None = None, limit: int = 1000) -> list[Event]:
        """What happened to a mirror, or to all, the newest first."""
        wanted = sa.select(HEALTH_EVENTS).order_by(HEALTH_EVENTS.c.at.desc(), HEALTH_EVENTS.c.id.desc()).limit(limit)
        if mirror is not None:
            wanted = wanted.where(HEALTH_EVENTS.c.mirror == mirror)
        with self._engine.connect() as connection:
            return [event_of(row) for row in connection.execute(wanted)]

    def overrides(self, now: float) -> dict[str, Override]:
        """The overrides that are in effect, by the name of the mirror."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(OVERRIDES).where(OVERRIDES.c.until > now))
            return {row.mirror: Override(row.mirror, row.reason, row.author, row.since, row.until) for row in rows}

    def override(self, override: Override) -> None:
        """Keeps a mirror out; a former override of it is replaced."""
        with self._engine.begin() as connection:
            connection.execute(upsert(self._engine.dialect.name, OVERRIDES), _columns(override))
            self._happened(connection, override.mirror, EventKind.OVERRIDDEN, override.since, override.reason,
                           override.author)  # fmt: skip
            grow(connection, "overrides")

    def clear_override(self, mirror: str, author: str, now: float) -> bool:
        """Ends the override of a mirror; False if none is in effect."""
        with self._engine.begin() as connection:
            done = connection.execute(OVERRIDES.delete().where(OVERRIDES.c.mirror == mirror, OVERRIDES.c.until > now))
            if done.rowcount == 0:
                return False
            self._happened(connection, mirror, EventKind.CLEARED, now, "the override was cleared", author)
            grow(connection, "overrides")
        return True

    def begin_run(self, now: float) -> int:
        """Notes that a run begins; its number, one more than the last one's."""
        with self._leading() as connection:
            key = connection.execute(RUNS.insert().values(started_at=now)).inserted_primary_key
        assert key is not None
        return int(key[0])

    def end_run(self, run: Run) -> None:
        """Notes what a run came to."""
        kept = " ".join(sorted(run.kept))
        with self._leading() as connection:
            connection.execute(
                RUNS.update()
                .where(RUNS.c.id == run.number)
                .values(seconds=run.seconds, mirrors=run.mirrors, requests=run.requests, kept=kept)
            )

    def last_run(self) -> Run | None:
        """The last run that ended."""
        wanted = sa.select(RUNS).where(RUNS.c.seconds.is_not(None)).order_by(RUNS.c.id.desc()).limit(1)
        with self._engine.connect() as connection:
            row = connection.execute(wanted).one_or_none()
        if row is None:
            return None
        return Run(row.id, row.started_at, row.seconds, row.mirrors, row.requests, kept_of(row))

    def is_watched(self, now: float) -> bool:
        """Whether a prober looks at the mirrors these days."""
        run = self.last_run()
        return run is not None and now - run.started_at < WATCHED_SECONDS

    def record(self, found: RunResult, before: Mapping[Subject, Verdict], forgotten: Collection[Subject] = ()) -> bool:
        """Writes what a run came to, whole or not at all; whether anything that matters changed.

        A tree that quick looks turned since ``before`` keeps their verdict: they looked later.
        """
        gone = [subject for subject in forgotten if subject in before and subject not in found.verdicts]
        matters = bool(gone) or any(
            _what_matters(before.get(subject)) != _what_matters(verdict) for subject, verdict in found.verdicts.items()
        )
        with self._leading() as connection:
            rows = connection.execute(sa.select(VERDICTS).where(VERDICTS.c.path == ""))
            later = {
                subject
                for subject, verdict in (known_verdict(*row) for row in rows)
                if _turned(before.get(subject)) != _turned(verdict)
            }
            verdicts = [
                verdict_row(subject, verdict) for subject, verdict in found.verdicts.items() if subject not in later
            ]
            self._write(connection, upsert(self._engine.dialect.name, VERDICTS), verdicts)
            self._write(connection, PROBES.insert(), map(_probe_row, found.noted))
            changes = (change for change in found.changes if change.subject not in later)
            self._write(connection, HEALTH_EVENTS.insert(), map(event_row, changes))
            self._write(connection, _FORGET, ({f"_{name}": value for name, value in _subject_row(each).items()}
                                              for each in gone))  # fmt: skip
            if matters:
                grow(connection, "verdicts")
        return matters

    def prune(self, now: float) -> None:
        """Forgets what is older than 30 days, and overrides that ended as long ago.

        A clock that jumps ahead would take everything with it, so nothing is forgotten unless this time follows a run
        of at least a day before.
        """
        oldest = now - KEPT_SECONDS
        with self._leading() as connection:
            before = sa.select(RUNS.c.id).where(RUNS.c.started_at.between(oldest, now - _SETTLED_SECONDS))
            if connection.execute(before.limit(1)).first() is None:
                return
            for table in (PROBES, HEALTH_EVENTS):
                old = sa.select(table.c.id).where(table.c.at < oldest).order_by(table.c.at).limit(MOST_PRUNED)
                connection.execute(table.delete().where(table.c.id.in_(old)))
            connection.execute(OVERRIDES.delete().where(OVERRIDES.c.until < oldest))
            newest = sa.select(sa.func.max(RUNS.c.id)).scalar_subquery()
            connection.execute(RUNS.delete().where(RUNS.c.started_at < oldest, RUNS.c.id != newest))
            if connection.execute(VERDICTS.delete().where(VERDICTS.c.checked_at < oldest)).rowcount:
                grow(connection, "verdicts")

    @contextmanager
    def _leading(self) -> Iterator[sa.Connection]:
        """A transaction in which this prober leads from its beginning to its end."""
        with self._engine.begin() as connection:
            if self._lead:
                self._lead.hold(connection)
            yield connection

    def _write(
        self, connection: sa.Connection, statement: sa.Insert | sa.Delete, rows: Iterable[dict[str, Any]]
    ) -> None:
        found = list(rows)
        for start in range(0, len(found), ROWS_AT_ONCE):
            connection.execute(statement, found[start : start + ROWS_AT_ONCE])

    def _happened(
        self, connection: sa.Connection, mirror: str, kind: EventKind, at: float, why: str, author: str
    ) -> None:
        values = {"mirror": mirror, "kind": kind.value, "at": at, "why": why, "author": author}
        connection.execute(HEALTH_EVENTS.insert().values(**values))


_FORGET = VERDICTS.delete().where(*(VERDICTS.c[name] == sa.bindparam(f"_{name}") for name in _KEYS))


def _what_matters(verdict: Verdict | None) -> object:
    return verdict and (verdict.good_now, verdict.since, verdict.outcome, verdict.sha256)


def _turned(verdict: Verdict | None) -> object:
    return verdict and (verdict.good_now, verdict.since)


def verdict_row(subject: Subject, verdict: Verdict) -> dict[str, Any]:
    """A verdict as a row of VERDICTS."""
    return _subject_row(subject) | _columns(verdict) | {"outcome": verdict.outcome.value}


def _subject_row(subject: Subject) -> dict[str, Any]:
    return {key: getattr(subject, key) for key in _KEYS} | {
        "protocol": subject.protocol.value,
        "family": subject.family.value,
        "path": subject.spelled,
    }


_PROTOCOLS = {each.value: each for each in Protocol}
_FAMILIES = {each.value: each for each in Family}
_OUTCOMES = {each.value: each for each in ProbeOutcome}


def known_verdict(
    mirror: str, module: str, protocol: str, family: str, path: str, good_now: bool, since: float, outcome: str,
    *rest: Any,
) -> tuple[Subject, Verdict]:  # fmt: skip
    """A row of VERDICTS, whose columns are in the order of the fields; there are 80,000, so it has to be quick."""
    subject = Subject(mirror, module, _PROTOCOLS[protocol], _FAMILIES[family], path_spelled(path))
    return subject, Verdict(good_now, since, _OUTCOMES[outcome], *rest)


def _columns(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def _probe_row(probe: Probe) -> dict[str, Any]:
    return _subject_row(probe.subject) | {
        "at": probe.at, "seconds": probe.seconds, "outcome": probe.outcome.value, "detail": probe.detail,
        "sha256": probe.sha256,
    }  # fmt: skip


def event_row(change: HealthChange) -> dict[str, Any]:
    """A change as a row of HEALTH_EVENTS."""
    kind = EventKind.UP if change.good_now else EventKind.DOWN
    why = f"{change.outcome.value}: {change.detail}" if change.detail else change.outcome.value
    return _subject_row(change.subject) | {"kind": kind.value, "at": change.at, "why": why}
