"""The index: look-ups, directories, links, holders, and that a bad file is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorlist.core.errors import SnapshotError
from mirrorlist.core.files.build import IndexDraft, sort_key
from mirrorlist.core.files.folder import decode_index, indexed_folder
from mirrorlist.core.files.index import DirectoryEntry, File, FileIndex, FilePieces, Holding, Indexed, IndexFacts
from mirrorlist.core.files.mirror_listing import Holdings

PATHS = ("README", "a/x", "a/b/c.iso", "a/b/d.iso", "a/b!/z", "a/b/c/deep", "a/b0/y", "z/only/below/f")


def data(paths: Iterable[str], mirrors: tuple[str, ...] = (), links: dict[str, str] | None = None) -> bytes:
    """An index in which mirror k has each file whose number is a multiple of k + 1, and knows all but number 1."""
    ordered = sorted(paths, key=lambda path: sort_key(path.encode()))
    files = [File(path, len(path), number, digest(path) if number % 2 else None) for number, path in enumerate(ordered)]
    draft = IndexDraft(files, len(mirrors))
    numbers = np.arange(len(files))
    for bit in range(len(mirrors)):
        draft.add(bit, Holdings((numbers % (bit + 1) == 0) & (numbers != 1), numbers != 1))
    facts = IndexFacts("main", 2.0, 1.0, "test", tuple(Indexed(name, 1.0) for name in mirrors), links or {})
    return b"".join(draft.sealed(facts).parts)


def digest(path: str) -> bytes:
    return hashlib.sha256(path.encode()).digest()


def index(paths: Iterable[str] = PATHS, **more: dict[str, str]) -> FileIndex:
    return decode_index(memoryview(data(paths, **more)))


def test_every_file_is_found_and_nothing_else() -> None:
    found = index()
    numbers = [found.find(path) for path in PATHS]
    assert sorted(number for number in numbers if number is not None) == list(range(len(PATHS)))
    for number, path in zip(numbers, PATHS, strict=True):
        assert number is not None
        file = found.file(number)
        assert (file.path, file.size, file.mtime) == (path, len(path), number)
        assert file.sha256 == (digest(path) if number % 2 else None)
    for path in ("", "a", "a/b", "a/b/", "/README", "readme", "a/b/c.iso/", "\udcff", "a//x", "x" * 5000):
        assert found.find(path) is None


def test_digests_and_pieces_are_those_of_their_file() -> None:
    files = [
        File("a", 3, 1, b"a" * 32, b"A" * 64, FilePieces(2, b"1" * 32 + b"2" * 32)),
        File("b"),
        File("c", 9, 2, None, b"C" * 64, FilePieces(4, b"3" * 32 + b"4" * 32 + b"5" * 32)),
        File("d", 1, 3, b"d" * 32),
    ]
    sealed = IndexDraft(files, 0).sealed(IndexFacts("main", 2.0, 1.0, "test", ()))
    found = decode_index(memoryview(b"".join(sealed.parts)))
    assert [found.file(number) for number in range(len(found))] == files


def test_a_draft_names_its_files_and_tells_which_are_at_or_below_a_path() -> None:
    ordered = sorted(PATHS, key=lambda path: sort_key(path.encode()))
    draft = IndexDraft(map(File, ordered), 0)
    assert [draft.path(number) for number in range(len(ordered))] == ordered
    no_paths = ("R", "a/b/c.is", "a/b/e", "a/y", "b", "zz")
    for above in ("", *PATHS, "a", "a/b", "a/b/c", "a/b!", "z", "z/only/below", *no_paths):
        below = [path for path in ordered if not above or path == above or path.startswith(f"{above}/")]
        assert [ordered[number] for number in np.flatnonzero(draft.below([above.encode()]))] == below


def test_a_folder_has_the_files_right_in_it_and_no_namesakes() -> None:
    found = index([f"{folder}{name}" for folder in ("", "a/", "a/b/", "c/") for name in ("x", "y", "z.iso")])
    for directory, above in (("", ""), ("a", "a/"), ("a/b", "a/b/"), ("c", "c/")):
        folder = indexed_folder(found, directory)
        assert folder is not None
        for name in ("x", "y", "z.iso"):
            number = folder.find(name.encode())
            assert number is not None
            assert found.file(number).path == above + name
            digested = folder.sha256(number)
            assert (None if digested is None else bytes(digested)) == found.sha256(number)
        assert [folder.find(name) for name in (b"", b"z", b"z.isos", b"a", b"b/x")] == [None] * 5
    assert indexed_folder(found, "b") is None


def names(found: FileIndex, directory: str) -> list[str] | None:
    entries = found.entries(directory)
    return None if entries is None else [entry.name + "/" * entry.is_directory for entry in entries]


@pytest.mark.parametrize(
    ("directory", "expected"),
    [
        ("", ["a/", "z/", "README"]), ("a", ["b/", "b!/", "b0/", "x"]), ("a/b/", ["c/", "c.iso", "d.iso"]),
        ("z", ["only/"]), ("z/only", ["below/"]), ("z/only/below", ["f"]), ("a/b/c.iso", None), ("b", None),
        ("a/", ["b/", "b!/", "b0/", "x"]), ("\udcff", None),
    ],
)  # fmt: skip
def test_a_directory_holds_what_is_right_below_it(directory: str, expected: list[str] | None) -> None:
    assert names(index(), directory) == expected


def test_an_entry_has_the_number_size_and_time_of_its_file() -> None:
    found = index()
    number = found.find("README")
    entries = found.entries("")
    assert entries is not None
    assert entries[-1] == DirectoryEntry("README", number, 6, number)


def test_links_lead_to_files_and_directories() -> None:
    links = {"latest": "a/b", "a/new.iso": "a/b/c.iso", "loop": "loop/x", "gone": "nowhere", "twice": "latest"}
    found = index(links=links)
    assert found.find("latest/c.iso") == found.find("twice/c.iso") == found.find("a/new.iso") == found.find("a/b/c.iso")
    assert found.find("loop") is None
    assert found.find("loop/README") is None
    assert names(found, "latest") == ["c/", "c.iso", "d.iso"]
    assert names(found, "") == ["a/", "latest/", "twice/", "z/", "README"]
    assert names(found, "a") == ["b/", "b!/", "b0/", "new.iso", "x"]


def test_holders_are_told_by_the_numbers_of_the_snapshot() -> None:
    """The snapshot has another order, one mirror that the index does not know, and lacks one that it knows."""
    found = decode_index(memoryview(data(PATHS, ("one", "two", "three")))).bound(["new", "three", "one"])
    has, lacks, unknown = Holding.HAS, Holding.LACKS, Holding.UNKNOWN
    expected = {
        0: [unknown, has, has],
        1: [unknown, unknown, unknown],
        2: [unknown, lacks, has],
        3: [unknown, has, has],
    }
    for number, row in expected.items():
        holders = found.holders(number)
        assert [holders.of(mirror) for mirror in range(3)] == row

        assert [holders.lack(mirror) for mirror in range(3)] == [standing is lacks for standing in row]
        assert holders.mirrors(has) == [mirror for mirror, standing in enumerate(row) if standing is has]


@pytest.mark.parametrize(
    ("directory", "some", "whole"),
    [
        ("a/b", "?+++", "?+--"),
        ("a/b/c", "?+--", "?+--"),
        ("a/b0", "?+++", "?+++"),
        ("z", "?+--", "????"),
        ("a", "????", "????"),
        ("", "????", "?+++"),
        ("nowhere", "????", "????"),
    ],
)
def test_of_a_directory_it_is_told_who_has_some_below_it_and_who_all_in_it(
    directory: str, some: str, whole: str
) -> None:
    """Of ``a/x``, the file of number 1, nothing is known."""
    found = decode_index(memoryview(data(PATHS, ("one", "two", "three")))).bound(["new", "one", "two", "three"])
    signs = {Holding.HAS: "+", Holding.LACKS: "-", Holding.UNKNOWN: "?"}
    told = ["".join(signs[holders.of(mirror)] for mirror in range(4)) for holders in found.holders_below(directory)]
    assert told == [some, whole]


def test_an_index_without_files_or_mirrors_is_one() -> None:
    found = index(())
    assert (len(found), found.find("a"), found.entries("")) == (0, None, ())
    assert len(found.arrays["holders"]) == len(index(("a",)).arrays["holders"]) == 0
    assert index(("a",)).bound(["m"]).holders(0).of(0) is Holding.UNKNOWN


@given(st.sets(st.lists(st.text("ab!0.-", min_size=1, max_size=3), min_size=1, max_size=4).map("/".join), max_size=30))
@settings(deadline=None)
def test_any_tree_is_walked_whole_by_its_directories(paths: set[str]) -> None:
    """A path that is a file and a directory at once is a tree that changed while it was listed."""
    found = index(paths)
    assert {path for path in paths if found.find(path) is not None} == paths
    seen, waiting = set(), [""]
    while waiting:
        directory = waiting.pop()
        for entry in found.entries(directory) or ():
            path = f"{directory}/{entry.name}".lstrip("/")
            if entry.is_directory:
                waiting.append(path)
            else:
                seen.add(path)
    assert seen == paths


WHOLE = data(PATHS, ("one", "two"))


@pytest.mark.parametrize("size", [0, 10, 55, 56, 100, len(WHOLE) - 1])
def test_a_truncated_file_is_refused(size: int) -> None:
    with pytest.raises(SnapshotError, match="bytes"):
        decode_index(memoryview(WHOLE[:size]))


@pytest.mark.parametrize("at", [*range(0, 64, 5), *range(64, len(WHOLE), 97)])
def test_an_altered_file_is_refused(at: int) -> None:
    altered = bytearray(WHOLE)
    altered[at] ^= 1
    with pytest.raises(SnapshotError, match="file index"):
        decode_index(memoryview(altered))
