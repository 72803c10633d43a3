"""Sealed files on disk, read as views of their bytes: nothing is copied, and processes share what they look at."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from mirrorlist.core.errors import SnapshotError
from mirrorlist.regular_files import open_regular

_Read = TypeVar("_Read")


def read_mapped(path: Path, decode: Callable[[memoryview], _Read]) -> _Read:
    """What ``decode`` makes of a file's bytes, which stay mapped as long as anything of it is a view of them.

    Raises:
        SnapshotError: there is no file, or none that ``decode`` can read; the message begins with the path.
    """
    try:
        with open_regular(path) as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise SnapshotError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise SnapshotError(f"{path}: {error}") from None
    try:
        return decode(memoryview(mapped))
    except SnapshotError as error:
        raise SnapshotError(f"{path}: {error}") from None
