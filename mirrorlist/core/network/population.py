"""The number of clients in each place and network: addresses of the tables, or an operator's own counts.

Without counts each IPv4 address of which the place is known, or that a mirror names, is one client. IPv6 networks are
not counted: their sizes say how they were handed out, not who is there (by their number of /48s 85 of 100 would be in
Switzerland, by the installed table), and who has IPv6 has IPv4 nearby. Counts of an IPv6 network do count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mirrorlist.core.model import ClientPlace, Prefix
from mirrorlist.core.network.intervals import as_numbers
from mirrorlist.core.network.prefixes import DEEP, IntervalTable

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Counted:
    """The number of clients of a country (None: unknown), of a network, or of an autonomous system."""

    clients: float
    country: str | None = None
    prefix: Prefix | None = None
    asn: int | None = None


@dataclass(frozen=True, slots=True)
class Maps:
    """What is known of addresses: numbers of ``places``, numbers of the classes of networks in each stage, ASNs."""

    located: IntervalTable
    stages: Sequence[IntervalTable]
    asns: IntervalTable
    places: Sequence[ClientPlace]
    country_places: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Population:
    """Clients in cells, in each of which all are given the same mirrors.

    ``places[c]`` is the number of a cell's place, ``classes[s][c]`` that of its class in stage s, ``clients[c]`` how
    many there are. Row r of ``asn_cells``, ``asns`` and ``asn_clients`` says how many of a cell are in which system.
    """

    places: Ints
    classes: tuple[Ints, ...]
    clients: Floats
    asn_cells: Ints
    asns: Ints
    asn_clients: Floats

    @property
    def total(self) -> float:
        """All clients."""
        return float(self.clients.sum())


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Intervals of addresses in which nothing changes: rows of place, class in each stage, and ASN."""

    starts: NDArray[np.uint64]
    sizes: Floats
    labels: Ints


def population(maps: Maps, counted: Sequence[Counted] | None = None) -> Population:
    """The clients, by the addresses or by counts.

    Those of a country or a system are spread over its IPv4 addresses of known place, those of a network over its own;
    where there are none they are at the country's place, or nowhere.
    """
    edges = [row.prefix for row in counted or () if row.prefix]
    v4 = _blocks(maps, 4, [each for each in edges if len(each.packed) == 4])
    known_place = np.array([place.country is not None or place.exact for place in maps.places])
    if counted is None:
        counts = known_place[v4.labels[:, 0]] | v4.labels[:, 1:-1].any(axis=1)
        return _gathered(len(maps.stages), [(v4.labels, np.where(counts, v4.sizes, 0.0))])
    v6 = _blocks(maps, 6, [each for each in edges if len(each.packed) == 16])
    spread4, spread6 = np.zeros(len(v4.sizes)), np.zeros(len(v6.sizes))
    for row in counted:
        if row.prefix:
            block, spread = (v4, spread4) if len(row.prefix.packed) == 4 else (v6, spread6)
            bits = 32 if len(row.prefix.packed) == 4 else 64
            start, end = _ends(row.prefix, bits)
            first = int(np.searchsorted(block.starts, np.uint64(start)))
            last = len(block.starts) if end >> bits else int(np.searchsorted(block.starts, np.uint64(end)))
            sizes = block.sizes[first:last]
            spread[first:last] += row.clients * sizes / sizes.sum()
    located = np.where(known_place[v4.labels[:, 0]], v4.sizes, 0.0)
    # countries first; what is left of those without addresses counts at their place
    codes = sorted({place.country for place in maps.places if place.country})
    numbers = {code: number for number, code in enumerate(codes, start=1)}
    of_place = np.array([numbers.get(place.country or "", 0) for place in maps.places], dtype=np.int64)
    countries = of_place[v4.labels[:, 0]]
    wanted = [row for row in counted if row.prefix is None and row.asn is None]
    known = [(numbers.get(row.country or "", 0), row.clients) for row in wanted]
    left = _spread_by(countries, located, known, len(codes) + 1, spread4)
    lost = [(maps.country_places.get(wanted[at].country or "", 0), wanted[at].clients) for at in left]
    lost += _by_system(v4, located, counted, spread4)
    labels = np.zeros((len(lost), v4.labels.shape[1]), dtype=np.int64)
    labels[:, 0] = [place for place, _ in lost]
    away = np.array([clients for _, clients in lost], dtype=np.float64)
    return _gathered(len(maps.stages), [(v4.labels, spread4), (v6.labels, spread6), (labels, away)])


