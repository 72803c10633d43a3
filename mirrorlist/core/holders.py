"""Which mirrors have a file: bits of an index, read by the mirrors' numbers in a snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Holding(Enum):
    """Whether a mirror has a file; the value is what people read."""

    HAS = "has it"
    LACKS = "does not have it"
    UNKNOWN = "not indexed"


@dataclass(frozen=True, slots=True)
class Holders:
    """Which mirrors have one file, by their numbers in the snapshot. Bits are those of the index."""

    bits: Sequence[int | None]
    """By a mirror's number in the snapshot: its bit in the masks, None where the index does not know it."""
    having: int
    known: int

    def of(self, mirror: int) -> Holding:
        """Whether the mirror of this number has the file."""
        bit = self.bits[mirror]
        if bit is None or not self.known >> bit & 1:
            return Holding.UNKNOWN
        return Holding.HAS if self.having >> bit & 1 else Holding.LACKS

    def have(self, mirror: int) -> bool:
        """Whether the mirror of this number is known to have the file."""
        bit = self.bits[mirror]
        return bit is not None and bool(self.having >> bit & 1)

    def lack(self, mirror: int) -> bool:
        """Whether the mirror of this number is known not to have the file."""
        return self.of(mirror) is Holding.LACKS

    def mirrors(self, holding: Holding) -> list[int]:
        """The numbers of all mirrors of the snapshot that stand so."""
        return [number for number in range(len(self.bits)) if self.of(number) is holding]
