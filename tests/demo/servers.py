"""Starts mirror servers for a test, and ends them by their process ids."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
