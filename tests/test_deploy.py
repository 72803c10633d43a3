"""The files of deploy/ are what ``mirrorlist init`` writes, and what the programs accept that read them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mirrorlist.installing.installation import Installation, Proxy, installation_files
from tests.clients.tools import need, run

DEPLOY = Path(__file__).parents[1] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
MOST_EXPOSED = 2.0


def test_they_are_made_of_the_templates_of_init() -> None:
    """scripts/build-deploy writes them anew."""
    made = {
        file.name: file.text
        for proxy in Proxy
        for file in installation_files(Installation(proxy=proxy))
        if "/" in file.name and not file.name.startswith("mirrors.d/")
    }
    folders = {name.partition("/")[0] for name in made}
    there = {
        str(path.relative_to(DEPLOY)): path.read_text(encoding="utf-8")
        for folder in folders for path in (DEPLOY / folder).iterdir()
    }  # fmt: skip
    assert there == made


@pytest.mark.client
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_sealed_off(unit: Path, tmp_path: Path) -> None:
    need("systemd-analyze")
    done = run("systemd-analyze", "security", "--offline=true", "--no-pager", str(unit), cwd=tmp_path)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) < MOST_EXPOSED


@pytest.mark.client
def test_systemd_has_nothing_to_say_on_the_units(tmp_path: Path) -> None:
    """But for the program, which is not installed for a test."""
    need("systemd-analyze")
    program = tmp_path / "mirrorlist"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for unit in UNITS:
        (tmp_path / unit.name).write_text(unit.read_text().replace("/usr/bin/mirrorlist", str(program)))
    done = run("systemd-analyze", "verify", "--man=no", *(str(tmp_path / unit.name) for unit in UNITS), cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.client
def test_caddy_would_format_its_file_as_it_is(tmp_path: Path) -> None:
    need("caddy")
    file = DEPLOY / "caddy" / "Caddyfile"
    assert run("caddy", "fmt", str(file), cwd=tmp_path).stdout == file.read_text()
