"""Reads the origin's large files for their checksums, whole and in pieces, where the origin is a directory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from hashlib import sha256, sha512
from pathlib import Path

from mirrorlist.core.file_index import FilePieces
from mirrorlist.core.listed import Row
from mirrorlist.core.origin_rows import Read

MOST_BYTES = 16 << 30
"""Read in one run, a minute or two of one core; the rest in the next ones. One file is always read."""
LEAST_PIECE = 4 << 20
MOST_PIECES = 1024


def read_large(tree: Path, rows: Iterable[Row], most_bytes: int = MOST_BYTES) -> Iterator[tuple[bytes, Read]]:
    """Paths and digests of these files, in their order; those that cannot be read, or changed since they were listed,
    are left for the next run."""
    left = most_bytes
    for row in rows:
        if left <= 0:
            return
        found = _read(tree / os.fsdecode(row.path), row)
        if found is not None:
            left -= row.size
            yield row.path, found


def piece_length(size: int) -> int:
    """Bytes: a power of two, so large that a document names at most 1,024 pieces."""
    length = LEAST_PIECE
    while length * MOST_PIECES < size:
        length *= 2
    return length


def _read(path: Path, row: Row) -> Read | None:
    whole, long, pieces = sha256(), sha512(), bytearray()
    length = piece_length(row.size)
    try:
        with path.open("rb", buffering=0) as file:
            before = _stamp(file.fileno())
            while piece := _piece(file.fileno(), length):
                whole.update(piece)
                long.update(piece)
                pieces += sha256(piece).digest()
            if before != _stamp(file.fileno()) or before != (row.size, row.mtime):
                return None
    except OSError:
        return None
    return Read(whole.digest(), long.digest(), FilePieces(length, bytes(pieces)))


def _stamp(file: int) -> tuple[int, int]:
    found = os.fstat(file)
    return found.st_size, int(found.st_mtime)


def _piece(file: int, length: int) -> bytes:
    """So many bytes, fewer at the end of the file only."""
    parts: list[bytes] = []
    while length and (part := os.read(file, length)):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
