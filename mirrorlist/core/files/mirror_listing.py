"""One mirror's list of files as columns, and its comparison with the origin's files.

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

from mirrorlist.core.files.list_parser import ListedFile

UNKNOWN = -1
ABSENT = -2
"""The size of a file that the mirror was asked for and did not have."""
Keys = NDArray[np.uint64]
Numbers = NDArray[np.int64]
Bits = NDArray[np.bool_]


def path_key(path: bytes) -> int:
    """The number by which a path is compared."""
    return int.from_bytes(blake2b(path, digest_size=8).digest(), "little")


@dataclass(frozen=True, slots=True)
class Listing:
    """What a mirror has, ordered by key.

    ``complete``: what is not in it, the mirror does not have, except at and below the paths of ``unseen``.
    """

    source: str
    listed_at: float
    complete: bool
    keys: Keys
    sizes: Numbers
    mtimes: Numbers
    refused: int = 0
    unseen: tuple[bytes, ...] = ()

    def __len__(self) -> int:
        return len(self.keys)


def listing(
    source: str,
    listed_at: float,
    rows: Iterable[ListedFile],
    complete: bool = True,
    refused: int = 0,
    unseen: tuple[bytes, ...] = (),
) -> Listing:
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
    columns = unordered[kept], _column(sizes)[kept], _column(mtimes)[kept]
    return Listing(source, listed_at, complete, *columns, refused, unseen)


def _column(values: array[int]) -> Numbers:
    return np.frombuffer(values, np.int64) if values else np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class OriginTree:
    """The origin's files as columns in the order of their numbers; ``order`` sorts their keys."""

    sorted_keys: Keys
    order: NDArray[np.intp]
    sizes: Numbers
    mtimes: Numbers

    def __len__(self) -> int:
        return len(self.sizes)


def tree(keys: array[int], sizes: array[int], mtimes: array[int]) -> OriginTree:
    """The columns of an origin; ``keys`` are those of ``path_key``."""
    found = np.frombuffer(keys, np.uint64) if keys else np.empty(0, np.uint64)
    order = np.argsort(found, kind="stable")
    return OriginTree(found[order], order, _column(sizes), _column(mtimes))


@dataclass(frozen=True, slots=True)
class Holdings:
    """By number of the origin's file: whether the mirror has it is, and whether that is known.

    ``outdated_since``: the mirror has an old version of a file that the origin changed then, and nothing that the
    origin published later; None if there is no such file. ``offset``: seconds by which all its times are off.
    """

    having: Bits
    known: Bits
    outdated_since: float | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Compared:
    """A list beside the origin's files, by their numbers.

    ``listed``: the list mentions it; ``there``: as of a file; ``fitting``: of the origin's size; ``timed``: of a known
    time too; ``older``: than the origin's, but for the ``offset``.
    """

    listed: Bits
    there: Bits
    fitting: Bits
    timed: Bits
    older: Bits
    offset: int


def compared(origin: OriginTree, found: Listing) -> Compared:
    """What a list says of each of the origin's files; a constant offset of the list's times is taken out."""
    # for each of the origin's files the row of the list, and whether it is there at all
    at, listed = np.zeros(len(origin), np.intp), np.zeros(len(origin), np.bool_)
    if len(found):
        rows = np.minimum(np.searchsorted(found.keys, origin.sorted_keys), len(found) - 1)
        at[origin.order] = rows
        listed[origin.order] = found.keys[rows] == origin.sorted_keys
    sizes = np.where(listed, found.sizes[at], ABSENT) if len(found) else np.full(len(origin), ABSENT)
    mtimes = np.where(listed, found.mtimes[at], UNKNOWN) if len(found) else np.full(len(origin), UNKNOWN)
    there = listed & (sizes != ABSENT)
    fitting = there & ((sizes == origin.sizes) | (sizes == UNKNOWN) | (origin.sizes == UNKNOWN))
    timed = fitting & (mtimes != UNKNOWN) & (origin.mtimes != UNKNOWN)
    apart = np.where(timed, mtimes - as_coarse(origin.mtimes, mtimes, timed), 0)
    shift = times_off(apart[timed])
    apart -= shift.of(apart)
    return Compared(listed, there, fitting, timed, timed & (apart < -TOLERATED_SECONDS), shift.seconds)


