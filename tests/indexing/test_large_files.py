"""Reading the origin's large files: once each, so many bytes in a run, and the pieces reach the metalink."""

from __future__ import annotations

import os
from hashlib import sha256, sha512
from pathlib import Path

import pytest

from mirrorlist.core.files.build import PIECES_ABOVE, IndexDraft
from mirrorlist.core.files.folder import decode_index
from mirrorlist.core.files.index import File, FilePieces, IndexFacts
from mirrorlist.core.files.list_parser import ListedFile
from mirrorlist.core.model import MAIN
from mirrorlist.indexing.origin import LEAST_PIECE, MOST_PIECES, piece_length, read_large
from mirrorlist.store.listings import Listings
from tests.indexing.test_origin import AT, listed, write

SIZE = PIECES_ABOVE + 5


def sparse(path: Path, end: bytes, at: int = AT) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.seek(SIZE - len(end))
        file.write(end)
    os.utime(path, (at, at))


def pieces_of(data: bytes) -> FilePieces:
    each = (data[at : at + LEAST_PIECE] for at in range(0, len(data), LEAST_PIECE))
    return FilePieces(LEAST_PIECE, b"".join(sha256(piece).digest() for piece in each))


@pytest.mark.slow
def test_large_files_are_read_whole_and_in_pieces_and_once(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    write(tree, "README")
    sparse(tree / "isos/a.iso", b"end")
    write(tree, "isos/SHA256SUMS", f"{'a' * 64}  a.iso\n{'b' * 64}  ../README\n".encode())
    write(tree, "SHA512SUMS", f"{'c' * 128}  README\n".encode())
    found, told = listed(tmp_path, origins={MAIN: str(tree)})
    data = bytes(SIZE - 3) + b"end"
    expected = File("isos/a.iso", SIZE, AT, sha256(data).digest(), sha512(data).digest(), pieces_of(data))
    assert found["isos/a.iso"] == expected, "what was read counts before what is published"
    assert found["README"] == File("README", 1, AT, None, bytes.fromhex("c" * 128))
    assert "1 large files read" in told

    found, told = listed(tmp_path, origins={MAIN: str(tree)})
    assert (found["isos/a.iso"], "large files" in told) == (expected, False)

    sparse(tree / "isos/a.iso", b"new", AT + 60)
    found, _ = listed(tmp_path, origins={MAIN: str(tree)})
    assert found["isos/a.iso"].pieces == pieces_of(bytes(SIZE - 3) + b"new")

    index = decode_index(memoryview(b"".join(_draft(tmp_path).parts)))
    assert {file.path: file for file in map(index.file, range(len(index)))} == found


def _draft(state: Path):  # type: ignore[no-untyped-def]
    return IndexDraft(Listings(state, MAIN).origin_files(), 0).sealed(IndexFacts(MAIN, 0, 0, "", ()))


def test_so_many_bytes_are_read_in_a_run_and_one_file_at_least(tmp_path: Path) -> None:
    rows = [ListedFile(b"%d.iso" % number, 10, AT) for number in range(4)]
    for row in rows:
        write(tmp_path, row.path.decode(), bytes(10))
    assert [path for path, _ in read_large(tmp_path, rows, 15)] == [b"0.iso", b"1.iso"]
    assert [path for path, _ in read_large(tmp_path, rows, 1)] == [b"0.iso"]


@pytest.mark.parametrize(
    "row",
    [ListedFile(b"a", 11, AT), ListedFile(b"a", 10, AT - 1), ListedFile(b"gone", 10, AT), ListedFile(b"below", 10, AT)],
)
def test_what_changed_since_it_was_listed_waits(row: ListedFile, tmp_path: Path) -> None:
    write(tmp_path, "a", bytes(10))
    write(tmp_path, "below/x")
    assert list(read_large(tmp_path, [row])) == []


@pytest.mark.parametrize("size", [1, PIECES_ABOVE, LEAST_PIECE * MOST_PIECES, LEAST_PIECE * MOST_PIECES + 1, 1 << 50])
def test_there_are_never_more_pieces_than_a_document_bears(size: int) -> None:
    assert -(-size // piece_length(size)) <= MOST_PIECES
