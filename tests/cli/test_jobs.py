"""``mirrorlist jobs`` and ``mirrorlist keeper``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mirrorlist.cli.main import main
from mirrorlist.core.errors import MirrorlistError
from mirrorlist.store.jobs import JobRecords
from tests.serving import SERVICE, checkout, processes, put, until

PATIENCE = 60.0


def told(state: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["--state", str(state), "jobs", *options])


def test_jobs_are_shown_with_their_results_and_the_status_tells_failures(tmp_path: Path) -> None:
    assert (told(tmp_path).exit_code, told(tmp_path).stdout.startswith("No job ran here yet")) == (0, True)
    records = JobRecords(tmp_path, lambda: 1_795_000_000.0)
    with records.running("publish", None):
        pass
    assert told(tmp_path).exit_code == 0
    with pytest.raises(MirrorlistError), records.running("geo", 3600.0):
        raise MirrorlistError("the key is refused")
    done = told(tmp_path)
    assert done.exit_code == 1
    [_, geo, publish] = done.stdout.splitlines()
    assert geo.split() == [
        "geo", "2026-11-18", "11:06", "0.0", "s", "2026-11-18", "12:06", "failed:", "the", "key", "is", "refused",
    ]  # fmt: skip
    assert publish.split()[-1] == "good"
    found = json.loads(told(tmp_path, "--json").stdout)
    assert [(each["name"], each["error"]) for each in found] == [("geo", "the key is refused"), ("publish", None)]


@pytest.mark.slow
def test_a_keeper_publishes_and_probes_without_answering_anybody(tmp_path: Path) -> None:
    config = checkout(tmp_path, "a.example.org")
    (tmp_path / "origin").mkdir()
    put(config, SERVICE + f"origin: {tmp_path}/origin\n")
    command = [sys.executable, "-m", "mirrorlist", "--config", str(config), "keeper", "--probe-every", "1h"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    records = JobRecords(tmp_path / "state")
    try:
        wanted = {"metadata", "probe", "publish", "subnets"}
        until(PATIENCE, lambda: {each.name for each in records.all() if each.succeeded_at} >= wanted)
        children = {row.pid for row in processes().values() if row.parent == process.pid}
        assert len(children) == 2
        process.terminate()
        assert process.wait(PATIENCE) == 0
        until(PATIENCE, lambda: not children & processes().keys())
    finally:
        process.kill()
        process.wait()
