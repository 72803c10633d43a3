"""Verdicts: what takes a mirror out, what brings it back, and what does not move it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorlist.core.health.verdicts import (
    GOOD_OUTCOMES,
    OUT_AT_ONCE,
    SAYS_NOTHING,
    Family,
    HealthPolicy,
    Probe,
    ProbeOutcome,
    Standing,
    Subject,
    Verdict,
    is_our_own_fault,
    judged,
    standing,
)
from mirrorlist.core.model import Protocol
from tests.building import NOW, metadata

SUBJECT = Subject("m.example.org", "main", Protocol.HTTPS, Family.IPV4)
EVERY = 900.0
POLICY = HealthPolicy()


def after(outcomes: list[ProbeOutcome], every: float = EVERY, sha256: str | None = None) -> list[Verdict]:
    """The verdicts after each of these outcomes, one every 15 minutes."""
    verdict: Verdict | None = None
    found = []
    for number, outcome in enumerate(outcomes):
        verdict = judged(verdict, Probe(SUBJECT, NOW + number * every, 0.1, outcome, sha256=sha256), POLICY)
        found.append(verdict)
    return found


def changes(verdicts: list[Verdict]) -> int:
    states = [True, *(verdict.good_now for verdict in verdicts)]
    return sum(before != now for before, now in pairwise(states))


@pytest.mark.parametrize(
    "outcome", sorted(set(ProbeOutcome) - GOOD_OUTCOMES - OUT_AT_ONCE - SAYS_NOTHING - {ProbeOutcome.LIMITED})
)
def test_two_bad_probes_take_a_mirror_out_and_one_does_not(outcome: ProbeOutcome) -> None:
    assert [verdict.good_now for verdict in after([ProbeOutcome.GOOD, outcome, outcome])] == [True, True, False]
    assert [verdict.good_now for verdict in after([ProbeOutcome.GOOD, outcome, ProbeOutcome.GOOD, outcome])] == [
        True
    ] * 4


@pytest.mark.parametrize("outcome", sorted(OUT_AT_ONCE))
def test_what_is_surely_bad_takes_a_mirror_out_at_once(outcome: ProbeOutcome) -> None:
    assert [verdict.good_now for verdict in after([ProbeOutcome.GOOD, outcome])] == [True, False]


def test_two_good_probes_bring_a_mirror_back() -> None:
    bad, good = ProbeOutcome.UNREACHABLE, ProbeOutcome.GOOD
    assert [v.good_now for v in after([bad, bad, good, good, good])] == [True, False, False, True, True]


BUSY, WELL, DEAD = ProbeOutcome.LIMITED, ProbeOutcome.GOOD, ProbeOutcome.UNREACHABLE


@pytest.mark.parametrize(
    ("outcomes", "good_now"),
    [
        ([BUSY], True),
        ([BUSY] * 2, True),
        ([BUSY] * 3, False),
        ([WELL, BUSY, BUSY, WELL, BUSY, BUSY], True),
        ([DEAD, BUSY], True),
        ([BUSY, DEAD], False),
        ([BUSY] * 3 + [WELL], False),
        ([BUSY] * 3 + [WELL] * 2, True),
        ([BUSY] * 3 + [WELL, BUSY, WELL], False),
    ],
)
def test_a_tree_that_only_ever_asks_for_patience_is_out_and_one_that_does_at_times_is_not(
    outcomes: list[ProbeOutcome], good_now: bool
) -> None:
    assert after(outcomes)[-1].good_now is good_now


def test_a_repository_that_asks_for_patience_stays_as_it_was() -> None:
    of_path = replace(SUBJECT, path="9/BaseOS/x86_64/os/")
    verdict: Verdict | None = Verdict(True, NOW, ProbeOutcome.FRESH, NOW, sha256="a" * 64)
    for number in range(1, 20):
        verdict = judged(verdict, Probe(of_path, NOW + number * EVERY, 0.1, BUSY), POLICY)
    assert verdict == Verdict(True, NOW, ProbeOutcome.FRESH, NOW + 19 * EVERY, sha256="a" * 64)


@pytest.mark.parametrize("outcome", sorted(SAYS_NOTHING))
def test_what_says_nothing_changes_nothing_but_the_time(outcome: ProbeOutcome) -> None:
    before, same = after([ProbeOutcome.UNREACHABLE, outcome])
    assert (same.good_now, same.bad, same.outcome, same.checked_at) == (True, before.bad, before.outcome, NOW + EVERY)


def test_a_mirror_that_flaps_on_every_probe_changes_at_most_six_times_in_a_hundred() -> None:
    assert changes(after([ProbeOutcome.GOOD, ProbeOutcome.UNREACHABLE] * 50)) <= 6
    assert changes(after([ProbeOutcome.WRONG, ProbeOutcome.GOOD] * 50)) <= 6


def test_the_hold_down_doubles_with_every_fall_and_ends_after_a_calm_day() -> None:
    pattern = [ProbeOutcome.UNREACHABLE] * 2 + [ProbeOutcome.GOOD] * 2
    flapping = after(pattern * 25)
    assert changes(flapping) <= 20
    holds = [v.held_until - v.since for v in flapping if not v.good_now and v.bad == 2]
    assert holds == sorted(holds)
    calm = after(pattern * 3 + [ProbeOutcome.GOOD] * 200)
    assert (calm[-1].good_now, calm[-1].falls, calm[-1].held_until) == (True, 0, 0.0)


def test_a_mirror_that_falls_every_night_for_years_is_judged_like_any_other() -> None:
    before = Verdict(True, NOW, ProbeOutcome.GOOD, NOW, bad=1, falls=100_000)
    verdict = judged(before, Probe(SUBJECT, NOW + EVERY, 0.1, ProbeOutcome.CLOSED), POLICY)
    assert (verdict.good_now, verdict.held_until) == (False, NOW + EVERY + POLICY.longest_hold_seconds)


def test_since_tells_when_the_verdict_changed_and_not_when_it_was_confirmed() -> None:
    bad = ProbeOutcome.UNREACHABLE
    assert [verdict.since for verdict in after([bad, bad, bad, bad])] == [NOW, NOW + EVERY, NOW + EVERY, NOW + EVERY]


@given(st.lists(st.sampled_from(sorted(set(ProbeOutcome) - {ProbeOutcome.LIMITED})), max_size=60))
def test_a_steady_mirror_never_falls_and_a_steady_failure_never_rises(outcomes: list[ProbeOutcome]) -> None:
    verdicts = after(outcomes)
    for number, verdict in enumerate(verdicts):
        last = [outcome for outcome in outcomes[: number + 1] if outcome not in SAYS_NOTHING][-2:]
        if len(last) == 2 and all(outcome not in GOOD_OUTCOMES for outcome in last):
            assert not verdict.good_now
        if outcomes[: number + 1] == [ProbeOutcome.GOOD] * (number + 1):
            assert verdict.good_now


CURRENT, LAST, OLDER = "a" * 64, "b" * 64, "c" * 64


@pytest.mark.parametrize(
    ("sha256", "good_now", "since_change", "expected"),
    [
        (CURRENT, True, 0, Standing.FRESH),
        (LAST, True, 3599, Standing.GRACE),
        (LAST, True, 3600, Standing.LAGGING),
        (OLDER, True, 10, Standing.LAGGING),
        ("f" * 64, True, 10, Standing.STALE),
        (CURRENT, False, 10, Standing.BAD),
        (None, True, 10, Standing.UNKNOWN),
        (None, False, 10, Standing.BAD),
    ],
)
def test_a_mirror_stands_by_what_it_has_and_how_long_ago_the_origin_changed(
    sha256: str | None, good_now: bool, since_change: float, expected: Standing
) -> None:
    known = metadata(digit="a", alternates="bc")
    verdict = Verdict(good_now, NOW, ProbeOutcome.FRESH, NOW, sha256=sha256)
    assert standing(verdict, known, known.first_seen + since_change, 3600.0) is expected


def test_a_mirror_that_was_never_looked_at_is_unknown() -> None:
    assert standing(None, metadata(), NOW, 0) is Standing.UNKNOWN
    assert standing(Verdict(True, NOW, ProbeOutcome.FRESH, NOW, sha256=CURRENT), None, NOW, 0) is Standing.UNKNOWN


@pytest.mark.parametrize(
    ("before", "turned_bad", "controls", "ours"),
    [(100, 41, False, True), (100, 40, False, False), (100, 100, True, False), (0, 0, False, False)],
)
def test_a_run_in_which_everything_breaks_is_our_own_fault(
    before: int, turned_bad: int, controls: bool, ours: bool
) -> None:
    assert is_our_own_fault(before, turned_bad, controls) is ours
