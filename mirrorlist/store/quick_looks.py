"""Quick looks in the database: the trees that they turn, and the addresses that fail them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from mirrorlist.core.health.probe_run import HealthChange
from mirrorlist.core.health.quick_look import AddressFault, turned
from mirrorlist.core.health.verdicts import Family, HealthPolicy, ProbeOutcome, Subject, Verdict, path_spelled
from mirrorlist.core.model import Protocol
from mirrorlist.store.health import event_row, known_verdict, verdict_row
from mirrorlist.store.leader_election import Leadership
from mirrorlist.store.tables import ADDRESS_FAULTS, HEALTH_EVENTS, VERDICTS, grow, upsert


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
