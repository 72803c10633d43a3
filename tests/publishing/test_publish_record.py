"""The publisher puts into the snapshot what pages need: files, verdicts, history, overrides, nothing private."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mirrorlist.core.health.history import DAY
from mirrorlist.core.health.probe_run import HealthChange, RunResult
from mirrorlist.core.health.verdicts import EventKind, Family, Override, Probe, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import Checksummed, Protocol
from mirrorlist.core.public.encoding import PublicFile
from mirrorlist.core.public.types import MirrorState, PublicMirror
from mirrorlist.core.statistics import AskedCell, registers_of
from mirrorlist.publishing.publisher import Inputs, Publisher
from mirrorlist.sources.service.file import read_service
from mirrorlist.store.count_files import CountFiles, update_statistics
from mirrorlist.store.database import open_database
from mirrorlist.store.health import HealthStore, Run
from mirrorlist.store.metadata import MetadataStore
from mirrorlist.store.records import Records
from mirrorlist.store.snapshot_files import read_newest
from tests.building import NOW
from tests.publishing.test_publisher import PATH, SERVICE
from tests.sources.mirrors.test_logos import png
from tests.web.asking import both

A, B = (Checksummed(1000, 1_790_000_000, digit * 64, digit * 128) for digit in "ab")
PNG = png()


class Site:
    """A directory with three mirrors, one of them private, and its stores."""

    def __init__(self, directory: Path, url: str | None = None) -> None:
        self.directory = directory
        mirrors = directory / "mirrors.d"
        mirrors.mkdir()
        (directory / "service.yml").write_text(SERVICE)
        for name, more in (("a", "logo: a.png\n"), ("b", ""), ("hidden", "private: true\nsubnets: [192.0.2.0/24]\n")):
            text = f"name: {name}.example.org\naddress: {{https: https://{name}.example.org/}}\nemail: x@example.org\n{more}"
            (mirrors / f"{name}.example.org.yml").write_text(text)
        (mirrors / "a.png").write_bytes(PNG)
        self.engine = open_database(directory / "state", url)
        self.health, self.metadata = HealthStore(self.engine), MetadataStore(self.engine)
        config = directory / "service.yml"
        records = Records(lambda: self.engine)
        self.publisher = Publisher(Inputs(config), records, read_service(config)[0], lambda: bytes(32))

    def probed(self, name: str, outcome: ProbeOutcome, sha256: str, at: float) -> None:
        """Notes one visit: the tree is reachable, and this version is there."""
        tree = Subject(f"{name}.example.org", "main", Protocol.HTTPS, Family.IPV4)
        content = Subject(f"{name}.example.org", "main", Protocol.HTTPS, Family.IPV4, PATH)
        good = outcome is ProbeOutcome.FRESH
        verdicts = {
            tree: Verdict(True, at, ProbeOutcome.GOOD, at),
            content: Verdict(good, at, outcome, at, sha256=sha256),
        }
        probes = (Probe(tree, at, 0.1, ProbeOutcome.GOOD), Probe(content, at, 0.1, outcome, sha256=sha256))
        self.health.record(RunResult(verdicts, (), probes), {})

    def published(self, now: float) -> tuple[dict[str, PublicMirror], PublicFile]:
        """The public record, as a worker reads it from disk."""
        self.publisher.publish(now)
        snapshot = read_newest(self.directory / "state")
        file = PublicFile(memoryview(snapshot.public))  # type: ignore[arg-type]
        return {mirror.name: mirror for mirror in file.network().mirrors}, file


@pytest.fixture
def site(tmp_path: Path, url: str) -> Iterator[Site]:
    """On SQLite, and on a real PostgreSQL."""
    site = Site(tmp_path, url)
    yield site
    site.engine.dispose()


@pytest.mark.slow
def test_before_the_first_probe_mirrors_are_unknown_and_hidden_ones_are_not_there(site: Site) -> None:
    mirrors, file = site.published(NOW)
    assert {name: mirror.state for name, mirror in mirrors.items()} == {
        "a.example.org": MirrorState.UNKNOWN,
        "b.example.org": MirrorState.UNKNOWN,
    }
    logo = file.logo("a.example.org")
    assert logo is not None
    assert logo.data == PNG
    assert mirrors["b.example.org"].logo is None


@pytest.mark.slow
def test_verdicts_history_and_overrides_are_in_the_record(site: Site) -> None:
    site.metadata.record(PATH, A, NOW - 90_000)
    site.metadata.record(PATH, B, NOW - 50_000)
    site.probed("a", ProbeOutcome.FRESH, "b" * 64, NOW - 60)
    site.probed("b", ProbeOutcome.STALE, "a" * 64, NOW - 60)
    run = site.health.begin_run(NOW - 90)
    site.health.end_run(Run(run, NOW - 90, 30.0, 2, 4))
    mirrors, file = site.published(NOW)
    a, b = mirrors["a.example.org"], mirrors["b.example.org"]
    assert (a.state, a.repositories, a.fresh, a.lag_seconds) == (MirrorState.FRESH, 1, 1, 0.0)
    assert (b.state, b.repositories, b.fresh, b.lag_seconds) == (MirrorState.STALE, 1, 0, 50_000.0)
    detail = file.detail("b.example.org")
    assert detail is not None
    assert [(check.path, check.good, check.outcome) for check in detail.checks] == [
        ("", True, ProbeOutcome.GOOD),
        (PATH, False, ProbeOutcome.STALE),
    ]
    assert len(detail.probes) == 2
    assert detail.lag_days[-1] == 50_000.0
    assert detail.days[-1] == 1.0
    network = file.network()
    assert [run.number for run in network.runs] == [run]
    assert (network.origin_changed_at, network.rungs) == (NOW - 50_000, {"fresh": 1})

    site.health.override(Override("a.example.org", "disks", "boss", NOW, NOW + 600))
    mirrors, _ = site.published(NOW + 1)
    assert mirrors["a.example.org"].state is MirrorState.OUT
    assert b"boss" not in bytes(read_newest(site.directory / "state").public)


@pytest.mark.slow
def test_pages_tell_when_a_mirror_was_last_checked_although_nothing_changed(site: Site) -> None:
    site.metadata.record(PATH, A, NOW - 90_000)
    site.probed("a", ProbeOutcome.FRESH, "a" * 64, NOW - 60)
    assert site.published(NOW)[0]["a.example.org"].checked_at == NOW - 60
    run = site.health.begin_run(NOW + 800)
    with site.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE verdicts SET checked_at = {NOW + 810}")
    site.health.end_run(Run(run, NOW + 800, 30.0, 2, 4))
    assert site.published(NOW + 900)[0]["a.example.org"].checked_at == NOW + 810


@pytest.mark.slow
def test_thirty_days_of_history_reach_the_page_of_a_mirror(site: Site) -> None:
    """Down for the half of a day ten days ago, and behind for three: strip, plot, events and probes tell it."""
    for version, days in ((A, 40), (B, 8)):
        site.metadata.record(PATH, version, NOW - days * DAY)
    tree = Subject("b.example.org", "main", Protocol.HTTPS, Family.IPV4)
    midnight = NOW - NOW % DAY
    site.probed("b", ProbeOutcome.FRESH, "a" * 64, midnight - 20 * DAY)
    for good, at in ((False, midnight - 10 * DAY), (True, midnight - 9.5 * DAY)):
        outcome, why = (ProbeOutcome.GOOD, "") if good else (ProbeOutcome.TIMEOUT, "no answer in 10 s")
        probe = Probe(tree, at, 0.1, outcome)
        site.health.record(RunResult({tree: Verdict(good, at, outcome, at)}, (HealthChange(tree, good, at, outcome, why),),
                                 (probe,)), site.health.verdicts())  # fmt: skip
    site.probed("b", ProbeOutcome.STALE, "a" * 64, NOW - 6 * DAY)
    site.probed("b", ProbeOutcome.FRESH, "b" * 64, NOW - 3 * DAY)
    run = site.health.begin_run(NOW - 90)
    site.health.end_run(Run(run, NOW - 90, 30.0, 2, 4))
    _, file = site.published(NOW)
    detail = file.detail("b.example.org")
    assert detail is not None
    assert len(detail.days) == len(detail.lag_days) == 30
    assert detail.days[:9] == (None,) * 9
    assert detail.days[-11] == pytest.approx(0.5)
    assert set(detail.days[9:]) - {detail.days[-11]} == {1.0}
    assert max(lag for lag in detail.lag_days if lag is not None) == pytest.approx(5 * DAY)
    assert detail.lag_days[-1] == 0.0
    assert [event.kind for event in detail.events] == [EventKind.UP, EventKind.DOWN]
    assert [probe.at for probe in detail.probes] == sorted((probe.at for probe in detail.probes), reverse=True)
    service = both(read_newest(site.directory / "state"))
    page = service.get("/mirrors/b.example.org").body.decode()
    assert page.count('<rect class="bad"') >= 1
    assert "2026-11-08: 50.0%" in page
    told = json.loads(service.get("/api/v1/mirrors/b.example.org/history").body)
    assert [day["available"] for day in told["days"]] == list(detail.days)
    assert service.get("/mirrors/hidden.example.org").status == 404


def test_a_mirror_is_in_the_time_zone_of_its_place(site: Site) -> None:
    file = site.directory / "mirrors.d" / "b.example.org.yml"
    file.write_text(f"{file.read_text()}geolocation: {{country: US, state_province: TN, city: Nashville}}\n")
    mirrors, _ = site.published(NOW)
    assert (mirrors["a.example.org"].time_zone, mirrors["b.example.org"].time_zone) == (None, "America/Chicago")


def test_a_paused_mirror_is_so_since_the_day_in_its_file(site: Site) -> None:
    file = site.directory / "mirrors.d" / "b.example.org.yml"
    file.write_text(f"{file.read_text()}status: paused\nstatus_reason: disks\nstatus_since: 2026-11-02\n")
    found = site.published(NOW)[0]["b.example.org"]
    assert (found.state, found.since) == (MirrorState.PAUSED, 1_793_577_600.0)


def test_what_was_counted_is_published_when_its_day_is_over(tmp_path: Path) -> None:
    site, day = Site(tmp_path), datetime.fromtimestamp(NOW, UTC).date()
    chance = random.Random(1)
    asked = {AskedCell("lists", "baseos", "9.8", "x86_64", "DE").label: 100}
    given = {"DE\ta.example.org": 60, "DE\thidden.example.org": 40}
    clients = {"DE": registers_of(chance.getrandbits(32) for _ in range(50))}
    CountFiles(tmp_path / "state").add({"asked": asked, "given": given}, NOW - DAY, clients)
    site.publisher.publish(NOW)
    before = site.publisher.fingerprint(NOW)
    assert update_statistics(tmp_path / "state", day)
    assert site.publisher.fingerprint(NOW) != before
    site.publisher.publish(NOW)
    record = PublicFile(memoryview(read_newest(tmp_path / "state").public))
    found = record.network().statistics
    assert found is not None
    assert (found.lists, found.mirrors) == (100, {"a.example.org": 60})
    detail = record.detail("a.example.org")
    assert detail is not None
    assert [(each.answers, each.countries) for each in detail.months.values()] == [(60, {"DE": 60})]
    assert record.detail("hidden.example.org") is None
