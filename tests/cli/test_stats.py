"""``mirrorlist stats`` shows weeks, tables, CSV and pictures; ``update stats`` compiles what is published."""

from __future__ import annotations

import csv
import io
import json
import random
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mirrorlist.cli.main import main
from mirrorlist.core.statistics import AskedCell, SystemName, registers_of
from mirrorlist.store.count_files import CountFiles, read_statistics

DAY = 86_400
CLIENTS = random.Random(1)
MANY = registers_of(CLIENTS.getrandbits(32) for _ in range(50))
FEW = registers_of([1, 2])
OF = AskedCell("lists", "baseos", "9.8", "x86_64", "DE")
COUNTED = OF._replace(age="1", system=SystemName("AlmaLinux", "9.8", "generic", "x86_64"))


def run(state: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--state", str(state), *arguments], env={"COLUMNS": "80"})


def counted(state: Path) -> Path:
    """A state in which something was counted today and eight days ago, by two workers."""
    now = time.time()
    for at in (now - 8 * DAY, now):
        for worker in (CountFiles(state), CountFiles(state)):
            asked = {OF.label: 100, COUNTED.label: 20, AskedCell("files", "baseos", "9.8", "x86_64", "TV").label: 7}
            given = {"DE\tmirror.example.org": 120, "TV\tmirror.example.org": 7}
            worker.add({"asked": asked, "given": given, "country": {"DE": 120}}, at, {"DE": MANY, "TV": FEW})
    return state


def test_tables_fit_a_terminal_and_name_no_country_with_few_clients(tmp_path: Path) -> None:
    done = run(counted(tmp_path), "stats")
    assert done.exit_code == 0, done.output
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "AlmaLinux 9.8 generic x86_64" in done.stdout
    assert "DE " in done.stdout
    assert "TV" not in done.stdout
    assert "TV" in run(tmp_path, "stats", "--floor", "1", "--by", "country").stdout
    weeks = json.loads(run(tmp_path, "stats", "--json").stdout)["weeks"]
    assert [(week["lists"], week["files"], week["systems"]) for week in weeks] == [(240, 14, [40, 0, 0, 0])] * 2


def test_totals_are_csv_of_whole_weeks(tmp_path: Path) -> None:
    done = run(counted(tmp_path), "stats", "--csv")
    [row] = csv.DictReader(io.StringIO(done.stdout))
    assert (row["hits"], row["os_name"], row["sys_age"], row["repo_tag"]) == ("40", "AlmaLinux", "1", "baseos-9.8")
    assert run(tmp_path / "empty", "stats", "--csv").stdout == ",".join(row) + "\n"


@pytest.mark.slow
def test_plots_are_png_and_svg_and_other_names_are_refused(tmp_path: Path) -> None:
    counted(tmp_path)
    for name, begins in (("a.png", b"\x89PNG"), ("a.svg", b"<?xml")):
        done = run(tmp_path, "stats", "--plot", str(tmp_path / name))
        assert done.exit_code == 0, done.output
        assert (tmp_path / name).read_bytes().startswith(begins)
    ET.parse(tmp_path / "a.svg")  # our own
    for refused in ("a.pdf", "none/a.png"):
        done = run(tmp_path, "stats", "--plot", str(tmp_path / refused))
        assert done.exit_code != 0
        assert "--plot" in done.stderr
    assert run(tmp_path / "empty", "stats").stdout == "Nothing was answered in these weeks.\n"


def test_statistics_are_compiled_once_per_day(tmp_path: Path) -> None:
    assert run(counted(tmp_path), "update", "stats").stdout == "statistics were compiled\n"
    assert run(tmp_path, "update", "stats").stdout == "statistics are as they were\n"
    found = read_statistics(tmp_path)
    assert found is not None
    assert found.network.lists == 240
    assert len([*tmp_path.glob("counts/*/*.cells")]) == 2, "of whole days one file is left"
    assert run(tmp_path, "update", "stats").stdout == "statistics are as they were\n"
    assert json.loads(run(tmp_path, "stats", "--json").stdout)["weeks"][0]["lists"] == 240
    (tmp_path / "statistics.json").write_text("{")
    assert read_statistics(tmp_path) is None
    assert run(tmp_path, "update", "stats").stdout == "statistics were compiled\n"


def test_what_arrives_late_from_another_machine_counts(tmp_path: Path) -> None:
    now, node = time.time(), CountFiles(tmp_path)
    node.add({"asked": {OF.label: 100}}, now - DAY, {"DE": MANY})
    assert run(tmp_path, "update", "stats").stdout == "statistics were compiled\n"
    node.add({"asked": {OF.label: 40}}, now - DAY)
    assert run(tmp_path, "update", "stats").stdout == "statistics were compiled\n"
    found = read_statistics(tmp_path)
    assert found is not None
    assert found.network.lists == 140
