"""Migrations: from the tables of the first releases, with data in them, to the newest ones; nothing is lost."""

from __future__ import annotations

import subprocess
import sys
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
from mirrorlist.store.database import NEWEST, open_database
from mirrorlist.store.health import HealthStore
from mirrorlist.store.metadata import MetadataStore
from mirrorlist.store.tables import SCHEMA
from tests.building import NOW

FIRST: sa.MetaData = import_module("mirrorlist.store.migrations.versions.0001_unversioned").SCHEMA


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


def kept(after: Rows, before: Rows) -> Rows:
    """Of the rows now what there was before; later steps add tables and columns, which begin empty."""
    found: Rows = {}
    for name, held in before.items():
        known = held[0].keys() if held else ()
        assert all(row[column] is None for row in after[name] for column in row.keys() - known)
        found[name] = [{column: row[column] for column in known} for row in after[name]]
    return found


def fill(engine: sa.Engine, names: set[str]) -> dict[str, list[dict[str, Any]]]:
    """Makes the tables of the first releases with some rows in each; what they hold."""
    tables = [table for name, table in FIRST.tables.items() if name in names]
    FIRST.create_all(engine, tables)
    with engine.begin() as connection:
        for table in tables:
            made = [{column.name: value(column, number) for column in table.columns} for number in range(5)]
            connection.execute(table.insert(), made)
    return rows(engine, FIRST)


@pytest.mark.parametrize("names", [set(FIRST.tables), {"origin_changes", "origin_checks"}], ids=["all", "the oldest"])
def test_a_database_of_the_first_releases_is_adopted_and_keeps_every_row(
    url: str, tmp_path: Path, names: set[str]
) -> None:
    former = bare(url)
    held = fill(former, names)
    assert set(held) == names
    engine = open_database(tmp_path, url)
    after = rows(engine, SCHEMA)
    assert kept(after, held) == held
    assert all(after[name] == [] for name in set(after) - names)
    assert len(MetadataStore(engine).changes()) == 5
    if names == set(FIRST.tables):
        assert len(HealthStore(engine).verdicts()) == len(HealthStore(engine).events()) == 5
        with engine.begin() as connection:  # numbers go on where they ended
            table = SCHEMA.tables["probe_runs"]
            if engine.dialect.name == "sqlite":
                assert connection.execute(table.insert().values(started_at=1.0)).inserted_primary_key == (6,)
    engine.dispose()


def test_the_tables_are_what_the_program_says_they_are(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, SCHEMA) == []


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
    assert [step.revision for step in script.walk_revisions()] == [f"{n:04}" for n in range(int(NEWEST), 0, -1)]


def test_a_database_of_a_newer_release_is_refused_and_left_alone(url: str, tmp_path: Path) -> None:
    open_database(tmp_path, url).dispose()
    engine = bare(url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseError) as caught:
        open_database(tmp_path, url)
    told = str(caught.value)
    assert "is at step 9999, and this release knows no more than" in told
    assert "upgrade this program, or restore the database" in told
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == "9999"


def test_a_step_that_fails_leaves_the_former_tables(url: str, tmp_path: Path) -> None:
    """A process that is killed half-way leaves the same: it is one transaction."""
    former = bare(url)
    held = fill(former, set(FIRST.tables))
    with former.begin() as connection:
        connection.execute(sa.text("CREATE TABLE leads (stands_in_the_way INTEGER)"))
    with pytest.raises((DatabaseError, sa.exc.SQLAlchemyError)):
        open_database(tmp_path, url)
    assert rows(former, FIRST) == held
    assert not sa.inspect(former).has_table("alembic_version")
    with former.begin() as connection:
        connection.execute(sa.text("DROP TABLE leads"))
    engine = open_database(tmp_path, url)
    assert kept(rows(engine, SCHEMA), held) == held
    engine.dispose()


OPENER = """
import sys
from pathlib import Path
from mirrorlist.store.database import open_database
sys.stdin.readline()
open_database(Path(sys.argv[1]), sys.argv[2]).dispose()
"""


def test_of_processes_that_start_at_once_one_migrates_and_the_others_wait(url: str, tmp_path: Path) -> None:
    held = fill(bare(url), set(FIRST.tables))
    command = [sys.executable, "-c", OPENER, str(tmp_path), url]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    for process in started:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    ended = [(process.communicate(timeout=60)[1], process.returncode) for process in started]
    assert [code for _, code in ended] == [0] * 4, ended
    after = rows(bare(url), SCHEMA)
    assert kept(after, held) == held
