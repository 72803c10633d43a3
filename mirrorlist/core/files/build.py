"""Make a file index from the origin's files and what each mirror holds of them."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from zlib import crc32

import msgspec
import numpy as np
from numpy.typing import NDArray

from mirrorlist.core.container import Sealed, sealed
from mirrorlist.core.files.index import ARRAYS, KIND, SHA256_BYTES, SHA512_BYTES, UNKNOWN, File, FilePieces, IndexFacts
from mirrorlist.core.files.list_parser import ListedFile, publishes_checksums
from mirrorlist.core.files.mirror_listing import Holdings, Listing, OriginTree, holdings, path_key, tree


def sort_key(path: bytes) -> tuple[bytes, bytes]:
    """What files are ordered by: the directory's path, then the name."""
    directory, _, name = path.rpartition(b"/")
    return directory, name


class IndexDraft:
    """The origin's files, to which mirrors are added one after another.

    ``files`` come in the order of ``sort_key``, each path once, and are not kept.
    """

    def __init__(self, files: Iterable[File], mirrors: int) -> None:
        self._arrays = {name: array(typecode) for name, typecode in ARRAYS.items()}
        hashes, keys = self._add_files(files)
        # numbers of files by the checksum of their path, about one in each bucket
        count = 1 << max(len(hashes) - 1, 0).bit_length()
        buckets = np.frombuffer(hashes, np.uint32) & np.uint32(count - 1) if hashes else np.empty(0, np.uint32)
        starts = np.zeros(count + 1, np.uint32)
        starts[1:] = np.cumsum(np.bincount(buckets, minlength=count))
        self._arrays["bucket_start"].frombytes(starts.tobytes())
        self._arrays["buckets"].frombytes(np.argsort(buckets, kind="stable").astype(np.uint32).tobytes())
        self.tree: OriginTree = tree(keys, self._arrays["sizes"], self._arrays["mtimes"])
        self._width = (mirrors + 7) // 8
        self._rows: NDArray[np.uint8] = np.zeros((len(self.tree), 2 * self._width), np.uint8)

    def _add_files(self, files: Iterable[File]) -> tuple[array[int], array[int]]:
        arrays = self._arrays
        hashes, keys = array("I"), array("Q")
        former: bytes | None = None
        for number, file in enumerate(files):
            path = file.path.encode()
            directory, name = sort_key(path)
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
            arrays["checksums"].frombytes(file.sha256 or b"")
            arrays["checksum_of"].append(len(arrays["checksums"]) // SHA256_BYTES if file.sha256 else 0)
            arrays["sha512s"].frombytes(file.sha512 or b"")
            arrays["sha512_of"].append(len(arrays["sha512s"]) // SHA512_BYTES if file.sha512 else 0)
            if file.pieces is not None:
                arrays["piece_lengths"].append(file.pieces.length)
                arrays["piece_start"].append(len(arrays["pieces"]) // SHA256_BYTES)
                arrays["pieces"].frombytes(file.pieces.sha256)
            arrays["pieces_of"].append(len(arrays["piece_lengths"]) if file.pieces else 0)
            hashes.append(crc32(path))
            keys.append(path_key(path))
        for starts, values in (("directory_start", "directories"), ("first_file", "sizes"), ("name_start", "names")):
            arrays[starts].append(len(arrays[values]))
        arrays["piece_start"].append(len(arrays["pieces"]) // SHA256_BYTES)
        return hashes, keys

    def add(self, mirror: int, found: Holdings) -> None:
        """Notes what the mirror with this number in ``IndexFacts.mirrors`` holds."""
        byte, bit = divmod(mirror, 8)
        for column, bits in ((byte, found.having), (self._width + byte, found.known)):
            self._rows[:, column] |= bits.astype(np.uint8) << np.uint8(bit)

    def below(self, paths: Iterable[bytes]) -> NDArray[np.bool_]:
        """Which files are at or below some paths; the empty path is the tree itself."""
        found = np.zeros(len(self.tree), np.bool_)
        for path in paths:
            for first, last in self._ranges(path):
                found[first:last] = True
        return found

    def _ranges(self, path: bytes) -> Iterator[tuple[int, int]]:
        """The numbers of the files in a directory, of those in directories below it, and of the file of this path."""
        firsts, directories = self._arrays["first_file"], range(len(self._arrays["first_file"]) - 1)
        if not path:
            yield 0, len(self.tree)
            return
        for least, end in ((path, path + b"\0"), (path + b"/", path + b"0")):  # 0 is the byte after the slash
            first, last = (bisect_left(directories, each, key=self._directory) for each in (least, end))
            yield firsts[first], firsts[last]
        parent, name = sort_key(path)
        at = bisect_left(directories, parent, key=self._directory)
        if at < len(directories) and self._directory(at) == parent:
            names = range(firsts[at], firsts[at + 1])
            number = firsts[at] + bisect_left(names, name, key=self._name)
            if number < firsts[at + 1] and self._name(number) == name:
                yield number, number + 1

    def unlisted(self, found: Listing) -> NDArray[np.bool_]:
        """Of which files a list says nothing, neither that they are there nor that they are not."""
        return ~holdings(self.tree, found, self.below(found.unseen)).known

    def size(self, number: int) -> int | None:
        """The size of a file by its number, where it is known."""
        size = self._arrays["sizes"][number]
        return None if size == UNKNOWN else int(size)

    def path(self, number: int) -> str:
        """The path of a file by its number."""
        directory = self._directory(self._arrays["directory_of"][number])
        return b"/".join(part for part in (directory, self._name(number)) if part).decode()

    def _directory(self, number: int) -> bytes:
        return self._part("directory_start", "directories", number)

    def _name(self, number: int) -> bytes:
        return self._part("name_start", "names", number)

    def _part(self, starts: str, values: str, number: int) -> bytes:
        first, last = self._arrays[starts][number : number + 2]
        return self._arrays[values][first:last].tobytes()

    def sealed(self, facts: IndexFacts) -> Sealed:
        """The index as a file; each distinct set of holders is in it once."""
        holders_of, sets = np.zeros(len(self.tree), np.intp), self._rows
        if self._rows.size:
            as_one = np.ascontiguousarray(self._rows).view(np.dtype((np.void, self._rows.shape[1]))).ravel()
            sets, holders_of = np.unique(as_one, return_inverse=True)
        self._arrays["holders_of"] = array("I", holders_of.astype(np.uint32).tobytes())
        self._arrays["holders"] = array("B", sets.tobytes())
        return sealed(KIND, msgspec.msgpack.encode(facts), self._arrays)


# The origin's rows in the order of an index, each packed into one line: half a million take 80 MB, not 250.

PIECES_ABOVE = 64 * 1024 * 1024
"""Bytes; smaller files are fetched again as a whole when one is broken."""
SEPARATOR = b"\0"
"""Sorts before every byte of a path, so packed rows sort by directory, then name."""


def packed(found: ListedFile) -> bytes:
    """A row as a line to sort."""
    directory, _, name = found.path.rpartition(b"/")
    return b"%b\0%b\0%d\0%d" % (directory, name, found.size, found.mtime)


def unpacked(line: bytes) -> ListedFile:
    """The row of a line."""
    directory, name, size, mtime = line.split(SEPARATOR)
    return ListedFile(directory + b"/" + name if directory else name, int(size), int(mtime))


def in_order(rows: Iterable[ListedFile]) -> list[bytes]:
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


def beside_former(lines: Iterable[bytes], former: Iterable[File]) -> Iterator[tuple[ListedFile, File | None]]:
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


def is_unchanged(found: ListedFile, before: File | None) -> bool:
    """Whether a file has the size and time it had; without a time nobody knows."""
    return before is not None and found.mtime >= 0 and (before.size, before.mtime) == (found.size, found.mtime)


def changed_checksums(pairs: Iterable[tuple[ListedFile, File | None]]) -> Iterator[bytes]:
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
        """Notes published checksums, whose length shows their kind."""
        for path, digest in published:
            (self.sha256 if len(digest) == SHA256_BYTES else self.sha512)[path] = digest


class Read(NamedTuple):
    """The digests of a file that was read."""

    sha256: bytes
    sha512: bytes
    pieces: FilePieces


def worth_reading(pairs: Iterable[tuple[ListedFile, File | None]]) -> list[ListedFile]:
    """The large files without known pieces, the newest first: they are what people fetch."""
    found = [
        row
        for row, before in pairs
        if row.size > PIECES_ABOVE and not (before is not None and before.pieces and is_unchanged(row, before))
    ]
    return sorted(found, key=lambda row: -row.mtime)


def with_checksums(pairs: Iterable[tuple[ListedFile, File | None]], digests: Digests) -> Iterator[File]:
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
