"""The programs that a client test drives: whether they are installed, and how they are run."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

TIMEOUT_SECONDS = 60


def need(*programs: str) -> None:
    """Skip the test when a program is missing; fail it where all clients are required."""
    missing = [program for program in programs if shutil.which(program) is None]
    if not missing:
        return
    reason = f"not installed: {', '.join(missing)}"
    if os.environ.get("MIRRORLIST_TEST_REQUIRE_CLIENTS") == "1":
        pytest.fail(f"{reason}, and MIRRORLIST_TEST_REQUIRE_CLIENTS=1 wants every client", pytrace=False)
    pytest.skip(reason)


def run(*command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a client in a directory of the test, with its home there; the output is text, in English."""
    given = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(cwd), "no_proxy": "*"}
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False, env=given | environment
    )
