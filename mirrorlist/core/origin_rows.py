"""The origin's rows in the order of an index, each packed into one line: half a million take 80 MB, not 250."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from mirrorlist.core.checksum_lines import publishes_checksums
from mirrorlist.core.file_index import SHA256_BYTES, File, FilePieces
from mirrorlist.core.listed import Row

PIECES_ABOVE = 64 * 1024 * 1024
"""Bytes; smaller files are fetched anew as a whole when one is broken."""
SEPARATOR = b"\0"
"""Sorts before every byte of a path, so packed rows sort by directory, then name."""


def packed(found: Row) -> bytes:
    """A row as a line to sort."""
    directory, _, name = found.path.rpartition(b"/")
    return b"%b\0%b\0%d\0%d" % (directory, name, found.size, found.mtime)


def unpacked(line: bytes) -> Row:
    """The row of a line."""
    directory, name, size, mtime = line.split(SEPARATOR)
    return Row(directory + b"/" + name if directory else name, int(size), int(mtime))


def in_order(rows: Iterable[Row]) -> list[bytes]:
    """The packed rows, sorted, each path once."""
    lines = sorted(map(packed, rows))
    kept: list[bytes] = []
    former = b""
    for line in lines:
        path = line.rsplit(SEPARATOR, 2)[0]
        if path != former or not kept:
            kept.append(line)
        former = path
    return kept


def beside_former(lines: Iterable[bytes], former: Iterable[File]) -> Iterator[tuple[Row, File | None]]:
    """Each row, with the file that an earlier list had at its path, both lists being in order."""
    before = iter(former)
    held = next(before, None)
    for line in lines:
        place = line.rsplit(SEPARATOR, 2)[0]
        while held is not None and _place(held) < place:
            held = next(before, None)
        yield unpacked(line), held if held is not None and _place(held) == place else None


def _place(file: File) -> bytes:
    directory, _, name = file.path.encode().rpartition(b"/")
    return directory + SEPARATOR + name


def is_unchanged(found: Row, before: File | None) -> bool:
    """Whether a file has the size and time it had; without a time nobody knows."""
    return before is not None and found.mtime >= 0 and (before.size, before.mtime) == (found.size, found.mtime)


def changed_checksums(pairs: Iterable[tuple[Row, File | None]]) -> Iterator[bytes]:
    """The paths of the files with checksums that are new or changed."""
    return (
        found.path for found, before in pairs if publishes_checksums(found.path) and not is_unchanged(found, before)
    )


@dataclass(frozen=True, slots=True)
class Digests:
    """What was found out in one run, by path: published checksums, and files that were read whole."""

    sha256: dict[bytes, bytes] = field(default_factory=dict)
    sha512: dict[bytes, bytes] = field(default_factory=dict)
    read: dict[bytes, Read] = field(default_factory=dict)

    def add(self, published: Iterable[tuple[bytes, bytes]]) -> None:
        """Notes published checksums, whose length tells their kind."""
        for path, digest in published:
            (self.sha256 if len(digest) == SHA256_BYTES else self.sha512)[path] = digest


class Read(NamedTuple):
    """The digests of a file that was read."""

    sha256: bytes
    sha512: bytes
    pieces: FilePieces


def worth_reading(pairs: Iterable[tuple[Row, File | None]]) -> list[Row]:
    """The large files without known pieces, the newest first: they are what people fetch."""
    found = [
        row
        for row, before in pairs
        if row.size > PIECES_ABOVE and not (before is not None and before.pieces and is_unchanged(row, before))
    ]
    return sorted(found, key=lambda row: -row.mtime)


def with_checksums(pairs: Iterable[tuple[Row, File | None]], digests: Digests) -> Iterator[File]:
    """The files with their digests: of those that were read, then published ones, then what was known before of
    unchanged files. Of a file that was read earlier that stays: all three fit one another."""
    for found, before in pairs:
        former = before if before is not None and is_unchanged(found, before) else File("")
        sha256 = former.sha256 if former.pieces else digests.sha256.get(found.path, former.sha256)
        sha512 = former.sha512 if former.pieces else digests.sha512.get(found.path, former.sha512)
        read = digests.read.get(found.path)
        yield File(
            found.path.decode(),
            None if found.size < 0 else found.size,
            None if found.mtime < 0 else found.mtime,
            *(read or (sha256, sha512, former.pieces)),
        )
