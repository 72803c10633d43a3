"""The lock file of deployments: complete, with hashes, and made for the present setup.cfg."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "packaging" / "requirements.lock"
PINNED = re.compile(r"([a-z0-9-]+)(?:\[[a-z,]+\])?==([^ ;]+)(?: ; .*?)?((?: --hash=sha256:[0-9a-f]{64})+)")


def locked() -> dict[str, str]:
    """The version of each package; every line is pinned and has hashes."""
    text = LOCK.read_text().replace(" \\\n   ", "")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found = {line: PINNED.fullmatch(line) for line in lines}
    assert [line for line, match in found.items() if match is None] == []
    return {canonicalize_name(match[1]): match[2] for match in found.values() if match}


def test_the_lock_has_all_that_the_package_needs_in_versions_that_it_takes() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    wanted = config["options"]["install_requires"] + config["options.extras_require"]["postgres"]
    versions = locked()
    for needed in map(Requirement, wanted.split("\n")[1:]):
        version = versions.get(canonicalize_name(needed.name))
        assert version and needed.specifier.contains(version), f"{needed}: run scripts/lock"


def test_the_lock_names_no_index_and_no_place() -> None:
    assert "://" not in LOCK.read_text()
    assert not re.search(r"^-|@ ", LOCK.read_text(), re.MULTILINE)
