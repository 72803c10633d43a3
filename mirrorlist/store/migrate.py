"""Brings the tables of a database up to this release: forward, in place, by one process while others wait.

The first process of a new release that opens a database does it, in one transaction: a process that is killed
half-way leaves the former tables. A database without a version is one of the first releases, and is adopted.
"""

from __future__ import annotations

import threading
from pathlib import Path

import sqlalchemy as sa
import structlog
from alembic import command
from alembic.config import Config

from mirrorlist.core.errors import DatabaseError

log = structlog.get_logger()

NEWEST = "0003"
"""The last step in ``migrations/versions``."""
MIGRATION_KEY = 0x6D6967726174
"""Any number: who holds this advisory lock of PostgreSQL migrates."""
WAIT_SECONDS = 60

_one_at_a_time = threading.Lock()
"""Alembic keeps what it works on in its module."""


def bring_up_to_date(engine: sa.Engine) -> None:
    """Runs the steps that are missing.

    Raises:
        DatabaseError: a newer release has changed the tables, or the database cannot be used.
    """
    with engine.connect() as connection:
        found = _version(connection)
    if found == NEWEST:
        return
    if found is not None and found > NEWEST:
        raise DatabaseError(
            f"the database {engine.url} is at step {found}, and this release knows no more than {NEWEST}: a newer "
            "release wrote it; upgrade this program, or restore the database from before the upgrade"
        )
    with _one_at_a_time:
        _upgrade(engine, found)


def _version(connection: sa.Connection) -> str | None:
    """The last step that was run; None where none was."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(engine: sa.Engine, found: str | None) -> None:
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.detach()  # no other transaction gets it: it would end each at its first statement
            driver = connection.connection.dbapi_connection
            assert driver is not None
            driver.isolation_level = None  # the driver would end the transaction before it changes a table
            connection.exec_driver_sql(f"PRAGMA busy_timeout={WAIT_SECONDS * 1000}")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(sa.text(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'"))
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_KEY)))
        if _version(connection) == found:  # else another process was faster
            config = Config(attributes={"connection": connection})
            config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
            command.upgrade(config, "head")
            if found:
                log.info("the database was brought up to date", database=str(engine.url), before=found, now=NEWEST)
        connection.commit()
