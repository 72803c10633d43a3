"""Combine, filter and renumber tables of intervals.

All of it is done with numpy, for every interval at once; a database of places has millions.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mirrorlist.core.model import NOWHERE, ClientPlace
from mirrorlist.core.network.prefixes import DEEP, IntervalTable

Numbers = NDArray[np.unsignedinteger]
Pair = tuple[int, int]


def interval_table(starts4: Numbers, ids4: Numbers, starts6: Numbers, ids6: Numbers) -> IntervalTable:
    """A table of ascending starts from 0 and their ids, neighbours of one id joined; no /64 is divided in it."""
    return IntervalTable(*_joined(starts4, ids4), *_joined(starts6, ids6), array("Q"), array("Q"), array("I"))


EMPTY = IntervalTable(
    array("I", [0]), array("I", [0]), array("Q", [0]), array("I", [0]), array("Q"), array("Q"), array("I")
)
"""A table that says nothing anywhere."""


def renumbered(table: IntervalTable, numbers: Sequence[int]) -> IntervalTable:
    """The table with ``numbers[id]`` for every id, and equal neighbours joined."""
    new = np.array(numbers, dtype=np.uint32)
    v4 = _joined(as_numbers(table.starts4), new[as_numbers(table.ids4)])
    ids6 = as_numbers(table.ids6)
    divided = ids6 == DEEP  # no id, so it stays
    found: Numbers = np.where(divided, np.uint32(DEEP), new[np.where(divided, 0, ids6)])
    v6 = _joined(as_numbers(table.starts6), found)
    deep = array("I", [numbers[each] for each in table.deep_ids])
    return IntervalTable(*v4, *v6, array("Q", table.deep_hi), array("Q", table.deep_lo), deep)


def only(table: IntervalTable, wanted: Iterable[int]) -> IntervalTable:
    """A table that divides no /64, with every id that is not wanted made 0, and equal neighbours joined."""
    keep = np.array(sorted(wanted), dtype=np.uint32)
    v4 = _joined(as_numbers(table.starts4), _kept(as_numbers(table.ids4), keep))
    v6 = _joined(as_numbers(table.starts6), _kept(as_numbers(table.ids6), keep))
    return IntervalTable(*v4, *v6, array("Q"), array("Q"), array("I"))


def as_numbers(values: Sequence[int]) -> Numbers:
    """The values of an array as numpy's, without a copy."""
    return np.asarray(values)


def _kept(ids: Numbers, keep: NDArray[np.uint32]) -> NDArray[np.uint32]:
    return np.where(np.isin(ids, keep), ids, 0).astype(np.uint32)


def _joined(starts: Numbers, ids: Numbers) -> tuple[array[int], array[int]]:
    first = np.ones(len(ids), dtype=bool)
    first[1:] = ids[1:] != ids[:-1]
    return _array("I" if starts.dtype.itemsize == 4 else "Q", starts[first]), _array("I", ids[first])


def _array(typecode: str, values: Numbers) -> array[int]:
    found = array(typecode)
    found.frombytes(values.astype(f"u{found.itemsize}").tobytes())
    return found


def combine(a: IntervalTable, b: IntervalTable) -> tuple[IntervalTable, list[tuple[int, int]]]:
    """One table for two: ``pairs[id]`` are the ids of both; ``pairs[0]`` is (0, 0)."""
    numbers: dict[Pair, int] = {(0, 0): 0}
    v4 = _combined(a.starts4, a.ids4, b.starts4, b.ids4, numbers)
    v6 = _combined(a.starts6, a.ids6, b.starts6, b.ids6, numbers)
    rows = sorted(_divided(a, b))
    deep = array("I", [numbers.setdefault(pair, len(numbers)) for *_, pair in rows])
    highs, lows = array("Q", [high for high, *_ in rows]), array("Q", [low for _, low, _ in rows])
    return IntervalTable(*v4, *v6, highs, lows, deep), list(numbers)


