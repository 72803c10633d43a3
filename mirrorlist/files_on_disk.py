"""Open regular files, write files atomically, map and lock them: shared by every ring that touches disks."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import TypeVar

from mirrorlist.core.errors import MirrorlistError, SnapshotError

LARGEST = 2 << 30
"""Bytes of a file that is read to its end, where no other limit is given."""


def open_regular(path: Path, most_bytes: int = LARGEST) -> BufferedReader:
    """The file, to be read; links are followed. A device or a fifo would block its reader for ever, silently, and a
    sparse file of a terabyte takes no room where it lies.

    Raises:
        OSError: it cannot be opened, is a device, a fifo, a socket or a directory, or is larger.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    found = os.fstat(descriptor)
    fault = "not a regular file; name one" if not stat.S_ISREG(found.st_mode) else ""
    if found.st_size > most_bytes:
        fault = fault or f"larger than {most_bytes} bytes; is it the right file?"
    if fault:
        os.close(descriptor)
        raise OSError(0, fault, str(path))
    return os.fdopen(descriptor, "rb")


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


_REMEDIES = {
    errno.EROFS: "mount its file system for writing",
    errno.ENOSPC: "make room on its file system",
    errno.EDQUOT: "raise the quota of this user",
    errno.EACCES: "let this user write there",
    errno.EPERM: "let this user write there",
}


def unwritable(path: Path, error: OSError) -> str:
    """What is wrong with a file that cannot be written, and what to do, in a line."""
    remedy = _REMEDIES.get(error.errno or 0, "look at the disk that holds it")
    return f"{path} cannot be written: {error.strerror or error}; {remedy}"


def sync_directory(directory: Path) -> None:
    """Returns when the names in a directory are on the disk, if the file system can report it."""
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


# Sealed files are read as views of their bytes: nothing is copied, and processes share the pages.

_Read = TypeVar("_Read")


def read_mapped(path: Path, decode: Callable[[memoryview], _Read]) -> _Read:
    """What ``decode`` makes of a file's bytes, which stay mapped as long as anything of it is a view of them.

    Raises:
        SnapshotError: there is no file, or none that ``decode`` can read; the message begins with the path.
    """
    try:
        with open_regular(path, sys.maxsize) as file:  # of which only what is used is read
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise SnapshotError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise SnapshotError(f"{path}: {error}") from None
    try:
        return decode(memoryview(mapped))
    except SnapshotError as error:
        raise SnapshotError(f"{path}: {error}") from None


# File locks: held by one process of a machine at a time, and released when it exits, however it exits.


def locked(descriptor: int) -> bool:
    """Whether this process holds the lock of the open file now; never waits."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def alone(path: Path, busy: MirrorlistError) -> Iterator[None]:
    """Held by one process at a time, by the lock of a file; the directories above it are made.

    Raises:
        MirrorlistError: another process holds it: ``busy``, as it is given.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        if not locked(file.fileno()):
            raise busy
        yield
