"""Start the processes of a demo, each with a log, and end all of them by their ids."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from mirrorlist.core.errors import MirrorlistError

POLL_SECONDS = 0.1
GRACE_SECONDS = 5.0
LOG_LINES_TOLD = 15


class ProcessEnded(MirrorlistError):
    """A process of the demo ended, or never was ready; the message holds the end of its log."""


class DemoStopped(MirrorlistError):
    """The user ended the demo before it was up."""


class Processes:
    """Starts processes; on leaving the ``with`` block all of them are ended within a few seconds.

    Each leads a process group of its own: Ctrl-C in a terminal reaches the demo alone, which then ends them
    in order, and a process that does not end in time takes its children with it.
    """

    def __init__(self, logs: Path, stop: threading.Event) -> None:
        self.logs = logs
        self.stop = stop
        self.running: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end(self.running)

    def start(self, name: str, command: Sequence[str]) -> subprocess.Popen[str]:
        """Start a command that writes its output to ``<logs>/<name>.out``."""
        with self.output_of(name).open("w", encoding="utf-8") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self.running.append(process)
        return process

    def finish(self, name: str, command: Sequence[str]) -> None:
        """Run a command to its end, which must be a good one."""
        process = self.start(name, command)
        while not has_ended(process):
            self.pause()
        if process.returncode:
            raise self.ended(name, process)

    def first_line(self, name: str, process: subprocess.Popen[str], seconds: float) -> str:
        """Wait for the first line that a process writes."""
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            line, newline, _ = self.output_of(name).read_text("utf-8").partition("\n")
            if has_ended(process):
                break
            if newline:
                return line
            self.pause()
        raise self.ended(name, process)

    def pause(self) -> None:
        """Wait a moment, during which the user may stop the demo; take leave of what has ended meanwhile."""
        for process in self.running:
            has_ended(process)
        if self.stop.wait(POLL_SECONDS):
            raise DemoStopped

    def output_of(self, name: str) -> Path:
        """The file that a process writes its output to."""
        return self.logs / f"{name}.out"

    def ended(self, name: str, process: subprocess.Popen[str]) -> ProcessEnded:
        """The error that reports the state of a process, with the last lines of its output."""
        output = self.output_of(name)
        told = "\n".join(output.read_text("utf-8", "replace").splitlines()[-LOG_LINES_TOLD:])
        fate = "is not ready" if process.returncode is None else f"ended with code {process.returncode}"
        return ProcessEnded(f"{name} {fate}; its output is in {output}:\n{told}")


def has_ended(process: subprocess.Popen[str]) -> bool:
    """Whether a process is gone; what it leaves behind of its group is killed when that is first seen.

    At no later time: the number of a group that is gone may belong to somebody else by then.
    """
    if process.returncode is None and process.poll() is not None:
        kill_group(process.pid)
    return process.returncode is not None


def end(processes: Sequence[subprocess.Popen[str]]) -> None:
    """Ask all to end, wait for them, and kill the groups of those that are still there after some seconds."""
    remaining = [process for process in processes if not has_ended(process)]
    for process in remaining:
        process.terminate()
    give_up = time.monotonic() + GRACE_SECONDS
    for process in remaining:
        end_by(process, give_up)


def end_by(process: subprocess.Popen[str], give_up: float) -> None:
    """Waits for a process, and kills its group when the time is over."""
    while not has_ended(process):
        if time.monotonic() > give_up:
            kill_group(process.pid)
            process.wait()
        time.sleep(POLL_SECONDS / 10)


def kill_group(leader: int) -> None:
    """Kills a process group, if it is still there."""
    with suppress(ProcessLookupError, PermissionError):  # macOS says EPERM of a group of zombies
        os.killpg(leader, signal.SIGKILL)
