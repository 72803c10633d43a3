"""A release can be made from this very commit: it builds, installs outside the checkout, and serves."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from mirrorlist import __version__

ROOT = Path(__file__).parents[1]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
GROUPS = ["Security", "Added", "Changed", "Deprecated", "Removed", "Fixed"]


def test_the_changelog_is_in_the_layout_of_keep_a_changelog() -> None:
    sections = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    assert sections[0] == "Unreleased"
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", each) for each in sections[1:])
    assert sections[1].startswith(f"{__version__} - ")
    assert set(re.findall(r"^### (.*)$", CHANGELOG, re.MULTILINE)) <= set(GROUPS)


@pytest.mark.slow
def test_a_release_can_be_made() -> None:
    """The build takes the commit, not the working tree, so what is not committed yet is not seen here."""
    done = subprocess.run(["bash", "scripts/release", "--dry-run"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.endswith(f"v{__version__} can be released; nothing was changed\n")
