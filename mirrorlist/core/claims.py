"""Who claims which networks: the claims of all mirrors side by side, and how much of the address space one takes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mirrorlist.core.model import Prefix


class Claim(NamedTuple):
    """A network, and whoever claims it."""

    prefix: Prefix
    holder: str


class Claims:
    """Finds the claims that share addresses with a network, in a few look-ups however many there are."""

    def __init__(self, claims: Iterable[Claim]) -> None:
        self._at: dict[tuple[int, int, int], list[Claim]] = {}
        for claim in claims:
            self._at.setdefault((*_kind(claim.prefix), first(claim.prefix)), []).append(claim)
        self._kinds = sorted({(bits, length) for bits, length, _ in self._at})
        self._firsts: dict[int, list[tuple[int, int]]] = {}
        for bits, length, start in sorted(self._at, key=lambda key: (key[0], key[2], key[1])):
            self._firsts.setdefault(bits, []).append((start, length))

    def sharing(self, prefix: Prefix) -> Iterator[Claim]:
        """Every claim with an address in common, the wider ones first; claims of the other family share none."""
        bits, length = _kind(prefix)
        start = first(prefix)
        for other in (other for kind, other in self._kinds if kind == bits and other <= length):
            yield from self._at.get((bits, other, start >> (bits - other) << (bits - other)), ())
        yield from self._inside(bits, length, start)

    def _inside(self, bits: int, length: int, start: int) -> Iterator[Claim]:
        rows = self._firsts.get(bits, [])
        last = start | ((1 << (bits - length)) - 1)
        for row in rows[bisect_left(rows, (start, 0)) : bisect_right(rows, (last, bits))]:
            if row[1] > length:
                yield from self._at[(bits, row[1], row[0])]


def first(prefix: Prefix) -> int:
    """The first address of a prefix, as a number."""
    return int.from_bytes(prefix.packed, "big")


def size(prefix: Prefix) -> int:
    """How many addresses a prefix has."""
    return 1 << (len(prefix.packed) * 8 - prefix.length)


def overlap(one: Prefix, other: Prefix) -> bool:
    """Whether two prefixes have an address in common."""
    if len(one.packed) != len(other.packed):
        return False
    shift = len(one.packed) * 8 - min(one.length, other.length)
    return first(one) >> shift == first(other) >> shift


def covered(prefixes: Iterable[Prefix]) -> int:
    """How many addresses prefixes of one family have together; what several share counts once."""
    total, reached = 0, -1
    for start, end in sorted((first(each), first(each) + size(each) - 1) for each in prefixes):
        total += max(0, end - max(start, reached + 1) + 1)
        reached = max(reached, end)
    return total


def _kind(prefix: Prefix) -> tuple[int, int]:
    return len(prefix.packed) * 8, prefix.length