def _blocks(maps: Maps, family: int, edges: Iterable[Prefix]) -> _Blocks:
    bits = 32 if family == 4 else 64
    sides = [_sides(table, family) for table in (maps.located, *maps.stages, maps.asns)]
    cuts = [edge for prefix in edges for edge in _ends(prefix, bits) if edge < 1 << bits]
    starts = np.sort(np.concatenate([*(starts for starts, _ in sides), np.array(cuts, dtype=np.uint64)]))
    starts = starts[np.append(True, starts[1:] != starts[:-1])]
    columns = [ids[np.searchsorted(own, starts, side="right") - 1] for own, ids in sides]
    sizes = np.append(np.diff(starts).astype(np.float64), float((1 << bits) - int(starts[-1])))
    return _Blocks(starts, sizes, np.stack(columns, axis=1))


def _sides(table: IntervalTable, family: int) -> tuple[NDArray[np.uint64], Ints]:
    """Starts and ids; a /64 that is divided further counts as nothing."""
    starts, ids = (table.starts4, table.ids4) if family == 4 else (table.starts6, table.ids6)
    found = as_numbers(ids).astype(np.int64)
    return as_numbers(starts).astype(np.uint64), np.where(found == DEEP, 0, found)


def _ends(prefix: Prefix, bits: int) -> tuple[int, int]:
    """Where a network begins and what follows it, by the upper 64 bits for IPv6; one longer than /64 is its /64."""
    length = min(prefix.length, bits)
    start = int.from_bytes(prefix.packed[: bits // 8], "big") >> (bits - length) << (bits - length)
    return start, start + (1 << (bits - length))


def _by_system(blocks: _Blocks, located: Floats, counted: Sequence[Counted], spread: Floats) -> list[tuple[int, float]]:
    wanted = [row for row in counted if row.asn is not None]
    asns = np.array(sorted({row.asn for row in wanted if row.asn is not None}), dtype=np.int64)
    if not len(asns):
        return []
    at = np.minimum(np.searchsorted(asns, blocks.labels[:, -1]), len(asns) - 1)
    systems = np.where(asns[at] == blocks.labels[:, -1], at + 1, 0)
    numbers = {int(asn): number for number, asn in enumerate(asns, start=1)}
    known = [(numbers[row.asn], row.clients) for row in wanted if row.asn is not None]
    left = _spread_by(systems, located, known, len(asns) + 1, spread)
    return [(0, wanted[row].clients) for row in left]


def _spread_by(
    kinds: Ints, sizes: Floats, wanted: Sequence[tuple[int, float]], count: int, spread: Floats
) -> list[int]:
    """Adds to ``spread`` the clients of each kind, by size; returns the rows of kinds without any size."""
    whole = summed(kinds, sizes, count)
    each = np.zeros(count)
    left = []
    for row, (kind, clients) in enumerate(wanted):
        if kind and whole[kind]:
            each[kind] += clients / whole[kind]
        else:
            left.append(row)
    spread += sizes * each[kinds]
    return left


def _gathered(stages: int, parts: Sequence[tuple[Ints, Floats]]) -> Population:
    """The intervals with any clients, those of one place, class and system taken together."""
    labels = np.concatenate([labels for labels, _ in parts])
    clients = np.concatenate([clients for _, clients in parts])
    labels, clients = labels[clients > 0], clients[clients > 0]
    cells, rows_cell = _distinct(labels[:, :-1])
    rows, which = _distinct(np.stack([rows_cell, labels[:, -1]], axis=1))
    return Population(
        places=cells[:, 0],
        classes=tuple(cells[:, 1 + stage] for stage in range(stages)),
        clients=summed(rows_cell, clients, len(cells)),
        asn_cells=rows[:, 0],
        asns=rows[:, 1],
        asn_clients=summed(which, clients, len(rows)),
    )


def _distinct(rows: Ints) -> tuple[Ints, Ints]:
    """The distinct rows, and the number of each. Columns are packed into one: ten times as fast as by ``axis=0``."""
    packed = np.zeros(len(rows), dtype=np.int64)
    for column in range(rows.shape[1]):
        width = int(rows[:, column].max(initial=0)) + 1
        if int(packed.max(initial=0)) >= _MOST_PACKED // width:
            packed = np.unique(packed, return_inverse=True)[1].astype(np.int64)
        packed = packed * width + rows[:, column]
    _, first, which = np.unique(packed, return_index=True, return_inverse=True)
    return rows[first], which.astype(np.int64)


_MOST_PACKED = 1 << 62


def summed(numbers: Ints, values: Floats, count: int) -> Floats:
    """The sum of the values of each number below ``count``."""
    return np.asarray(np.bincount(numbers, values, minlength=count), dtype=np.float64)
