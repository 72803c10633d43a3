"""Weights that are lowered for mirrors that have too much to do, and given back; and never for the prober's fault."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorlist.core.catalogue.policy import MeasuredBandwidth, Policy, WeightReduction, weight_of
from mirrorlist.core.health.response_times import (
    FAR_ABOVE,
    FEWEST_TIMES,
    LEAST_SECONDS,
    SLOW_TIMES_KEPT,
    TIMES_KEPT,
    Pace,
    SpeedSample,
    bandwidth_after,
    paces_after,
    seen_speeds,
)
from mirrorlist.core.health.verdicts import Family, Probe, ProbeOutcome, Subject
from mirrorlist.core.model import MAIN, Protocol
from mirrorlist.core.selection.select import select
from tests.building import NOW, client, mirror, query, snapshot

EVERY = 900.0
NAMES = [f"m{number}.example.org" for number in range(7)]
ME = NAMES[0]
Seen = float | ProbeOutcome


def probes(seen: Mapping[str, Seen], family: Family = Family.IPV4) -> list[Probe]:
    """One answer of each mirror: its seconds, or what came instead."""
    return [
        Probe(Subject(name, MAIN, Protocol.HTTPS, family), NOW, 0.0, each)
        if isinstance(each, ProbeOutcome)
        else Probe(Subject(name, MAIN, Protocol.HTTPS, family), NOW, each, ProbeOutcome.FRESH)
        for name, each in seen.items()
    ]


def after(rounds: Iterable[Mapping[str, Seen]], before: Mapping[str, Pace] | None = None) -> dict[str, Pace]:
    known = dict(before or {})
    for number, seen in enumerate(rounds):
        known |= paces_after(known, probes(seen), (), NOW + number * EVERY)
    return known


CALM = dict.fromkeys(NAMES, 0.2)
KNOWN = after([CALM] * FEWEST_TIMES)


def steps(seen: Iterable[Seen], others: float = 0.2) -> list[int]:
    """The step of one mirror after each round, while the others answer in so many seconds."""
    known, found = KNOWN, []
    for each in seen:
        known = after([dict.fromkeys(NAMES, others) | {ME: each}], known)
        found.append(known[ME].lowered.step if known[ME].lowered else 0)
    return found


@pytest.mark.parametrize("bad", [2.0, ProbeOutcome.LIMITED])
def test_two_bad_rounds_lower_the_weight_by_half_and_two_calm_ones_give_it_back(bad: Seen) -> None:
    assert steps([bad] * 10 + [0.2] * 8) == [0, 1, 1, 2, 2, 3, 3, 3, 3, 3, 3, 2, 2, 1, 1, 0, 0, 0]
    assert steps([bad, 0.2] * 10) == [0] * 20
    assert steps([bad, bad, 0.2, bad, 0.2, bad]) == [0, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("seconds", "others", "slow"),
    [
        (0.2 + LEAST_SECONDS + 0.01, 0.2, True),
        (0.2 + LEAST_SECONDS, 0.2, False),
        (0.2 * FAR_ABOVE, 0.2, False),
        (2.0, 0.2, True),
        (2.0, 2.0, False),  # everything is slow: the prober's own net
        (5.0, 2.0, False),
        (7.0, 2.0, True),
        (0.7, 0.05, False),  # others are faster than usual: no reason to lower this one
        (0.01, 0.2, False),
    ],
)
def test_slow_is_far_above_the_mirrors_own_usual_time_and_what_all_share_does_not_count(
    seconds: float, others: float, slow: bool
) -> None:
    assert steps([seconds] * 2, others) == [0, int(slow)]


def test_it_is_told_since_when_and_why() -> None:
    known = after([CALM | {ME: 2.0}] * 4, KNOWN)
    assert known[ME].lowered == WeightReduction(2, NOW + EVERY, "it answered in 2.0 s, usually in 0.2 s")
    limited = after([CALM | {ME: ProbeOutcome.LIMITED}] * 2, KNOWN)
    assert limited[ME].lowered == WeightReduction(1, NOW + EVERY, "it asked for patience (429 or 503)")


def test_a_round_in_which_most_ask_for_patience_says_nothing() -> None:
    half = CALM | dict.fromkeys(NAMES[:4], ProbeOutcome.LIMITED)
    assert after([half] * 4, KNOWN) == KNOWN
    fewer = CALM | dict.fromkeys(NAMES[:3], ProbeOutcome.LIMITED)
    assert [bool(pace.lowered) for pace in after([fewer] * 2, KNOWN).values()] == [True] * 3 + [False] * 4


def test_a_round_of_few_mirrors_says_nothing() -> None:
    assert paces_after(KNOWN, probes({ME: 9.0, NAMES[1]: 0.2}), (), NOW) == {}


def test_families_that_the_round_says_nothing_of_do_not_count() -> None:
    slow_over_ipv6 = probes(CALM) + probes(dict.fromkeys([ME], 9.0), Family.IPV6) * 3
    assert paces_after(KNOWN, slow_over_ipv6, (Family.IPV6,), NOW)[ME].bad == 0
    assert paces_after(KNOWN, slow_over_ipv6, (), NOW)[ME].bad == 1


@pytest.mark.parametrize("outcome", [ProbeOutcome.TIMEOUT, ProbeOutcome.UNREACHABLE, ProbeOutcome.UNCHECKED])
def test_without_an_answer_the_pace_stays_as_it_was(outcome: ProbeOutcome) -> None:
    lowered = after([CALM | {ME: 2.0}] * 2, KNOWN)
    assert after([CALM | {ME: outcome}] * 5, lowered)[ME] == lowered[ME]


def test_a_mirror_without_a_past_is_not_slow() -> None:
    assert all(pace.lowered is None for pace in after([CALM | {ME: 9.0}] * (FEWEST_TIMES - 1)).values())


def test_what_stays_slow_for_days_becomes_usual_and_the_memory_is_bounded() -> None:
    full = after([CALM] * (TIMES_KEPT + 5))
    assert len(full[ME].times) == TIMES_KEPT
    slow = CALM | {ME: 2.0}
    a_day = after([slow] * TIMES_KEPT, full)
    assert a_day[ME].lowered is not None
    later = after([slow] * (TIMES_KEPT * SLOW_TIMES_KEPT // 2 + 2 * TIMES_KEPT), full)
    assert later[ME].lowered is None
    assert len(later[ME].times) == TIMES_KEPT


ROUNDS = st.lists(
    st.fixed_dictionaries(
        dict.fromkeys(NAMES, st.floats(0.001, 60) | st.sampled_from([ProbeOutcome.LIMITED, ProbeOutcome.TIMEOUT]))
    ),
    max_size=30,
)


@settings(max_examples=100, deadline=None)
@given(ROUNDS)
def test_no_weight_ever_grows_or_falls_below_an_eighth(rounds: list[dict[str, Seen]]) -> None:
    for name, pace in after(rounds).items():
        of = mirror(name.partition(".")[0], bandwidth_mbps=8000)
        assert weight_of(of, Policy(), pace.lowered) in (8000, 4000, 2000, 1000)


@settings(max_examples=100, deadline=None)
@given(ROUNDS)
def test_whatever_others_do_a_mirror_that_answers_as_usual_keeps_its_weight(rounds: list[dict[str, Seen]]) -> None:
    known = after([seen | {ME: 0.2} for seen in rounds], KNOWN)
    assert known[ME].lowered is None


def test_weight_is_at_least_one_and_the_maintainers_factor_stays() -> None:
    lowered = WeightReduction(3, NOW, "")
    assert weight_of(mirror("m", bandwidth_mbps=1), Policy(), lowered) == 1
    assert weight_of(mirror("m", bandwidth_mbps=800), Policy(weights={"m.example.org": 2.0}), lowered) == 200


def test_a_lowered_mirror_comes_first_for_fewer_clients() -> None:
    mirrors = [mirror(f"m{number}", "berlin") for number in range(4)]
    snap = snapshot(mirrors, facts={"lowered": {ME: WeightReduction(2, NOW, "")}})
    firsts = [
        select(snap, query(), client(f"198.51.{number // 250}.{number % 250}"), NOW).choices[0]
        for number in range(2000)
    ]
    share = sum(choice.mirror.name == ME for choice in firsts) / len(firsts)
    assert abs(share - 0.25 / 3.25) < 0.02
    assert {choice.weight for choice in firsts} == {250, 1000}


# Bandwidths.

FAST = {f"m{number}.example.org": [400.0, 900.0] for number in range(4)}
SLOW_ONE = "slow.example.org"


def speeds(seen: Mapping[str, Mapping[str, Iterable[float]]]) -> list[SpeedSample]:
    return [
        SpeedSample(mirror, place, NOW + at, 12_000_000, mbps)
        for place, by_mirror in seen.items()
        for mirror, values in by_mirror.items()
        for at, mbps in enumerate(values)
    ]


def measured(
    rounds: Iterable[Mapping[str, Iterable[float]]], declared: int = 1000, others: Mapping[str, list[float]] = FAST
) -> list[int]:
    """The step after each round; a round has by place all measurements of one mirror until then."""
    known: MeasuredBandwidth | None = None
    found = []
    for number, mine in enumerate(rounds):
        seen = seen_speeds(speeds({place: {**others, SLOW_ONE: values} for place, values in mine.items()}))
        known = bandwidth_after(known, SLOW_ONE, declared, seen, NOW + number)
        found.append(known.lowered.step if known and known.lowered else 0)
        assert known is not None
        best = max(max(values) for values in mine.values())
        assert declared * (known.lowered.factor if known.lowered else 1.0) >= min(declared, max(best, declared / 8))
    return found


def growing(*values: float) -> list[dict[str, list[float]]]:
    return [{"": list(values[: number + 1])} for number in range(len(values))]


def test_a_bandwidth_is_lowered_step_by_step_and_given_back_in_the_same_way() -> None:
    assert measured(growing(*[90.0] * 9)) == [0, 0, 1, 1, 2, 2, 3, 3, 3], "1000, 500, 250, 125, never less"
    assert measured(growing(*[300.0] * 6)) == [0, 0, 1, 1, 1, 1], "half is more than was seen, a quarter is not"
    up_again = growing(*[90.0] * 7, *[300.0] * 5)
    assert measured(up_again) == [0, 0, 1, 1, 2, 2, 3, 1, 1, 1, 1, 1], "what was seen counts at once"
    assert measured(growing(*[90.0] * 4, 950.0, 90.0)) == [0, 0, 1, 1, 0, 0]


def test_one_bad_measurement_changes_nothing() -> None:
    assert measured(growing(900.0, 5.0, 900.0, 5.0, 5.0, 5.0)) == [0] * 6
    assert measured(growing(5.0, 900.0, 5.0)) == [0] * 3


def test_the_best_place_decides_and_nothing_falls_below_what_any_saw() -> None:
    near, far = [700.0] * 3, [20.0] * 3
    assert measured([{"": far, "berlin": near}] * 8) == [0] * 8
    assert measured([{"": far, "berlin": [300.0] * 3}] * 8)[-1] == 1
    assert measured([{"": far, "berlin": [300.0]}] * 8)[-1] == 1, "one measurement from there bounds it, too"


def test_what_most_mirrors_share_is_the_line_of_the_place() -> None:
    narrow = {name: [80.0, 90.0] for name in FAST}
    assert measured(growing(*[80.0] * 6), 10_000, narrow) == [0] * 6
    assert measured(growing(*[40.0] * 6), 10_000, narrow)[-1] == 1, "half of what the others do"
    assert measured(growing(*[1.0] * 6), 1000, {}) == [0] * 6, "alone it says nothing"


def test_more_than_is_declared_never_counts() -> None:
    [known] = [bandwidth_after(None, SLOW_ONE, 100, seen_speeds(speeds({"": {**FAST, SLOW_ONE: [800.0] * 4}})), NOW)]
    assert known == MeasuredBandwidth(800.0, NOW)
    assert bandwidth_after(None, "nobody.example.org", 100, seen_speeds(speeds({"": FAST})), NOW) is None
