"""What needs attention: by dates, percentages and requirements."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from mirrorlist.cli.output.reviews import report_text
from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.catalogue.requirements import Level, RequirementLevel, Requirements
from mirrorlist.core.health.history import ReachHistory
from mirrorlist.core.health.verdicts import ProbeOutcome
from mirrorlist.core.mirror import with_pairs
from mirrorlist.core.model import Mirror, ReachPair, Status
from mirrorlist.core.owners.network_report import (
    Coming,
    Held,
    Leaving,
    Limits,
    NetworkReport,
    Observations,
    PendingMirror,
    Step,
    network_report,
    working_days,
)
from mirrorlist.core.snapshot import Facts
from mirrorlist.publishing.transition import news
from tests.building import mirror, service

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()  # a Friday
DAY = 86_400.0
NOTHING, LIMITS = Observations(), Limits()


def facts(*mirrors: Mirror, **fields: object) -> Facts:
    return Facts(generation=1, built_at=NOW, key=b"", service=service(**fields), mirrors=mirrors, places=(),
                 country_places={}, classes=())  # fmt: skip


def report(*mirrors: Mirror, known: Observations = NOTHING, limits: Limits = LIMITS, **fields: object) -> NetworkReport:
    return network_report(facts(*mirrors, **fields), known, NOW, limits)


@pytest.mark.parametrize(
    ("since", "today", "days"),
    [("2026-11-16", "2026-11-20", 4), ("2026-11-20", "2026-11-23", 1), ("2026-11-21", "2026-11-22", 0),
     ("2026-11-20", "2026-11-20", 0), ("2026-11-25", "2026-11-20", 0), ("2026-11-06", "2026-11-20", 10)],
)  # fmt: skip
def test_weekends_are_no_working_days(since: str, today: str, days: int) -> None:
    assert working_days(date.fromisoformat(since), date.fromisoformat(today)) == days


def test_states_stand_in_the_order_of_a_mirrors_life() -> None:
    found = report(mirror("c", status=Status.RETIRED), mirror("b"), mirror("a"), mirror("d", status=Status.OFFERED))
    assert list(found.states.items()) == [
        (Status.OFFERED, ("d.example.org",)),
        (Status.LIVE, ("a.example.org", "b.example.org")),
        (Status.RETIRED, ("c.example.org",)),
    ]


def test_offers_that_wait_over_three_working_days_are_told() -> None:
    found = report(
        mirror("a", status=Status.OFFERED, status_since="2026-11-17"),
        mirror("b", status=Status.OFFERED, status_since="2026-11-16"),
        mirror("c", status=Status.OFFERED),
        mirror("d", status=Status.ACCEPTED, status_since="2026-01-01"),
    )
    assert found.offers == (PendingMirror("b.example.org", "2026-11-16", 4), PendingMirror("c.example.org", None, None))


def test_each_step_between_offer_and_launch_has_its_days() -> None:
    found = report(
        mirror("a", status=Status.SYNCING, status_since="2026-07-19"),
        mirror("b", status=Status.PAPERWORK, status_since="2026-10-20"),
        mirror("c", status=Status.PAPERWORK, status_since="2026-10-19"),
        mirror("d", status=Status.ACCEPTED),
        mirror("e", status=Status.DEPLOYING, status_since="2026-12-01"),
        mirror("f", status=Status.LIVE, status_since="2020-01-01"),
    )
    assert found.steps == (
        Step("d.example.org", Status.ACCEPTED, None, None, 7),
        Step("b.example.org", Status.PAPERWORK, "2026-10-20", 31, 31),
        Step("c.example.org", Status.PAPERWORK, "2026-10-19", 32, 31),
        Step("e.example.org", Status.DEPLOYING, "2026-12-01", 0, 31),
        Step("a.example.org", Status.SYNCING, "2026-07-19", 124, 124),
    )
    assert [each.mirror[0] for each in found.steps if each.is_late] == ["c"]
    assert "  c.example.org: paperwork, day 32, since 2026-10-19, usually at most 31 days;\n" in report_text(found)
    assert "  d.example.org: accepted, nobody knows since when; write status_since\n" in report_text(found)


SYNCING = [
    (None, "2026-11-10", None, None, None, "not listed yet"),
    (Held(0, 100, NOW), "2026-11-10", None, 0.0, None, "no file yet"),
    (Held(50, 100, NOW), None, None, 50.0, None, "status_since"),
    (Held(50, 100, NOW), "2026-11-10", None, 50.0, "2026-12-02", "at its pace so far"),  # 10.5 days for a half
    (Held(50, 100, NOW), "2026-11-10", "2026-12-24", 50.0, "2026-12-24", "at its pace so far"),
    (Held(1, 10**6, NOW), "2026-11-10", None, 0.0, None, "it hardly moves"),
    (Held(999_999, 10**6, NOW), "2026-11-10", None, 99.9, "2026-11-21", "at its pace so far"),
    (Held(100, 100, NOW), None, None, 100.0, "2026-11-20", "complete"),
    (Held(100, 100, NOW), None, "2026-12-01", 100.0, "2026-12-01", "complete"),
]


@pytest.mark.parametrize(("held", "since", "live_from", "percent", "live_on", "why"), SYNCING)
def test_a_syncing_mirror_has_a_percentage_and_a_day(
    held: Held | None, since: str | None, live_from: str | None, percent: float, live_on: str | None, why: str
) -> None:
    given = mirror("a", status=Status.SYNCING, status_since=since, live_from=live_from)
    (found,) = report(given, mirror("b"), known=Observations(held={given.name: held} if held else {})).coming
    assert found == Coming("a.example.org", Status.SYNCING, percent, live_on, found.why)
    assert why in found.why


REQUIREMENTS = Requirements(
    RequirementLevel(bandwidth_mbps=100, availability_percent=99, complete_percent=90),
    RequirementLevel(bandwidth_mbps=1000),
)


def test_those_below_the_requirements_are_told_with_what_they_lack() -> None:
    known = Observations({"b.example.org": ReachHistory(98.5)}, {"b.example.org": Held(10, 100, NOW)})
    found = report(
        mirror("a", bandwidth_mbps=1000), mirror("b", bandwidth_mbps=500), mirror("c", bandwidth_mbps=10, private=True),
        mirror("d", bandwidth_mbps=10), mirror("e", bandwidth_mbps=10, status=Status.RETIRING),
        known=known, requirements=REQUIREMENTS, approved=("d.example.org",),
    ).below  # fmt: skip
    assert [(each.mirror, *[(lack.level, str(lack)) for lack in each.shortfalls]) for each in found] == [
        ("b.example.org", (Level.MINIMUM, "availability_percent is 98.5 %, minimum is 99 %"),
         (Level.MINIMUM, "complete_percent is 10 %, minimum is 90 %"),
         (Level.PREFERRED, "bandwidth_mbps is 500 Mbit/s, preferred is 1000 Mbit/s")),
    ]  # fmt: skip


def test_served_mirrors_that_are_down_for_longer_are_told_the_longest_first() -> None:
    reach = {f"{name}.example.org": ReachHistory(0.0, NOW - days * DAY, ProbeOutcome.CLOSED)
             for name, days in (("a", 15), ("b", 20), ("c", 14), ("d", 99))}  # fmt: skip
    given = (mirror("a"), mirror("b", status=Status.RETIRING), mirror("c"), mirror("d", status=Status.PAUSED))
    assert [each.mirror[0] for each in report(*given, known=Observations(reach)).down] == ["b", "a"]
    assert [each.mirror[0] for each in report(*given, known=Observations(reach), limits=Limits(down_days=1)).down] == [
        *"bac"
    ]


def test_retirement_is_announced_once_and_told_when_it_comes() -> None:
    live, leaving, gone = (mirror("a", status=each, status_until="2026-12-01", status_reason="The end.")
                           for each in (Status.LIVE, Status.RETIRING, Status.RETIRED))  # fmt: skip
    assert report(leaving, mirror("b")).leaving == (Leaving("a.example.org", "2026-12-01", "The end."),)
    told = [[(each.event, each.facts) for each in news(facts(before), facts(after)) if each.event.startswith("mirror ")]
            for before, after in ((live, leaving), (leaving, leaving), (leaving, gone), (gone, gone))]  # fmt: skip
    said = {"mirror": "a.example.org", "until": "2026-12-01", "reason": "The end."}
    assert told == [[("mirror retiring", said)], [], [("mirror retired", said)], []]


def test_each_pair_that_does_not_work_is_told_with_the_mirrors_that_it_concerns() -> None:
    pairs = (ReachPair("IR", "US", None), ReachPair("AS64496", "gone.example.org", 700))
    mirrors = with_pairs([mirror("a", "chicago"), mirror("b", "chicago"), mirror("c", "berlin")], pairs)
    found = report(*mirrors, policy=Policy(reach=pairs))
    assert [(each.clients, each.mirrors, each.km, each.concerned) for each in found.pairs] == [
        ("IR", "US", None, 2), ("AS64496", "gone.example.org", 700, 0),
    ]  # fmt: skip
    assert """
Pairs that do not work (reach)
  from IR to US: never, mirrors: 2
  from AS64496 to gone.example.org: 700 km farther, no mirror is meant
""" in report_text(found)
    assert "Pairs" not in report_text(report(*mirrors))
