"""What a mirror holds, from its list and the origin's."""

from __future__ import annotations

from array import array

import numpy as np
import pytest

from mirrorlist.core.files.list_parser import ListedFile
from mirrorlist.core.files.mirror_listing import (
    ABSENT,
    Holdings,
    Listing,
    OriginTree,
    holdings,
    listing,
    path_key,
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


def test_rows_are_ordered_by_key_and_the_last_of_a_path_counts() -> None:
    found = listing("test", 1.0, [ListedFile(b"a", 1), ListedFile(b"b", 2), ListedFile(b"a", 3)])
    assert len(found) == 2
    assert sorted(found.sizes) == [2, 3]
    assert bool(np.all(found.keys[:-1] < found.keys[1:]))
