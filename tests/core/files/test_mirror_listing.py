"""What a mirror holds, from its list and the origin's."""

from __future__ import annotations

from array import array

import numpy as np
import pytest
from numpy.typing import NDArray

from mirrorlist.core.files.list_parser import ListedFile
from mirrorlist.core.files.mirror_listing import (
    ABSENT,
    Holdings,
    Listing,
    OriginTree,
    TimeShift,
    compared,
    holdings,
    listing,
    path_key,
    times_off,
    tree,
)

ORIGIN = {"old": (10, 1000), "new": (20, 5000), "index": (30, 5000), "odd": (-1, -1)}


def origin() -> OriginTree:
    sizes, mtimes = zip(*ORIGIN.values(), strict=True)
    return tree(array("Q", [path_key(path.encode()) for path in ORIGIN]), array("q", sizes), array("q", mtimes))


def listed(rows: dict[str, tuple[int, int]], complete: bool = True) -> Listing:
    return listing("test", 1.0, [ListedFile(path.encode(), *row) for path, row in rows.items()], complete)


def held(rows: dict[str, tuple[int, int]], complete: bool = True) -> tuple[str, Holdings]:
    """Of each of the origin's files: + has, - lacks, ? unknown."""
    found = holdings(origin(), listed(rows, complete))
    signs = zip(found.having, found.known, strict=True)
    return "".join("+" if having else "-" if known else "?" for having, known in signs), found


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (ORIGIN, "++++"),
        ({}, "----"),
        ({**ORIGIN, "more": (1, 1)}, "++++"),
        ({**ORIGIN, "old": (11, 1000)}, "-+++"),
        ({**ORIGIN, "old": (10, 999)}, "++++"),
        ({**ORIGIN, "old": (10, 900)}, "-+++"),
        ({**ORIGIN, "old": (10, 9999)}, "++++"),
        ({**ORIGIN, "old": (10, -1)}, "++++"),
        ({**ORIGIN, "odd": (77, 77)}, "++++"),
        ({"new": (20, 5000)}, "-+--"),
    ],
)
def test_a_file_of_the_same_size_that_is_not_older_is_held(rows: dict[str, tuple[int, int]], expected: str) -> None:
    assert held(rows)[0] == expected


def test_single_requests_tell_of_what_was_asked_only() -> None:
    assert held({"old": (10, -1), "new": (ABSENT, -1), "index": (31, -1)}, complete=False)[0] == "+--?"


def test_a_mirror_that_did_not_follow_is_outdated_since_the_change() -> None:
    assert held({"old": (10, 1000), "index": (28, 900)})[1].outdated_since == 5000


def test_a_mirror_that_holds_something_as_new_is_not_outdated() -> None:
    """Its own file under a name of the tree says nothing of its syncs, and neither does what it leaves out."""
    assert held({**ORIGIN, "old": (11, 900)})[1].outdated_since is None
    assert held({"old": (10, 1000)})[1].outdated_since is None
    assert held({"old": (10, 1000), "index": (ABSENT, -1)}, complete=False)[1].outdated_since is None


DAYS = 1_790_000_123 + 86_400 * 7 * np.arange(40) + 777 * np.arange(40) ** 2
"""Times as files of years have them."""


