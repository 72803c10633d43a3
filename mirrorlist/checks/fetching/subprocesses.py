"""Run programs that talk to strangers within bounds of time, memory and output, and end all that they started."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import IO

MOST_TOLD = 4096
"""Bytes that are kept of what a program says on standard error, from the end."""
LAST_WORDS_SECONDS = 1.0
"""How long standard error is read when the program has ended but something that it started has not."""


@dataclass(frozen=True, slots=True)
class BoundedProgram:
    """A program at work. ``output`` is what it prints; ``said`` the end of what it says on standard error."""

    process: subprocess.Popen[bytes]
    output: IO[bytes]
    said: bytearray
    late: threading.Event
    hearing: threading.Thread

    def status(self) -> int:
        """Waits for the end of the program: its exit status, or minus the signal that ended it.

        Raises:
            TimeoutError: its time was over first.
        """
        # WNOWAIT: the process stays in the table, so that its number leads to nothing else when the session is ended
        ended = os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)
        self.hearing.join(LAST_WORDS_SECONDS)
        if self.late.is_set() or ended is None:
            raise TimeoutError
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


@contextmanager
def bounded(
    command: Sequence[str],
    seconds: float,
    limits: Mapping[int, int],
    environment: Mapping[str, str],
    given: IO[bytes] | int = subprocess.DEVNULL,
    printed: int = subprocess.PIPE,
) -> Iterator[BoundedProgram]:
    """Starts a program in a session of its own; when this ends, the whole session has ended.

    ``limits`` are resource limits in bytes, by their numbers (``resource.RLIMIT_AS``); ``given`` is its standard
    input; ``printed`` is PIPE for a caller who reads the output to its end before asking for the status, or DEVNULL.

    Raises:
        OSError: it cannot be started.
    """
    process = subprocess.Popen(
        command, stdin=given, stdout=printed, stderr=subprocess.PIPE, env=environment, start_new_session=True
    )
    assert process.stderr is not None
    output = process.stdout or BytesIO()
    late, said = threading.Event(), bytearray()

    def end() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    def end_late() -> None:
        late.set()
        end()

    hearing = threading.Thread(target=_hear, args=(process.stderr, said), daemon=True)
    watch = threading.Timer(seconds, end_late)
    watch.daemon = True
    hearing.start()
    watch.start()
    try:
        for number, most in limits.items():
            with contextlib.suppress(ProcessLookupError):  # it has ended already
                resource.prlimit(process.pid, number, (most, most))
        yield BoundedProgram(process, output, said, late, hearing)
    finally:
        watch.cancel()
        watch.join()
        end()
        output.close()
        process.wait()
        hearing.join()
        process.stderr.close()


def _hear(stream: IO[bytes], said: bytearray) -> None:
    """Keeps the end of what is said, so that a talkative program neither blocks nor fills the memory."""
    while chunk := stream.read(1024):
        said += chunk
        del said[:-MOST_TOLD]
