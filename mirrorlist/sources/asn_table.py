"""Whose an address is right after installing: the table of ASNs that comes with the package.

It is used where no database of service.yml knows ASNs, and proves nothing: it orders public mirrors only.
scripts/build-asn makes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources.abc import Traversable

from mirrorlist.core.prefixes import IntervalTable
from mirrorlist.sources.packed_tables import DATA, Arrays, read_packed, table_of


@dataclass(frozen=True, slots=True)
class EmbeddedAsns:
    """The table, and the day of its data as 2026-06-17."""

    table: IntervalTable
    built_on: str


def read_embedded_asns(data: Traversable = DATA) -> EmbeddedAsns:
    """The table of the package; it takes about 0.1 seconds.

    Raises:
        GeoDatabaseError: the file is missing or damaged.
    """
    return read_packed(data.joinpath("asn.npz"), _asns)


def _asns(arrays: Arrays) -> EmbeddedAsns:
    return EmbeddedAsns(table_of(arrays, "asns"), str(arrays["built_on"]))
