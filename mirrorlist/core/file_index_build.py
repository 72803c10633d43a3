"""Makes the arrays of a file index from the origin's files and what each mirror holds of them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zlib import crc32

import msgspec

from mirrorlist.core.file_index import ARRAYS, KIND, UNKNOWN, File, IndexFacts
from mirrorlist.core.sealed import sealed

Mask = Sequence[int]
"""One bit for each file, by its number: eight in a byte, the lowest first."""


@dataclass(frozen=True, slots=True)
class Column:
    """What is known of one mirror: the files it has, and those of which it is known whether it has them."""

    having: Mask
    known: Mask


def sort_key(path: str) -> tuple[bytes, bytes]:
    """What files are ordered by: the directory's path, then the name, as bytes."""
    directory, _, name = path.encode().rpartition(b"/")
    return directory, name


def encode_index(facts: IndexFacts, files: Iterable[File], columns: Sequence[Column]) -> bytes:
    """The index as one file. ``files`` come in the order of ``sort_key``, columns in that of ``facts.mirrors``."""
    arrays = {name: array(typecode) for name, typecode in ARRAYS.items()}
    _add_files(arrays, files)
    _add_buckets(arrays)
    _add_holders(arrays, columns)
    return sealed(KIND, msgspec.msgpack.encode(facts), arrays)


def _add_files(arrays: dict[str, array[int]], files: Iterable[File]) -> None:
    former: bytes | None = None
    hashes = array("I")
    for number, file in enumerate(files):
        directory, name = sort_key(file.path)
        if directory != former:
            arrays["directory_start"].append(len(arrays["directories"]))
            arrays["directories"].frombytes(directory)
            arrays["first_file"].append(number)
            former = directory
        arrays["directory_of"].append(len(arrays["first_file"]) - 1)
        arrays["name_start"].append(len(arrays["names"]))
        arrays["names"].frombytes(name)
        arrays["sizes"].append(UNKNOWN if file.size is None else file.size)
        arrays["mtimes"].append(UNKNOWN if file.mtime is None else file.mtime)
        if file.sha256 is not None:
            arrays["checksums"].frombytes(file.sha256)
        arrays["checksum_of"].append(len(arrays["checksums"]) // 32 if file.sha256 is not None else 0)
        hashes.append(crc32(file.path.encode()))
    arrays["directory_start"].append(len(arrays["directories"]))
    arrays["first_file"].append(len(arrays["sizes"]))
    arrays["name_start"].append(len(arrays["names"]))
    arrays["buckets"] = hashes


def _add_buckets(arrays: dict[str, array[int]]) -> None:
    """Files by the checksum of their path: about one in each bucket."""
    hashes = arrays["buckets"]
    count = 1 << max(len(hashes) - 1, 0).bit_length()
    order = sorted(range(len(hashes)), key=lambda number: hashes[number] & (count - 1))
    starts = array("I", bytes(4 * (count + 1)))
    for value in hashes:
        starts[(value & (count - 1)) + 1] += 1
    for bucket in range(count):
        starts[bucket + 1] += starts[bucket]
    arrays["bucket_start"], arrays["buckets"] = starts, array("I", order)


def _add_holders(arrays: dict[str, array[int]], columns: Sequence[Column]) -> None:
    """Each distinct set of holders once, and its number for each file."""
    width = (len(columns) + 7) // 8
    rows: dict[bytes, int] = {}
    for number in range(len(arrays["sizes"])):
        row = bytearray(2 * width)
        byte, bit = divmod(number, 8)
        for mirror, column in enumerate(columns):
            row[mirror // 8] |= (column.having[byte] >> bit & 1) << mirror % 8
            row[width + mirror // 8] |= (column.known[byte] >> bit & 1) << mirror % 8
        arrays["holders_of"].append(rows.setdefault(bytes(row), len(rows)))
    for row_bytes in rows:
        arrays["holders"].frombytes(row_bytes)
