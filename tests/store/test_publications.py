"""Publishing is a compare-and-set: whoever was paused, overtaken or replaced puts nothing in place."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from mirrorlist.core.channel import file_of
from mirrorlist.core.errors import LeadLost, MirrorlistError, Overtaken
from mirrorlist.following.follower import fetched
from mirrorlist.store import database
from mirrorlist.store.database import open_database
from mirrorlist.store.publications import (
    ALL,
    KEPT_SECONDS,
    KeptGeneration,
    Publication,
    Turn,
    begin,
    line_of,
    only_one,
)
from mirrorlist.store.publications import claim as claim_whole
from mirrorlist.store.tables import LEADS, PUBLISHED_PIECES
from tests.building import KEY, NOW
from tests.postgres import Server

LINE = "publish line"


def claim(engine: sa.Engine, turn: Turn, generation: int, now: float) -> None:
    claim_whole(engine, turn, Publication(generation, now, b"snapshot"), now)


def test_publishers_of_a_database_on_a_server_are_in_one_line_and_others_in_that_of_their_key(
    engine: sa.Engine,
) -> None:
    line = line_of(engine, KEY)
    if engine.dialect.name == "postgresql":
        assert line == line_of(engine, b"x" * 32) == ALL
    else:
        assert line == line_of(engine, KEY) != line_of(engine, b"x" * 32)
        assert KEY.hex()[:8] not in line


def test_generations_are_claimed_one_after_the_other(engine: sa.Engine) -> None:
    turn = begin(engine, LINE, 0, None, True, NOW)
    assert turn == Turn(LINE, 0, 1)
    claim(engine, turn, 1, NOW)
    turn = begin(engine, LINE, 1, turn.epoch, True, NOW)
    assert turn == Turn(LINE, 1, 1)
    claim(engine, turn, 2, NOW)


@pytest.mark.parametrize(
    ("file", "row", "next_one"),
    [
        pytest.param(7, None, 7, id="a database that does not know the line"),
        pytest.param(9, 9, 9, id="as it should be"),
        pytest.param(8, 9, 9, id="a crash before the file was renamed"),
        pytest.param(3, 9, 9, id="a state directory from a backup"),
        pytest.param(12, 9, 9, id="published while the database was away"),
    ],
)
def test_what_the_database_says_of_a_line(engine: sa.Engine, file: int, row: int | None, next_one: int) -> None:
    if row is not None:
        claim(engine, begin(engine, LINE, 0, None, True, NOW), row, NOW)
    turn = begin(engine, LINE, file, None, True, NOW)
    assert turn.generation == next_one
    claim(engine, turn, 1 + max(file, turn.generation), NOW)
    assert begin(engine, LINE, 0, turn.epoch, True, NOW).generation == 1 + max(file, next_one)


def test_the_slower_of_two_is_overtaken(engine: sa.Engine) -> None:
    slow, fast = (begin(engine, LINE, 4, None, False, NOW) for _ in range(2))
    claim(engine, fast, 5, NOW)
    with pytest.raises(Overtaken, match="another publisher published generation 5 meanwhile"):
        claim(engine, slow, 5, NOW)


def test_a_leader_that_was_replaced_while_it_compiled_claims_nothing(engine: sa.Engine) -> None:
    old = begin(engine, LINE, 4, None, True, NOW)
    new = begin(engine, LINE, 4, None, True, NOW)
    assert new.epoch == old.epoch + 1
    with pytest.raises(LeadLost, match="took the lead"):
        claim(engine, old, 5, NOW)
    with pytest.raises(LeadLost, match="took the lead"):
        begin(engine, LINE, 4, old.epoch, True, NOW)
    claim(engine, new, 5, NOW)


def test_a_single_publication_leaves_the_leader_its_lead(engine: sa.Engine) -> None:
    leader = begin(engine, LINE, 4, None, True, NOW)
    claim(engine, begin(engine, LINE, 4, None, False, NOW), 5, NOW)
    with pytest.raises(Overtaken):
        claim(engine, leader, 5, NOW)
    claim(engine, begin(engine, LINE, 5, leader.epoch, True, NOW), 6, NOW)


def test_lines_do_not_disturb_each_other(engine: sa.Engine) -> None:
    other = "publish other"
    here, there = begin(engine, LINE, 4, None, True, NOW), begin(engine, other, 90, None, True, NOW)
    claim(engine, there, 91, NOW)
    claim(engine, here, 5, NOW)


def test_lines_of_directories_that_are_gone_are_forgotten(engine: sa.Engine) -> None:
    claim(engine, begin(engine, LINE, 4, None, True, NOW), 5, NOW)
    begin(engine, "publish a", 0, None, True, NOW + KEPT_SECONDS)
    assert begin(engine, LINE, 0, None, False, NOW).generation == 5
    begin(engine, "publish b", 0, None, True, NOW + KEPT_SECONDS + 1)
    assert begin(engine, LINE, 0, None, False, NOW).generation == 0


def test_one_that_hangs_while_it_puts_a_snapshot_in_place_is_named(tmp_path: Path) -> None:
    with only_one(tmp_path):
        pass
    with (tmp_path / "publish.lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(MirrorlistError) as caught, only_one(tmp_path, 0.1):
            pass
    told = str(caught.value)
    assert told.startswith(f"{tmp_path / 'publish.lock'} is held for over 0 s by process ")
    assert told.endswith("end that process")
    with only_one(tmp_path, 0.1):
        pass


def manifest_at(engine: sa.Engine, seen: int | None = None) -> tuple[int, list[str]] | None:
    """The generation that is kept, and its files."""
    found = KeptGeneration(engine).manifest(seen)
    return found and (found.generation, [file.name for file in found.files])


def test_a_database_that_publishers_share_keeps_the_last_generation(postgres: Server, tmp_path: Path) -> None:
    engine = open_database(tmp_path, postgres.new_database())
    try:
        index = tmp_path / f"files.{'a' * 64}.bin"
        index.write_bytes(b"index" * 1000)
        assert manifest_at(engine) is None
        snapshots = [b"first" * 1000, b"second" * 1000, b"third" * 1000]
        for number, snapshot in enumerate(snapshots, 1):
            claim_whole(
                engine, begin(engine, ALL, 0, None, False, NOW), Publication(number, NOW, snapshot, [index]), NOW
            )
            assert manifest_at(engine, number - 1) == (number, [index.name, "snapshot.bin"])
            assert manifest_at(engine, number) is None
        kept = KeptGeneration(engine)
        held = kept.manifest(None)
        assert held is not None
        (node := tmp_path / "node").mkdir()
        (node / index.name).write_bytes(index.read_bytes())
        assert fetched(held, kept, node) == snapshots[-1]
        with engine.connect() as connection:
            stored = {*connection.execute(sa.select(PUBLISHED_PIECES.c.sha256)).scalars()}
        last_two = [file_of("", memoryview(each)) for each in (index.read_bytes(), *snapshots[1:])]
        assert stored == {piece.sha256 for file in last_two for piece in file.pieces}
    finally:
        engine.dispose()


def test_an_upgrade_goes_on_above_the_numbers_of_all_lines(postgres: Server, tmp_path: Path) -> None:
    url = postgres.new_database()
    before = sa.create_engine(url)
    with before.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
        command.upgrade(config, "0008")
        for line, generation in (("publish a", 7), ("publish b", 90)):
            row = {"name": line, "epoch": 1, "generation": generation, "beats": 0, "holder": "", "seen_at": NOW}
            connection.execute(LEADS.insert(), row)
    before.dispose()
    engine = open_database(tmp_path, url)
    try:
        assert begin(engine, ALL, 8, None, True, NOW) == Turn(ALL, 90, 1)
    finally:
        engine.dispose()