def holdings(origin: OriginTree, found: Listing, unseen: Bits | None = None, by_size: Bits | None = None) -> Holdings:
    """What a mirror holds: a file of the origin's size, and not older than the origin's, as far as times are known.

    ``unseen`` are the files of which the list says nothing, ``by_size`` those whose time at the origin is not
    believed.
    """
    seen = compared(origin, found)
    having = seen.fitting & ~(seen.older if by_size is None else seen.older & ~by_size)
    known = seen.listed
    if found.complete:
        known = known | ~(np.zeros(len(origin), np.bool_) if unseen is None else unseen)
    # The mirror is outdated since the origin changed the first file that the mirror has not followed, and after which
    # it has nothing. A file of its own under a name of the tree does not count: what it holds is newer than that.
    newest_held = int(origin.mtimes[having].max(initial=UNKNOWN))
    late = origin.mtimes[seen.there & ~having & (origin.mtimes > newest_held)]
    return Holdings(having, known, float(late.min()) if len(late) else None, seen.offset)


def beside(listed: Holdings, asked: Holdings) -> Holdings:
    """What a list says, and where single answers say something, these: they came the way that clients go."""
    having = np.where(asked.known, asked.having, listed.having)
    return Holdings(having, listed.known | asked.known, listed.outdated_since, listed.offset)


def nothing_held(origin: OriginTree) -> Holdings:
    """Of a mirror none of whose files count."""
    return Holdings(np.zeros(len(origin), np.bool_), np.ones(len(origin), np.bool_))


# A clock or a time zone shifts all times of a mirror, which says nothing of its files.

TOLERATED_SECONDS = 2
"""How much older than the origin's a file may be: file systems with coarse times round down."""
LEAST_FILES = 3
"""With fewer files to compare, nobody can tell a shift from an old file."""
SHARE = 0.9
"""Share of the files that must agree on a shift of any size,"""
ZONE_SHARE = 0.5
"""and on a shift of whole quarters of an hour, as time zones have, which is no coincidence."""
SEASON_SHARE = 0.05
"""Share of the files that are an hour off where a mirror's clock observes daylight saving time."""
HOUR = 3600
QUARTER = 900
MOST_HOURS = 14
"""No time zone is farther from UTC."""


@dataclass(frozen=True, slots=True)
class TimeShift:
    """``seconds`` is what most files are off, ``other`` what the rest is: in summer time, an hour more or less."""

    seconds: int = 0
    other: int = 0

    def of(self, apart: Numbers) -> Numbers:
        """What is to be taken from each of these differences."""
        closer = np.abs(apart - self.other) < np.abs(apart - self.seconds)
        return np.where(closer, self.other, self.seconds)


def times_off(apart: Numbers) -> TimeShift:
    """The shift behind the differences between a mirror's times and the origin's; none where they do not agree."""
    if len(apart) < LEAST_FILES:
        return TimeShift()
    most = _most(apart)
    other = max((most - HOUR, most + HOUR), key=lambda each: _share(apart, each))
    if not _is_zone(other) or _share(apart, other) < SEASON_SHARE:
        other = most
    if _share(apart, most) >= SHARE:
        return TimeShift(_rounded(most), _rounded(other) if _is_zone(most) else _rounded(most))
    both = _share(apart, most) + (_share(apart, other) if other != most else 0)
    return TimeShift(_rounded(most), _rounded(other)) if _is_zone(most) and both >= ZONE_SHARE else TimeShift()


MINUTE = 60
DAY = 86_400


def as_coarse(wanted: Numbers, found: Numbers, timed: Bits) -> Numbers:
    """The origin's times as coarse as a mirror's: tools that read lists of FTP keep minutes, and days of older files,
    and where all files have one time it says nothing of any."""
    theirs, ours = found[timed], wanted[timed]
    if len(theirs) < LEAST_FILES:
        return wanted
    if _is_one(theirs) and not _is_one(ours):
        return np.minimum(wanted, found)
    for grain in (DAY, MINUTE):
        if _is_one(theirs % grain) and not _is_one(ours % grain):
            rest = _most(theirs % grain)
            grains = np.where(found % DAY == rest, DAY, grain)
            return (wanted - rest) // grains * grains + rest
    return wanted


def _is_one(values: Numbers) -> bool:
    return float((values == _most(values)).mean()) >= SHARE


def _most(values: Numbers) -> int:
    found, counts = np.unique(values, return_counts=True)
    return int(found[counts.argmax()])


def _rounded(seconds: int) -> int:
    """The whole quarter of an hour where it is almost one: some file systems round times."""
    quarter = QUARTER * round(seconds / QUARTER)
    return quarter if abs(seconds - quarter) <= TOLERATED_SECONDS else seconds


def _is_zone(seconds: int) -> bool:
    return abs(seconds) <= MOST_HOURS * HOUR and _rounded(seconds) % QUARTER == 0


def _share(apart: Numbers, value: int) -> float:
    return float((np.abs(apart - value) <= TOLERATED_SECONDS).mean())
