"""Publishing is a compare-and-set: whoever was paused, overtaken or replaced puts nothing in place."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest
import sqlalchemy as sa

from mirrorlist.core.errors import LeadLost, MirrorlistError, Overtaken
from mirrorlist.store.publications import KEPT_SECONDS, Turn, begin, claim, line_of, only_one
from tests.building import KEY, NOW

LINE = line_of(KEY)


def test_a_line_is_known_by_its_key_and_does_not_betray_it() -> None:
    assert LINE == line_of(KEY) != line_of(b"x" * 32)
    assert KEY.hex()[:8] not in LINE


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
    other = line_of(b"other" * 7)
    here, there = begin(engine, LINE, 4, None, True, NOW), begin(engine, other, 90, None, True, NOW)
    claim(engine, there, 91, NOW)
    claim(engine, here, 5, NOW)


def test_lines_of_directories_that_are_gone_are_forgotten(engine: sa.Engine) -> None:
    claim(engine, begin(engine, LINE, 4, None, True, NOW), 5, NOW)
    begin(engine, line_of(b"a"), 0, None, True, NOW + KEPT_SECONDS)
    assert begin(engine, LINE, 0, None, False, NOW).generation == 5
    begin(engine, line_of(b"b"), 0, None, True, NOW + KEPT_SECONDS + 1)
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