@pytest.mark.parametrize(
    ("times", "older"),
    [
        pytest.param(DAYS // 60 * 60, 0, id="minutes, as in lists of FTP"),
        pytest.param(DAYS // 86_400 * 86_400, 0, id="days"),
        pytest.param((DAYS - 7200) // 86_400 * 86_400 + 7200, 0, id="days of another zone"),
        pytest.param((DAYS - 7200) // 60 * 60, 0, id="minutes of another zone"),
        pytest.param(np.where(DAYS[30] > DAYS, DAYS // 86_400 * 86_400, DAYS // 60 * 60), 0, id="days, then minutes"),
        pytest.param(DAYS // 2 * 2, 0, id="two seconds, as on FAT"),
        pytest.param(np.full(40, 0), 0, id="one time for all, long ago"),
        pytest.param(np.full(40, DAYS[20]), 0, id="one time for all"),
        pytest.param(np.full(40, DAYS[-1] + 5), 0, id="one later time for all"),
        pytest.param(DAYS - 19_800, 0, id="half an hour's zone"),
        pytest.param(DAYS - 20_700, 0, id="a quarter's zone"),
        pytest.param(np.where(np.arange(40) < 3, DAYS - 86_400 * 9, DAYS // 60 * 60), 3, id="minutes, and old files"),
        pytest.param(DAYS - 86_400 * np.arange(1, 41), 40, id="really older"),
    ],
)
def test_coarse_times_say_no_more_than_they_can(times: NDArray[np.int64], older: int) -> None:
    names = [f"file{number}" for number in range(len(DAYS))]
    keys = array("Q", [path_key(name.encode()) for name in names])
    there = tree(keys, array("q", [9] * len(names)), array("q", DAYS.tolist()))
    rows = {name: (9, int(at)) for name, at in zip(names, times, strict=True)}
    assert int(compared(there, listed(rows)).older.sum()) == older


def test_rows_are_ordered_by_key_and_the_last_of_a_path_counts() -> None:
    found = listing("test", 1.0, [ListedFile(b"a", 1), ListedFile(b"b", 2), ListedFile(b"a", 3)])
    assert len(found) == 2
    assert sorted(found.sizes) == [2, 3]
    assert bool(np.all(found.keys[:-1] < found.keys[1:]))


# A clock or a time zone shifts all times of a mirror.

HOUR, DAY = 3600, 86_400


@pytest.mark.parametrize(
    ("apart", "shift"),
    [
        ([], TimeShift()),
        ([-HOUR] * 2, TimeShift()),
        ([0, 0, 0, -DAY], TimeShift()),
        ([0, -1, -2, 0], TimeShift()),
        ([-HOUR] * 4, TimeShift(-HOUR, -HOUR)),
        ([2 * HOUR] * 3, TimeShift(2 * HOUR, 2 * HOUR)),
        ([-HOUR, -HOUR - 1, -HOUR - 2, -HOUR], TimeShift(-HOUR, -HOUR)),
        ([-90] * 9 + [-DAY], TimeShift(-90, -90)),
        ([-90] * 8 + [-DAY, -2 * DAY], TimeShift()),
        ([-HOUR] * 6 + [-DAY, -2 * DAY, -3 * DAY], TimeShift(-HOUR, -HOUR)),
        ([-HOUR] * 3 + [-2 * HOUR] * 3, TimeShift(-2 * HOUR, -HOUR)),
        ([0] * 7 + [-HOUR] * 3, TimeShift(0, -HOUR)),
        ([-15 * HOUR] * 5 + [0] * 4, TimeShift()),
        ([-19_800] * 3 + [-DAY], TimeShift(-19_800, -19_800)),
        ([-20_700, -20_700, -20_701, -DAY, 0], TimeShift(-20_700, -20_700)),
        ([-1200] * 3 + [-DAY], TimeShift()),
        ([-HOUR] * 3 + [0] * 5, TimeShift(0, -HOUR)),
        ([-1000, -5000, -90_000, -7], TimeShift()),
        ([-5 * HOUR - HOUR // 2] * 5, TimeShift(-5 * HOUR - HOUR // 2, -5 * HOUR - HOUR // 2)),
    ],
)
def test_quarters_of_an_hour_of_most_files_or_one_value_of_nearly_all(apart: list[int], shift: TimeShift) -> None:
    assert times_off(np.array(apart, np.int64)) == shift


def test_in_summer_and_in_winter_each_file_loses_its_own_hour() -> None:
    apart = np.array([-HOUR, -2 * HOUR, -HOUR, -2 * HOUR, -3 * DAY], np.int64)
    assert list(apart - times_off(apart).of(apart)) == [0, 0, 0, 0, -3 * DAY + 2 * HOUR]
