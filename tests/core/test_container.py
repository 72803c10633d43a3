"""Sealed files: verified piece by piece, and read as long as the format is one that this release knows."""

from __future__ import annotations

from array import array

import pytest

from mirrorlist.core.container import FileKind, opened, sealed
from mirrorlist.core.errors import SnapshotError

KIND = FileKind(b"NUMBERS\n", 1, "list of numbers")
LONG = b"".join(sealed(KIND, b"", {"numbers": array("I", range(700_000))}).parts)


def test_a_long_file_is_read_in_pieces_with_a_pause_after_each() -> None:
    """So that a thread that reads one leaves the processor to those that answer."""
    pauses = []
    found = opened(KIND, memoryview(LONG), lambda: pauses.append(1))
    assert list(found.arrays["numbers"][:3]) == [0, 1, 2]
    assert 3 < len(pauses) < 100


@pytest.mark.parametrize("at", [100, len(LONG) // 2, len(LONG) - 1])
def test_one_bit_other_in_any_piece_is_refused(at: int) -> None:
    data = bytearray(LONG)
    data[at] ^= 1
    with pytest.raises(SnapshotError, match="checksum of the list of numbers is wrong"):
        opened(KIND, memoryview(data))


@pytest.mark.parametrize(
    ("written", "oldest", "is_read"), [(1, None, False), (1, 1, True), (2, None, True), (3, 1, False), (0, 1, False)]
)
def test_formats_are_read_as_far_back_as_the_oldest(written: int, oldest: int | None, is_read: bool) -> None:
    data = memoryview(b"".join(sealed(FileKind(b"NUMBERS\n", written, "list"), b"", {"n": array("I", [7])}).parts))
    now = FileKind(b"NUMBERS\n", 2, "list", oldest)
    if is_read:
        assert list(opened(now, data).arrays["n"]) == [7]
    else:
        with pytest.raises(SnapshotError, match=f"has format {written}; this release reads 2"):
            opened(now, data)
