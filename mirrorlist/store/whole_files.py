"""Files written whole or not at all: on disk first, then renamed to their name."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

_TEMPORARY = ".tmp."


def write_whole(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Replaces a file; a crash or a full disk leaves the former one. Directories above it are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{_TEMPORARY}{os.getpid()}.{path.name}")
    try:
        write_to_disk(temporary, parts)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(path.parent)


def write_to_disk(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Writes a file, and returns when its bytes are on the disk; its name may not be before ``sync_directory``."""
    with path.open("wb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())


def sync_directory(directory: Path) -> None:
    """Returns when the names in a directory are on the disk, where the file system can tell."""
    with contextlib.suppress(OSError):  # some file systems cannot sync a directory
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_left_overs(directory: Path) -> None:
    """Removes what killed writers left in a directory; call it where nobody else writes."""
    for entry in directory.glob(f"{_TEMPORARY}*"):
        entry.unlink(missing_ok=True)
