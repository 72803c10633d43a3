"""A whole run: its verdicts, what it changes, and when it says more about the prober than about the mirrors."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from mirrorlist.core.health.probe_run import (
    Contradiction,
    RunResult,
    apply_run,
    excused_by_origin,
    fairly_ahead,
    weighed,
)
from mirrorlist.core.health.verdicts import Family, HealthPolicy, Probe, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import MAIN, Protocol
from tests.building import NOW

POLICY = HealthPolicy()


def probe(number: int, outcome: ProbeOutcome, family: Family = Family.IPV4, path: str | None = None) -> Probe:
    return Probe(Subject(f"m{number}", MAIN, Protocol.HTTP, family, path), NOW, 0.1, outcome, "told")


def good(numbers: Iterable[int], family: Family = Family.IPV4) -> dict[Subject, Verdict]:
    return {
        probe(n, ProbeOutcome.GOOD, family).subject: Verdict(True, 0.0, ProbeOutcome.GOOD, NOW - 900) for n in numbers
    }


def states(found: RunResult) -> list[bool]:
    return [verdict.good_now for verdict in found.verdicts.values()]


def test_each_probe_moves_the_verdict_on_its_subject() -> None:
    found = apply_run(good([1, 2]), [probe(1, ProbeOutcome.GOOD), probe(2, ProbeOutcome.CERTIFICATE)], POLICY, {})
    assert states(found) == [True, False]
    assert [(change.subject.mirror, change.good_now, change.detail) for change in found.changes] == [
        ("m2", False, "told")
    ]


@pytest.mark.parametrize(
    ("bad", "controls", "kept"),
    [(4, False, False), (5, False, True), (10, False, True), (5, True, False), (10, True, False)],
)
def test_over_forty_of_a_hundred_lost_with_the_controls_is_our_own_fault(bad: int, controls: bool, kept: bool) -> None:
    probes = [probe(n, ProbeOutcome.WRONG if n < bad else ProbeOutcome.GOOD) for n in range(10)]
    found = apply_run(good(range(10)), probes, POLICY, {Family.IPV4: controls})
    assert (found.kept == {Family.IPV4}) is kept
    assert (found.verdicts == {}) is kept


def test_one_family_of_the_prober_that_is_gone_leaves_the_other_alone() -> None:
    before = good(range(9)) | good(range(9), Family.IPV6)
    probes = [probe(n, ProbeOutcome.GOOD) for n in range(9)]
    probes += [probe(n, ProbeOutcome.TIMEOUT, Family.IPV6) for n in range(9)]
    found = apply_run(before, probes, POLICY, {Family.IPV4: True, Family.IPV6: False})
    assert found.kept == {Family.IPV6}
    assert {subject.family for subject in found.verdicts} == {Family.IPV4}


def test_without_a_route_nothing_is_said_of_a_family() -> None:
    probes = [probe(1, ProbeOutcome.GOOD), probe(1, ProbeOutcome.UNREACHABLE, Family.IPV6)]
    found = apply_run({}, probes, POLICY, {})
    assert states(found) == [True, True]
    assert [each.outcome for each in found.noted] == [ProbeOutcome.GOOD, ProbeOutcome.UNCHECKED]


@pytest.mark.parametrize("controls", [{Family.IPV6: True}, {}])
def test_where_somebody_answers_unreachable_is_what_it_says(controls: dict[Family, bool]) -> None:
    probes = [probe(1, ProbeOutcome.UNREACHABLE, Family.IPV6)]
    if not controls:
        probes.append(probe(2, ProbeOutcome.GOOD, Family.IPV6))
        probes.append(probe(3, ProbeOutcome.GOOD, Family.IPV6))
    assert apply_run({}, probes, POLICY, controls).verdicts[probes[0].subject].bad == 1


def test_everything_down_while_the_controls_answer_is_believed() -> None:
    before = good(range(10))
    for _ in range(2):
        found = apply_run(before, [probe(n, ProbeOutcome.TIMEOUT) for n in range(10)], POLICY, {Family.IPV4: True})
        before = before | found.verdicts
    assert states(found) == [False] * 10


def test_without_controls_a_mirror_that_answers_proves_the_net() -> None:
    probes = [probe(n, ProbeOutcome.GOOD if n == 0 else ProbeOutcome.TIMEOUT) for n in range(10)]
    assert apply_run(good(range(10)), probes, POLICY, {}).kept == set()
    assert apply_run(good(range(10)), probes[1:], POLICY, {}).kept == {Family.IPV4}


def test_mirrors_that_were_bad_before_count_in_neither() -> None:
    before = {subject: Verdict(False, 0.0, ProbeOutcome.TIMEOUT, NOW - 900) for subject in good(range(9))} | good([9])
    probes = [probe(n, ProbeOutcome.TIMEOUT) for n in range(9)] + [probe(9, ProbeOutcome.GOOD)]
    assert apply_run(before, probes, POLICY, {Family.IPV4: False}).kept == set()


def test_a_mirror_without_an_address_of_the_family_is_no_news() -> None:
    found = apply_run(
        {}, [probe(n, ProbeOutcome.NO_ADDRESS, Family.IPV6) for n in range(9)], POLICY, {Family.IPV6: False}
    )
    assert states(found) == [False] * 9
    assert found.changes == ()
    assert found.kept == set()


def test_kept_are_changes_and_one_a_mirror() -> None:
    before = good([1]) | {
        probe(1, ProbeOutcome.FRESH, path="a/").subject: Verdict(True, 0.0, ProbeOutcome.FRESH, NOW - 900)
    }
    probes = [
        probe(1, ProbeOutcome.FRESH, path="a/"),
        probe(1, ProbeOutcome.FRESH, path="b/"),
        probe(1, ProbeOutcome.STALE, path="c/"),
        probe(1, ProbeOutcome.GOOD),
    ]
    assert apply_run(before, probes, POLICY, {}).noted == tuple(probes[1:])


def test_a_probe_that_says_what_the_one_before_said_is_kept_only_as_the_mirrors_first() -> None:
    """Two bad ones are kept, since the second one took the mirror out; the hundredth is not."""
    before, kept = good([1]), []
    again = [probe(1, ProbeOutcome.GOOD), probe(1, ProbeOutcome.STALE, path="c/")]
    for _ in range(100):
        found = apply_run(before, again, POLICY, {})
        kept.append(len(found.noted))
        before = before | found.verdicts
    assert kept == [2, 2] + [1] * 98


@pytest.mark.parametrize(
    ("confirmed", "counts"),
    [({}, True), ({"9/A/": NOW - 100}, True), ({"9/A/": NOW - 901}, False), ({"9/A/": None}, False)],
)
def test_what_is_ahead_of_the_origin_counts_only_if_that_was_asked_since(
    confirmed: dict[str, float | None], counts: bool
) -> None:
    ahead = probe(1, ProbeOutcome.AHEAD, path="9/A/")
    before = {ahead.subject: Verdict(True, 0.0, ProbeOutcome.AHEAD, NOW - 900, bad=1)}
    probes = fairly_ahead(before, [ahead, probe(2, ProbeOutcome.STALE)], confirmed)
    assert probes[1] == probe(2, ProbeOutcome.STALE)
    assert apply_run(before, probes, POLICY, {}).verdicts[ahead.subject].good_now is not counts


def test_the_first_time_that_a_mirror_is_ahead_is_noted() -> None:
    ahead = probe(1, ProbeOutcome.AHEAD, path="9/A/")
    assert fairly_ahead({}, [ahead], {"9/A/": NOW - 9000}) == [ahead]


PATH = "9/BaseOS/x86_64/os/"
AHEAD = (ProbeOutcome.AHEAD, "")
FRESH = (ProbeOutcome.FRESH, None)


def probes(*told: tuple[ProbeOutcome, str | None], path: str = PATH) -> list[Probe]:
    """One of each mirror."""
    return [
        Probe(Subject(f"m{n}", MAIN, Protocol.HTTPS, Family.IPV4, path), NOW, 0.1, outcome, said=said)
        for n, (outcome, said) in enumerate(told)
    ]


@pytest.mark.parametrize(
    ("told", "count"),
    [
        pytest.param([AHEAD] * 2, 2, id="all of two"),
        pytest.param([AHEAD] * 9 + [FRESH], 9, id="nine of ten"),
        pytest.param([AHEAD] * 8 + [FRESH] * 2, 0, id="eight of ten"),
        pytest.param([AHEAD], 0, id="one alone"),
        pytest.param([AHEAD] * 3 + [(ProbeOutcome.UNREACHABLE, None)] * 9, 3, id="those out of reach do not count"),
        pytest.param([(ProbeOutcome.OUTDATED, "1")] * 3, 3, id="one and the same time"),
        pytest.param([(ProbeOutcome.OUTDATED, str(n)) for n in range(3)], 0, id="a time of each one's own"),
        pytest.param([(ProbeOutcome.FUTURE, "")] * 3, 3, id="a clock that is ahead"),
        pytest.param([(ProbeOutcome.WRONG, "a" * 64)] * 3, 3, id="the same unknown file"),
        pytest.param([(ProbeOutcome.WRONG, None)] * 3, 0, id="pages"),
        pytest.param([(ProbeOutcome.STALE, None)] * 3, 0, id="what the origin had before"),
    ],
)
def test_nearly_all_mirrors_outweigh_the_origin(told: list[tuple[ProbeOutcome, str | None]], count: int) -> None:
    before = probes(*told)
    after, found = weighed(before)
    assert [each.mirrors for each in found] == ([count] if count else [])
    assert sum(probe.outcome is ProbeOutcome.GOOD for probe in after) == count
    assert [each for each in after if each.outcome is not ProbeOutcome.GOOD] == before[count:]


def test_a_mirror_counts_once_however_many_ways_lead_to_it() -> None:
    (one,) = probes(AHEAD)
    assert weighed([one, one])[1] == []


def test_each_file_is_weighed_alone() -> None:
    _, found = weighed([*probes(AHEAD, AHEAD), *probes(FRESH, FRESH, path="other/"), *probes(AHEAD, FRESH, path="x/")])
    assert found == [Contradiction(MAIN, PATH, AHEAD, 2, 2)]
    assert str(found[0]).startswith("2 of 2 mirrors contradict the origin in the same way (newer than what")


def test_the_project_s_own_trees_are_no_mirrors() -> None:
    (one,) = probes(AHEAD)
    own = Probe(Subject("https://origin.example.org/", MAIN, Protocol.HTTPS, Family.IPV4, PATH), NOW, 0.1, *AHEAD)
    assert weighed([one, own])[1] == []


def test_nobody_has_to_have_what_the_origin_lacks_itself() -> None:
    def lacks(mirror: str, detail: str, path: str = PATH) -> Probe:
        subject = Subject(mirror, MAIN, Protocol.HTTPS, Family.IPV4, path)
        return Probe(subject, NOW, 0.1, ProbeOutcome.INCOMPLETE, detail, "ab")

    gone = [lacks("source://the origin", "a.rpm: missing"), lacks("one", "a.rpm: missing")]
    others = [lacks("one", "b.rpm: missing"), lacks("one", "a.rpm: missing", "other/"), lacks("two", "a.rpm: 5 bytes")]
    found = excused_by_origin([*gone, *others])
    assert found[1].outcome is ProbeOutcome.GOOD
    assert (found[1].sha256, found[1].detail) == ("ab", "not compared: it is the same at the origin (a.rpm: missing)")
    assert [found[0], *found[2:]] == [gone[0], *others], "the origin is told of it, and what else is missing counts"
    assert excused_by_origin([lacks("source://other", "a.rpm: missing"), gone[1]])[1] == gone[1]
    both = lacks("two", "a.rpm: missing; b.rpm: missing")
    assert excused_by_origin([gone[0], both])[1] == lacks("two", "b.rpm: missing")
    assert excused_by_origin([lacks("source://the origin", both.detail), both])[1].outcome is ProbeOutcome.GOOD
