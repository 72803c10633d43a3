"""Migrations: from the tables of the last version before the first release to the newest ones; nothing is lost."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import mirrorlist.store.migrations as steps
from mirrorlist.core.errors import DatabaseError
from mirrorlist.store.database import NEWEST, UNRELEASED, open_database
from mirrorlist.store.health import HealthStore
from mirrorlist.store.metadata import MetadataStore
from mirrorlist.store.tables import SCHEMA
from tests.building import NOW

FIRST: sa.MetaData = import_module("mirrorlist.store.migrations.versions.0001_first").SCHEMA
DUMP = Path(__file__).parents[1] / "data/database-0003.sql"


def bare(url: str) -> sa.Engine:
    """The database as it is."""
    return sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool)


def value(column: sa.Column[Any], number: int) -> object:
    """A value of a column's type that is different in each row."""
    if isinstance(column.type, sa.Boolean):
        return number % 2 == 0
    if isinstance(column.type, sa.Float):
        return NOW + number / 8
    if isinstance(column.type, sa.Integer):
        return number + 1
    fixed = {"protocol": "https", "family": "ipv4", "outcome": "fresh", "kind": "up", "kept": "ipv6"}
    return fixed.get(column.name, f"{column.name} {number} é")


def rows(engine: sa.Engine, schema: sa.MetaData) -> dict[str, list[dict[str, Any]]]:
    with engine.connect() as connection:
        return {
            name: [dict(row._mapping) for row in connection.execute(sa.select(table).order_by(*table.primary_key))]
            for name, table in schema.tables.items()
            if sa.inspect(connection).has_table(name)
        }


Rows = dict[str, list[dict[str, Any]]]


def set_version(engine: sa.Engine, version: str) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :version"), {"version": version})


def version(engine: sa.Engine) -> str | None:
    with engine.connect() as connection:
        return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def unreleased(url: str) -> Rows:
    """Makes a database of the last version before the first release, with some rows in each table; the rows."""
    engine = bare(url)
    if engine.dialect.name == "sqlite":
        with closing(sqlite3.connect(engine.url.database or "")) as file:
            file.executescript(DUMP.read_text())
    else:
        with engine.begin() as connection:
            FIRST.create_all(connection)
            connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)"))
            connection.execute(sa.text("INSERT INTO alembic_version VALUES ('0003')"))
    with engine.begin() as connection:
        for table in FIRST.tables.values():
            made = [{column.name: value(column, number) for column in table.columns} for number in range(5)]
            connection.execute(table.insert(), made)
    return rows(engine, FIRST)


@pytest.mark.slow
def test_a_database_of_the_last_version_before_the_first_release_keeps_every_row(url: str, tmp_path: Path) -> None:
    before = unreleased(url)
    assert set(before) == set(FIRST.tables)
    engine = open_database(tmp_path, url)
    assert version(engine) == NEWEST
    assert rows(engine, FIRST) == before
    assert len(MetadataStore(engine).changes()) == 5
    assert len(HealthStore(engine).verdicts()) == len(HealthStore(engine).events()) == 5
    with engine.begin() as connection:  # numbers go on where they ended
        table = SCHEMA.tables["probe_runs"]
        if engine.dialect.name == "sqlite":
            assert connection.execute(table.insert().values(started_at=1.0)).inserted_primary_key == (6,)
    assert_has_the_tables(engine)
    engine.dispose()


def test_tables_of_other_programs_do_not_disturb(url: str, tmp_path: Path) -> None:
    before = unreleased(url)
    with bare(url).begin() as connection:
        connection.execute(sa.text("CREATE TABLE of_another_program (id INTEGER)"))
    engine = open_database(tmp_path, url)
    assert rows(engine, FIRST) == before
    engine.dispose()


