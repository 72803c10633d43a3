"""kit, as it is called: what it writes, what it tells, and its status."""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mirrorlist.cli.main import main
from mirrorlist.core.catalogue.service import SYNC_OPTIONS, sync_command
from mirrorlist.core.health.probe_run import RunResult
from mirrorlist.core.health.verdicts import Family, HealthPolicy, Probe, ProbeOutcome, Subject, judged
from mirrorlist.core.model import MAIN, Protocol
from mirrorlist.store.database import open_database
from mirrorlist.store.health import HealthStore, Run

SERVICE = """\
name: Example Linux
versions: ["9"]
arches: {"9": [x86_64]}
repos: [{name: baseos, path: BaseOS/$basearch/os/}]
sync:
  policy: mirrors
  sources:
    - {name: Tokyo, country: JP, city: Tokyo, rsync: {main: rsync://tokyo.example.net/linux/}}
"""
HOST = "m.example.org"
NEAR = "near.example.org"


def mirror_text(host: str) -> str:
    return (
        f"name: {host}\naddress: {{https: 'https://{host}/linux/', rsync: 'rsync://{host}/linux/'}}\n"
        "geolocation: {country: DE, city: Berlin}\n"
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "mirrors.d").mkdir()
    (tmp_path / "service.yml").write_text(SERVICE)
    for host in (HOST, NEAR):
        (tmp_path / "mirrors.d" / f"{host}.yml").write_text(mirror_text(host))
    return tmp_path


def kit(checkout: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["--config", str(checkout / "service.yml"), "kit", *words])


def test_all_files_are_written_and_programs_can_run(checkout: Path) -> None:
    out = checkout / "out"
    done = kit(checkout, HOST, "--out", str(out))
    assert done.exit_code == 0, done.output
    found = {str(path.relative_to(out)): os.access(path, os.X_OK) for path in out.rglob("*") if path.is_file()}
    assert found == {
        "README.md": False,
        "sync/example-linux-main": True,
        "systemd/example-linux-main.service": False,
        "systemd/example-linux-main.timer": False,
        "cron/example-linux": False,
        "nginx/example-linux.conf": False,
        "nginx/example-linux-tls.conf": False,
        "certbot/example-linux-renewed": True,
        "rsyncd.conf": False,
    }
    assert done.stdout.endswith(f"{out}/README.md lists the steps\n")


def test_programs_read_what_a_kit_copies(checkout: Path) -> None:
    out = checkout / "out"
    told = json.loads(kit(checkout, HOST, "--out", str(out), "--json").stdout)
    assert (told["name"], told["directory"]) == (HOST, str(out))
    assert all(each["source"] and each["why"] for each in told["modules"])


def test_a_kit_that_is_there_stays_but_with_force(checkout: Path) -> None:
    out = checkout / "out"
    kit(checkout, HOST, "--out", str(out))
    (out / "README.md").write_text("my notes")
    done = kit(checkout, HOST, "--out", str(out))
    assert (done.exit_code, (out / "README.md").read_text()) == (1, "my notes")
    assert "is not empty; name another one with --out, or write over it with --force" in done.stderr
    assert kit(checkout, HOST, "--out", str(out), "--force").exit_code == 0
    assert "my notes" not in (out / "README.md").read_text()


def test_a_mirror_that_is_not_there_is_told(checkout: Path) -> None:
    done = kit(checkout, "nobody.example.org")
    assert done.exit_code == 1
    assert "describes nobody.example.org; mirrorlist new writes one" in done.stderr


def probed(checkout: Path, outcome: ProbeOutcome) -> None:
    """A prober looked at the mirror near by an hour ago, and this came of one repository."""
    tree = Subject(NEAR, MAIN, Protocol.RSYNC, Family.IPV4)
    repository = Subject(NEAR, MAIN, Protocol.HTTPS, Family.IPV4, "9/BaseOS/x86_64/os/")
    recorded(checkout, {tree: ProbeOutcome.GOOD, repository: outcome})


