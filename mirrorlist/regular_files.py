"""Open regular files only: a device or a fifo would block its reader for ever, silently."""

from __future__ import annotations

import os
import stat
from io import BufferedReader
from pathlib import Path


def open_regular(path: Path) -> BufferedReader:
    """The file, to be read; links are followed.

    Raises:
        OSError: it cannot be opened, or is a device, a fifo, a socket or a directory.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "not a regular file; name one", str(path))
    return os.fdopen(descriptor, "rb")
