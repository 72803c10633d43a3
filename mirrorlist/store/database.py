"""Open the database: SQLite beside the state by default, PostgreSQL by its SQLAlchemy URL.

Opening one brings its tables up to this release. Whatever goes wrong later, in any statement, is a DatabaseError
that names the database, the reason and the remedy, so nobody has to know the errors of each driver.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from mirrorlist.core.errors import DatabaseError

# The first process of a new release that opens a database brings its tables up to date: in one transaction, so that a
# process that is killed half-way leaves the former tables, while others wait.

log = structlog.get_logger()

NEWEST = "0010"
"""The last step in ``migrations/versions``."""
FIRST = "0001"
"""The step of release 0.1.0."""
UNRELEASED = ("0002", "0003")
"""Steps from before release 0.1.0. The last one made the tables of FIRST."""
MIGRATION_KEY = 0x6D6967726174
"""Any number: who holds this advisory lock of PostgreSQL migrates."""
MIGRATION_SECONDS = 60

_one_at_a_time = threading.Lock()
"""Alembic keeps what it works on in its module."""


def bring_up_to_date(engine: sa.Engine) -> None:
    """Runs the missing steps.

    Raises:
        DatabaseError: a newer release has changed the tables, a version from before the first release has made
            them, or the database cannot be used.
    """
    with engine.connect() as connection:
        before = _version(connection)
        if before == NEWEST and not _is_unreleased(connection, before):
            return
    if before is not None and before > NEWEST and before not in UNRELEASED:
        raise DatabaseError(
            f"the database {engine.url} is at step {before}, and this release knows no more than {NEWEST}: a newer "
            "release wrote it; upgrade this program, or restore the database from before the upgrade"
        )
    with _one_at_a_time, engine.connect() as connection:
        _upgrade(connection, before)


def _version(connection: sa.Connection) -> str | None:
    """The last step that was run; None where none was."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _is_unreleased(connection: sa.Connection, version: str | None) -> bool:
    """Whether a version from before release 0.1.0 wrote the database: it had other steps, at first none."""
    has_table = sa.inspect(connection).has_table
    if version is None:
        return has_table("origin_changes")
    return version in UNRELEASED or (version == FIRST and not has_table("leads"))


def _upgrade(connection: sa.Connection, before: str | None) -> None:
    """Runs the missing steps in one transaction, unless another process was faster."""
    engine = connection.engine
    if engine.dialect.name == "sqlite":
        connection.detach()  # no other transaction gets it: it would end each at its first statement
        driver = connection.connection.dbapi_connection
        assert driver is not None
        driver.isolation_level = None  # the driver would end the transaction before it changes a table
        connection.exec_driver_sql(f"PRAGMA busy_timeout={MIGRATION_SECONDS * 1000}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(sa.text(f"SET LOCAL lock_timeout = '{MIGRATION_SECONDS}s'"))
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_KEY)))
    if _version(connection) == before:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        if _is_unreleased(connection, before):
            _adopt(connection, config, before)
        command.upgrade(config, "head")
        if before:
            log.info("the database was brought up to date", database=str(engine.url), before=before, now=NEWEST)
    connection.commit()


def _adopt(connection: sa.Connection, config: Config, version: str | None) -> None:
    """Takes a database from before release 0.1.0 for one of that release, if it has the same tables."""
    first: sa.MetaData = ScriptDirectory.from_config(config).get_revision(FIRST).module.SCHEMA

    def is_ours(name: str | None, kind: str, parents: object) -> bool:
        return kind != "table" or name in first.tables

    options = {"compare_type": True, "include_name": is_ours}
    if version != UNRELEASED[-1] or compare_metadata(MigrationContext.configure(connection, opts=options), first):
        raise DatabaseError(
            f"a version from before release 0.1.0 wrote the database {connection.engine.url} "
            f"({f'step {version}' if version else 'no step'}); let the last version before 0.1.0 open it once, or move "
            "it away: a new one is made, without history and overrides"
        )
    connection.execute(sa.text("UPDATE alembic_version SET version_num = :first"), {"first": FIRST})


FILE_NAME = "mirrorlist.sqlite"
WAIT_SECONDS = 10
"""How long a writer waits for another one, on either database."""
POSTGRESQL = {
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "options": f"-c lock_timeout={WAIT_SECONDS}s -c tcp_keepalives_idle=15 -c tcp_keepalives_interval=5 "
    "-c tcp_keepalives_count=3",
}
"""Both ends notice within 30 s that the other machine is gone: its lead would be held for hours otherwise."""

NO_FAULT_OF_A_STATEMENT = ("42501", "42P01")
"""What PostgreSQL says where a right is missing, and where a table is."""

