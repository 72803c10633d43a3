"""``mirrorlist report`` on a published network, and its patch in the hands of real git."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mirrorlist.cli.main import main
from mirrorlist.cli.output.reviews import PAGES
from mirrorlist.core.files.index import File
from mirrorlist.core.files.mirror_listing import listing
from mirrorlist.core.health.probe_run import RunResult
from mirrorlist.core.health.verdicts import Family, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import MAIN, Protocol, Status
from mirrorlist.core.owners.network_report import Leaving, NetworkReport
from mirrorlist.sources.mirrors.files import parse_mirror
from mirrorlist.sources.places.countries import read_countries
from mirrorlist.sources.submissions.changes import paused
from mirrorlist.store.database import open_database
from mirrorlist.store.health import HealthStore
from mirrorlist.store.listings import Listings, OriginFacts
from tests.serving import SERVICE, mirror_file, put

NOW = 1_795_000_000.0
DAY = 86_400.0
REQUIREMENTS = "requirements: {minimum: {update_frequency: 2h}}\n"
OFFER = "status: offered\nstatus_since: 2020-01-06\n"
SYNCING = "status: syncing\nstatus_since: 2026-11-01\n"


class Network:
    """A repository of mirror files whose snapshot is published, with a prober's verdicts."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.mirrors = root / "mirrors.d"
        self.mirrors.mkdir()
        put(root / "service.yml", SERVICE + REQUIREMENTS)
        self.file("down.example.org", "# kept\nstatus: retiring\nstatus_until: 2099-01-01\n...\n")
        self.file("ends.example.org", "agreement: no line feed at the end")
        self.file("live.example.org")
        self.file("offered.example.org", OFFER)
        self.file("syncing.example.org", SYNCING)
        put(self.mirrors / "unread.example.org", mirror_file("unread.example.org"))
        (self.mirrors / "linked.example.org.yml").symlink_to("live.example.org.yml")
        put(self.mirrors / "twice.example.org.yml", mirror_file("live.example.org"))
        put(self.mirrors / "empty.example.org.yml", "")
        self.git("init", "--quiet")
        self.run("publish")
        self.engine = open_database(root / "state")
        names = ("down.example.org", "ends.example.org", "live.example.org")
        long_ago = [Subject(name, MAIN, Protocol.HTTPS, Family.IPV4) for name in names[:2]]
        known = {each: Verdict(False, 1_700_000_000.0, ProbeOutcome.CLOSED, NOW) for each in long_ago}
        good = {replace(long_ago[0], mirror=names[2]): Verdict(True, 1_700_000_000.0, ProbeOutcome.GOOD, NOW)}
        HealthStore(self.engine).record(RunResult(known | good, (), ()), {})
        listings = Listings(root / "state", MAIN)
        files = [File(f"{number}.rpm", 5, 5) for number in range(8)]
        listings.write_origin(OriginFacts("x", NOW, len(files)), files)
        listings.write("syncing.example.org", listing("x", NOW, [(each.path.encode(), 5, 5) for each in files[:6]]))

    def file(self, name: str, more: str = "") -> None:
        put(self.mirrors / f"{name}.yml", mirror_file(name) + more)

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", "-C", str(self.root), *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run(self, *words: str) -> Result:
        done = CliRunner().invoke(main, ["--config", str(self.root / "service.yml"), *words])
        assert done.exit_code == 0, (done.output, done.exception)
        return done


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    made = Network(tmp_path_factory.mktemp("network"))
    yield made
    made.engine.dispose()


def test_the_text_fits_80_columns_and_tells_everything(network: Network) -> None:
    lines = network.run("report").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    text = " ".join(" ".join(lines).split())
    for said in (
        "Mirrors by state offered: 1 syncing: 1 live: 2 retiring: 1",
        "offered.example.org: waits since 2020-01-06,",
        "syncing.example.org: syncing, 75 %, may go live on 20",
        "live.example.org: update_frequency is 3h, minimum is 2h",
        "down.example.org: connection refused since 2023-11-14 22:13,",
        "Retiring down.example.org: until 2099-01-01",
    ):
        assert said in text
    assert "live.example.org: connection" not in text


