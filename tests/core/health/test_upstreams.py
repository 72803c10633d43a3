"""What mirrors copy, how that is, and who is to blame."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mirrorlist.core.catalogue.service import Module, Service, SyncSource, SyncSources
from mirrorlist.core.health.report import REMEDIES, report
from mirrorlist.core.health.upstreams import Upstreams, UpstreamState, sources_of, state_of_upstream
from mirrorlist.core.health.verdicts import Family, ProbeOutcome, Subject, Verdict, by_mirror
from mirrorlist.core.model import MAIN, Mirror, Protocol
from tests.building import NOW, mirror, service

PATH = "9.8/BaseOS/x86_64/os/"
FRANKFURT = SyncSource(
    "Frankfurt", {MAIN: "rsync://fra.example.net/linux/"}, web={MAIN: "https://fra-web.example.net/linux/"}
)
TOKYO = SyncSource("Tokyo", {MAIN: "rsync://tyo.example.net/linux/"}, mirror="tokyo.example.org")


def of_sources(*sources: SyncSource, **fields: Any) -> Service:
    return service(sync=SyncSources(sources=sources), **fields)


SERVICE = of_sources(FRANKFURT, TOKYO)


def tree(
    name: str, outcome: ProbeOutcome, protocol: Protocol = Protocol.HTTPS, **fields: Any
) -> dict[Subject, Verdict]:
    good = outcome in (ProbeOutcome.GOOD, ProbeOutcome.FRESH)
    return {Subject(name, MAIN, protocol, Family.IPV4): Verdict(good, NOW - 60, outcome, NOW, **fields)}


def repository(name: str, outcome: ProbeOutcome, since: float = NOW - 600, path: str = PATH) -> dict[Subject, Verdict]:
    subject = Subject(name, MAIN, Protocol.HTTPS, Family.IPV4, path)
    return {subject: Verdict(outcome is not ProbeOutcome.STALE, since, outcome, NOW, sha256="a" * 64)}


def test_sources_and_the_origin_are_probed_over_all_that_is_given() -> None:
    modules = {MAIN: Module(title="M", rsync="rsync://rsync.example.org/linux/")}
    found = sources_of(of_sources(FRANKFURT, origins={MAIN: "https://origin.example.org/linux/"}, modules=modules))
    assert [(each.name, each.urls) for each in found] == [
        ("source://Frankfurt", {MAIN: {Protocol.RSYNC: FRANKFURT.rsync[MAIN], Protocol.HTTPS: FRANKFURT.web[MAIN]}}),
        ("source://the origin", {MAIN: {
            Protocol.HTTPS: "https://origin.example.org/linux/", Protocol.RSYNC: "rsync://rsync.example.org/linux/",
        }}),
    ]  # fmt: skip
    assert sources_of(service(origins={MAIN: "/srv/linux"})) == ()


@pytest.mark.parametrize(
    ("verdicts", "fault", "compared"),
    [
        pytest.param({}, None, False, id="never asked"),
        pytest.param(tree("x", ProbeOutcome.GOOD), None, False, id="answers"),
        pytest.param(tree("x", ProbeOutcome.GOOD) | repository("x", ProbeOutcome.FRESH), None, True, id="new"),
        pytest.param(
            tree("x", ProbeOutcome.GOOD) | repository("x", ProbeOutcome.LAGGING),
            f"it is not up to date itself: {PATH}", True, id="lagging",
        ),
        pytest.param(
            tree("x", ProbeOutcome.OUTDATED), "it is not up to date itself: not synced for too long", True,
            id="by its time file",
        ),
        pytest.param(tree("x", ProbeOutcome.FRESH, Protocol.RSYNC), None, True, id="new, over rsync"),
        pytest.param(
            tree("x", ProbeOutcome.LAGGING, Protocol.RSYNC),
            "it is not up to date itself: lagging", True, id="behind, over rsync",
        ),
        pytest.param(
            tree("x", ProbeOutcome.CLOSED, detail="10.0.0.5:443"),
            "it does not answer as it should: connection refused", False, id="down, and no address is shown",
        ),
        pytest.param(
            tree("x", ProbeOutcome.CLOSED) | tree("x", ProbeOutcome.GOOD, Protocol.RSYNC), None, False,
            id="one way is enough",
        ),
        pytest.param(tree("x", ProbeOutcome.FORBIDDEN), None, False, id="in a network of its own"),
        pytest.param(
            tree("x", ProbeOutcome.UNREACHABLE, Protocol.RSYNC, detail="rsync ended with 5: @ERROR: access denied to x"),
            None, False, id="rsync for mirrors only",
        ),
    ],
)  # fmt: skip
def test_a_source_is_judged_by_what_the_prober_saw(
    verdicts: dict[Subject, Verdict], fault: str | None, compared: bool
) -> None:
    found = state_of_upstream("x", verdicts)
    assert (found.fault, found.compared) == (fault, compared)
    assert (found.since is None) == (fault is None)


def test_many_repositories_are_told_in_short() -> None:
    behind = {}
    for number in range(6):
        behind |= repository("x", ProbeOutcome.STALE, NOW - number, f"{number}/")
    found = state_of_upstream("x", behind)
    assert found.fault == "it is not up to date itself: 0/, 1/, 2/ and 3 more"
    assert found.since == NOW - 5


BEHIND = repository("source://Frankfurt", ProbeOutcome.LAGGING)


def upstreams(*mirrors: Mirror, verdicts: dict[Subject, Verdict] = BEHIND) -> Upstreams:
    return Upstreams(SERVICE, mirrors, by_mirror(verdicts))


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Frankfurt", "Frankfurt"),
        ("rsync://fra.example.net/linux/", "Frankfurt"),
        ("rsync://FRA.example.net/other/", "Frankfurt"),
        ("rsync://tyo.example.net/linux/", "Tokyo"),
        ("b.example.org", "b.example.org"),
        ("rsync://b.example.org/linux/", "b.example.org"),
        ("rsync://elsewhere.example.com/linux/", None),
        ("a.example.org", None),
        (None, None),
        ("rsync://[", None),
    ],
)
def test_what_a_mirror_copies_is_known_by_its_file(said: str | None, name: str | None) -> None:
    one = mirror("a", sync_source=said)
    found = upstreams(one, mirror("b")).of(one)
    assert (found and found.name) == name


def test_a_mirror_that_copies_what_is_behind_is_not_blamed() -> None:
    one, other = mirror("a", sync_source="Frankfurt"), mirror("b")
    known = upstreams(one, other)
    excuse = known.excuse(one)
    assert excuse == (
        f"The mirror copies Frankfurt, and it is not up to date itself: {PATH}. It cannot be newer: its own sync "
        "is not to blame."
    )
    assert known.excuse(other) is None
    stale = repository(one.name, ProbeOutcome.STALE) | tree(one.name, ProbeOutcome.CLOSED)
    assert [row.remedy for row in report(one, stale, excuse)] == [REMEDIES[ProbeOutcome.CLOSED], excuse]
    assert report(one, stale)[1].remedy == REMEDIES[ProbeOutcome.STALE]


def test_a_source_that_is_a_mirror_too_is_judged_by_both() -> None:
    stale = {replace(subject, mirror="tokyo.example.org"): found for subject, found in BEHIND.items()}
    states = {state.name: state for state in upstreams(verdicts=stale).states}
    assert states["Frankfurt"] == UpstreamState(name="Frankfurt")
    assert states["Tokyo"].fault == f"it is not up to date itself: {PATH}"


def test_a_mirror_that_copies_a_stale_mirror_is_not_blamed() -> None:
    one, other = mirror("a", sync_source="b.example.org"), mirror("b")
    verdicts = repository(other.name, ProbeOutcome.STALE)
    assert upstreams(one, other, verdicts=verdicts).excuse(one) is not None
    assert upstreams(one, other, verdicts=verdicts).excuse(other) is None
