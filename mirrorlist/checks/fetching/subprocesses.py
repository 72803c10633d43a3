"""Limits for programs that talk to strangers: their memory, their output, and the end of all they started."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
from typing import IO

MOST_TOLD = 4096
"""Bytes that are kept of what a program says on standard error, from the end."""


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a program that leads a session, and whatever it started, which would hold the pipes open."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def limit_memory(process_id: int, most: int) -> None:
    """A list without end fills the client's memory before it prints a line."""
    try:
        resource.prlimit(process_id, resource.RLIMIT_AS, (most, most))
    except ProcessLookupError:
        return  # it has ended already


def hear(stream: IO[bytes], said: bytearray) -> None:
    """Keeps the end of what is said, so that a talkative client neither blocks nor fills the memory."""
    while chunk := stream.read(1024):
        said += chunk
        del said[:-MOST_TOLD]
