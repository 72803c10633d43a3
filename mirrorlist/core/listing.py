"""One mirror's list of files as columns, and what follows from it for the origin's files.

A path is kept as eight bytes of its BLAKE2b digest: half a million rows are 12 MB, and two lists are compared by
merging sorted numbers. Whoever made two paths collide would lie about his own mirror only.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from mirrorlist.core.listed import Row

UNKNOWN = -1
ABSENT = -2
"""The size of a file that the mirror was asked for and did not have."""
TOLERATED_SECONDS = 2
"""So much older than the origin's a file may be: file systems with coarse times round down."""

Keys = NDArray[np.uint64]
Numbers = NDArray[np.int64]
Bits = NDArray[np.bool_]


def path_key(path: bytes) -> int:
    """The number by which a path is compared."""
    return int.from_bytes(blake2b(path, digest_size=8).digest(), "little")


@dataclass(frozen=True, slots=True)
class Listing:
    """What a mirror has, ordered by key. ``complete``: what is not in it, the mirror does not have."""

    source: str
    listed_at: float
    complete: bool
    keys: Keys
    sizes: Numbers
    mtimes: Numbers
    refused: int = 0

    def __len__(self) -> int:
        return len(self.keys)


def listing(source: str, listed_at: float, rows: Iterable[Row], complete: bool = True, refused: int = 0) -> Listing:
    """The columns of rows; of a path that comes twice the last counts."""
    keys, sizes, mtimes = array("Q"), array("q"), array("q")
    for path, size, mtime in rows:
        keys.append(path_key(path))
        sizes.append(size)
        mtimes.append(mtime)
    unordered = np.frombuffer(keys, np.uint64) if keys else np.empty(0, np.uint64)
    order = np.argsort(unordered, kind="stable")
    ordered = unordered[order]
    last = np.append(ordered[1:] != ordered[:-1], True) if len(ordered) else np.empty(0, np.bool_)
    kept = order[last]
    return Listing(source, listed_at, complete, unordered[kept], _column(sizes)[kept], _column(mtimes)[kept], refused)


def _column(values: array[int]) -> Numbers:
    return np.frombuffer(values, np.int64) if values else np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Tree:
    """The origin's files as columns in the order of their numbers; ``order`` sorts their keys."""

    sorted_keys: Keys
    order: NDArray[np.intp]
    sizes: Numbers
    mtimes: Numbers

    def __len__(self) -> int:
        return len(self.sizes)


def tree(keys: array[int], sizes: array[int], mtimes: array[int]) -> Tree:
    """The columns of an origin; ``keys`` are those of ``path_key``."""
    found = np.frombuffer(keys, np.uint64) if keys else np.empty(0, np.uint64)
    order = np.argsort(found, kind="stable")
    return Tree(found[order], order, _column(sizes), _column(mtimes))


@dataclass(frozen=True, slots=True)
class Holdings:
    """By number of the origin's file: whether the mirror has it as it is, and whether that is known.

    ``outdated_since``: the mirror has an old version of a file that the origin changed then, and nothing that the
    origin published later; None if there is no such file.
    """

    having: Bits
    known: Bits
    outdated_since: float | None = None


def holdings(origin: Tree, found: Listing) -> Holdings:
    """What a mirror holds: a file of the origin's size, and not older than the origin's, as far as times are known."""
    at, there = _positions(origin, found)
    sizes = np.where(there, found.sizes[at], ABSENT) if len(found) else np.full(len(origin), ABSENT)
    mtimes = np.where(there, found.mtimes[at], UNKNOWN) if len(found) else np.full(len(origin), UNKNOWN)
    same_size = (sizes == origin.sizes) | (sizes == UNKNOWN) | (origin.sizes == UNKNOWN)
    older = (mtimes != UNKNOWN) & (origin.mtimes != UNKNOWN) & (mtimes < origin.mtimes - TOLERATED_SECONDS)
    having = there & same_size & ~older & (sizes != ABSENT)
    different = there & ~having & (sizes != ABSENT)
    known = np.ones(len(origin), np.bool_) if found.complete else there
    return Holdings(having, known, _outdated_since(origin.mtimes, having, different))


def nothing_held(origin: Tree) -> Holdings:
    """Of a mirror none of whose files count."""
    return Holdings(np.zeros(len(origin), np.bool_), np.ones(len(origin), np.bool_))


def _positions(origin: Tree, found: Listing) -> tuple[NDArray[np.intp], Bits]:
    """For each of the origin's files the row of the list, and whether it is there at all."""
    at = np.zeros(len(origin), np.intp)
    there = np.zeros(len(origin), np.bool_)
    if len(found):
        rows = np.minimum(np.searchsorted(found.keys, origin.sorted_keys), len(found) - 1)
        at[origin.order] = rows
        there[origin.order] = found.keys[rows] == origin.sorted_keys
    return at, there


def _outdated_since(mtimes: Numbers, having: Bits, different: Bits) -> float | None:
    """When the origin changed the first file that the mirror has not followed, and after which it has nothing.

    A file of the mirror's own under a name of the tree does not make it outdated: what it holds is newer than the
    origin's of that name.
    """
    newest_held = int(mtimes[having].max(initial=UNKNOWN))
    late = mtimes[different & (mtimes > newest_held)]
    return float(late.min()) if len(late) else None
