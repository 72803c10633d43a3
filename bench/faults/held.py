"""What a case of an attack comes to, and cases that tests of the project make."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Held:
    """What a case came to: whether its bar held, and the figures."""

    ok: bool
    told: str


Case = Callable[[bool], Held]
"""What attacks and measures; ``True`` makes it quick."""


def tested(*paths: str, more: str = "not client") -> Case:
    """A case that tests of the project make."""

    def run(quick: bool) -> Held:
        chosen = f"{more} and not slow" if quick else more
        command = [sys.executable, "-m", "pytest", "-q", "-n0", "-m", chosen, *paths]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        lines = done.stdout.strip().splitlines() or [done.stderr[-200:]]
        failed = [line.split(" - ")[0] for line in lines if line.startswith(("FAILED", "ERROR"))]
        return Held(done.returncode == 0, "; ".join([lines[-1], *failed[:3]]))

    run.__doc__ = "Tests: " + " ".join(paths)
    return run
