"""Locks on files: held by one process of a machine at a time, and given back when it ends, however it ends."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mirrorlist.core.errors import MirrorlistError


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
