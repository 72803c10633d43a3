"""From what the prober wrote down to what is published: grace, overrides, lowered weights, releases, rungs."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from mirrorlist.cli.explain import tell
from mirrorlist.cli.main import main
from mirrorlist.cli.shared.compiled import question_of
from mirrorlist.core.catalogue.policy import WeightReduction
from mirrorlist.core.catalogue.query import Spellings, for_metalink
from mirrorlist.core.health.probe_run import RunResult
from mirrorlist.core.health.response_times import Pace
from mirrorlist.core.health.verdicts import Family, Override, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import MAIN, Checksummed, Protocol
from mirrorlist.core.selection.select import select
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.publishing.publisher import Inputs, Publisher
from mirrorlist.publishing.transition import News, news
from mirrorlist.sources.service.file import read_service
from mirrorlist.store.database import open_database
from mirrorlist.store.health import WATCHED_SECONDS, HealthStore, Run
from mirrorlist.store.metadata import MetadataStore
from mirrorlist.store.records import Records
from mirrorlist.store.tables import RELEASES
from tests.building import NOW, client

HOUR = 3600.0
SERVICE = """\
versions: ["9"]
arches: {"9": [x86_64]}
repos: [{name: baseos, path: BaseOS/$basearch/os/}]
"""
PATH = "9/BaseOS/x86_64/os/"
NAMES = tuple("abcdefg")
FREQUENCY = {"a": "1h", "b": "2h", "c": "24h"}


def version(digit: str) -> Checksummed:
    return Checksummed(1000, 1_790_000_000, digit * 64, digit * 128)


class Site:
    """The files of a service, its database, and one publisher."""

    def __init__(self, directory: Path, service: str) -> None:
        self.directory = directory
        (directory / "mirrors.d").mkdir()
        for name in NAMES:
            (directory / "mirrors.d" / f"{name}.example.org.yml").write_text(
                f"name: {name}.example.org\naddress: {{https: https://{name}.example.org/}}\n"
                f"update_frequency: {FREQUENCY.get(name, '3h')}\n"
            )
        self.engine = open_database(directory / "state")
        self.metadata, self.health = MetadataStore(self.engine), HealthStore(self.engine)
        self.config = directory / "service.yml"
        self.serve(service)
        self.restart()

    def serve(self, service: str) -> None:
        """The publisher reads it before the next generation."""
        self.config.write_text(service)

    def restart(self) -> None:
        """As a process that has just started."""
        inputs, service = Inputs(self.config), read_service(self.config)[0]
        self.publisher = Publisher(inputs, Records(lambda: self.engine), service, lambda: bytes(32))

    def probed(self, holds: Mapping[str, str], path: str = PATH, at: float = NOW) -> None:
        """A run of the prober found these versions, by mirror; a dash is a mirror without the repository."""
        run = self.health.begin_run(at)
        verdicts = {
            Subject(f"{name}.example.org", MAIN, Protocol.HTTPS, Family.IPV4, path): Verdict(
                False, at, ProbeOutcome.MISSING, at
            )
            if digit == "-"
            else Verdict(True, at, ProbeOutcome.FRESH, at, sha256=digit * 64, sha256_at=at)
            for name, digit in holds.items()
        }
        self.health.record(RunResult(verdicts, (), ()), {})
        self.health.end_run(Run(run, at, 1.0, len(holds), 1, ()))

    def listed(self, now: float, version: str = "9", metalink: bool = False) -> str:
        """The mirrors of a list, in the order of their names, as a new generation has it."""
        return listed(self.publisher.publish(now), version, metalink)


def listed(snapshot: Snapshot, version: str = "9", metalink: bool = False) -> str:
    service = snapshot.facts.service
    query = Spellings(service.catalogue, service.policy).by_path(version, "baseos", {"arch": "x86_64"})
    chosen = select(snapshot, for_metalink(query) if metalink else query, client(), NOW).choices
    return "".join(sorted(choice.mirror.name[0] for choice in chosen))


def site(directory: Path, service: str = SERVICE) -> Site:
    return Site(directory, service)


@pytest.fixture
def lagging(tmp_path: Path) -> Iterator[Site]:
    """At NOW the origin changed from a to b; only d has b."""
    of = site(tmp_path)
    of.metadata.record(PATH, version("a"), NOW - 24 * HOUR)
    of.metadata.record(PATH, version("b"), NOW)
    of.probed(dict.fromkeys(NAMES, "a") | {"d": "b"})
    yield of
    of.engine.dispose()


@pytest.mark.slow
def test_a_mirror_keeps_its_place_for_its_own_interval_and_six_hours_at_most(lagging: Site) -> None:
    assert [lagging.listed(NOW + hours * HOUR) for hours in (0, 0.99, 1, 1.99, 2, 2.99, 3, 5.99, 6)] == [
        "abcdefg", "abcdefg", "bcdefg", "bcdefg", "cdefg", "cdefg", "cd", "cd", "d",
    ]  # fmt: skip
    assert lagging.listed(NOW + 6 * HOUR, metalink=True) == "abcdefg"


@pytest.mark.slow
def test_a_second_change_soon_after_the_first_takes_nobody_s_place_away(lagging: Site) -> None:
    """Nearly all still have a when c comes; the first to sync c does not get the whole world either."""
    lagging.metadata.record(PATH, version("c"), NOW + 0.5 * HOUR)
    lagging.probed({"g": "c"}, at=NOW + 0.5 * HOUR)
    assert [lagging.listed(NOW + hours * HOUR) for hours in (0.5, 1, 2, 3, 3.49, 3.5, 6)] == [
        "abcdefg", "bcdefg", "cdefg", "cdg", "cdg", "cg", "g",
    ]  # fmt: skip


@pytest.mark.slow
def test_allowed_outdate_and_lag_grace_are_the_most_that_a_mirror_gets(lagging: Site) -> None:
    for more, hours, expected in [
        ("policy: {lag_grace: 30m}", 0.49, "abcdefg"),
        ("policy: {lag_grace: 30m}", 0.5, "d"),
        ("policy: {lag_grace: 0}", 0, "d"),
        ("policy: {lag_grace: 3d}\nallowed_outdate: 12h", 11.99, "cd"),
        ("policy: {lag_grace: 3d}\nallowed_outdate: 12h", 12, "d"),
        ("policy: {lag_grace: 3d}\nallowed_outdate: 3d", 23.99, "cd"),
        ("policy: {lag_grace: 3d}\nallowed_outdate: 3d", 24, "d"),
    ]:
        lagging.serve(SERVICE + more)
        assert (more, hours, lagging.listed(NOW + hours * HOUR)) == (more, hours, expected)


@pytest.mark.slow
def test_expire_alternates_ends_all_grace_at_once(lagging: Site) -> None:
    origin = lagging.directory / "origin"
    lagging.serve(SERVICE + f"origin: {origin}\n")
    assert lagging.listed(NOW) == "abcdefg"
    before = lagging.publisher.fingerprint(NOW)
    words = ["--config", str(lagging.config), "update", "metadata", "--expire-alternates", "baseos-9"]
    said = CliRunner().invoke(main, words).output
    assert "1 older versions are not accepted any more" in said
    assert lagging.publisher.fingerprint(NOW) != before
    assert (lagging.listed(NOW), lagging.listed(NOW, metalink=True)) == ("d", "d")


def test_an_override_counts_from_the_next_generation_until_it_ends(lagging: Site) -> None:
    before = lagging.publisher.fingerprint(NOW)
    override = Override("b.example.org", "a new disk", "somebody", NOW, NOW + HOUR)
    lagging.health.override(override)
    during = lagging.publisher.fingerprint(NOW)
    snapshot = lagging.publisher.publish(NOW)
    assert (listed(snapshot), snapshot.facts.health.overrides) == ("acdefg", (override,))
    assert len({before, during, lagging.publisher.fingerprint(NOW + HOUR)}) == 3
    assert lagging.listed(NOW + HOUR) == "bcdefg"  # and the grace of a is over


def test_a_lowered_weight_is_published_and_given_back(lagging: Site) -> None:
    lowered = WeightReduction(2, NOW, "it asked for patience (429 or 503)")
    fingerprints = [lagging.publisher.fingerprint(NOW)]
    weights = [lagging.publisher.publish(NOW).weights.now[:2]]
    for found in (lowered, None):
        lagging.health.paces.record({"a.example.org": Pace(NOW, found)}, lagging.health.paces.paces(), 0.0)
        fingerprints.append(lagging.publisher.fingerprint(NOW))
        weights.append(lagging.publisher.publish(NOW).weights.now[:2])
    assert weights == [[1000, 1000], [250, 1000], [1000, 1000]]
    assert len(set(fingerprints)) == 3


RELEASE = """\
versions: ["9", "9.7", "9.8"]
duplicated_versions: {"9": "%s"}
arches: {"9": [x86_64]}
repos: [{name: baseos, path: BaseOS/$basearch/os/}]
policy: {release_minimum: 80}
"""
OLD, NEW = "9.7/BaseOS/x86_64/os/", "9.8/BaseOS/x86_64/os/"


def latest(snapshot: Snapshot) -> str:
    return snapshot.facts.service.catalogue.latest["9"]


@pytest.mark.slow
def test_a_release_waits_for_its_mirrors_and_never_goes_back(tmp_path: Path) -> None:
    of = site(tmp_path, RELEASE % "9.7")
    of.metadata.record(OLD, version("a"), NOW - 24 * HOUR)
    of.probed(dict.fromkeys(NAMES, "a"), OLD)
    before = of.publisher.publish(NOW)
    assert latest(before) == "9.7"

    of.serve(RELEASE % "9.8")
    of.metadata.record(NEW, version("b"), NOW)
    of.probed(dict.fromkeys(NAMES, "-") | dict.fromkeys("abc", "b"), NEW)
    waiting = of.publisher.publish(NOW)
    told = "9 means 9.7 until 6 mirrors have 9.8; 3 have it"
    assert (latest(waiting), listed(waiting), listed(waiting, "9.8")) == ("9.7", "abcdefg", "abc")
    assert News("release waits", True, {"reason": told}) in news(before.facts, waiting.facts)
    console = Console(width=80, file=io.StringIO())
    tell(console, waiting, question_of(waiting, "9", "baseos"), client(), NOW)
    assert told in console.file.getvalue()  # type: ignore[attr-defined]

    of.probed(dict.fromkeys("def", "b"), NEW)
    taken_up = of.publisher.publish(NOW)
    assert latest(taken_up) == "9.8"
    assert News("release", False, {"major": "9", "means": "9.8"}) in news(waiting.facts, taken_up.facts)
    of.probed(dict.fromkeys(NAMES, "-"), NEW, NOW + 1)
    of.restart()
    assert latest(of.publisher.publish(NOW)) == "9.8"

    of.serve(RELEASE % "9.7")
    assert latest(of.publisher.publish(NOW)) == "9.7"
    of.serve(RELEASE % "9.8")
    assert latest(of.publisher.publish(NOW)) == "9.7"
    of.serve((RELEASE % "9.8").replace("80", "0"))
    assert latest(of.publisher.publish(NOW)) == "9.8"
    of.engine.dispose()


def test_what_a_major_meant_is_known_by_the_snapshot_where_the_database_has_lost_it(tmp_path: Path) -> None:
    of = site(tmp_path, RELEASE % "9.8")
    for path, held in ((OLD, "a"), (NEW, "b")):
        of.metadata.record(path, version(held), NOW)
        of.probed(dict.fromkeys(NAMES, held), path)
    assert latest(of.publisher.publish(NOW)) == "9.8"
    of.probed(dict.fromkeys(NAMES, "-"), NEW, NOW + 1)
    with of.engine.begin() as connection:
        connection.execute(RELEASES.delete())
    of.restart()
    assert latest(of.publisher.publish(NOW + 2)) == "9.8"
    of.engine.dispose()


def test_no_release_waits_for_a_prober_that_does_not_run(tmp_path: Path) -> None:
    of = site(tmp_path, RELEASE % "9.8")
    of.metadata.record(OLD, version("a"), NOW)
    of.probed(dict.fromkeys(NAMES, "a"), OLD)
    assert latest(of.publisher.compiled(NOW + WATCHED_SECONDS - 1)) == "9.7"
    assert latest(of.publisher.compiled(NOW + WATCHED_SECONDS)) == "9.8"
    of.engine.dispose()


@pytest.mark.slow
def test_it_is_news_when_a_repository_moves_on_the_ladder(lagging: Site) -> None:
    generations = [lagging.publisher.publish(NOW)]
    for at, digit in enumerate("--b", start=1):
        lagging.probed(dict.fromkeys(NAMES, digit), at=NOW + at)
        generations.append(lagging.publisher.publish(NOW + at))
    told = [list(news(one.facts, other.facts)) for one, other in pairwise(generations)]
    moved = {"repositories": 1, "first": [PATH]}
    assert told == [
        [News("rung", True, {"before": "fresh", "now": "last known good"} | moved)],
        [],
        [News("rung", False, {"before": "last known good", "now": "fresh"} | moved)],
    ]
    assert list(news(None, generations[1].facts)) == told[0]
