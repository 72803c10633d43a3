"""How a row of a mirror's health reads: its state in a word, and what it waits for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mirrorlist.core.health.report import Row, fresh_below, images_below, report, worst
from mirrorlist.core.health.verdicts import Family, HealthPolicy, Outcome, Probe, Subject, Verdict, judged
from mirrorlist.core.model import MAIN, Mirror, Protocol
from tests.building import NOW

MIRROR = Mirror(name="m", urls={MAIN: {Protocol.HTTP: "http://m.example.org/"}})
TREE = Subject("m", MAIN, Protocol.HTTP, Family.IPV4)


def row(*outcomes: Outcome, before: Verdict | None = None) -> Row:
    """The row after one probe a quarter of an hour for each outcome."""
    verdict = before
    for number, outcome in enumerate(outcomes):
        verdict = judged(verdict, Probe(TREE, NOW + 900 * number, 0.1, outcome), HealthPolicy())
    assert verdict is not None
    return report(MIRROR, {TREE: verdict})[0]


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ([Outcome.GOOD], "good"),
        ([Outcome.CLOSED], "failing (1 of 2)"),
        ([Outcome.GOOD, Outcome.STALE], "failing (1 of 2)"),
        ([Outcome.CLOSED, Outcome.GOOD], "good"),
        ([Outcome.CLOSED, Outcome.CLOSED], "OUT"),
        ([Outcome.CERTIFICATE], "OUT"),
        ([Outcome.CLOSED, Outcome.CLOSED, Outcome.GOOD], "waiting"),
        ([Outcome.CLOSED, Outcome.CLOSED, Outcome.GOOD, Outcome.GOOD], "good"),
        ([Outcome.UNCHECKED], "not known"),
        ([Outcome.LIMITED], "not known"),
        ([Outcome.GOOD, Outcome.LIMITED], "good"),
        ([Outcome.NO_ADDRESS], "no address"),
    ],
)
def test_the_state_is_what_counts(outcomes: list[Outcome], state: str) -> None:
    assert row(*outcomes).state == state


def test_what_is_waited_for_is_told() -> None:
    assert row(Outcome.GOOD).awaits(NOW) is None
    assert row(Outcome.CLOSED, Outcome.CLOSED).awaits(NOW) is None
    waiting = row(Outcome.CLOSED, Outcome.CLOSED, Outcome.GOOD)
    assert waiting.awaits(NOW) == "it is good again, and back after 1 more good probe in a row"


def test_until_when_a_mirror_that_fell_often_stays_out_is_told() -> None:
    falls = Verdict(False, NOW, Outcome.CLOSED, NOW, falls=3, held_until=NOW + 7200)
    held = row(Outcome.GOOD, Outcome.GOOD, before=falls)
    until = held.awaits(NOW)
    assert held.state == "waiting"
    assert until is not None
    assert until.startswith("it is good again, and back after a good probe, but out until 20")
    assert replace(held, outcome=Outcome.CLOSED).awaits(NOW) == until.replace(
        "it is good again, and back after a good probe, but out", "it is out at least"
    )
    assert row(Outcome.NO_ADDRESS).awaits(NOW) is None


def test_what_was_not_compared_is_shown_and_counts_for_nothing() -> None:
    path = replace(TREE, path="9/A/")
    good = Verdict(True, NOW, Outcome.GOOD, NOW)
    rows = report(MIRROR, {TREE: good, path: replace(good, detail="not compared: the origin is at fault")})
    assert (worst(rows), fresh_below(rows, TREE), images_below(rows, TREE)) == (rows, 0, 0)
