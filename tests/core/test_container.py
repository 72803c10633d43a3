""""""

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
