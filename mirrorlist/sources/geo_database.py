"""Databases of addresses in MaxMind's file format as tables of places and ASNs, whoever made them.

A file is read once, whole: its tree is flattened with numpy, and each distinct record is decoded once, by the
C reader. What a record says is told by sources/geo_records.py.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import geoip2.database
import geoip2.errors
import maxminddb
import numpy as np
from numpy.typing import NDArray

from mirrorlist.core.errors import GeoDatabaseError
from mirrorlist.core.geo import place_of
from mirrorlist.core.model import NOWHERE, Place
from mirrorlist.core.prefixes import IntervalTable
from mirrorlist.core.tables import interval_table
from mirrorlist.sources.geo_records import record_of
from mirrorlist.sources.geo_tables import GeoTables
from mirrorlist.sources.mmdb_tree import Leaves, ipv4_leaves, ipv6_leaves, read_tree

JUDGES: Mapping[str, Callable[[geoip2.database.Reader, str], object]] = {
    "Enterprise": geoip2.database.Reader.enterprise,
    "City": geoip2.database.Reader.city,
    "Country": geoip2.database.Reader.country,
    "GeoLite2-ASN": geoip2.database.Reader.asn,
    "GeoIP2-ISP": geoip2.database.Reader.isp,
}
"""What stands in a file's ``database_type``, and the method of geoip2 that has to be able to read its records."""


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
        self._places: dict[Place, int] = {NOWHERE: 0}

    def tables(self) -> GeoTables:
        meta = self._reader.metadata()
        tree = read_tree(self._path, meta.node_count, meta.record_size, meta.ip_version)
        v4, v6 = ipv4_leaves(tree), ipv6_leaves(tree)
        values, first, which = np.unique(np.concatenate([v4.values, v6.values]), return_index=True, return_inverse=True)
        located, asns = self._decoded(values, first, v4, v6)
        if not located.any() and not asns.any():
            raise GeoDatabaseError(f"type {self._type!r} holds neither places nor ASNs")
        return GeoTables(_table(v4, v6, located[which]), _table(v4, v6, asns[which]), tuple(self._places))

    def _decoded(
        self, values: NDArray[np.uint32], first: NDArray[np.intp], v4: Leaves, v6: Leaves
    ) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """The numbers of places and the ASNs of the tree's distinct values; 0 is the value of no record."""
        located, asns = np.zeros(len(values), dtype=np.uint32), np.zeros(len(values), dtype=np.uint32)
        has_places, judged = _has_places(self._type), False
        for at, address in enumerate(_addresses(first, v4, v6)):
            fields = self._reader.get(address) if values[at] else None
            if fields is None:
                continue
            if not judged:
                judged = self._judged(address)
            if not isinstance(fields, dict):
                raise GeoDatabaseError(f"not a usable database: the record of {address} is no mapping")
            record = record_of(fields)
            asns[at] = record.asn or 0
            if has_places and record.location:
                located[at] = self._places.setdefault(place_of(record.location), len(self._places))
        return located, asns

    def _judged(self, address: str) -> bool:
        """Asks geoip2 for a record of the files that are its own; it raises where their type is a false one."""
        for name, judge in JUDGES.items():
            if name in self._type:
                judge(self._judge, address)
                break
        return True


def _has_places(database_type: str) -> bool:
    """IPinfo's files of ASNs have a country too: the one that the ASN's holder is registered in."""
    kind = database_type.lower()
    return "asn" not in kind or any(word in kind for word in ("country", "location", "city", "bundle"))


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
