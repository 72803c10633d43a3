"""How a row of a mirror's health reads: its state in a word, and what it waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from mirrorlist.core.content import Content, ContentKind
from mirrorlist.core.health.probe_plan import TURNS
from mirrorlist.core.health.report import (
    Checking,
    HealthRow,
    RunPace,
    depth_of,
    fresh_below,
    images_below,
    pace_of,
    report,
    summary,
    worst,
)
from mirrorlist.core.health.verdicts import Family, HealthPolicy, Probe, ProbeOutcome, Subject, Verdict, judged
from mirrorlist.core.model import MAIN, Checksummed, Mirror, Protocol, RepoMetadata
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
        (Verdict(False, NOW, ProbeOutcome.STALE, NOW), "reachable", "", ""),
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


EVERY = 900.0
RUNS = [(50, NOW), (49, NOW - EVERY), (48, NOW - 2 * EVERY), (47, NOW - 7000)]
VERSION = Checksummed(size=9, timestamp=0, sha256="a", sha512="")
PATHS = [f"9/{letter}/" for letter in "ABCDE"]


def checking(named: int = 12, runs: Sequence[tuple[int, float]] = RUNS) -> Checking:
    return Checking(
        contents={path: Content(MAIN, path, ContentKind.APT if path == "9/E/" else ContentKind.RPM) for path in PATHS},
        metadata={path: RepoMetadata(path, VERSION, NOW) for path in PATHS},
        named={path: {"a": named} for path in PATHS},
        pace=pace_of(runs, NOW),
    )


def seen(looked: int = 12, **changed: Any) -> Verdict:
    return replace(
        Verdict(True, NOW, ProbeOutcome.FRESH, NOW, sha256="a", whole_sha256="a", whole_at=NOW, looked=looked),
        **changed,
    )


def rows_of(known: Mapping[str, Verdict], by: Checking) -> tuple[HealthRow, ...]:
    tree = Verdict(True, NOW, ProbeOutcome.GOOD, NOW)
    return report(MIRROR, {TREE: tree, **{replace(TREE, path=path): known[path] for path in known}}, checking=by)


def test_a_row_says_by_what_kind_how_deep_and_when_next() -> None:
    tree, row = rows_of({"9/A/": seen(looked=8)}, checking())
    moment = f"{datetime.fromtimestamp(NOW, UTC):%Y-%m-%d %H:%M} UTC"
    following = f"{datetime.fromtimestamp(NOW + EVERY, UTC):%Y-%m-%d %H:%M} UTC"
    assert row.depth == f"rpm: 8 of 12 files seen, the last at {moment}; next look about {following}"
    assert (row.kind, row.named, row.next_at, tree.kind, tree.next_at) == (
        ContentKind.RPM, 12, NOW + EVERY, None, NOW + EVERY,
    )  # fmt: skip
    assert rows_of({"9/A/": seen(whole_sha256=None, looked=0)}, checking(runs=()))[1].depth == (
        "rpm: only its index was compared"
    )


@pytest.mark.parametrize(
    ("runs", "pace"),
    [
        (RUNS, RunPace(50, NOW + EVERY, EVERY)),
        (RUNS[:1], None),
        ([], None),
        ([(9, NOW - 1000), (8, NOW - 1900)], RunPace(9, NOW, EVERY)),
        ([(9, NOW - 5000), (8, NOW - 5900)], None),
        ([(9, NOW - 1800), (8, NOW - 2700)], None),
    ],
)
def test_the_pace_is_that_of_the_last_runs(runs: list[tuple[int, float]], pace: RunPace | None) -> None:
    assert pace_of(runs, NOW) == pace


def test_what_is_whole_has_its_turn_within_ten_runs_and_anything_else_at_the_next() -> None:
    whole = [rows_of({path: seen()}, checking())[1].next_at for path in PATHS]
    assert all(at is not None and NOW + EVERY <= at <= NOW + TURNS * EVERY for at in whole)
    assert len({*whole}) > 1
    for unsettled in (seen(looked=3), seen(sha256="b"), seen(bad=1), seen(good_now=False)):
        assert rows_of({"9/A/": unsettled}, checking())[1].next_at == NOW + EVERY
    old = rows_of({path: seen(checked_at=NOW - 90_000) for path in PATHS}, checking())
    assert {row.next_at for row in old} == {NOW + EVERY}


def test_a_question_is_answered_by_the_repository_that_was_checked_least() -> None:
    rows = rows_of({"9/A/": seen(), "9/B/": seen(looked=2, whole_at=0.0)}, checking(runs=()))
    assert depth_of(rows, ["9/A/", "9/B/"]) == "rpm: 2 of 12 files seen, the last at 1970-01-01 00:00 UTC"
    assert depth_of(rows, ["9/A/", "9/C/"]) == "content not checked: 9/C/"
    assert depth_of(rows, ["9/C/"]) == "content not checked"
    out = seen(good_now=False, outcome=ProbeOutcome.INCOMPLETE, detail="9/B/a.rpm: missing")
    assert depth_of(rows_of({"9/A/": seen(), "9/B/": out}, checking()), PATHS[:2]) == "incomplete: 9/B/a.rpm: missing"


def test_a_mirror_s_summary_counts_what_it_carries() -> None:
    missing = seen(good_now=False, outcome=ProbeOutcome.MISSING)
    known = {"9/A/": seen(), "9/B/": seen(looked=3), "9/C/": missing, "9/E/": seen()}
    found = summary(MIRROR, rows_of(known, checking(runs=())), checking(runs=()))
    assert found.startswith("1 of 1 apt compared, 2 of 3 rpm compared, 2 whole; last 20"), "9/C/ is none of its"
    assert ", next about 20" in summary(MIRROR, rows_of(known, checking()), checking())
    assert summary(MIRROR, rows_of({}, checking()), checking()) == "content not checked"
