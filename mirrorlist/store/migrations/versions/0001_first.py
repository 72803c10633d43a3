"""The tables of release 0.1.0."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

SCHEMA = sa.MetaData()


def _subject_columns(primary_key: bool) -> list[sa.Column[Any]]:
    return [
        sa.Column("mirror", sa.Text, primary_key=primary_key, nullable=False),
        sa.Column("module", sa.Text, primary_key=primary_key, nullable=False),
        sa.Column("protocol", sa.Text, primary_key=primary_key, nullable=False),
        sa.Column("family", sa.Text, primary_key=primary_key, nullable=False),
        sa.Column("path", sa.Text, primary_key=primary_key, nullable=False),
    ]


sa.Table(
    "origin_changes",
    SCHEMA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("path", sa.Text, nullable=False, index=True),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("sha512", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("timestamp", sa.BigInteger, nullable=False),
    sa.Column("seen_at", sa.Float, nullable=False),
    sa.Column("accepted", sa.Boolean, nullable=False),
)

sa.Table(
    "origin_checks",
    SCHEMA,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("confirmed_at", sa.Float, nullable=True),
    sa.Column("failed_at", sa.Float, nullable=True),
    sa.Column("error", sa.Text, nullable=True),
)

sa.Table(
    "origin_images",
    SCHEMA,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=True),
    sa.Column("seen_at", sa.Float, nullable=False),
)


sa.Table(
    "verdicts",
    SCHEMA,
    *_subject_columns(primary_key=True),
    sa.Column("good_now", sa.Boolean, nullable=False),
    sa.Column("since", sa.Float, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("checked_at", sa.Float, nullable=False, index=True),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("bad", sa.Integer, nullable=False),
    sa.Column("good", sa.Integer, nullable=False),
    sa.Column("falls", sa.Integer, nullable=False),
    sa.Column("held_until", sa.Float, nullable=False),
    sa.Column("sha256", sa.Text, nullable=True),
    sa.Column("sha256_at", sa.Float, nullable=True),
    sa.Column("validator", sa.Text, nullable=True),
    sa.Column("certificate_days", sa.Integer, nullable=True),
)

sa.Table(
    "probes",
    SCHEMA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    *_subject_columns(primary_key=False),
    sa.Column("at", sa.Float, nullable=False, index=True),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=True),
    sa.Index("probes_of_a_mirror", "mirror", "at"),
)

sa.Table(
    "health_events",
    SCHEMA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("mirror", sa.Text, nullable=False, index=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at", sa.Float, nullable=False, index=True),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("module", sa.Text, nullable=True),
    sa.Column("protocol", sa.Text, nullable=True),
    sa.Column("family", sa.Text, nullable=True),
    sa.Column("path", sa.Text, nullable=True),
    sa.Column("author", sa.Text, nullable=True),
)

sa.Table(
    "mirror_addresses",
    SCHEMA,
    sa.Column("mirror", sa.Text, primary_key=True),
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("asn", sa.BigInteger, nullable=True),
    sa.Column("seen_at", sa.Float, nullable=False),
)

sa.Table(
    "overrides",
    SCHEMA,
    sa.Column("mirror", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("since", sa.Float, nullable=False),
    sa.Column("until", sa.Float, nullable=False),
)

sa.Table(
    "probe_runs",
    SCHEMA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("started_at", sa.Float, nullable=False),
    sa.Column("seconds", sa.Float, nullable=True),
    sa.Column("mirrors", sa.Integer, nullable=True),
    sa.Column("requests", sa.Integer, nullable=True),
    sa.Column("kept", sa.Text, nullable=True),
)

sa.Table(
    "paces",
    SCHEMA,
    sa.Column("mirror", sa.Text, primary_key=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("since", sa.Float, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("bad", sa.Integer, nullable=False),
    sa.Column("calm", sa.Integer, nullable=False),
    sa.Column("times", sa.Text, nullable=False),
)

sa.Table(
    "releases",
    SCHEMA,
    sa.Column("major", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("since", sa.Float, nullable=False),
)

sa.Table(
    "health_versions",
    SCHEMA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
)

sa.Table(
    "leads",
    SCHEMA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("generation", sa.BigInteger, nullable=False),
    sa.Column("beats", sa.BigInteger, nullable=False),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("seen_at", sa.Float, nullable=False),
)


def upgrade() -> None:
    """Creates the tables; none of them may exist."""
    SCHEMA.create_all(op.get_bind(), checkfirst=False)
