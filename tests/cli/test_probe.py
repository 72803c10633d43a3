"""probe, health and override against mirrors on loopback, from the files to the database."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from mirrorlist.checks.fetching.fetch import guard_of
from mirrorlist.checks.probing.visit import Visited
from mirrorlist.cli.main import main
from mirrorlist.cli.output.durations import ago, moment
from mirrorlist.cli.probe import line_of
from mirrorlist.core.catalogue.metadata import REPOMD
from mirrorlist.core.catalogue.policy import MeasuredBandwidth, WeightReduction
from mirrorlist.core.catalogue.query import Spellings
from mirrorlist.core.catalogue.service import Profile
from mirrorlist.core.content import NamedFile, NamedFiles
from mirrorlist.core.health.report import REMEDIES
from mirrorlist.core.health.response_times import Pace, SpeedSample
from mirrorlist.core.health.verdicts import Family, Probe, ProbeOutcome, Subject
from mirrorlist.core.model import MAIN, PlaceSource, Protocol
from mirrorlist.core.network.addresses import KnownAddress
from mirrorlist.core.network.public_addresses import refusal
from mirrorlist.core.public.encoding import PublicFile
from mirrorlist.core.selection.select import select
from mirrorlist.probing.prober import Prober, Reporting, RunStopped, work
from mirrorlist.settings import Settings
from mirrorlist.store.addresses import AddressStore
from mirrorlist.store.database import open_database
from mirrorlist.store.health import HealthStore
from mirrorlist.store.leader_election import PROBER, LeaderCandidate, leading, prober_lock
from mirrorlist.store.metadata import MetadataStore
from mirrorlist.store.snapshot_files import read_newest
from tests.building import NOW, client, service
from tests.checks.fetching.test_bounded_socket import AUTHORITY, serving_tls
from tests.checks.probing.test_checks import Planted
from tests.checks.servers import answer, says, serving, stays_silent
from tests.checks.trees import CURRENT, HTML, OLD, Tree
from tests.cli.commands import Commanded

SERVICE = """\
versions: ["9"]
arches: {"9": [x86_64, aarch64]}
repos:
  - {name: baseos, path: BaseOS/$basearch/os/}
