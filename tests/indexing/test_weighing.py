"""What lists, answers over the web and the other mirrors come to together."""

from __future__ import annotations

from pathlib import Path

import pytest

from mirrorlist.core.files.folder import decode_index
from mirrorlist.core.files.index import File, FileIndex, Holding
from mirrorlist.core.files.list_parser import ListedFile
from mirrorlist.core.files.mirror_listing import ABSENT, listing
from mirrorlist.core.model import MAIN, Protocol
from mirrorlist.indexing.mirrors import wanted_of
from mirrorlist.indexing.run import build_index
from mirrorlist.store.listings import FileObservation, Listings, OriginFacts
from tests.building import NOW, mirror

HOUR = 3600.0
ALLOWED = 12 * HOUR
RSYNC = {MAIN: {Protocol.HTTPS: "https://m/", Protocol.RSYNC: "rsync://m/linux/"}}
HAS, LACKS, UNKNOWN = Holding.HAS, Holding.LACKS, Holding.UNKNOWN
TREE = {"a/1": (10, 1_000_000), "a/2": (20, 2_000_000), "b/1": (30, 3_000_000), "b/c/1": (40, 4_000_000),
        "b-/1": (50, 5_000_000), "top": (60, 6_000_000)}  # fmt: skip
Rows = dict[str, tuple[int, int]]


@pytest.fixture
def kept(tmp_path: Path) -> Listings:
    return origin(tmp_path, TREE)


def origin(directory: Path, tree: Rows) -> Listings:
    found = Listings(directory, MAIN)
    files = sorted((File(path, *row) for path, row in tree.items()), key=lambda file: file.path.rpartition("/")[::2])
    found.write_origin(OriginFacts("/srv", NOW, len(files)), files)
    return found


def shifted(seconds: int, tree: Rows = TREE) -> Rows:
    return {path: (size, mtime + seconds) for path, (size, mtime) in tree.items()}


def listed(kept: Listings, name: str, rows: Rows, age: float = HOUR, unseen: tuple[bytes, ...] = ()) -> None:
    found = listing("rsync", NOW - age, [ListedFile(path.encode(), *row) for path, row in rows.items()], unseen=unseen)
    kept.write(f"{name}.example.org", found)


def asked(kept: Listings, name: str, said: dict[str, int], age: float = 0) -> None:
    mirror_name = f"{name}.example.org"
    answers = {path: FileObservation(NOW - age, size) for path, size in said.items()}
    kept.write_asked(mirror_name, kept.asked(mirror_name) | answers)


def built(kept: Listings, *names: str) -> FileIndex:
    mirrors = [mirror(name, urls=RSYNC) for name in names]
    index = build_index(kept, MAIN, mirrors, ALLOWED, NOW).index
    return decode_index(memoryview(b"".join(index.parts))).bound([each.name for each in mirrors])


def stand(index: FileIndex, number: int = 0) -> dict[str, Holding]:
    return {index.file(each).path: index.holders(each).of(number) for each in range(len(index))}


ALL = dict.fromkeys(TREE, HAS)


def test_below_links_and_closed_directories_nothing_is_known(kept: Listings) -> None:
    listed(kept, "m", {"a/1": TREE["a/1"], "b-/1": TREE["b-/1"]}, unseen=(b"b", b"top"))
    found = stand(built(kept, "m"))
    assert found == {"a/1": HAS, "a/2": LACKS, "b/1": UNKNOWN, "b/c/1": UNKNOWN, "b-/1": HAS, "top": UNKNOWN}


def test_what_a_list_does_not_see_is_asked_for(kept: Listings) -> None:
    listed(kept, "m", {}, unseen=(b"",))
    asked(kept, "m", {"a/1": 10, "top": ABSENT}, age=2 * HOUR)
    found = stand(built(kept, "m"))
    assert (found["a/1"], found["top"], found["a/2"]) == (HAS, LACKS, UNKNOWN)


def test_a_list_too_old_gives_way_to_answers(kept: Listings) -> None:
    listed(kept, "m", TREE, age=13 * HOUR)
    asked(kept, "m", {"a/1": ABSENT})
    index = built(kept, "m")
    assert stand(index) == {**dict.fromkeys(TREE, UNKNOWN), "a/1": LACKS}
    assert index.facts.mirrors[0].why == "its list is too old"


def test_the_way_that_clients_go_wins_over_the_list(kept: Listings) -> None:
    listed(kept, "m", TREE)
    asked(kept, "m", {"a/1": ABSENT, "a/2": 99, "top": 60})
    assert stand(built(kept, "m")) == ALL | {"a/1": LACKS, "a/2": LACKS}


def test_a_newer_list_mends_an_older_answer_but_no_refusal(kept: Listings) -> None:
    listed(kept, "m", {path: row for path, row in TREE.items() if path != "top"})
    asked(kept, "m", {"a/1": ABSENT, "a/2": 99, "top": 60}, age=2 * HOUR)
    assert stand(built(kept, "m")) == ALL | {"a/1": LACKS, "top": LACKS}


