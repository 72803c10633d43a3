"""Tables of addresses as they lie in the package: packed for NumPy's ``.npz``, and checked when they are read.

The starts of intervals are kept as differences, and of all numbers the bytes of equal weight side by side: so
they pack to a third less. Of a family the arrays are ``starts4`` and what is from there on, as ``asns4``.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mirrorlist.core.errors import GeoDatabaseError
from mirrorlist.core.prefixes import IntervalTable
from mirrorlist.core.tables import interval_table

DATA = files("mirrorlist").joinpath("data")
"""Where the package has its data."""

Arrays = Mapping[str, NDArray[Any]]
_Read = TypeVar("_Read")


def read_packed(file: Traversable, read: Callable[[Arrays], _Read]) -> _Read:
    """What ``read`` makes of the arrays of a file of the package.

    Raises:
        GeoDatabaseError: the file is missing or damaged, or ``read`` cannot make sense of it.
    """
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            return read({name: arrays[name] for name in arrays.files})
    except OSError as error:
        reason = error.strerror or str(error)
    except (ValueError, KeyError, IndexError, EOFError, TypeError, AttributeError, NotImplementedError, MemoryError,
            zipfile.BadZipFile, zlib.error) as error:  # fmt: skip
        reason = f"not a table of this version: {error}"
    raise GeoDatabaseError(f"{file}: {reason}; install the package again") from None


def table_of(arrays: Arrays, ids: str) -> IntervalTable:
    """The table of both families; raises ValueError where the starts do not ascend from 0."""
    found: list[NDArray[np.unsignedinteger]] = []
    for family, kind in (("4", "<u4"), ("6", "<u8")):
        starts = np.cumsum(_numbers(arrays[f"starts{family}"], kind), dtype=kind[1:])
        numbers = _numbers(arrays[f"{ids}{family}"], "<u4")
        if len(starts) != len(numbers) or starts[0] != 0 or not (starts[1:] > starts[:-1]).all():
            raise ValueError(f"starts{family} do not ascend from 0")
        found += [starts, numbers]
    return interval_table(*found)


def packed_table(ids: str, family: str, starts: NDArray[Any], numbers: NDArray[Any]) -> Arrays:
    """The arrays of one family, ``"4"`` or ``"6"``, from which ``table_of`` makes a table."""
    kind = np.dtype("<u4" if family == "4" else "<u8")
    differences = np.diff(starts.astype(kind), prepend=kind.type(0))
    return {f"starts{family}": _planes(differences, kind), f"{ids}{family}": _planes(numbers, np.dtype("<u4"))}


def _planes(values: NDArray[Any], kind: np.dtype[Any]) -> NDArray[np.uint8]:
    """The bytes of the values, little-endian, those of equal weight in one row."""
    return np.ascontiguousarray(values.astype(kind).view(np.uint8).reshape(len(values), -1).T)


def _numbers(planes: NDArray[np.uint8], kind: str) -> NDArray[np.unsignedinteger]:
    """The numbers whose bytes of equal weight stand in one row each."""
    if planes.dtype != np.uint8 or planes.ndim != 2:
        raise ValueError("the bytes do not lie side by side")
    found: NDArray[np.unsignedinteger] = np.ascontiguousarray(planes.T).view(kind).ravel()
    return found
