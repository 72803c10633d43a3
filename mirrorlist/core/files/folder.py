"""One directory of a file index, for look-ups of many files in it: a third of the price of ``FileIndex.find``."""

from __future__ import annotations

from zlib import crc32

import msgspec

from mirrorlist.core.container import Pause, Values, at_once, opened
from mirrorlist.core.errors import SnapshotError
from mirrorlist.core.files.index import ARRAYS, KIND, SHA256_BYTES, FileIndex, IndexFacts


class IndexedFolder:
    """A directory that has files. What does not change from file to file is at hand: its own number in the index, the
    checksum of its path (that of a file's path goes on from there), the arrays."""

    __slots__ = (
        "_buckets", "_checksum", "_checksum_of", "_checksums", "_mask", "_name_start", "_names", "_number",
        "_of", "_rows", "_starts",
    )  # fmt: skip

    def __init__(self, index: FileIndex, path: bytes, number: int) -> None:
        """``path`` is without slashes at its ends, ``number`` what the index calls it."""
        arrays = index.arrays
        self._number = number
        self._checksum = crc32(path + b"/" if path else path)
        self._starts, self._buckets = arrays["bucket_start"], arrays["buckets"]
        self._mask = len(self._starts) - 2
        self._of, self._name_start, self._names = arrays["directory_of"], arrays["name_start"], arrays["names"]
        self._rows, self._checksum_of, self._checksums = (
            arrays["holders_of"], arrays["checksum_of"], arrays["checksums"],
        )  # fmt: skip

    def find(self, name: bytes) -> int | None:
        """The number of the file of this name; None if there is none."""
        starts, of, name_start = self._starts, self._of, self._name_start
        bucket = crc32(name, self._checksum) & self._mask
        for at in range(starts[bucket], starts[bucket + 1]):
            number = self._buckets[at]
            if of[number] != self._number:
                continue
            if self._names[name_start[number] : name_start[number + 1]].tobytes() == name:
                return number
        return None

    def holders(self, number: int) -> int:
        """A number that stands for the holders of a file: files with the same one have the same holders."""
        return self._rows[number]

    def sha256(self, number: int) -> Values | None:
        """The 32 bytes of the checksum of a file, where it is known."""
        end = self._checksum_of[number] * SHA256_BYTES
        return self._checksums[end - SHA256_BYTES : end] if end else None


def indexed_folder(index: FileIndex, path: str) -> IndexedFolder | None:
    """The directory at a path without slashes at its ends, the empty text for the root; None if it has no files.

    Symbolic links are not followed.
    """
    key = path.encode("utf-8", "surrogatepass")
    number = index.directory_number(key)
    return None if number is None else IndexedFolder(index, key, number)


# Opens a file index from its bytes, and sees that what is in it fits together.


def decode_index(data: memoryview, pause: Pause = at_once) -> FileIndex:
    """The index in a file's bytes; its arrays are views of them, so keep the mapping open.

    Raises:
        SnapshotError: the bytes are truncated, altered, or of a format that this release does not read.
    """
    found = opened(KIND, data, pause)
    try:
        facts = msgspec.msgpack.decode(found.facts, type=IndexFacts)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SnapshotError(f"the facts of the file index cannot be read: {error}") from None
    # whether the arrays fit one another, so that no look-up runs over the end of one
    if missing := [name for name in ARRAYS if name not in found.arrays]:
        raise SnapshotError(f"the file index has no {', '.join(missing)}")
    length = {name: len(values) for name, values in found.arrays.items()}
    files, buckets = length["sizes"], length["bucket_start"] - 1
    each = ("mtimes", "directory_of", "checksum_of", "sha512_of", "pieces_of", "buckets", "holders_of")
    per_file = all(length[name] == files for name in each)
    width = 2 * ((len(facts.mirrors) + 7) // 8)
    rows = max(found.arrays["holders_of"], default=-1) + 1 if width else 0
    fits = (
        per_file
        and length["name_start"] == files + 1
        and length["directory_start"] == length["first_file"]
        and length["piece_start"] == length["piece_lengths"] + 1
        and buckets > 0
        and buckets & (buckets - 1) == 0
        and length["holders"] >= rows * width
    )
    if not fits:
        raise SnapshotError("the arrays of the file index do not fit one another")
    return FileIndex(facts, found.digest, found.arrays)
