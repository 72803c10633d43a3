"""``mirrorlist release wait``: from what the origin publishes and the prober wrote down to a status."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mirrorlist.cli.main import main
from mirrorlist.core.health.probe_run import RunResult
from mirrorlist.core.health.verdicts import Family, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import MAIN, Protocol
from mirrorlist.core.public.encoding import PublicFile
from mirrorlist.publishing.publisher import Inputs, Publisher
from mirrorlist.sources.service.file import read_service
from mirrorlist.store.database import open_database
from mirrorlist.store.health import HealthStore, Run
from mirrorlist.store.records import Records
from mirrorlist.store.snapshot_files import read_newest
from tests.publishing.test_origin_update import _publish, _repomd

SERVICE = """\
versions: ["9"]
arches: {"9": [x86_64, aarch64]}
repos:
  - {name: baseos, path: BaseOS/$basearch/os/}
  - {name: sources, path: source/, vault: true}
  - {name: debian, path: /debian/, suites: [stable]}
vault_mirror: https://vault.example.org/
origin: origin
"""
PATHS = {arch: f"9/BaseOS/{arch}/os/" for arch in ("x86_64", "aarch64")}
OLD, NEW = _repomd(1), _repomd(2)
SPEEDS = {"a": 1000, "b": 3000, "c": 6000}


class Released:
    """A service of three mirrors, whose origin publishes NEW since just now; all of them still have OLD."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "mirrors.d").mkdir()
        (directory / "service.yml").write_text(SERVICE)
        for name, speed in SPEEDS.items():
            (directory / "mirrors.d" / f"{name}.example.org.yml").write_text(
                f"name: {name}.example.org\naddress: {{https: 'https://{name}.example.org/'}}\n"
                f"bandwidth_mbps: {speed}\n"
            )
        self.origin(OLD)
        self.engine = open_database(directory / "state")
        inputs, service = Inputs(directory / "service.yml"), read_service(directory / "service.yml")[0]
        self.publisher = Publisher(inputs, Records(lambda: self.engine), service, lambda: bytes(32))
        assert self.run("update", "metadata").exit_code == 0
        self.publisher.publish(time.time())
        self.origin(NEW)

    def origin(self, data: bytes) -> None:
        for path in PATHS.values():
            _publish(self.directory / "origin", path, data)

    def probed(self, **holds: bytes) -> None:
        """The prober saw these versions, of both arches."""
        self.held({name: dict.fromkeys(PATHS.values(), data) for name, data in holds.items()})

    def held(self, holds: Mapping[str, Mapping[str, bytes]]) -> None:
        health, now = HealthStore(self.engine), time.time()
        run, verdicts = health.begin_run(now), dict[Subject, Verdict]()
        for name, versions in holds.items():
            tree = Subject(f"{name}.example.org", MAIN, Protocol.HTTPS, Family.IPV4)
            verdicts[tree] = Verdict(True, now, ProbeOutcome.GOOD, now)
            for path, data in versions.items():
                subject = Subject(tree.mirror, MAIN, Protocol.HTTPS, Family.IPV4, path)
                sha256 = hashlib.sha256(data).hexdigest()
                verdicts[subject] = Verdict(True, now, ProbeOutcome.FRESH, now, sha256=sha256, sha256_at=now)
        health.record(RunResult(verdicts, (), ()), {})
        health.end_run(Run(run, now, 1.0, len(holds), 1, ()))
        self.publisher.publish(now)

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(main, ["--config", str(self.directory / "service.yml"), *words])

    def wait(self, *words: str) -> tuple[int, list[str]]:
        done = self.run("release", "wait", *words)
        assert "Traceback" not in done.output
        return done.exit_code, done.output.splitlines()


@pytest.fixture
def released(tmp_path: Path) -> Iterator[Released]:
    found = Released(tmp_path)
    yield found
    found.engine.dispose()


def test_it_ends_well_when_so_much_of_the_bandwidth_has_what_the_origin_publishes(released: Released) -> None:
    released.probed(a=OLD, b=NEW, c=NEW)
    status, said = released.wait("--repo", "baseos-9", "--percent", "60")
    assert (status, said) == (0, ["9/BaseOS/aarch64/os/  90.0 % of the bandwidth, 2 of 3 mirrors"])
    assert released.wait("--repo", "baseos", "--version", "9", "--percent", "90")[0] == 0