def recorded(checkout: Path, outcomes: Mapping[Subject, ProbeOutcome]) -> None:
    """A prober found this an hour ago, twice."""
    (checkout / "state").mkdir()
    store, now = HealthStore(open_database(checkout / "state")), time.time() - 3600
    probes = [Probe(subject, now, 0.1, outcome) for subject, outcome in outcomes.items()]
    verdicts = {each.subject: judged(judged(None, each, HealthPolicy()), each, HealthPolicy()) for each in probes}
    number = store.begin_run(now)
    store.record(RunResult(verdicts, (), ()), {})
    store.end_run(Run(number, now, 1.0, 1, 2, ()))


@pytest.mark.parametrize(
    ("outcome", "source", "told"),
    [
        (ProbeOutcome.FRESH, f"rsync://{NEAR}/linux/", f"{NEAR} (0 km away): the nearest"),
        (
            ProbeOutcome.STALE,
            "rsync://tokyo.example.net/linux/",
            f"{NEAR} was passed over: its 9/BaseOS/x86_64/os/ is not",
        ),
    ],
)
def test_what_the_prober_found_decides(outcome: ProbeOutcome, source: str, told: str, checkout: Path) -> None:
    probed(checkout, outcome)
    done = kit(checkout, HOST, "--out", str(checkout / "out"))
    assert f"main: copies {source}\n" in done.stdout
    assert told in done.stdout


def test_a_source_that_is_no_mirror_is_passed_over_while_it_is_down(checkout: Path) -> None:
    text = SERVICE.replace("policy: mirrors", "policy: nearest") + (
        "    - {name: Paris, country: FR, city: Paris, rsync: {main: rsync://paris.example.net/linux/}}\n"
    )
    (checkout / "service.yml").write_text(text)
    recorded(checkout, {Subject("source://Paris", MAIN, Protocol.RSYNC, Family.IPV4): ProbeOutcome.CLOSED})
    done = kit(checkout, HOST, "--out", str(checkout / "out"))
    assert "main: copies rsync://tokyo.example.net/linux/\n" in done.stdout
    assert "Paris was passed over: it does not answer as it should: connection refused." in done.stdout


@pytest.mark.parametrize(
    ("name", "url"), [("Tokyo", "rsync://tokyo.example.net/linux/"), (NEAR, f"rsync://{NEAR}/linux/")]
)
@pytest.mark.parametrize("policy", ["mirrors", "nearest"])
def test_the_owner_may_name_the_source(checkout: Path, name: str, url: str, policy: str) -> None:
    (checkout / "service.yml").write_text(SERVICE.replace("policy: mirrors", f"policy: {policy}"))
    probed(checkout, ProbeOutcome.STALE)
    done = kit(checkout, HOST, "--out", str(checkout / "out"), "--source", name)
    assert done.exit_code == 0, done.stderr
    assert f"main: copies {url}\n  {name} (" in done.stdout
    assert "as you wanted" in done.stdout
    assert url in (checkout / "out" / "sync" / "example-linux-main").read_text()


@pytest.mark.parametrize(("name", "said"), [("Osaka", "'Osaka' is nothing that mirrors may copy; these are: Tokyo, "),
                                            (HOST, f"nothing is known that {HOST} could copy main from")])  # fmt: skip
def test_a_source_that_cannot_be_copied_is_told(checkout: Path, name: str, said: str) -> None:
    done = kit(checkout, HOST, "--out", str(checkout / "out"), "--source", name)
    assert done.exit_code == 1
    assert said in done.stderr
    assert not (checkout / "out").exists()


def test_the_steps_and_the_documentation_have_the_line_that_copies_a_tree(checkout: Path) -> None:
    out = checkout / "out"
    assert kit(checkout, HOST, "--out", str(out), "--source", "Tokyo").exit_code == 0
    line = shlex.join(sync_command("rsync://tokyo.example.net/linux/", "/srv/mirror/example-linux/main"))
    assert f"\n{line}\n" in (out / "README.md").read_text()
    options = shlex.join(SYNC_OPTIONS)
    assert f"\noptions=({options})\n" in (out / "sync" / "example-linux-main").read_text()
    documented = shlex.join(sync_command("rsync://rsync.example.org/linux/", "/srv/mirror/example-linux/main"))
    assert f"\n    {documented}\n" in (Path(__file__).parents[2] / "docs" / "mirroring.md").read_text()
