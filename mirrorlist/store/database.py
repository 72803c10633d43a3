"""The database of what outlives a process. SQLite beside the state by default, any SQLAlchemy URL otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

SCHEMA = sa.MetaData()

ORIGIN_CHANGES = sa.Table(
    "origin_changes",
    SCHEMA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("path", sa.String(512), nullable=False, index=True),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("sha512", sa.String(128), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("timestamp", sa.BigInteger, nullable=False),
    sa.Column("seen_at", sa.Float, nullable=False),
    sa.Column("accepted", sa.Boolean, nullable=False, default=True),
)
"""One row each time the origin's repomd.xml at a path became another one, in the order in which it was seen."""

ORIGIN_CHECKS = sa.Table(
    "origin_checks",
    SCHEMA,
    sa.Column("path", sa.String(512), primary_key=True),
    sa.Column("confirmed_at", sa.Float, nullable=True),
    sa.Column("failed_at", sa.Float, nullable=True),
    sa.Column("error", sa.String(1024), nullable=True),
)
"""When the origin last confirmed what is known of a path, and how it last failed since."""

ORIGIN_IMAGES = sa.Table(
    "origin_images",
    SCHEMA,
    sa.Column("path", sa.String(512), primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=True),
    sa.Column("seen_at", sa.Float, nullable=False),
)
"""The size of each image at the origin when it was last asked; none for one that it lacks."""


def _subject_columns(primary_key: bool) -> list[sa.Column[Any]]:
    return [
        sa.Column("mirror", sa.String(255), primary_key=primary_key, nullable=False),
        sa.Column("module", sa.String(100), primary_key=primary_key, nullable=False),
        sa.Column("protocol", sa.String(10), primary_key=primary_key, nullable=False),
        sa.Column("family", sa.String(10), primary_key=primary_key, nullable=False),
        sa.Column("path", sa.String(512), primary_key=primary_key, nullable=False),
    ]


VERDICTS = sa.Table(
    "verdicts",
    SCHEMA,
    *_subject_columns(primary_key=True),
    sa.Column("good_now", sa.Boolean, nullable=False),
    sa.Column("since", sa.Float, nullable=False),
    sa.Column("outcome", sa.String(100), nullable=False),
    sa.Column("checked_at", sa.Float, nullable=False, index=True),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("bad", sa.Integer, nullable=False),
    sa.Column("good", sa.Integer, nullable=False),
    sa.Column("falls", sa.Integer, nullable=False),
    sa.Column("held_until", sa.Float, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=True),
    sa.Column("sha256_at", sa.Float, nullable=True),
    sa.Column("validator", sa.String(150), nullable=True),
    sa.Column("certificate_days", sa.Integer, nullable=True),
)
"""What the probes of each subject come to; an empty path is a module's tree."""

PROBES = sa.Table(
    "probes",
    SCHEMA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    *_subject_columns(primary_key=False),
    sa.Column("at", sa.Float, nullable=False, index=True),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("outcome", sa.String(100), nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=True),
    sa.Index("probes_of_a_mirror", "mirror", "at"),
)
"""The probes that are worth keeping, of 30 days."""

HEALTH_EVENTS = sa.Table(
    "health_events",
    SCHEMA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("mirror", sa.String(255), nullable=False, index=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("at", sa.Float, nullable=False, index=True),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("module", sa.String(100), nullable=True),
    sa.Column("protocol", sa.String(10), nullable=True),
    sa.Column("family", sa.String(10), nullable=True),
    sa.Column("path", sa.String(512), nullable=True),
    sa.Column("author", sa.String(100), nullable=True),
)
"""What went up and down, and what people decided. The subject's columns are empty where it is the whole mirror."""

MIRROR_ADDRESSES = sa.Table(
    "mirror_addresses",
    SCHEMA,
    sa.Column("mirror", sa.String(255), primary_key=True),
    sa.Column("address", sa.String(45), primary_key=True),
    sa.Column("asn", sa.BigInteger, nullable=True),
    sa.Column("seen_at", sa.Float, nullable=False),
)
"""The addresses that the names in a mirror's URLs led to when it was last probed, and whose they are."""

OVERRIDES = sa.Table(
    "overrides",
    SCHEMA,
    sa.Column("mirror", sa.String(255), primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("since", sa.Float, nullable=False),
    sa.Column("until", sa.Float, nullable=False),
)
"""The mirrors that people keep out, until when, and why."""

RUNS = sa.Table(
    "probe_runs",
    SCHEMA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("started_at", sa.Float, nullable=False),
    sa.Column("seconds", sa.Float, nullable=True),
    sa.Column("mirrors", sa.Integer, nullable=True),
    sa.Column("requests", sa.Integer, nullable=True),
    sa.Column("kept", sa.String(50), nullable=True),
)
"""The runs of the prober; without a duration one did not end. ``kept``: families in which verdicts stayed."""

HEALTH_VERSIONS = sa.Table(
    "health_versions",
    SCHEMA,
    sa.Column("name", sa.String(20), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
)
"""Numbers that grow whenever the verdicts or the overrides say something else."""


def open_database(state_dir: Path, url: str | None = None) -> sa.Engine:
    """The database, its tables made where they are missing."""
    state_dir.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url or f"sqlite:///{state_dir / 'mirrorlist.sqlite'}")
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
    SCHEMA.create_all(engine)
    return engine


def _prepare_sqlite(connection: Any, record: Any) -> None:
    """WAL lets the publisher read while another process writes; a writer waits for another up to 10 s."""
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}")