def test_a_list_that_the_web_server_contradicts_counts_for_nothing(kept: Listings) -> None:
    listed(kept, "m", TREE)
    asked(kept, "m", {"a/1": ABSENT, "a/2": 99, "b/1": ABSENT, "top": 60})
    index = built(kept, "m")
    assert stand(index) == {"a/1": LACKS, "a/2": LACKS, "b/1": LACKS, "b/c/1": UNKNOWN, "b-/1": UNKNOWN, "top": HAS}
    said = index.facts.mirrors[0]
    assert (said.doubted, said.complete, said.asked, said.wrong, said.known) == (True, False, 4, 1, 4)


@pytest.mark.parametrize("rows", [{}, {"other/tree": (10, 1_000_000), "a": (20, 2_000_000)}, {"top": TREE["top"]}])
def test_a_list_of_another_tree_counts_for_nothing(kept: Listings, rows: Rows) -> None:
    listed(kept, "m", rows)
    asked(kept, "m", {"a/1": 10, "b/1": 30})
    assert stand(built(kept, "m"))["a/2"] is LACKS, "two answers are no majority against a list"
    asked(kept, "m", {"b/c/1": 40})
    index = built(kept, "m")
    assert stand(index)["a/2"] is UNKNOWN
    assert stand(index)["b/c/1"] is HAS
    assert index.facts.mirrors[0].doubted


def test_when_all_are_older_the_origin_is_wrong(tmp_path: Path) -> None:
    """The origin's tree was copied without its times; files of another size are none of its own for all that."""
    now = {path: (size, int(NOW) - number) for number, (path, (size, _)) in enumerate(TREE.items())}
    kept = origin(tmp_path, now)
    for name in ("m", "n"):
        listed(kept, name, TREE)
    listed(kept, "other", {**TREE, "top": (61, 6_000_000)})
    index = built(kept, "m", "n", "other")
    assert (stand(index), stand(index, 1), stand(index, 2)) == (ALL, ALL, ALL | {"top": LACKS})
    assert "6 files, such as top, are older on nearly every mirror" in index.facts.remarks[0]


def test_one_mirror_that_has_the_origins_times_shows_that_they_are_right(tmp_path: Path) -> None:
    tree = TREE | {"top": (60, int(NOW - 2 * HOUR))}
    kept = origin(tmp_path, tree)
    listed(kept, "m", tree)
    listed(kept, "n", TREE)
    index = built(kept, "m", "n")
    assert (stand(index), stand(index, 1), index.facts.remarks) == (ALL, ALL | {"top": LACKS}, ())


def test_a_file_that_just_changed_is_no_doubt(tmp_path: Path) -> None:
    many = {f"f/{number:02}": (1, 1_000_000) for number in range(20)}
    for age, expected in ((HOUR, LACKS), (13 * HOUR, HAS)):
        tree = {**many, "TIME": (10, int(NOW - age))}
        kept = origin(tmp_path / expected.name, tree)
        for name in ("m", "n"):
            listed(kept, name, {**many, "TIME": (10, 2_000_000)})
        assert stand(built(kept, "m", "n"))["TIME"] is expected


def test_a_clock_that_is_off_is_taken_out_and_told(kept: Listings) -> None:
    listed(kept, "m", shifted(-3600))
    listed(kept, "n", TREE)
    listed(kept, "o", shifted(7200) | {"a/1": (10, 500_000)})
    index = built(kept, "m", "n", "o")
    assert [stand(index, number) for number in range(3)] == [ALL, ALL, ALL | {"a/1": LACKS}]
    assert [said.offset for said in index.facts.mirrors] == [-3600, None, 7200]
    assert [said.outdated_since for said in index.facts.mirrors] == [None, None, None]


def test_a_clock_that_is_off_for_everybody_is_the_origins(kept: Listings) -> None:
    for name in ("m", "n"):
        listed(kept, name, shifted(-3600))
    index = built(kept, "m", "n")
    assert [said.offset for said in index.facts.mirrors] == [None, None]
    assert "the times of 2 mirrors are 1 hour earlier than the origin's" in index.facts.remarks[0]


def test_an_outdated_mirror_stays_outdated_beside_others(tmp_path: Path) -> None:
    tree = TREE | {"top": (60, int(NOW - 20 * HOUR))}
    kept = origin(tmp_path, tree)
    listed(kept, "m", tree)
    listed(kept, "n", {**TREE, "top": (59, 6_000_000)})
    index = built(kept, "m", "n")
    assert set(stand(index, 1).values()) == {LACKS}
    assert index.facts.mirrors[1].outdated_since == NOW - 20 * HOUR


def test_what_was_refused_is_asked_for_again(kept: Listings) -> None:
    one = mirror("m", urls=RSYNC)
    asked(kept, "m", {"b/1": ABSENT, "a/1": 10}, age=HOUR)
    drawn = ([File("top", 60)], [File("a/2", 20)])
    assert list(wanted_of(kept, one, drawn, True)) == ["b/1", "top", "a/2"]
    assert list(wanted_of(kept, one, drawn, False)) == ["top", "a/2"]
