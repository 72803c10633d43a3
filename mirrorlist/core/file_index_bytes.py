"""Opens a file index from its bytes, and sees that what is in it fits together."""

from __future__ import annotations

import msgspec

from mirrorlist.core.errors import SnapshotError
from mirrorlist.core.file_index import ARRAYS, KIND, FileIndex, IndexFacts
from mirrorlist.core.sealed import Opened, Pause, at_once, opened


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
    _check(found, facts)
    return FileIndex(facts, found.digest, found.arrays)


def _check(found: Opened, facts: IndexFacts) -> None:
    """Whether the arrays fit one another, so that no look-up runs over the end of one."""
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
