"""Quick looks in the database: the trees that they turn, the addresses that fail them, and votes of vantage points."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from mirrorlist.core.catalogue.service import Vantage
from mirrorlist.core.errors import UploadRefused
from mirrorlist.core.health.probe_run import HealthChange
from mirrorlist.core.health.quick_look import AddressFault, turned
from mirrorlist.core.health.vantages import LEAST_SECONDS, Ballot, Report, Vote, ballot_after
from mirrorlist.core.health.verdicts import Family, HealthPolicy, ProbeOutcome, Subject, Verdict, path_spelled
from mirrorlist.core.model import Protocol
from mirrorlist.store.health import event_row, known_verdict, verdict_row
from mirrorlist.store.leader_election import Leadership
from mirrorlist.store.marks import UploadBox, too_soon
from mirrorlist.store.tables import (
    ADDRESS_FAULTS,
    HEALTH_EVENTS,
    HEALTH_VERSIONS,
    VANTAGE_VOTES,
    VERDICTS,
    grow,
    upsert,
)


class QuickLookStore:
    """Reads and writes what quick looks need; with a ``lead`` it writes only while that counts."""

    def __init__(self, engine: sa.Engine, lead: Leadership | None = None) -> None:
        self._engine = engine
        self._lead = lead

    def tree_verdicts(self) -> dict[Subject, Verdict]:
        """The verdicts on whole trees."""
        with self._engine.connect() as connection:
            return dict(
                known_verdict(*row) for row in connection.execute(sa.select(VERDICTS).where(VERDICTS.c.path == ""))
            )

    def good_paths(self) -> dict[tuple[str, str], str]:
        """For each mirror and module the path of a repository that is good there."""
        table = VERDICTS.c
        wanted = sa.select(table.mirror, table.module, sa.func.min(table.path))
        wanted = wanted.where(table.path != "", table.good_now, table.sha256.is_not(None))
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.group_by(table.mirror, table.module))
            return {(mirror, module): path_spelled(path) or "" for mirror, module, path in rows}

    def turn(self, changes: Sequence[HealthChange], policy: HealthPolicy) -> tuple[HealthChange, ...]:
        """Writes what quick looks turned; those that were still otherwise. A visit may have been faster."""
        with self._engine.begin() as connection:
            if self._lead:
                self._lead.hold(connection)
            rows = connection.execute(sa.select(VERDICTS).where(VERDICTS.c.path == ""))
            before = dict(known_verdict(*row) for row in rows)
            done = tuple(
                each
                for each in changes
                if each.good_now != ((known := before.get(each.subject)) is None or known.good_now)
            )
            verdicts = [verdict_row(each.subject, turned(before.get(each.subject), each, policy)) for each in done]
            if done:
                connection.execute(upsert(self._engine.dialect.name, VERDICTS), verdicts)
                connection.execute(HEALTH_EVENTS.insert(), [*map(event_row, done)])
                grow(connection, "verdicts")
        return done

    def note_faults(self, faults: Collection[AddressFault]) -> None:
        """Notes the addresses that fail by now, in place of all that did before."""
        rows = [
            {
                "mirror": each.tree.mirror, "module": each.tree.module, "protocol": each.tree.protocol.value,
                "address": each.address, "outcome": each.outcome.value, "detail": each.detail, "since": each.since,
            }
            for each in faults
        ]  # fmt: skip
        with self._engine.begin() as connection:
            if self._lead:
                self._lead.hold(connection)
            connection.execute(ADDRESS_FAULTS.delete())
            if rows:
                connection.execute(ADDRESS_FAULTS.insert(), rows)

    def faults(self, mirror: str) -> list[AddressFault]:
        """The addresses of a mirror that fail, in order."""
        table = ADDRESS_FAULTS.c
        wanted = sa.select(ADDRESS_FAULTS).where(table.mirror == mirror)
        with self._engine.connect() as connection:
            return [
                AddressFault(
                    Subject(
                        mirror, row.module, Protocol(row.protocol), Family.IPV6 if ":" in row.address else Family.IPV4
                    ),
                    row.address,
                    ProbeOutcome(row.outcome),
                    row.detail,
                    row.since,
                )
                for row in connection.execute(wanted.order_by(table.module, table.protocol, table.address))
            ]


# Votes of vantage points.

VERSION = "votes"
"""The row of HEALTH_VERSIONS that grows with every report."""


class VoteStore:
    """Reads and writes the votes in one database; with a ``lead`` it writes only while that counts."""

    def __init__(self, engine: sa.Engine, lead: Leadership | None = None) -> None:
        self._engine = engine
        self._lead = lead

    def version(self) -> int:
        """A number that grows with every report."""
        wanted = sa.select(HEALTH_VERSIONS.c.number).where(HEALTH_VERSIONS.c.name == VERSION)
        with self._engine.connect() as connection:
            return connection.execute(wanted).scalar() or 0

    def ballots(self) -> dict[str, Ballot]:
        """The votes of every vantage that ever reported, by its name."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(VANTAGE_VOTES)).all()
        return {row.vantage: _ballot(row) for row in rows}

    def last_at(self) -> dict[str, float]:
        """When each vantage reported last."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(VANTAGE_VOTES.c.vantage, VANTAGE_VOTES.c.at))
            return {row.vantage: row.at for row in rows}

    def record(self, vantage: str, report: Report, at: float, mirrors: Iterable[str]) -> Ballot:
        """Notes the votes of one more report on these mirrors, whole or not at all.

        Raises:
            UploadRefused: it is not newer than the last, or follows it at once.
            LeadLost: another process reports for this vantage.
        """
        named = frozenset(mirrors)
        known = tuple(look for look in report.looks if look.mirror in named)
        table = VANTAGE_VOTES.c
        with self._engine.begin() as connection:
            if self._lead:
                self._lead.hold(connection)
            row = connection.execute(
                sa.select(VANTAGE_VOTES).where(table.vantage == vantage).with_for_update()
            ).one_or_none()
            if row and at < row.at + LEAST_SECONDS:
                raise too_soon(at, row.at)
            ballot = ballot_after(_ballot(row) if row else None, Report(report.every_seconds, known), at)
            values = {"at": at, "expires_at": ballot.expires_at, "votes": msgspec.json.encode(ballot.votes).decode()}
            connection.execute(upsert(connection.dialect.name, VANTAGE_VOTES), {"vantage": vantage, **values})
            grow(connection, VERSION)
        return ballot


def _ballot(row: Any) -> Ballot:
    """A row of VANTAGE_VOTES."""
    return Ballot(row.at, row.expires_at, msgspec.json.decode(row.votes, type=tuple[Vote, ...]))


class VoteTaker:
    """Takes the reports that wait in a state directory into the database, each once."""

    def __init__(self, box: UploadBox) -> None:
        self._box = box
        self._taken: dict[str, float] = {}

    def waiting(self, vantages: Iterable[Vantage]) -> list[Vantage]:
        """The vantages whose report was not taken here; it may have been before this process began."""
        return [
            each
            for each in vantages
            if (at := self._box.last_at(each.name)) is not None and at > self._taken.get(each.name, 0.0)
        ]

    def take(self, waiting: Iterable[Vantage], store: VoteStore, mirrors: Sequence[str]) -> Iterator[str]:
        """Writes these reports; a sentence for each that was written, or is refused."""
        last = store.last_at()
        for vantage in waiting:
            self._taken[vantage.name] = at = self._box.last_at(vantage.name) or 0
            if at <= last.get(vantage.name, 0.0):
                continue
            try:
                claim, report = self._box.read(vantage)
                ballot = store.record(vantage.name, report, claim.at, mirrors)
            except (UploadRefused, OSError) as error:
                yield f"the report of {vantage.name} is refused: {error}"
            else:
                count = len({vote.mirror for vote in ballot.votes})
                yield f"{vantage.name} reports on {count} {'mirror' if count == 1 else 'mirrors'}"