def _divided(a: IntervalTable, b: IntervalTable) -> Iterator[tuple[int, int, Pair]]:
    """The finer level of both: upper and lower 64 bits, and the ids from there on."""
    shared = set(a.deep_hi) & set(b.deep_hi)
    for high, low, found, wide in zip(a.deep_hi, a.deep_lo, a.deep_ids, _whole(b, a.deep_hi), strict=True):
        if high not in shared:
            yield high, low, (found, wide)
    for high, low, found, wide in zip(b.deep_hi, b.deep_lo, b.deep_ids, _whole(a, b.deep_hi), strict=True):
        if high not in shared:
            yield high, low, (wide, found)
    for high in shared:
        for low in {*_lows(a, high), *_lows(b, high)}:
            address = high.to_bytes(8, "big") + low.to_bytes(8, "big")
            yield high, low, (a.at(address), b.at(address))


def _whole(table: IntervalTable, highs: Sequence[int]) -> list[int]:
    """The ids of /64s by their upper 64 bits."""
    at = np.searchsorted(as_numbers(table.starts6), as_numbers(highs), side="right") - 1
    found: list[int] = as_numbers(table.ids6)[at].tolist()
    return found


def _lows(table: IntervalTable, high: int) -> Sequence[int]:
    return table.deep_lo[bisect_left(table.deep_hi, high) : bisect_right(table.deep_hi, high)]


def _combined(
    starts_a: Sequence[int],
    ids_a: Sequence[int],
    starts_b: Sequence[int],
    ids_b: Sequence[int],
    numbers: dict[Pair, int],
) -> tuple[array[int], array[int]]:
    left, right = as_numbers(starts_a), as_numbers(starts_b)
    # What is in either, ascending. Merging two ascending runs takes a tenth of the time of ``np.union1d``.
    both = np.sort(np.concatenate([left, right]), kind="stable")
    new = np.ones(len(both), dtype=bool)
    new[1:] = both[1:] != both[:-1]
    starts = both[new]
    found_a = as_numbers(ids_a)[np.searchsorted(left, starts, side="right") - 1].astype(np.uint64)
    found_b = as_numbers(ids_b)[np.searchsorted(right, starts, side="right") - 1].astype(np.uint64)
    pairs, which = np.unique(found_a << np.uint64(32) | found_b, return_inverse=True)
    ids = [
        DEEP if DEEP in (pair := (raw >> 32, raw & DEEP)) else numbers.setdefault(pair, len(numbers))
        for raw in pairs.tolist()
    ]
    return _joined(starts, np.array(ids, dtype=np.uint32)[which])


# Places, split by the AS of those who are there.


@dataclass(frozen=True, slots=True)
class SystemPlaces:
    """Places split by the client's AS: ``located`` holds numbers of ``places``.

    ``countries`` leads from a place of which the AS is all that is known to the number of each country's place in it.
    """

    located: IntervalTable
    places: tuple[ClientPlace, ...]
    countries: Mapping[int, Mapping[str, int]]


def places_in_systems(
    located: IntervalTable,
    places: Sequence[ClientPlace],
    country_places: Mapping[str, int],
    asns: IntervalTable,
    wanted: frozenset[int],
) -> SystemPlaces:
    """The places, those of addresses in a wanted AS apart from the others, whose numbers stay.

    Places that were split before, by other ASes, are put together again.
    """
    bare = [replace(place, asn=None) for place in places]
    if not wanted and len(set(bare)) == len(places):
        return SystemPlaces(located, tuple(places), {})
    both, pairs = combine(located, only(asns, wanted))
    numbers = {place: number for number, place in enumerate(dict.fromkeys(bare))}

    def number(place: int, asn: int) -> int:
        return numbers.setdefault(replace(bare[place], asn=asn or None), len(numbers))

    table = renumbered(both, [number(*pair) for pair in pairs])
    countries = {
        number(place, asn): {code: number(centre, asn) for code, centre in country_places.items()}
        for place, asn in pairs
        if asn and bare[place] == NOWHERE
    }
    return SystemPlaces(table, tuple(numbers), countries)
