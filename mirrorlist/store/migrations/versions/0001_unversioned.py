"""The tables of the releases that kept no version. What such a database has of them stays as it is."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

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

ORIGIN_CHECKS = sa.Table(
    "origin_checks",
    SCHEMA,
    sa.Column("path", sa.String(512), primary_key=True),
    sa.Column("confirmed_at", sa.Float, nullable=True),
    sa.Column("failed_at", sa.Float, nullable=True),
    sa.Column("error", sa.String(1024), nullable=True),
)


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
)

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

OVERRIDES = sa.Table(
    "overrides",
    SCHEMA,
    sa.Column("mirror", sa.String(255), primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("since", sa.Float, nullable=False),
    sa.Column("until", sa.Float, nullable=False),
)

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

HEALTH_VERSIONS = sa.Table(
    "health_versions",
    SCHEMA,
    sa.Column("name", sa.String(20), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
)


def upgrade() -> None:
    """Makes what is missing."""
    SCHEMA.create_all(op.get_bind())