origin: origin
profile: intranet
intranet_networks: [127.0.0.0/8, "::1"]
"""
PATHS = ("9/BaseOS/x86_64/os/", "9/BaseOS/aarch64/os/")


@dataclass
class Checkout(Commanded):
    """A service with an origin and mirrors that run; commands are run in its directory."""

    trees: dict[str, Tree]

    @property
    def store(self) -> HealthStore:
        return HealthStore(open_database(self.directory / "state"))


def tree() -> Tree:
    return Tree({path + REPOMD: CURRENT for path in PATHS})


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    trees = {"a.example.org": tree(), "b.example.org": tree()}
    (tmp_path / "mirrors.d").mkdir()
    (tmp_path / "service.yml").write_text(SERVICE)
    with running(trees) as ports:
        for name, port in ports.items():
            text = {"name": name, "address": {"http": f"http://localhost:{port}/"}, "update_frequency": "3h",
                    "sponsor": "Example", "sponsor_url": "https://example.org/", "email": "a@example.org"}  # fmt: skip
            (tmp_path / "mirrors.d" / f"{name}.yml").write_text(yaml.safe_dump(text))
        found = Checkout(tmp_path, trees)
        for body in (OLD, CURRENT):
            for path in PATHS:
                file = tmp_path / "origin" / path / REPOMD
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(body)
            found.told("update", "metadata")
        found.told("publish")
        yield found


@contextmanager
def running(trees: dict[str, Tree]) -> Iterator[dict[str, int]]:
    first, second = trees
    with serving(trees[first], "127.0.0.1") as one, serving(trees[second], "127.0.0.1") as two:
        yield {first: one.port, second: two.port}


def last_line(output: str) -> str:
    return output.rstrip().splitlines()[-1]


def test_a_run_writes_what_it_found(checkout: Checkout) -> None:
    told = checkout.told("probe", "--once")
    assert re.search(r"^a\.example\.org  \d+ requests  \d+\.\d s  good$", told, re.MULTILINE)
    assert re.fullmatch(r"2 mirrors, \d+ requests, \d+\.\d s", last_line(told))
    verdicts = checkout.store.verdicts()
    for name in checkout.trees:
        for path in PATHS:
            verdict = verdicts[Subject(name, MAIN, Protocol.HTTP, Family.IPV4, path)]
            assert (verdict.good_now, verdict.outcome) == (True, ProbeOutcome.FRESH)
    run = checkout.store.last_run()
    assert run is not None
    assert (run.number, run.mirrors, run.kept) == (1, 2, ())


def test_a_change_is_told(checkout: Checkout) -> None:
    checkout.told("probe", "--once")
    for path in PATHS:
        checkout.trees["a.example.org"].files[path + REPOMD] = HTML
    told = checkout.told("probe", "--once")
    assert "down  a.example.org  http ipv4  9/BaseOS/" in told
    assert "wrong content: an HTML page" in told
    assert "b.example.org  http" not in told


def test_a_service_of_inner_mirrors_is_told_how_to_have_them_asked(checkout: Checkout) -> None:
    remedy = "write into service.yml profile: intranet, and the networks under intranet_networks"
    assert remedy not in checkout.told("probe", "--once")
    public = SERVICE.partition("profile:")[0]
    (checkout.directory / "service.yml").write_text(public)
    checkout.told("publish")
    assert remedy in checkout.told("probe", "--once")


def test_a_run_that_is_told_to_stop_asks_nobody_and_writes_nothing(checkout: Checkout) -> None:
    stop, state = threading.Event(), checkout.directory / "state"
    engine = open_database(state)
    with leading(engine, LeaderCandidate(prober_lock(engine, state), 60), PROBER, time.time) as lead:
        assert lead is not None
        stop.set()
        with pytest.raises(RunStopped):
            Prober(state, engine, time.time, 10.0, lead, stop).run()
    assert checkout.store.verdicts() == {}


def test_the_prober_asks_one_more_check(checkout: Checkout) -> None:
    file = checkout.directory / "mirrors.d" / "a.example.org.yml"
    text = yaml.safe_load(file.read_text())
    text["address"]["ftp"] = "ftp://localhost/linux/"
    file.write_text(yaml.safe_dump(text))
    checkout.told("publish")
    state, planted = checkout.directory / "state", Planted()
    engine = open_database(state)
    with leading(engine, LeaderCandidate(prober_lock(engine, state), 60), PROBER, time.time) as lead:
        assert lead is not None
        Prober(state, engine, time.time, 10.0, lead, checks={Protocol.FTP: planted}).run()
    over = [Subject("a.example.org", MAIN, Protocol.FTP, family) for family in Family]
    assert planted.asked == [(subject, "ftp://localhost/linux/") for subject in over]
    assert {checkout.store.verdicts()[subject].outcome for subject in over} == {ProbeOutcome.MISSING}


def test_one_mirror_may_be_probed_alone(checkout: Checkout) -> None:
    assert last_line(checkout.told("probe", "--mirror", "b.example.org")).startswith("1 mirrors, ")
    assert {subject.mirror for subject in checkout.store.verdicts()} == {"b.example.org"}


@pytest.mark.slow
def test_health_tells_what_was_tried_what_came_back_and_what_to_do(checkout: Checkout) -> None:
    assert "was not probed yet" in checkout.told("health", "a.example.org")
    checkout.trees["a.example.org"].files[PATHS[1] + REPOMD] = OLD
    checkout.told("update", "metadata", "--expire-alternates", "baseos-9")
    checkout.told("publish")
    for _ in range(2):
        checkout.told("probe", "--once")
    told = re.sub(r"\s+", " ", checkout.told("health", "a.example.org"))
    assert "http ipv4 good" in told
    assert "1 repository fresh" in told
    assert "http ipv4 OUT" in told
    assert f"{PATHS[1]} stale: a version that the origin has replaced".replace(" ", "") in told.replace(" ", "")
    assert f"Stale: {REMEDIES[ProbeOutcome.STALE]}" in told
    assert "lately" in told
    assert PATHS[0] not in told
    assert PATHS[0] in re.sub(r"\s+", "", checkout.told("health", "a.example.org", "--all"))


@pytest.mark.slow
def test_a_mirror_without_an_image_is_told_and_left_out_of_its_list_only(checkout: Checkout) -> None:
    iso = "9/isos/x86_64/Example-9.iso"
    config = checkout.directory / "service.yml"
    config.write_text(config.read_text() + "images: [{path: 'isos/$basearch/Example-{version}.iso'}]\n")
    (checkout.directory / "origin" / iso).parent.mkdir(parents=True)
    (checkout.directory / "origin" / iso).write_bytes(b"x" * 700)
    checkout.trees["b.example.org"].files[iso] = b"x" * 700
    assert f"missing    {iso.replace('x86_64', 'aarch64')}" in checkout.told("update", "metadata")
    checkout.told("publish")
    for _ in range(2):
        checkout.told("probe", "--once")
    told = re.sub(r"\s+", "", checkout.told("health", "a.example.org"))
    assert "OUT" in told
    assert f"{iso}missing:status404" in told
    assert "1imagethere" in re.sub(r"\s+", "", checkout.told("health", "b.example.org"))
    checkout.told("publish")
    snapshot = read_newest(checkout.directory / "state")
    spellings = Spellings(snapshot.facts.service.catalogue, snapshot.policy)
    asked = [spellings.by_isos("9", "x86_64", {}), spellings.by_name({"path": iso}),
             spellings.by_isos("9", "aarch64", {}), spellings.by_path("9", "baseos", {})]  # fmt: skip
    chosen = [[choice.mirror.name for choice in select(snapshot, query, client(), NOW).choices] for query in asked]
    assert [len(names) for names in chosen] == [1, 1, 2, 2]
    assert chosen[0] == chosen[1] == ["b.example.org"]


@pytest.mark.slow
def test_addresses_are_noted_and_place_mirrors_that_say_no_place(checkout: Checkout) -> None:
    config = checkout.directory / "service.yml"
    config.write_text(
        config.read_text() + "geo: {overrides: [{prefix: 127.0.0.0/8, country: DE, city: Ulm, asn: 64500}]}\n"
    )
    hidden = checkout.directory / "mirrors.d" / "b.example.org.yml"
    hidden.write_text(hidden.read_text() + "private: true\nasn: 64501\n")
    checkout.told("publish")
    checkout.told("probe", "--once")
    known = AddressStore(open_database(checkout.directory / "state")).known()
    assert {name: KnownAddress("127.0.0.1", 64_500) in found for name, found in known.items()} == {
        "a.example.org": True,
        "b.example.org": True,
    }
    checkout.told("publish")
    facts = read_newest(checkout.directory / "state").facts
    open_one, private = facts.mirrors
    assert open_one.location is not None
    assert (open_one.location.country, open_one.location.source) == ("DE", PlaceSource.ADDRESS)
    assert private.location is None
    assert [finding.code for finding in facts.findings if "127.0.0.1" in finding.message] == []
    explained = checkout.told("explain", "--all", "--ip", "127.0.0.9", "--version", "9", "--repo", "baseos")
    assert "placed by its addresses (1):" in explained


@pytest.mark.slow
def test_the_days_of_a_certificate_are_told_with_a_warning(checkout: Checkout) -> None:
    with serving_tls("localhost", talk=tree(), days=5.5, on="127.0.0.1") as secure:
        file = checkout.directory / "mirrors.d" / "a.example.org.yml"
        url = secure.url("/", "https", "localhost")
        file.write_text(re.sub("http: .*", f"https: {url}", file.read_text()))
        checkout.told("publish")
        (checkout.directory / "ca.pem").write_bytes(AUTHORITY.cert_pem.bytes())
        command = [sys.executable, "-m", "mirrorlist", "--config", str(checkout.directory / "service.yml"), "probe",
                   "--mirror", "a.example.org"]  # fmt: skip
        environment = {**os.environ, "SSL_CERT_FILE": str(checkout.directory / "ca.pem")}
        subprocess.run(command, check=True, env=environment, capture_output=True, timeout=120)
    told = checkout.told("health", "a.example.org")
    assert "certificategoodfor5days" in re.sub(r"\s+", "", told)
    assert f"warning: the certificate of {url} ends in 5 days: renew it now" in told


def test_health_says_what_the_service_does_without(checkout: Checkout) -> None:
    file = checkout.directory / "mirrors.d" / "a.example.org.yml"
    file.write_text(re.sub("http: .*", "http: http://169.254.169.254/", file.read_text()))
    checkout.told("publish")
    told = checkout.told("health", "a.example.org")
    assert "without address.http: " in told
    assert "[host-not-public]" in told
    assert told.endswith("a.example.org has no address to probe\n")
    assert len(json.loads(checkout.told("health", "a.example.org", "--json"))["withheld"]) == 1


def test_an_override_is_stored_with_its_author_and_shown(checkout: Checkout) -> None:
    told = checkout.told("override", "a.example.org", "--out", "--for", "6h", "--reason", "disk [full]")
    assert re.fullmatch(r"a\.example\.org: out until \d{4}-\d\d-\d\d \d\d:\d\d UTC\n", told)
    found = checkout.store.overrides(time.time())["a.example.org"]
    assert (found.reason, found.until - found.since) == ("disk [full]", 6 * 3600)
    assert f"taken out by {found.author} until" in checkout.told("health", "a.example.org")
    assert "the probes decide again" in checkout.told("override", "a.example.org", "--clear")
    assert "there is no override" in checkout.told("override", "a.example.org", "--clear")


def test_what_the_reason_of_an_override_holds_steers_no_terminal_and_is_one_line(checkout: Checkout) -> None:
    checkout.told("override", "a.example.org", "--out", "--for", "6h", "--reason", "disk\n\x1b[31m full\u202e")
    assert checkout.store.overrides(time.time())["a.example.org"].reason == "disk ?[31m full?"


@pytest.mark.slow
def test_a_mirror_that_answers_503_once_is_shown_as_failing(checkout: Checkout) -> None:
    checkout.told("probe", "--once")
    assert "failing" not in checkout.told("health", "a.example.org")
    checkout.trees["a.example.org"].talk = says(answer("503 Service Unavailable"))
    checkout.told("probe", "--once")
    assert "failing (1 of 3)" in checkout.told("health", "a.example.org")


@pytest.mark.slow
def test_a_private_mirror_that_falls_silent_keeps_its_result_and_says_why(checkout: Checkout) -> None:
    file = checkout.directory / "mirrors.d" / "a.example.org.yml"
    file.write_text(file.read_text() + "private: true\nasn: 64501\n")
    checkout.told("publish")
    checkout.told("probe", "--once")
    assert "inconclusive" not in checkout.told("health", "a.example.org")
    checkout.trees["a.example.org"].talk = stays_silent
    checkout.told("probe", "--mirror", "a.example.org", "--timeout", "0.3")
    told = checkout.told("health", "a.example.org")
    why = "not checked: no answer in time: no byte of an answer within 0.3 s"
    assert f"the last request over http ipv4 was inconclusive, so the former result stays: {why}" in told
    assert "left out of lists" not in told


@pytest.mark.slow
def test_an_override_is_shown_wherever_the_mirror_is(checkout: Checkout) -> None:
    checkout.told("override", "a.example.org", "--out", "--for", "6h", "--reason", "disk [full]")
    found = checkout.store.overrides(time.time())["a.example.org"]
    said = f"by {found.author}, until {moment(found.until)} UTC: disk [full]"
    explained = checkout.told("explain", "--all", "--ip", "192.0.2.1", "--version", "9", "--repo", "baseos")
    assert f"a.example.org since {moment(found.since)} {said}" in explained
    assert f"taken out since {moment(found.since)} {said}" in re.sub(r"\s+", " ", checkout.told("mirrors"))


@pytest.mark.slow
def test_what_is_left_out_is_shown_with_since_when_wherever_the_mirror_is(checkout: Checkout) -> None:
    checkout.trees["a.example.org"].files[PATHS[1] + REPOMD] = HTML
    checkout.told("probe", "--once")
    checkout.told("publish")
    verdict = checkout.store.verdicts()[Subject("a.example.org", MAIN, Protocol.HTTP, Family.IPV4, PATHS[1])]
    told = f"wrong content in {PATHS[1]} since {moment(verdict.since)} UTC"
    assert f"left out of lists: {told}" in checkout.told("health", "a.example.org")
    assert told in re.sub(r"\s+", " ", checkout.told("mirrors"))
    asked = ("explain", "--all", "--ip", "192.0.2.1", "--version", "9", "--repo", "baseos", "--arch", "aarch64")
    assert f"a.example.org since {moment(verdict.since)} UTC: {PATHS[1]}" in checkout.told(*asked)
    assert last_line(checkout.told("health", "--rungs")) == "2 of 2 repositories are listed with fresh mirrors"
    checkout.trees["b.example.org"].files[PATHS[1] + REPOMD] = HTML
    checkout.told("probe", "--once")
    checkout.told("publish")
    assert checkout.told("health", "--rungs").splitlines() == [
        f"last known good  {PATHS[1]}",
        "1 of 2 repositories are listed with fresh mirrors",
    ]


def test_before_the_first_probe_no_repository_is_called_fresh(checkout: Checkout) -> None:
    told = "nothing was compared with the origin yet, so every mirror counts as good"
    assert last_line(checkout.told("health", "--rungs")) == told


@pytest.mark.slow
def test_a_lowered_weight_is_told_with_since_when_and_why(checkout: Checkout) -> None:
    checkout.told("probe", "--once")
    now = time.time()
    lowered = WeightReduction(1, now, "it asked for patience (429 or 503)")
    checkout.store.paces.record({"a.example.org": Pace(now, lowered)}, {}, 0.0)
    checkout.told("publish")
    told = f"weight 500 of 1000 since {moment(now)} UTC, because in two runs of the prober {lowered.why}"
    asked = ("explain", "--all", "--ip", "192.0.2.1", "--version", "9", "--repo", "baseos")
    assert f"a.example.org: {told}" in checkout.told(*asked)
    assert told in checkout.told("health", "a.example.org")
    assert told in re.sub(r"\s+", " ", checkout.told("mirrors"))
    assert "weight 500" not in checkout.told("health", "b.example.org")


def put_large_files(checkout: Checkout) -> None:
    """A file that the metadata names, on all mirrors."""
    engine, big = open_database(checkout.directory / "state"), bytes(4_000_000)
    for each in checkout.trees.values():
        each.files["big.iso"] = big
    named = NamedFiles((NamedFile("big.iso", len(big)),))
    MetadataStore(engine).files.record(PATHS[0], hashlib.sha256(CURRENT).hexdigest(), named, None)
    engine.dispose()


@pytest.mark.slow
def test_speed_is_measured_by_a_large_file_and_not_again_before_its_turn(checkout: Checkout) -> None:
    put_large_files(checkout)
    told = checkout.told("probe", "--once", "--speed")
    assert sorted(re.findall(r"^speed  (\S+)  \d+ Mbit/s$", told, re.MULTILINE)) == ["a.example.org", "b.example.org"]
    assert "speed" not in checkout.told("probe", "--once", "--speed")
    told = checkout.told("probe", "--mirror", "a.example.org", "--speed")
    assert last_line(told).startswith("speed  a.example.org  not measured: it had its turn")
    checkout.told("publish")
    bandwidths = read_newest(checkout.directory / "state").facts.bandwidths
    assert {name: found.lowered for name, found in bandwidths.items()} == dict.fromkeys(checkout.trees)


def test_a_prober_that_stays_measures_between_its_runs(checkout: Checkout) -> None:
    put_large_files(checkout)
    stop, seen = threading.Event(), set[str]()

    def measured(sample: SpeedSample, bandwidth: MeasuredBandwidth | None) -> None:
        assert bandwidth is not None and sample.mbps is not None
        seen.add(sample.mirror)
        if len(seen) == 2:
            stop.set()

    overdue = threading.Timer(120, stop.set)
    overdue.start()
    settings = Settings(checkout.directory / "service.yml", None, None, 0.5, None)
    state = checkout.directory / "state"
    work(settings, time.time, state, 5.0, 600.0, stop, Reporting(measured=measured), None, measures=True)
    overdue.cancel()
    assert seen == checkout.trees.keys()


@pytest.mark.slow
def test_a_vantage_point_measures_after_its_round(checkout: Checkout) -> None:
    put_large_files(checkout)
    with (checkout.directory / "service.yml").open("a") as file:
        file.write("vantages: {berlin: {country: DE}}\n")
    checkout.told("publish")
    checkout.told("probe", "--once")
    told = checkout.told("probe", "--vantage", "berlin", "--once", "--speed")
    assert sorted(re.findall(r"^speed  (\S+)  \d+ Mbit/s$", told, re.MULTILINE)) == ["a.example.org", "b.example.org"]
    assert set(checkout.store.speeds.last_at("berlin")) == checkout.trees.keys()
    assert checkout.store.speeds.last_at("") == {}


@pytest.mark.slow
def test_a_bandwidth_that_was_not_measured_is_told_like_a_lowered_weight(checkout: Checkout) -> None:
    checkout.told("probe", "--once")
    speeds = checkout.store.speeds
    for number in range(3):
        for name in ("x", "y", "z", "a.example.org"):
            at = time.time() - 86_400 + number * 25_000
            if (speed := speeds.begin(name, "", at)) is not None:
                speeds.end(replace(speed, mbps=40.0 if name == "a.example.org" else 900.0), 1000)
    checkout.told("publish")
    why = "40 Mbit/s is the most that was measured, 1000 count by its file"
    told = checkout.told("health", "a.example.org")
    assert re.search(rf"weight 500 of 1000 since \S+ \S+ UTC, because {why}", told), told
    asked = ("explain", "--ip", "192.0.2.1", "--version", "9", "--repo", "baseos")
    assert why in checkout.told(*asked)
    answer = PublicFile(read_newest(checkout.directory / "state").public).detail("a.example.org")  # type: ignore[arg-type]
    assert answer is not None and answer.limits.bandwidth is not None
    assert (answer.limits.bandwidth.measured_mbps, answer.limits.bandwidth.counted_mbps) == (40.0, 500)
    assert answer.limits.bandwidth.why == why


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["probe", "--once", "--json", "--speed"], "--json has no measurements"),
        (["probe", "--vantage", "x", "--upload", "http://x/", "--key", "k", "--speed"], "--speed needs the database"),
        (["health"], "give the NAME of a mirror, or --rungs"),
        (["override", "a.example.org"], "say either --out"),
        (["override", "a.example.org", "--out", "--clear"], "say either --out"),
        (["override", "a.example.org", "--out"], "--out needs --for"),
        (["override", "a.example.org", "--out", "--for", "soon", "--reason", "x"], "'soon': write a number and a unit"),
        (
            ["override", "a.example.org", "--out", "--for", "9999999d", "--reason", "x"],
            "--for is over ten years; retire",
        ),
        (["override", "nobody.example.org", "--clear"], "no mirror is called nobody.example.org"),
        (["health", "nobody.example.org"], "no mirror is called nobody.example.org"),
        (["probe", "--mirror", "nobody.example.org"], "no mirror is called nobody.example.org"),
        (["probe", "--every", "5"], "'5': write a number and a unit"),
    ],
)
def test_a_mistake_is_told_in_a_line(checkout: Checkout, words: list[str], said: str) -> None:
    found = checkout.run(*words)
    assert found.exit_code in (1, 2)
    assert said in found.output
    assert "Traceback" not in found.output


def test_without_a_snapshot_there_is_nothing_to_probe(tmp_path: Path) -> None:
    (tmp_path / "service.yml").write_text(SERVICE)
    found = CliRunner().invoke(main, ["--config", str(tmp_path / "service.yml"), "probe", "--once"])
    assert found.exit_code == 1
    assert "nothing is published" in found.output


def test_a_second_prober_says_that_another_leads(checkout: Checkout) -> None:
    state_dir = checkout.directory / "state"
    lock = prober_lock(open_database(state_dir), state_dir)
    with LeaderCandidate(lock).leading():
        found = checkout.run("probe", "--once")
    assert found.exit_code == 1
    assert "another prober works" in found.output


@pytest.mark.slow
def test_the_prober_stays_runs_again_and_ends_when_it_is_told_to(checkout: Checkout) -> None:
    command = [sys.executable, "-m", "mirrorlist", "--config", str(checkout.directory / "service.yml"), "probe",
               "--every", "1s"]  # fmt: skip
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        runs = 0
        for line in process.stdout:
            runs += line.startswith("2 mirrors, ")
            if runs == 2:
                break
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
        assert process.wait(timeout=20) == 0


@pytest.mark.parametrize(
    ("profile", "address", "reached"),
    [
        (Profile.INTRANET, "10.1.2.3", True),
        (Profile.INTRANET, "192.168.0.1", False),
        (Profile.INTRANET, "169.254.169.254", False),
        (Profile.PUBLIC, "10.1.2.3", False),
        (Profile.PUBLIC, "8.8.8.8", True),
    ],
)
def test_only_an_intranet_reaches_what_its_service_file_names(profile: Profile, address: str, reached: bool) -> None:
    of = service(profile=profile, intranet_networks=("10.0.0.0/8", "169.254.0.0/16"))
    assert (refusal(address, guard_of(of).allowed) is None) is reached


def test_every_outcome_has_a_remedy_that_is_a_sentence() -> None:
    assert set(REMEDIES) == set(ProbeOutcome)
    assert [remedy for remedy in REMEDIES.values() if not re.fullmatch(r"[A-Z].*\.", remedy)] == []


@pytest.mark.parametrize(
    ("seconds", "said"), [(-1, "0 s"), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (200_000, "2 d")]
)
def test_spans_are_told_in_the_largest_unit(seconds: float, said: str) -> None:
    assert ago(seconds) == said


def test_a_time_beyond_the_calendar_is_told_as_its_end() -> None:
    assert moment(1e15) == "9999-12-31 00:00"


@pytest.mark.parametrize(
    ("outcomes", "requests", "told"),
    [
        ([], 0, "not asked: nothing on it can be compared with the origin"),
        ([ProbeOutcome.UNCHECKED, ProbeOutcome.NO_ADDRESS], 2, "not known: why"),
        ([ProbeOutcome.LIMITED], 1, "1 asked us to come back later"),
        ([ProbeOutcome.NO_ADDRESS] * 2, 2, "no address of this family"),
        ([ProbeOutcome.GOOD, ProbeOutcome.UNCHECKED], 2, "reachable, content not checked"),
        ([ProbeOutcome.CLOSED, ProbeOutcome.GOOD], 2, "1 connection refused"),
    ],
)
def test_a_line_calls_nothing_good_that_was_not_heard_of(
    outcomes: list[ProbeOutcome], requests: int, told: str
) -> None:
    subject = Subject("m", MAIN, Protocol.HTTP, Family.IPV4)
    probes = tuple(Probe(subject, 0.0, 0.1, outcome, "why") for outcome in outcomes)
    assert line_of(Visited("m", probes, requests, 0.5)) == f"m  {requests} requests  0.5 s  {told}"


@pytest.mark.parametrize(
    ("outcome", "detail", "told"),
    [
        (ProbeOutcome.FRESH, "", "good"),
        (ProbeOutcome.LAGGING, "an older version", "good"),
        (ProbeOutcome.GOOD, "", "good"),
        (ProbeOutcome.GOOD, "not compared", "reachable, content not checked"),
    ],
)
def test_a_line_says_good_where_content_was_compared(outcome: ProbeOutcome, detail: str, told: str) -> None:
    tree = Subject("m", MAIN, Protocol.HTTP, Family.IPV4)
    probes = (
        Probe(tree, 0.0, 0.1, ProbeOutcome.GOOD),
        Probe(replace(tree, path="9/A/"), 0.0, 0.1, outcome, detail),
    )
    assert line_of(Visited("m", probes, 2, 0.5)) == f"m  2 requests  0.5 s  {told}"
