"""Whose an address is right after installing: the table of ASNs that comes with the package.

It is used where no database of service.yml knows ASNs, and proves nothing: it orders public mirrors only.
scripts/build-asn makes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import as_file, files

import numpy as np
from numpy.typing import NDArray

from mirrorlist.core.prefixes import IntervalTable
from mirrorlist.core.tables import interval_table


@dataclass(frozen=True, slots=True)
class EmbeddedAsns:
    """The table, and the day of its data as 2026-06-17."""

    table: IntervalTable
    built_on: str


def read_embedded_asns() -> EmbeddedAsns:
    """The table of the package; it takes about 0.1 seconds."""
    with as_file(files("mirrorlist").joinpath("data", "asn.npz")) as path, np.load(path, allow_pickle=False) as data:
        table = interval_table(
            np.cumsum(_values(data["starts4"], "<u4"), dtype=np.uint32),
            _values(data["asns4"], "<u4"),
            np.cumsum(_values(data["starts6"], "<u8"), dtype=np.uint64),
            _values(data["asns6"], "<u4"),
        )
        return EmbeddedAsns(table, str(data["built_on"]))


def _values(planes: NDArray[np.uint8], kind: str) -> NDArray[np.unsignedinteger]:
    """The numbers whose bytes of equal weight stand in one row each."""
    found: NDArray[np.unsignedinteger] = np.ascontiguousarray(planes.T).view(kind).ravel()
    return found