_REMEDIES = (
    ("permission denied", "let its user own the database: ALTER DATABASE name OWNER TO user"),
    ("read-only", "name the server that can be written to"),
    ("does not exist", "create it, and a user that owns it: createdb --owner user name"),
    ("unable to open", "see that its directory exists and that this user may write there"),
    ("not a database", "restore it from a backup, or move it away: a new one is made, without history and overrides"),
    ("malformed", "restore it from a backup, or move it away: a new one is made, without history and overrides"),
    ("readonly", "give this user the right to write it, and its directory"),
    ("locked", f"another process has kept it locked for {WAIT_SECONDS} s; look for one that hangs"),
    ("lock timeout", f"another process has kept it locked for {WAIT_SECONDS} s; look for one that hangs"),
    ("disk", "look at the disk that holds it"),
    ("no such table", "it was replaced by another file meanwhile; try again"),
)
_OTHERWISE = "see that the server runs, and that MIRRORLIST_DATABASE names it with a user that may connect"


def open_database(state_dir: Path, url: str | None = None) -> sa.Engine:
    """The database, brought up to this release.

    Raises:
        DatabaseError: it is away or broken, a newer release has written it, or the URL cannot be used.
    """
    engine = untouched_database(state_dir, url)
    with ExitStack() as failed:
        failed.callback(engine.dispose)
        bring_up_to_date(engine)
        failed.pop_all()
    return engine


def untouched_database(state_dir: Path, url: str | None = None) -> sa.Engine:
    """The database as it is, of whatever release, to be looked at.

    Raises:
        DatabaseError: the URL cannot be used; later, when it is used: the database is away or broken.
    """
    engine = _engine(state_dir, url)
    sa.event.listen(engine, "handle_error", _told)
    return engine


def _engine(state_dir: Path, url: str | None) -> sa.Engine:
    if url is None:
        try:
            state_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseError(f"{state_dir}: {error.strerror}; name a directory that can be written") from None
    try:
        found = sa.make_url(url or f"sqlite:///{state_dir / FILE_NAME}")
        if found.drivername in ("postgresql", "postgres"):
            found = found.set(drivername="postgresql+psycopg")
        if found.get_backend_name() not in ("sqlite", "postgresql"):
            raise DatabaseError(f"{found}: only SQLite and PostgreSQL are known; write postgresql://user@host/name")
        if found.get_backend_name() == "postgresql":
            given = {name: value for name, value in POSTGRESQL.items() if name not in found.query}
            return sa.create_engine(found, connect_args=given, pool_pre_ping=True, pool_size=2)
        engine = sa.create_engine(found)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise DatabaseError(
            f"MIRRORLIST_DATABASE is no URL of a database: {error}; write postgresql://user@host/name"
        ) from None
    except ImportError as error:
        raise DatabaseError(f"{found}: {error}; run: pip install 'psycopg[binary]'") from None
    file = Path(found.database or ":memory:")
    sa.event.listen(engine, "connect", partial(_prepare_sqlite, file))
    sa.event.listen(engine, "checkout", partial(_is_current, file))
    return engine


def _prepare_sqlite(file: Path, connection: Any, record: Any) -> None:
    """WAL lets the publisher read while another process writes; a writer waits for another."""
    for pragma in (f"busy_timeout={WAIT_SECONDS * 1000}", "journal_mode=WAL", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")
    record.info["file"] = _identity(file)


def _is_current(file: Path, connection: Any, record: Any, proxy: Any) -> None:
    """A file that was replaced under its name would be written on for ever, and read by nobody."""
    if record.info["file"] != _identity(file):
        raise sa.exc.DisconnectionError


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _told(context: sa.ExceptionContext) -> None:
    """Raises a DatabaseError in place of what is no fault of this program."""
    found = context.sqlalchemy_exception
    plain = isinstance(found, sa.exc.OperationalError | sa.exc.InternalError) or type(found) is sa.exc.DatabaseError
    plain = plain or getattr(context.original_exception, "sqlstate", None) in NO_FAULT_OF_A_STATEMENT
    if plain and not context.is_pre_ping:
        raise DatabaseError(message(context.engine, context.original_exception)) from context.original_exception


def message(engine: sa.Engine | None, error: BaseException) -> str:
    """What is wrong with a database, and what to do, in a line."""
    reason = " ".join(str(error).split()) or type(error).__name__
    remedy = next((remedy for sign, remedy in _REMEDIES if sign in reason.lower()), _OTHERWISE)
    return f"the database {engine.url if engine else ''} cannot be used: {reason}; {remedy}"
