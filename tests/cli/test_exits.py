"""The status of every command: 0 where it did what it was asked for, another where not, and then one line that says why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mirrorlist.cli.main import main
from tests.cli.test_commands import ASKED, fill
from tests.test_docs import ALL

ROOT = Path(__file__).parents[2]
NAMES = [each.removeprefix("mirrorlist ") for each in ALL]
WITHOUT_FACTS = {
    "init": "writes files",
    "new": "writes a file; validate --json judges it",
    "serve": "stays, and logs",
    "keeper": "stays, and logs",
    "demo": "prints lines to paste",
    "notify": "leaves a mark",
    "channel-key": "prints the key and nothing else",
}
"""Commands without --json, and why."""
ELSEWHERE = {
    "serve": "tests/test_server.py",
    "keeper": "tests/test_upkeep.py",
    "demo": "tests/demo",
    "compare": "tests/cli/test_compare.py",
    "follow": "tests/following",
    "pull": "tests/pulling",
    "import": "tests/importing",
    "mail": "tests/publishing/test_mail.py",
    "doctor": "tests/cli/test_doctor.py",
    "probe": "tests/cli/test_probe.py",
    "kit": "tests/cli/test_kit.py",
    "update geo": "tests/publishing",
    "update clouds": "tests/publishing",
    "which": "tests/indexing",
    "update files": "tests/indexing",
    "release wait": "tests/cli/test_release.py",
}
"""Commands whose success needs a server, a repository or a process of its own, and where it is seen."""
NEW = ("--name", "new.example.org", "--https", "https://new.example.org/linux/", "--sponsor", "Example", "--email",
       "a@example.org", "--country", "DE", "--update-frequency", "3h", "--sponsor-url", "https://example.org/",
       "--offline")  # fmt: skip

SUCCESSES = {
    "init": ["DIR/made", "--name", "Example"],
    "publish": ["--json"],
    "jobs": [],
    "report": ["--json"],
    "counts": [],
    "stats": ["--json"],
    "explain": ["--ip", "8.8.8.8", *ASKED],
    "list": ["--ip", "8.8.8.8", *ASKED],
    "mirrors": ["--json"],
    "health": ["own.example.org"],
    "new": [*NEW],
    "validate": ["--json"],
    "preview": ["DIR/mirrors.d/cloud.example.org.yml", "--json"],
    "rsync-acl": ["--json"],
    "override": ["own.example.org", "--out", "--for", "6h", "--reason", "disk", "--json"],
    "update metadata": ["--json"],
    "update subnets": ["--json"],
    "update stats": ["--json"],
    "notify": [],
    "channel-key": ["DIR/key"],
}
FAILURES = {
    "init": (1, ["DIR/mirrors.d/own.example.org.yml"]),
    "serve": (2, ["--workers", "0"]),
    "keeper": (2, ["--probe-every", "x"]),
    "publish": (2, ["--watch", "--json"]),
    "demo": (1, ["--once", "--stale", "nobody"]),
    "doctor": (2, ["--port", "0x"]),
    "jobs": (2, ["--days", "1"]),
    "report": (2, ["--down-days", "x"]),
    "counts": (2, ["--days", "0"]),
    "stats": (2, ["--weeks", "0"]),
    "explain": (1, ["--ip", "8.8.8.8.8", *ASKED]),
    "list": (1, ["--ip", "8.8.8.8", "--version", "9", "--repo", "base"]),
    "compare": (1, ["http://127.0.0.1:9/", "--timeout", "1"]),
    "mirrors": (2, ["--name"]),
    "health": (1, ["nobody"]),
    "which": (1, ["9.8/BaseOS/x86_64/os/a.rpm"]),
    "new": (2, ["--name", "other.example.org", "--https", "ftp://other.example.org/", "--offline"]),
    "validate": (1, ["DIR/service.yml"]),
    "preview": (1, ["DIR/none.yml"]),
    "import": (2, ["table", "DIR/none.csv", "--out", "DIR/imported"]),
    "pull": (1, ["ftp://example.org/x.git", "--into", "DIR/pulled", "--once"]),
    "kit": (1, ["none.example.org"]),
    "rsync-acl": (2, ["--jsn"]),
    "mail": (2, ["--json"]),
    "override": (2, ["own.example.org", "--out", "--reason", "no time is named"]),
    "probe": (1, ["--mirror", "nobody"]),
    "update metadata": (2, ["--watch", "--json"]),
    "update subnets": (1, ["--accept", "nobody"]),
    "update geo": (2, []),
    "update clouds": (2, []),
    "update files": (2, ["--json"]),
    "update stats": (2, ["--jsn"]),
    "notify": (2, ["--url", "https://mirrors.example.org/"]),
    "release wait": (1, ["--repo", "base-9"]),
    "channel-key": (2, ["DIR/none/key"]),
    "follow": (2, ["DIR", "--key", "x", "--json"]),
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = fill(tmp_path_factory.mktemp("exits"))
    for name in ("update metadata", "publish"):
        assert run(directory, name, []).exit_code == 0
    return directory


def run(checkout: Path, name: str, words: list[str]) -> Result:
    given = [word.replace("DIR", str(checkout)) for word in words]
    before = ["--config", str(checkout / "service.yml")]
    return CliRunner().invoke(main, [*before, *name.split(), *given], prog_name="mirrorlist", env={"COLUMNS": "80"})


def test_every_command_has_its_rows() -> None:
    assert set(NAMES) == set(FAILURES)
    assert set(NAMES) == set(SUCCESSES) | set(ELSEWHERE)
    assert [place for place in ELSEWHERE.values() if not (ROOT / place).exists()] == []


def test_every_command_that_prints_facts_prints_json() -> None:
    with_json = {name for name, command in zip(NAMES, ALL.values(), strict=True)
                 if any("--json" in each.opts for each in command.params)}  # fmt: skip
    assert set(NAMES) - with_json == set(WITHOUT_FACTS)


@pytest.mark.parametrize("name", SUCCESSES)
def test_what_was_done_is_status_0(checkout: Path, name: str) -> None:
    done = run(checkout, name, SUCCESSES[name])
    assert done.exit_code == 0, done.output
    if "--json" in SUCCESSES[name]:
        json.loads(done.stdout)


@pytest.mark.parametrize("name", FAILURES)
def test_what_was_not_done_is_another_status_and_a_line(checkout: Path, name: str) -> None:
    status, words = FAILURES[name]
    done = run(checkout, name, words)
    assert done.exit_code == status, done.output
    assert "Traceback" not in done.output
    assert "Errno" not in done.output
    assert done.output.strip()
