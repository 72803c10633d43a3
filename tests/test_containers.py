"""deploy/container: what a linter and what the rules of this project say of its files; tests/test_install.py builds it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.clients.tools import run

CONTAINER = Path(__file__).parents[1] / "deploy" / "container"
HADOLINT = Path(sys.executable).with_name("hadolint")
SERVICES: dict[str, Any] = yaml.safe_load((CONTAINER / "compose.yml").read_text())["services"]


def instructions() -> list[tuple[str, str]]:
    """The instructions of the last stage, by name and argument."""
    text = (CONTAINER / "Containerfile").read_text().replace("\\\n", "")
    lines = [line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#")]
    found = [(name, argument) for name, argument in lines]
    last = max(number for number, (name, _) in enumerate(found) if name == "FROM")
    return found[last:]


@pytest.mark.client
def test_hadolint_has_nothing_to_say(tmp_path: Path) -> None:
    done = run(str(HADOLINT), str(CONTAINER / "Containerfile"), cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_image_runs_as_a_user_without_rights_and_says_how_it_is() -> None:
    found = dict(instructions())
    user = found["USER"]
    assert user == "10001:10001"
    assert [name for name, _ in instructions()].index("USER") < [name for name, _ in instructions()].index("ENTRYPOINT")
    assert "curl" in found["HEALTHCHECK"]


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_a_service_has_no_rights_and_a_root_that_stays_as_it_is(service: dict[str, Any]) -> None:
    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    writable = [volume for volume in service["volumes"] if not volume.endswith(":ro")]
    assert writable == ["state:/var/lib/mirrorlist"]


def test_one_answers_on_loopback_only_and_the_other_waits_until_it_does() -> None:
    assert SERVICES["serve"]["ports"] == ["127.0.0.1:8000:8000"]
    assert SERVICES["serve"]["healthcheck"]["test"][:2] == ["CMD", "curl"]
    assert SERVICES["probe"]["depends_on"] == {"serve": {"condition": "service_healthy"}}
