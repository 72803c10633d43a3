"""Starts mirror servers for a test, ends them by their process ids, and reads what they logged."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mirrorlist.demo.mirror_server import LoggedRequest


def read_log(path: Path) -> tuple[LoggedRequest, ...]:
    """The requests that a mirror answered, in their order; none while there is no log yet."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return tuple(_logged_request(line) for line in lines)


def _logged_request(line: str) -> LoggedRequest:
    method, path, user_agent, status = line.split("\t")
    return LoggedRequest(method, path, user_agent, int(status))


@contextmanager
def mirror_server(root: Path, log: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The URL (with a final slash) of a mirror of ``root``, and its process."""
    command = [sys.executable, "-m", "mirrorlist.demo.mirror_server"]
    process = subprocess.Popen(
        [*command, "--root", str(root), "--port", "0", "--log", str(log)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/", process
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stdout.close()
