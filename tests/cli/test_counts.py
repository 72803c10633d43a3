"""``mirrorlist counts`` tells what workers wrote down."""

from __future__ import annotations

import json
import time
from pathlib import Path

from click.testing import CliRunner

from mirrorlist.cli.main import main
from mirrorlist.store.count_files import CountFiles

SERVICE = """\
versions: ["9"]
arches: {"9": [x86_64]}
repos:
  - {name: baseos, path: BaseOS/$basearch/os/}
"""


def told(directory: Path, *arguments: str) -> str:
    service = directory / "service.yml"
    if not service.exists():
        service.write_text(SERVICE)
    command = ["--config", str(service), "--state", str(directory / "state"), "counts", *arguments]
    result = CliRunner().invoke(main, command, env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    return result.stdout


def test_counts_of_all_workers_are_summed_and_the_largest_come_first(tmp_path: Path) -> None:
    for worker in (CountFiles(tmp_path / "state"), CountFiles(tmp_path / "state")):
        worker.add({"country": {"DE": 5, "FR": 1, "JP": 2}, "rung": {"fresh": 8}}, time.time())
    lines = told(tmp_path, "--by", "country", "--top", "2").splitlines()
    rows = [line.split() for line in lines if line.strip()]
    assert rows == [["country"], ["DE", "10", "62.5%"], ["JP", "4", "25.0%"], ["1", "more", "2"]]
    assert json.loads(told(tmp_path, "--json"))["rung"] == {"fresh": 16}


def test_a_service_that_answered_nothing_says_so(tmp_path: Path) -> None:
    assert told(tmp_path) == "Nothing was answered on these days.\n"