@pytest.mark.slow
def test_it_fails_with_a_sentence_when_the_time_is_over(released: Released) -> None:
    released.probed(a=NEW, b=NEW, c=OLD)
    status, said = released.wait("--repo", "baseos-9", "--percent", "60", "--timeout", "1s")
    assert status == 1
    assert said[-1] == (
        "error: baseos-9: the time is over (1 s), and the change has come to 40.0 % of the bandwidth, 2 of 3 mirrors; "
        "60 % were asked for"
    )


@pytest.mark.slow
def test_the_slowest_arch_counts(released: Released) -> None:
    both = dict.fromkeys(PATHS.values(), NEW)
    released.held({"a": both, "b": both, "c": {PATHS["x86_64"]: NEW, PATHS["aarch64"]: OLD}})
    status, said = released.wait("--repo", "baseos-9", "--percent", "60", "--timeout", "1s")
    assert (status, said[0]) == (1, "9/BaseOS/aarch64/os/  40.0 % of the bandwidth, 2 of 3 mirrors")


@pytest.mark.slow
def test_it_hears_of_mirrors_that_take_up_the_change_meanwhile(released: Released) -> None:
    released.probed(a=OLD, b=OLD, c=OLD)
    later = threading.Timer(1.0, released.probed, kwargs={"c": NEW})
    later.start()
    try:
        status, said = released.wait("--repo", "baseos-9", "--timeout", "1m")
    finally:
        later.join()
    assert status == 0
    assert [line.split("  ")[1] for line in said if "% of the bandwidth" in line] == [
        "0.0 % of the bandwidth, 0 of 3 mirrors", "60.0 % of the bandwidth, 1 of 3 mirrors",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--repo", "nothing-9"), "unknown; write the repository and the version, as in baseos-9"),
        (("--repo", "baseos", "--version", "8"), "--repo baseos-8: unknown"),
        (("--repo", "sources-9"), "mirrors do not carry it, or service.yml names no origin"),
        (("--repo", "baseos-9"), "no prober has looked at the mirrors for a day; run mirrorlist probe"),
    ],
)
def test_what_cannot_be_waited_for_is_told_at_once(released: Released, words: tuple[str, ...], told: str) -> None:
    status, said = released.wait(*words)
    assert status == 1
    assert told in said[-1]


def test_an_origin_that_gives_nothing_is_told(released: Released) -> None:
    released.origin(b"<html>")
    assert released.wait("--repo", "baseos-9")[1][-1].startswith("error: the origin cannot be asked: 9/BaseOS/")
    for path in PATHS.values():
        (released.directory / "origin" / path / "repodata/repomd.xml").unlink()
    assert released.wait("--repo", "baseos-9")[1][-1].endswith(
        "the origin has no repodata/repomd.xml there; publish it first"
    )


def test_of_an_apt_repository_its_suites_are_waited_for(released: Released) -> None:
    path = "debian/dists/stable/"
    assert "debian/dists/stable/: the origin has no InRelease there" in released.wait("--repo", "debian-9")[1][-1]
    file = released.directory / "origin" / path / "InRelease"
    file.parent.mkdir(parents=True)
    sums = f"SHA256:\n {'0' * 64} 9 main/binary-amd64/Packages\n"
    for day in ("01", "02"):
        file.write_text(f"Suite: stable\nDate: Fri, {day} May 2026 12:00:00 UTC\n{sums}")
        assert released.run("update", "metadata").exit_code == 0
    released.publisher.publish(time.time())
    released.held({"b": {path: file.read_bytes()}, "c": {path: b"the one before"}})
    assert released.wait("--repo", "debian-9", "--percent", "20")[0] == 0


def test_mirrors_that_do_not_carry_it_say_nothing(released: Released) -> None:
    released.held({"a": {}})
    assert "no public mirror that answers carries it" in released.wait("--repo", "baseos-9")[1][-1]


def test_the_public_record_holds_how_the_change_spreads(released: Released) -> None:
    released.probed(a=OLD, b=OLD, c=OLD)
    assert released.run("update", "metadata").exit_code == 0
    released.probed(a=NEW, b=OLD, c=OLD)
    released.probed(a=NEW, b=OLD, c=NEW)
    network = PublicFile(read_newest(released.directory / "state").public).network()
    assert [spread.path for spread in network.spreads] == sorted(PATHS.values())
    for spread in network.spreads:
        assert [(each.mirrors, each.of_mirrors, each.bandwidth_percent) for each in spread.points] == [
            (1, 3, 10.0), (2, 3, 70.0),
        ]  # fmt: skip
