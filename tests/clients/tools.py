"""Whether the programs that a client test drives are installed."""

from __future__ import annotations

import os
import shutil

import pytest


def need(*programs: str) -> None:
    """Skip the test when a program is missing; fail it where all clients are required."""
    missing = [program for program in programs if shutil.which(program) is None]
    if not missing:
        return
    reason = f"not installed: {', '.join(missing)}"
    if os.environ.get("MIRRORLIST_TEST_REQUIRE_CLIENTS") == "1":
        pytest.fail(f"{reason}, and MIRRORLIST_TEST_REQUIRE_CLIENTS=1 wants every client", pytrace=False)
    pytest.skip(reason)
