"""Blocks of addresses, divided as far as it pays: how scripts/build-places makes many intervals few.

A block is taken whole for one of its places, or as two halves, whichever costs less in kilometres and rows: the
pruning of a tree by cost, as in Breiman et al., Classification and Regression Trees.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROW_KM = 2000
"""A row pays that puts a finest block (an IPv4 /24, an IPv6 /48) so much nearer, or more blocks by less."""
MOST_DIVERSE = 24
"""A block of more places than this is always divided: its rows pay anyway, and it would take long to tell."""
CANDIDATES = 3
"""So many of a block's places, those of most addresses, may stand for all of it."""

Numbers = NDArray[Any]
Weights = Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Family:
    """How a family is divided: no finer than ``1 << finest`` addresses, of which there are ``1 << bits``.

    IPv6 addresses are the upper 64 bits. A block of ``1 << n`` addresses weighs ``(1 << (n - finest)) ** power``.
    """

    name: str
    bits: int
    finest: int
    power: float


IPV4 = Family("4", 32, 8, 1)
IPV6 = Family("6", 64, 16, 0.5)
"""Of IPv6 the size of a network tells less of how many are in it: so the root of it counts."""


def most_common(family: Family, starts: Numbers, places: Numbers) -> tuple[Numbers, Numbers]:
    """The starts of blocks of the finest size or of several such, and where most of their addresses are."""
    step, last = np.uint64(family.finest), np.uint64((1 << family.bits) - 1)
    edges = starts >> step << step
    pieces = np.unique(np.concatenate([starts, edges, edges + (np.uint64(1) << step)]))
    pieces = pieces[pieces <= last]
    of = places[np.searchsorted(starts, pieces, side="right") - 1]
    sizes, blocks = np.diff(np.append(pieces, last)).astype(float), pieces >> step << step
    order = np.lexsort((of, blocks))
    of, blocks = of[order], blocks[order]
    first = np.flatnonzero(np.append(True, (of[1:] != of[:-1]) | (blocks[1:] != blocks[:-1])))
    sums, of, blocks = np.add.reduceat(sizes[order], first), of[first], blocks[first]
    order = np.lexsort((-sums, blocks))
    of, blocks = of[order], blocks[order]
    first = np.append(True, blocks[1:] != blocks[:-1])
    return blocks[first], of[first]


class Pruner:
    """Divides the addresses of a family into blocks, as far as it pays."""

    def __init__(self, family: Family, starts: Numbers, places: Numbers, km: Sequence[Sequence[float]]) -> None:
        self._family, self._km = family, km
        blocks, of = most_common(family, starts.astype(np.uint64), places)
        kept = np.append(True, of[1:] != of[:-1])
        self._starts: list[int] = blocks[kept].tolist()
        self._places: list[int] = of[kept].tolist()
        self._rows: list[tuple[int, int]] = []

    def rows(self) -> list[tuple[int, int]]:
        """Ascending starts from 0 and the places from there on."""
        _, tree, _ = self._solved(0, self._family.bits, 0, len(self._starts))
        self._emit(tree, 0, self._family.bits)
        return self._rows

    def _solved(self, base: int, bits: int, first: int, last: int) -> tuple[float, Any, Weights | None]:
        """The cost of a block in which these intervals lie, how it is divided (a place or two halves), its places."""
        if last - first == 1:
            place = self._places[first]
            return ROW_KM, place, {place: 2.0 ** ((bits - self._family.finest) * self._family.power)}
        middle = base + (1 << bits - 1)
        after = bisect_right(self._starts, middle, first, last)
        left = self._solved(base, bits - 1, first, after - (self._starts[after - 1] == middle))
        right = self._solved(middle, bits - 1, after - 1, last)
        divided = left[0] + right[0]
        weights = together(left[2], right[2])
        if weights is None:
            return divided, (left[1], right[1]), None
        whole, place = self._as_one(weights, divided - ROW_KM)
        if whole < divided - ROW_KM:
            return whole + ROW_KM, place, weights
        return divided, (left[1], right[1]), weights

    def _as_one(self, weights: Weights, most: float) -> tuple[float, int]:
        """The least cost, if under ``most``, of taking the whole block for one of its places; and this place."""
        best = 0
        for place in sorted(weights, key=lambda each: (-weights[each], each))[:CANDIDATES]:
            cost = 0.0
            for other, weight in weights.items():
                cost += weight * self._km[other][place]
                if cost >= most:
                    break
            else:
                most, best = cost, place
        return most, best

    def _emit(self, tree: Any, base: int, bits: int) -> None:
        if isinstance(tree, tuple):
            self._emit(tree[0], base, bits - 1)
            self._emit(tree[1], base + (1 << bits - 1), bits - 1)
        elif not self._rows or self._rows[-1][1] != tree:
            self._rows.append((base, tree))


def together(a: Weights | None, b: Weights | None) -> Weights | None:
    if a is None or b is None:
        return None
    sums = dict(a)
    for place, weight in b.items():
        sums[place] = sums.get(place, 0.0) + weight
    return sums if len(sums) <= MOST_DIVERSE else None