def test_json_has_the_same_for_programs(network: Network) -> None:
    found = json.loads(network.run("report", "--format", "json").stdout)
    assert found["states"] == {
        "offered": ["offered.example.org"], "syncing": ["syncing.example.org"],
        "live": ["ends.example.org", "live.example.org"], "retiring": ["down.example.org"],
    }  # fmt: skip
    assert [each["mirror"] for each in found["down"]] == ["down.example.org", "ends.example.org"]
    assert found["coming"][0]["percent"] == 75.0
    for key, names in {"unread": ("linked", "unread"), "refused": ("empty", "twice")}.items():
        told = [each.partition(":")[0].rpartition("/")[2].partition(".")[0] for each in found[key]]
        assert sorted(told) == [*names], "files that give no mirror"
    assert found["leaving"] == [{"mirror": "down.example.org", "until": "2099-01-01", "reason": None}]


def test_in_markdown_a_strangers_words_are_text() -> None:
    evil = Leaving("a.example.org", None, "<img src=x> [y](z) @all\n::error:: `|`\x1b[2J")
    page = PAGES["markdown"](NetworkReport("N", NOW, None, None, {}, (), (), (), (), (evil,)))
    assert not any(sign in page.replace("<!-- -->", "") for sign in ("<", "[", "`", "@", "\x1b", "|"))
    assert "&#64;<!-- -->all" in page  # GitHub would read a bare entity as a mention
    assert "::error::" not in [line.lstrip()[:9] for line in page.splitlines()]


def test_git_applies_the_patch_that_removes_or_pauses(network: Network, tmp_path: Path) -> None:
    file = tmp_path / "down.patch"
    told = network.run("report", "--patch", str(file))
    assert f"{file}: 2 mirrors; git apply {file}" in told.stderr
    network.git("apply", str(file))
    assert sorted(path.name.partition(".")[0] for path in network.mirrors.iterdir()) == [
        "empty", "linked", "live", "offered", "syncing", "twice", "unread",
    ]  # fmt: skip
    network.git("apply", "--reverse", str(file))
    network.run("report", "--patch", str(file), "--patch-by", "pause")
    network.git("apply", str(file))
    for name in ("down.example.org", "ends.example.org"):
        data = (network.mirrors / f"{name}.yml").read_bytes()
        mirror, findings = parse_mirror(data, f"{name}.yml", (MAIN,), read_countries())
        assert mirror and (mirror.status, mirror.status_until) == (Status.PAUSED, None)
        assert mirror.status_reason == "Down since 2023-11-14."
        assert findings == ()
    assert b"# kept\nstatus: paused\n" in (network.mirrors / "down.example.org.yml").read_bytes()
    network.git("apply", "--reverse", str(file))
    told = network.run("report", "--down-days", "99999", "--patch", str(file))
    assert told.stderr == f"{file}: empty, there is nothing to take out\n"
    assert file.read_bytes() == b""


HEAD = b"name: a.example\naddress: {http: http://a.example/x/}\n"


@pytest.mark.parametrize(
    ("data", "can"),
    [
        (HEAD, True), (HEAD.replace(b"\n", b"\r\n"), True), (HEAD + b"...\n", True), (b"---\n" + HEAD + b"\n\n", True),
        (HEAD + b"status_reason: >-\n  two\n  lines\nstatus: paused\n", False), (b"{" + HEAD[:-1] + b"}", False),
        (b'{"name": "a.example", "address": {"http": "http://a.example/x/"}}', False), (b"name: [", False),
    ],
)  # fmt: skip
def test_a_file_is_paused_by_a_few_lines_or_not_at_all(data: bytes, can: bool) -> None:
    around = ((MAIN,), read_countries())
    from_now = paused(data, "a.example.yml", "Down.", date(2026, 11, 22), around)
    assert (from_now is not None) is can
    if from_now:
        mirror = parse_mirror(from_now, "a.example.yml", *around)[0]
        assert mirror and mirror.status_since == "2026-11-22"
