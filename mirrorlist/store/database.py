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
