"""Detect by how much a clock or a time zone shifts all times of a mirror, which says nothing of its files."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOLERATED_SECONDS = 2
"""So much older than the origin's a file may be: file systems with coarse times round down."""
LEAST_FILES = 3
"""With fewer files to compare, nobody can tell a shift from an old file."""
SHARE = 0.9
"""So many of the files have to agree on a shift of any size,"""
ZONE_SHARE = 0.5
"""and so many on one of whole hours, which no chance makes."""
SEASON_SHARE = 0.05
"""So many files are an hour from the others where a mirror's clock knows summer time."""
HOUR = 3600
MOST_HOURS = 14
"""No time zone is farther from UTC."""

Numbers = NDArray[np.int64]


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
    values, counts = np.unique(apart, return_counts=True)
    most = int(values[counts.argmax()])
    other = max((most - HOUR, most + HOUR), key=lambda each: _share(apart, each))
    if not _is_zone(other) or _share(apart, other) < SEASON_SHARE:
        other = most
    if _share(apart, most) >= SHARE:
        return TimeShift(_rounded(most), _rounded(other) if _is_zone(most) else _rounded(most))
    both = _share(apart, most) + (_share(apart, other) if other != most else 0)
    return TimeShift(_rounded(most), _rounded(other)) if _is_zone(most) and both >= ZONE_SHARE else TimeShift()


def _rounded(seconds: int) -> int:
    """The whole hour where it is almost one: some file systems round times."""
    hour = HOUR * round(seconds / HOUR)
    return hour if abs(seconds - hour) <= TOLERATED_SECONDS else seconds


def _is_zone(seconds: int) -> bool:
    hours = round(seconds / HOUR)
    return abs(hours) <= MOST_HOURS and abs(seconds - hours * HOUR) <= TOLERATED_SECONDS


def _share(apart: Numbers, value: int) -> float:
    return float((np.abs(apart - value) <= TOLERATED_SECONDS).mean())
