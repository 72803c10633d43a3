"""Read databases in MaxMind's file format into tables of places and ASNs.

A file is read once, whole: its tree is flattened with numpy, and each distinct record is decoded once, by the
C reader. What a record says is read by ``records.py``.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import geoip2.database
import geoip2.errors
import maxminddb
import numpy as np
from numpy.typing import NDArray

from mirrorlist.core.errors import GeoDatabaseError
from mirrorlist.core.model import NOWHERE, ClientPlace
from mirrorlist.core.network.geo import place_of
from mirrorlist.core.network.intervals import interval_table
from mirrorlist.core.network.prefixes import IntervalTable
from mirrorlist.sources.geo.records import record_of
from mirrorlist.sources.geo.tables import GeoTables


def built_at(path: Path) -> int:
    """When a database was built, in seconds since 1970, as it says itself.

    Raises:
        GeoDatabaseError: the file is no database.
    """
    try:
        with maxminddb.open_database(path, maxminddb.MODE_FILE) as reader:
            return int(reader.metadata().build_epoch)
    except (OSError, ValueError, TypeError, KeyError, IndexError, maxminddb.InvalidDatabaseError) as error:
        raise GeoDatabaseError(f"{path}: not a usable database: {error}") from None


# The search tree as flat intervals, read with numpy for all networks at once.
# Layout: the MaxMind DB File Format Specification 2.0. Records of 24, 28 and 32 bits; a value below the node
# count is a node, the node count itself means nothing, and anything above points at data. In an IPv6 tree the
# IPv4 addresses are under ::/96; other parts (6to4, Teredo, mapped) may be aliases of them and are passed over,
# because the service unwraps such addresses itself.

Starts = NDArray[np.uint64]
Values = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Leaves:
    """Ascending interval starts and the tree's value from there on; 0 is nothing.

    IPv4 starts are addresses, IPv6 starts the upper 64 bits.
    """

    starts: Starts
    values: Values


@dataclass(frozen=True, slots=True)
class SearchTree:
    """The nodes: for each its left (bit 0) and right (bit 1) value."""

    left: Values
    right: Values
    ip_version: int

    @property
    def count(self) -> int:
        """The number of nodes; also the value that means nothing."""
        return len(self.left)


def read_tree(path: Path, node_count: int, record_size: int, ip_version: int) -> SearchTree:
    """The tree at the beginning of a file.

    Raises:
        GeoDatabaseError: the file is shorter than its tree, or the record size is unknown.
    """
    size = node_count * record_size // 4
    if record_size not in (24, 28, 32) or path.stat().st_size <= size:
        raise GeoDatabaseError("the search tree is larger than the file, or of an unknown kind")
    raw = np.fromfile(path, dtype=np.uint8, count=size).reshape(node_count, record_size // 4).astype(np.uint32)
    if record_size == 28:
        left = (raw[:, 3] & np.uint32(0xF0)) << np.uint32(20) | _number(raw[:, 0:3])
        right = (raw[:, 3] & np.uint32(0x0F)) << np.uint32(24) | _number(raw[:, 4:7])
    else:
        half = record_size // 8
        left, right = _number(raw[:, :half]), _number(raw[:, half:])
    return SearchTree(left, right, ip_version)


def _number(octets: Values) -> Values:
    value: Values = np.zeros(len(octets), dtype=np.uint32)
    for column in range(octets.shape[1]):
        value = value << np.uint32(8) | octets[:, column]
    return value


def ipv4_leaves(tree: SearchTree) -> Leaves:
    """The intervals of the IPv4 space."""
    root = _ipv4_root(tree)
    if root >= tree.count:
        return Leaves(np.zeros(1, dtype=np.uint64), np.array([0 if root == tree.count else root], dtype=np.uint32))
    return _walk(tree, root, 32, alias=None)


def ipv6_leaves(tree: SearchTree) -> Leaves:
    """The intervals of the IPv6 space by the upper 64 bits; of a divided /64 its first address counts."""
    if tree.ip_version != 6:
        return Leaves(np.zeros(1, dtype=np.uint64), np.zeros(1, dtype=np.uint32))
    root = _ipv4_root(tree)
    return _walk(tree, 0, 64, alias=root if root < tree.count else None)


def _ipv4_root(tree: SearchTree) -> int:
    node = 0
    for _ in range(96 if tree.ip_version == 6 else 0):
        if node >= tree.count:
            break
        node = int(tree.left[node])
    return node


def _walk(tree: SearchTree, root: int, bits: int, alias: int | None) -> Leaves:
    """Goes down level by level with all open nodes at once."""
    nodes, prefixes = np.array([root], dtype=np.uint32), np.zeros(1, dtype=np.uint64)
    starts: list[Starts] = []
    values: list[Values] = []
    for depth in range(bits):
        bit = np.uint64(1 << (bits - depth - 1))
        children = np.concatenate([tree.left[nodes], tree.right[nodes]])
        prefixes = np.concatenate([prefixes, prefixes | bit])
        if alias is not None:
            children = np.where(children == alias, np.uint32(tree.count), children)
        leaf = children >= tree.count
        starts.append(prefixes[leaf])
        values.append(children[leaf])
        nodes, prefixes = children[~leaf], prefixes[~leaf]
        if len(nodes) > tree.count:
            raise GeoDatabaseError("the search tree has a loop")
    starts.append(prefixes)
    values.append(_first_leaves(tree, nodes))
    at, found = np.concatenate(starts), np.concatenate(values)
    order = np.argsort(at, kind="stable")
    at, found = at[order], np.where(found[order] == tree.count, 0, found[order])
    first = np.ones(len(at), dtype=bool)
    first[1:] = found[1:] != found[:-1]
    return Leaves(at[first], found[first].astype(np.uint32))


def _first_leaves(tree: SearchTree, nodes: Values) -> Values:
    """For nodes below the last level looked at: the value of their first address."""
    for _ in range(64):
        is_open = nodes < tree.count
        if not is_open.any():
            break
        nodes = np.where(is_open, tree.left[np.where(is_open, nodes, 0)], nodes)
    return np.where(nodes < tree.count, tree.count, nodes).astype(np.uint32)


JUDGES: Mapping[str, Callable[[geoip2.database.Reader, str], object]] = {
    "Enterprise": geoip2.database.Reader.enterprise,
    "City": geoip2.database.Reader.city,
    "Country": geoip2.database.Reader.country,
    "GeoLite2-ASN": geoip2.database.Reader.asn,
    "GeoIP2-ISP": geoip2.database.Reader.isp,
}
"""The ``database_type`` of a file, and the method of geoip2 that has to be able to read its records."""


def read_geo_database(path: Path) -> GeoTables:
    """The tables of one file, with numbers of its own for its places; countries have no coordinates in it.

    Raises:
        GeoDatabaseError: the file is missing, damaged, or holds neither places nor ASNs.
    """
    try:
        with (
            geoip2.database.Reader(path, mode=maxminddb.MODE_MMAP_EXT) as judge,
            maxminddb.open_database(path, maxminddb.MODE_MMAP_EXT) as reader,
        ):
            return _Compiler(path, reader, judge).tables()
    except GeoDatabaseError as error:
        raise GeoDatabaseError(f"{path}: {error}") from None
    except OSError as error:
        raise GeoDatabaseError(f"{path}: {error.strerror or error}") from None
    except (maxminddb.InvalidDatabaseError, geoip2.errors.GeoIP2Error, ValueError, TypeError, KeyError,
            AttributeError, OverflowError, MemoryError, IndexError, RecursionError) as error:  # fmt: skip
        raise GeoDatabaseError(f"{path}: not a usable database: {error}") from None


class _Compiler:
    """One file on its way to tables."""

    def __init__(self, path: Path, reader: maxminddb.Reader, judge: geoip2.database.Reader) -> None:
        self._path = path
        self._reader = reader
        self._judge = judge
        self._type = reader.metadata().database_type
        self._places: dict[ClientPlace, int] = {NOWHERE: 0}

    def tables(self) -> GeoTables:
        meta = self._reader.metadata()
        tree = read_tree(self._path, meta.node_count, meta.record_size, meta.ip_version)
        v4, v6 = ipv4_leaves(tree), ipv6_leaves(tree)
        values, first, which = np.unique(np.concatenate([v4.values, v6.values]), return_index=True, return_inverse=True)
        # the numbers of places and the ASNs of the tree's distinct values; 0 is the value of no record
        located, asns = np.zeros(len(values), dtype=np.uint32), np.zeros(len(values), dtype=np.uint32)
        kind, judged = self._type.lower(), False
        # IPinfo's files of ASNs have a country too: the one that the ASN's holder is registered in
        has_places = "asn" not in kind or any(word in kind for word in ("country", "location", "city", "bundle"))
        for at, address in enumerate(_addresses(first, v4, v6)):
            fields = self._reader.get(address) if values[at] else None
            if fields is None:
                continue
            if not judged:
                # asks geoip2 for a record of the files that are its own; it raises where their type is a false one
                for name, judge in JUDGES.items():
                    if name in self._type:
                        judge(self._judge, address)
                        break
                judged = True
            if not isinstance(fields, dict):
                raise GeoDatabaseError(f"not a usable database: the record of {address} is no mapping")
            record = record_of(fields)
            asns[at] = record.asn or 0
            if has_places and record.location:
                located[at] = self._places.setdefault(place_of(record.location), len(self._places))
        if not located.any() and not asns.any():
            raise GeoDatabaseError(f"type {self._type!r} holds neither places nor ASNs")
        return GeoTables(_table(v4, v6, located[which]), _table(v4, v6, asns[which]), tuple(self._places))


def _addresses(first: NDArray[np.intp], v4: Leaves, v6: Leaves) -> Iterator[str]:
    """The address at which each distinct value is first met; ``first`` counts through both families."""
    for at in first.tolist():
        if at < len(v4.starts):
            yield socket.inet_ntop(socket.AF_INET, int(v4.starts[at]).to_bytes(4, "big"))
        else:
            high = int(v6.starts[at - len(v4.starts)])
            yield socket.inet_ntop(socket.AF_INET6, high.to_bytes(8, "big") + bytes(8))


def _table(v4: Leaves, v6: Leaves, ids: NDArray[np.uint32]) -> IntervalTable:
    cut = len(v4.starts)
    return interval_table(v4.starts.astype(np.uint32), ids[:cut], v6.starts, ids[cut:])
