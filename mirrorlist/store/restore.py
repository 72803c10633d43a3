"""Fills a database that knows nothing with what the last snapshot knows: the former one was lost, or left behind."""

from __future__ import annotations

from itertools import chain

import sqlalchemy as sa
import structlog

from mirrorlist.core.health import Override
from mirrorlist.core.model import RepoMetadata
from mirrorlist.core.snapshot import Facts
from mirrorlist.store.health import HealthStore
from mirrorlist.store.leader import take_epoch
from mirrorlist.store.tables import HEALTH_EVENTS, ORIGIN_CHANGES, RUNS

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
            connection.execute(ORIGIN_CHANGES.insert(), _history(metadata))
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


def _history(metadata: RepoMetadata) -> list[dict[str, object]]:
    """When alternates were seen is not in a snapshot; they were replaced when the current one came, or before."""
    return [
        {"path": metadata.path, "sha256": version.sha256, "sha512": version.sha512, "size": version.size,
         "timestamp": version.timestamp, "seen_at": metadata.first_seen, "accepted": True}
        for version in chain(reversed(metadata.alternates), (metadata.current,))
    ]  # fmt: skip
