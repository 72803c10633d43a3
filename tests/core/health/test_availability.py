"""How much of the time a mirror was reachable, from what the prober noted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mirrorlist.core.health.history import WINDOW_SECONDS, ReachHistory, reaches
from mirrorlist.core.health.verdicts import Event, EventKind, Family, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import MAIN, Protocol
from tests.building import NOW

DAY = 86_400.0
TREE = Subject("a.example.org", MAIN, Protocol.HTTPS, Family.IPV4)
OTHER = replace(TREE, family=Family.IPV6)
UP, DOWN = EventKind.UP, EventKind.DOWN


def good(since: float) -> Verdict:
    return Verdict(True, NOW - since * DAY, ProbeOutcome.GOOD, NOW)


def bad(since: float, outcome: ProbeOutcome = ProbeOutcome.TIMEOUT) -> Verdict:
    return Verdict(False, NOW - since * DAY, outcome, NOW)


def turn(kind: EventKind, days_ago: float, subject: Subject = TREE) -> Event:
    return Event(subject.mirror, kind, NOW - days_ago * DAY, "", subject)


@pytest.mark.parametrize(
    ("verdicts", "events", "percent"),
    [
        ({TREE: good(60)}, [], 100.0),
        ({TREE: good(2)}, [turn(DOWN, 5), turn(UP, 2)], 40.0),
        ({TREE: good(2)}, [turn(UP, 2), turn(DOWN, 17), turn(UP, 25), turn(DOWN, 45)], 100 * (1 - 20 / 30)),
        ({TREE: good(10)}, [turn(UP, 10), turn(DOWN, 40)], 100 * (1 - 20 / 30)),
        ({TREE: bad(3)}, [turn(DOWN, 3), turn(DOWN, 40)], 0.0),
        ({TREE: bad(60)}, [], 0.0),
        ({TREE: good(60), OTHER: bad(60, ProbeOutcome.NO_ADDRESS)}, [], 100.0),
        ({TREE: good(10), OTHER: good(12)},
         [turn(DOWN, 15), turn(UP, 10), turn(DOWN, 30, OTHER), turn(UP, 12, OTHER)], 90.0),
        ({replace(TREE, path="9/x/"): bad(9), TREE: good(9)}, [turn(DOWN, 1, replace(TREE, path="9/x/"))], 100.0),
        ({replace(TREE, module="kitten"): bad(20), TREE: good(20)}, [], 100.0),
    ],
)  # fmt: skip
def test_a_mirror_is_there_while_one_way_to_it_is(
    verdicts: dict[Subject, Verdict], events: list[Event], percent: float
) -> None:
    found = reaches(verdicts, events, NOW)["a.example.org"].percent
    assert found == pytest.approx(percent)


def test_it_is_down_since_the_last_way_was_shut() -> None:
    known = {TREE: bad(9), OTHER: bad(20, ProbeOutcome.CLOSED)}
    found = reaches(known, [turn(DOWN, 9), turn(DOWN, 20, OTHER)], NOW)["a.example.org"]
    assert (found.down_since, found.outcome) == (NOW - 9 * DAY, ProbeOutcome.TIMEOUT)
    lacking = reaches({TREE: bad(9), OTHER: bad(2, ProbeOutcome.NO_ADDRESS)}, [], NOW)["a.example.org"]
    assert (lacking.down_since, lacking.outcome) == (NOW - 9 * DAY, ProbeOutcome.TIMEOUT)


def test_who_was_never_or_just_now_looked_at_has_no_percentage() -> None:
    assert reaches({}, [turn(DOWN, 1)], NOW) == {}
    assert reaches({TREE: good(0)}, [], NOW) == {"a.example.org": ReachHistory()}
    assert WINDOW_SECONDS == 30 * DAY
