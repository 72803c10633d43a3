"""Whether the networks that a mirror claims are its own, as far as the routing of the internet tells.

A disagreement proves nothing: a university's prefix may be announced by its provider. It tells a maintainer where
to ask.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mirrorlist.core.claims import first, size
from mirrorlist.core.model import Prefix
from mirrorlist.core.prefixes import IntervalTable, contains

HIGH_BITS = 64
"""IPv6 routes are no longer than this, and neither are the intervals of a table."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A claimed network whose origin speaks against the claim. ``origins`` is empty where nobody announces it."""

    prefix: Prefix
    origins: tuple[int, ...]


def origins(table: IntervalTable, prefix: Prefix) -> tuple[int, ...]:
    """The autonomous systems that announce addresses of a prefix, ascending; what nobody announces is left out."""
    start = first(prefix)
    last = start + size(prefix) - 1
    if len(prefix.packed) == 4:
        return _between(table.starts4, table.ids4, start, last)
    high = 128 - HIGH_BITS
    if prefix.length > HIGH_BITS:
        return tuple(number for number in (table.at(prefix.packed),) if number)
    return _between(table.starts6, table.ids6, start >> high, last >> high)


def _between(starts: Sequence[int], ids: Sequence[int], start: int, last: int) -> tuple[int, ...]:
    lower, upper = bisect_right(starts, start) - 1, bisect_right(starts, last)
    return tuple(sorted({number for number in ids[lower:upper] if number}))


def doubts(
    table: IntervalTable, prefixes: Iterable[Prefix], asns: Collection[int], addresses: Collection[bytes]
) -> tuple[Doubt, ...]:
    """The claimed prefixes that neither a claimed ASN announces nor the mirror's own network.

    ``addresses`` are the mirror's own, packed. Without ASNs and addresses there is nothing to compare with.
    """
    own = {*asns, *(number for each in addresses if (number := table.at(each)))}
    found = []
    for prefix in prefixes:
        announced = origins(table, prefix)
        if any(contains(prefix, each) for each in addresses) or own.intersection(announced):
            continue
        if own or not announced:
            found.append(Doubt(prefix, announced))
    return tuple(found)


def foreign_asns(table: IntervalTable, asns: Collection[int], addresses: Collection[bytes]) -> tuple[int, ...]:
    """The claimed ASNs that announce none of the mirror's own addresses; none where nobody announces these."""
    own = {number for each in addresses if (number := table.at(each))}
    return tuple(each for each in asns if each not in own) if own else ()


def announced4(table: IntervalTable) -> dict[int, int]:
    """How many IPv4 addresses each autonomous system announces."""
    widths = np.diff(np.asarray(table.starts4, dtype=np.int64), append=1 << 32)
    asns, places = np.unique(np.asarray(table.ids4, dtype=np.int64), return_inverse=True)
    return dict(zip(asns.tolist(), np.bincount(places, widths).astype(np.int64).tolist(), strict=True))
