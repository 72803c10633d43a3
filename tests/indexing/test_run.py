"""What of the kept lists an index believes."""

from __future__ import annotations

from pathlib import Path

import pytest

from mirrorlist.core.errors import SnapshotError
from mirrorlist.core.files.folder import decode_index
from mirrorlist.core.files.index import File, FileIndex, Holding
from mirrorlist.core.files.list_parser import ListedFile
from mirrorlist.core.files.mirror_listing import ABSENT, listing
from mirrorlist.core.model import MAIN, Protocol
from mirrorlist.indexing.mirrors import OTHER_FILES, sample
from mirrorlist.indexing.run import build_index
from mirrorlist.store.listings import Attempt, FileObservation, Listings, OriginFacts
from tests.building import NOW, mirror

HOUR = 3600.0
ALLOWED = 12 * HOUR
CHANGED = int(NOW - 20 * HOUR)
RSYNC = {MAIN: {Protocol.HTTPS: "https://m/", Protocol.RSYNC: "rsync://m/linux/"}}
HAS, LACKS, UNKNOWN = Holding.HAS, Holding.LACKS, Holding.UNKNOWN


@pytest.fixture
def kept(tmp_path: Path) -> Listings:
    """An origin with two files, the second of which changed twenty hours ago."""
    found = Listings(tmp_path, MAIN)
    found.write_origin(OriginFacts("/srv", NOW, 2), [File("a", 1, 1000), File("b", 2, CHANGED)])
    return found


def built(kept: Listings, *rsync: str, web: tuple[str, ...] = ()) -> FileIndex:
    mirrors = [mirror(name, urls=RSYNC) for name in rsync] + [mirror(name) for name in web]
    index = build_index(kept, MAIN, mirrors, ALLOWED, NOW).index
    return decode_index(memoryview(b"".join(index.parts))).bound([each.name for each in mirrors])


def stand(index: FileIndex, mirror_number: int = 0) -> list[Holding]:
    return [index.holders(number).of(mirror_number) for number in range(len(index))]


WHOLE = [ListedFile(b"a", 1, 1000), ListedFile(b"b", 2, CHANGED)]


@pytest.mark.parametrize(
    ("age", "rows", "expected"),
    [
        (HOUR, WHOLE, [HAS, HAS]),
        (HOUR, WHOLE[:1], [HAS, LACKS]),
        (HOUR, [], [LACKS, LACKS]),
        (HOUR, [ListedFile(b"a", 1, 1000), ListedFile(b"b", 3, 900)], [LACKS, LACKS]),
        (13 * HOUR, WHOLE, [UNKNOWN, UNKNOWN]),
    ],
    ids=["whole", "partial", "empty", "outdated", "old list"],
)
def test_a_list_counts_while_it_is_new(
    age: float, rows: list[ListedFile], expected: list[Holding], kept: Listings
) -> None:
    kept.write("m.example.org", listing("rsync", NOW - age, rows))
    assert stand(built(kept, "m")) == expected


def test_why_a_mirror_is_not_indexed_is_in_the_index(kept: Listings) -> None:
    kept.write_attempts({"m.example.org": Attempt(NOW, "refused")})
    said = {each.name: each.why for each in built(kept, "m", "n").facts.mirrors}
    assert said == {"m.example.org": "refused", "n.example.org": "nobody has listed it yet"}


def test_answers_about_single_files_count_one_by_one(kept: Listings) -> None:
    kept.write_asked("m.example.org", {"a": FileObservation(NOW - 13 * HOUR, 1), "b": FileObservation(NOW, ABSENT)})
    index = built(kept, web=("m",))
    assert stand(index) == [UNKNOWN, LACKS]
    assert not index.facts.mirrors[0].complete


def test_without_a_whole_list_of_the_origin_there_is_no_index(kept: Listings, tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="run mirrorlist update files"):
        built(Listings(tmp_path, "other"))
    kept.write_origin(OriginFacts("/srv", NOW, 3), [File("a", 1, 1000)])
    with pytest.raises(SnapshotError, match="1 files of the origin are listed, not 3"):
        built(kept)


def test_the_largest_are_asked_for_each_time_and_all_others_in_turn(tmp_path: Path) -> None:
    found = Listings(tmp_path, MAIN)
    files = [File(f"f{number:03}", number, 1) for number in range(100)]
    found.write_origin(OriginFacts("/srv", NOW, 100), files)
    drawn = [sample(found, turn) for turn in range(100 // OTHER_FILES)]
    turns = [[file.path for file in (*largest, *others)] for largest, others in drawn]
    assert all("f099" in paths for paths in turns)
    assert {path for paths in turns for path in paths} == {file.path for file in files}
