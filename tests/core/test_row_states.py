"""How a row of a mirror's health reads: its state in a word, and what it waits for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mirrorlist.core.health.report import HealthRow, fresh_below, images_below, report, worst
from mirrorlist.core.health.verdicts import Family, HealthPolicy, Probe, ProbeOutcome, Subject, Verdict, judged
from mirrorlist.core.model import MAIN, Mirror, Protocol
from tests.building import NOW

MIRROR = Mirror(name="m", urls={MAIN: {Protocol.HTTP: "http://m.example.org/"}})
TREE = Subject("m", MAIN, Protocol.HTTP, Family.IPV4)


def row(*outcomes: ProbeOutcome, before: Verdict | None = None) -> HealthRow:
    """The row after one probe a quarter of an hour for each outcome."""
    verdict = before
    for number, outcome in enumerate(outcomes):
        verdict = judged(verdict, Probe(TREE, NOW + 900 * number, 0.1, outcome), HealthPolicy())
    assert verdict is not None
    return report(MIRROR, {TREE: verdict})[0]


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ([ProbeOutcome.GOOD], "reachable"),
        ([ProbeOutcome.CLOSED], "failing (1 of 2)"),
        ([ProbeOutcome.GOOD, ProbeOutcome.STALE], "failing (1 of 2)"),
        ([ProbeOutcome.CLOSED, ProbeOutcome.GOOD], "reachable"),
        ([ProbeOutcome.CLOSED, ProbeOutcome.CLOSED], "OUT"),
        ([ProbeOutcome.CERTIFICATE], "OUT"),
        ([ProbeOutcome.CLOSED, ProbeOutcome.CLOSED, ProbeOutcome.GOOD], "waiting"),
        ([ProbeOutcome.CLOSED, ProbeOutcome.CLOSED, ProbeOutcome.GOOD, ProbeOutcome.GOOD], "reachable"),
        ([ProbeOutcome.UNCHECKED], "not known"),
        ([ProbeOutcome.LIMITED], "failing (1 of 3)"),
        ([ProbeOutcome.LIMITED] * 3, "OUT"),
        ([ProbeOutcome.GOOD, ProbeOutcome.UNCHECKED], "reachable"),
        ([ProbeOutcome.NO_ADDRESS], "no address"),
    ],
)
def test_the_state_is_what_counts(outcomes: list[ProbeOutcome], state: str) -> None:
    assert row(*outcomes).state == state


def test_what_is_waited_for_is_told() -> None:
    assert row(ProbeOutcome.GOOD).awaits(NOW) is None
    assert row(ProbeOutcome.CLOSED, ProbeOutcome.CLOSED).awaits(NOW) is None
    waiting = row(ProbeOutcome.CLOSED, ProbeOutcome.CLOSED, ProbeOutcome.GOOD)
    assert waiting.awaits(NOW) == "it is good again, and back after 1 more good probe in a row"


def test_until_when_a_mirror_that_fell_often_stays_out_is_told() -> None:
    falls = Verdict(False, NOW, ProbeOutcome.CLOSED, NOW, falls=3, held_until=NOW + 7200)
    held = row(ProbeOutcome.GOOD, ProbeOutcome.GOOD, before=falls)
    until = held.awaits(NOW)
    assert held.state == "waiting"
    assert until is not None
    assert until.startswith("it is good again, and back after a good probe, but out until 20")
    assert replace(held, outcome=ProbeOutcome.CLOSED).awaits(NOW) == until.replace(
        "it is good again, and back after a good probe, but out", "it is out at least"
    )
    assert row(ProbeOutcome.NO_ADDRESS).awaits(NOW) is None


def test_what_was_not_compared_is_shown_and_counts_for_nothing() -> None:
    path = replace(TREE, path="9/A/")
    good = Verdict(True, NOW, ProbeOutcome.GOOD, NOW)
    rows = report(MIRROR, {TREE: good, path: replace(good, detail="not compared: the origin is at fault")})
    assert (worst(rows), fresh_below(rows, TREE), images_below(rows, TREE)) == (rows, 0, 0)


@pytest.mark.parametrize(
    ("below", "state", "depth", "of_path"),
    [
        (Verdict(True, NOW, ProbeOutcome.FRESH, NOW, sha256="a"), "good", "", "only its index was compared"),
        (Verdict(True, NOW, ProbeOutcome.GOOD, NOW), "good", "", ""),
        (Verdict(False, NOW, ProbeOutcome.STALE, NOW), "good", "", ""),
        (
            Verdict(True, NOW, ProbeOutcome.GOOD, NOW, detail="not compared: the origin is at fault"),
            "reachable",
            "content not checked",
            "content not checked",
        ),
        (Verdict(True, NOW, ProbeOutcome.UNCHECKED, NOW), "reachable", "content not checked", ""),
        (
            Verdict(True, NOW, ProbeOutcome.FRESH, NOW, sha256="a", whole_sha256="a", whole_at=0.0, looked=9),
            "good",
            "",
            "9 files seen, the last at 1970-01-01 00:00 UTC",
        ),
        (
            Verdict(True, NOW, ProbeOutcome.FRESH, NOW, sha256="b", whole_sha256="a", whole_at=0.0, looked=9),
            "good",
            "",
            "only its index was compared",
        ),
    ],
)
def test_good_is_said_of_what_was_compared_and_how_deep(below: Verdict, state: str, depth: str, of_path: str) -> None:
    tree = Verdict(True, NOW, ProbeOutcome.GOOD, NOW)
    first, second = report(MIRROR, {TREE: tree, replace(TREE, path="9/A/"): below})
    assert (first.state, first.depth, second.depth) == (state, depth, of_path)