@pytest.mark.parametrize(
    ("statements", "step"),
    [
        (["DROP TABLE alembic_version"], "no step"),
        (["UPDATE alembic_version SET version_num = '0001'", "DROP TABLE leads"], "step 0001"),
        (["UPDATE alembic_version SET version_num = '0002'"], "step 0002"),
        (["ALTER TABLE verdicts DROP COLUMN validator"], "step 0003"),
        (["DROP TABLE paces"], "step 0003"),
    ],
)
def test_a_database_of_an_older_version_is_refused_and_left_alone(
    url: str, tmp_path: Path, statements: list[str], step: str
) -> None:
    unreleased(url)
    engine = bare(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    before = contents(engine)
    with pytest.raises(DatabaseError) as caught:
        open_database(tmp_path, url)
    assert str(caught.value).startswith("a version from before release 0.1.0 wrote the database ")
    assert str(caught.value).endswith(
        f" ({step}); let the last version before 0.1.0 open it once, or move it away: a new one is made, without "
        "history and overrides"
    )
    assert contents(engine) == before


def contents(engine: sa.Engine) -> Rows:
    """All tables of a database, as they are."""
    reflected = sa.MetaData()
    reflected.reflect(engine)
    return rows(engine, reflected)


def assert_has_the_tables(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, SCHEMA) == []


def test_the_tables_are_what_the_program_says_they_are(engine: sa.Engine) -> None:
    assert_has_the_tables(engine)


def test_the_process_that_migrated_has_whole_transactions_afterwards(engine: sa.Engine) -> None:
    store = MetadataStore(engine)
    with pytest.raises(ZeroDivisionError), engine.begin() as connection:
        connection.execute(SCHEMA.tables["health_versions"].insert().values(name="x", number=1))
        assert store.changes() == {}
        raise ZeroDivisionError
    assert rows(engine, SCHEMA)["health_versions"] == []


def test_the_newest_step_is_the_last_file() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(steps.__file__).parent))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [NEWEST]
    unreleased = [int(step) for step in UNRELEASED]
    numbers = [n for n in range(int(NEWEST), 0, -1) if n not in unreleased]
    assert [step.revision for step in script.walk_revisions()] == [f"{n:04}" for n in numbers]


def test_a_database_of_a_newer_release_is_refused_and_left_alone(url: str, tmp_path: Path) -> None:
    open_database(tmp_path, url).dispose()
    engine = bare(url)
    set_version(engine, "9999")
    with pytest.raises(DatabaseError) as caught:
        open_database(tmp_path, url)
    told = str(caught.value)
    assert "is at step 9999, and this release knows no more than" in told
    assert "upgrade this program, or restore the database" in told
    assert version(engine) == "9999"


def test_a_step_that_fails_leaves_the_former_tables(url: str, tmp_path: Path) -> None:
    """A process that is killed half-way leaves the same: it is one transaction."""
    former = bare(url)
    with former.begin() as connection:
        connection.execute(sa.text("CREATE TABLE leads (stands_in_the_way INTEGER)"))
    with pytest.raises((DatabaseError, sa.exc.SQLAlchemyError)):
        open_database(tmp_path, url)
    assert contents(former) == {"leads": []}
    with former.begin() as connection:
        connection.execute(sa.text("DROP TABLE leads"))
    engine = open_database(tmp_path, url)
    assert_has_the_tables(engine)
    engine.dispose()


OPENER = """
import sys
from pathlib import Path
from mirrorlist.store.database import open_database
sys.stdin.readline()
open_database(Path(sys.argv[1]), sys.argv[2]).dispose()
"""


@pytest.mark.slow
@pytest.mark.parametrize("is_new", [True, False], ids=["new", "unreleased"])
def test_of_processes_that_start_at_once_one_migrates_and_the_others_wait(
    url: str, tmp_path: Path, is_new: bool
) -> None:
    before: Rows = {} if is_new else unreleased(url)
    command = [sys.executable, "-c", OPENER, str(tmp_path), url]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    for process in started:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    ended = [(process.communicate(timeout=60)[1], process.returncode) for process in started]
    assert [code for _, code in ended] == [0] * 4, ended
    after = rows(bare(url), FIRST)
    assert after == (before or {name: [] for name in FIRST.tables})
    assert version(bare(url)) == NEWEST
