"""The quick lane on a clock of its own: when it looks, what it takes out, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorlist.core.health.own_network import LookResult, OwnNetwork
from mirrorlist.core.health.probe_run import HealthChange
from mirrorlist.core.health.quick_lane import QuickLane, QuickTerms
from mirrorlist.core.health.quick_look import AddressSight, QuickLook, TreeAddress, turned
from mirrorlist.core.health.verdicts import Family, HealthPolicy, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import MAIN, Protocol
from tests.building import NOW

STEP = 1.0
TERMS = QuickTerms()
GOOD, CLOSED, SILENT = ProbeOutcome.GOOD, ProbeOutcome.CLOSED, ProbeOutcome.TIMEOUT
BUSY, BROKEN = ProbeOutcome.LIMITED, ProbeOutcome.REFUSED
CONNECTING = {CLOSED, SILENT}

World = Callable[[str, TreeAddress, float], ProbeOutcome]
"""What an address of a mirror gives at a time, in seconds since the start."""


def address(
    name: str, number: int = 1, protocol: Protocol = Protocol.HTTPS, family: Family = Family.IPV4
) -> TreeAddress:
    text = f"192.0.2.{number}" if family is Family.IPV4 else f"2001:db8::{number}"
    return TreeAddress(Subject(name, MAIN, protocol, family), text)


def single(name: str) -> list[TreeAddress]:
    return [address(name)]


def dual(name: str) -> list[TreeAddress]:
    return [address(name, 1, protocol, family) for protocol, family in product((Protocol.HTTPS, Protocol.HTTP), Family)]


@dataclass
class Run:
    """The lane against a world; every look takes no time."""

    names: Sequence[str]
    world: World
    addresses: Callable[[str], list[TreeAddress]] = single
    witnesses: Sequence[str] = ()
    lane: QuickLane = field(default_factory=lambda: QuickLane(TERMS))
    now: float = NOW
    verdicts: dict[Subject, Verdict] = field(default_factory=dict)
    requests: dict[str, list[float]] = field(default_factory=dict)
    changes: list[HealthChange] = field(default_factory=list)
    looks: list[tuple[QuickLook, float]] = field(default_factory=list)

    def until(self, seconds: float) -> Run:
        """Goes on until so many seconds after the start."""
        self.lane.follow(self.names, self.witnesses, self.now)
        self.lane.know(self.verdicts)
        while self.now < NOW + seconds:
            for look in self.lane.due(self.now, 1000):
                self._look(look)
            for turn in self.lane.turns(self.now):
                self.changes.append(turn)
                self.verdicts[turn.subject] = turned(self.verdicts.get(turn.subject), turn, TERMS.policy)
            self.now += STEP
        return self

    def _look(self, look: QuickLook) -> None:
        at = self.now - NOW
        gives = {each: self.world(look.mirror, each, at) for each in self.addresses(look.mirror)}
        asked = look.asked(each for each, outcome in gives.items() if outcome not in CONNECTING)
        sights = [
            AddressSight(each, outcome if outcome in CONNECTING or each in asked else GOOD, outcome.name, each in asked)
            for each, outcome in gives.items()
        ]
        self.requests.setdefault(look.mirror, []).extend([self.now] * max(1, len(asked)))
        self.looks.append((look, at))
        self.lane.saw(look, sights, len(asked), self.now)

    def turns(self, name: str) -> list[tuple[bool, float]]:
        """When the first tree of a mirror went out and came back, in seconds since the start."""
        tree = self.addresses(name)[0].tree
        return [(each.good_now, each.at - NOW) for each in self.changes if each.subject == tree]


NAMES = [f"m{number}" for number in range(12)]


def dies(name: str, outcome: ProbeOutcome, since: float, until: float = float("inf")) -> World:
    return lambda mirror, at, now: outcome if mirror == name and since <= now < until else GOOD


def test_a_good_mirror_is_looked_at_every_minute_by_one_request_that_wanders_over_its_addresses() -> None:
    run = Run(["m"], lambda *_: GOOD, dual).until(600)
    gaps = {round(b - a) for (_, a), (_, b) in zip(run.looks, run.looks[1:], strict=False)}
    assert (gaps, run.changes) == ({52}, [])
    asked = [look.asked(dual("m"))[0] for look, _ in run.looks]
    assert set(asked[:4]) == set(dual("m"))


@pytest.mark.parametrize("outcome", [CLOSED, SILENT, BROKEN, BUSY])
@pytest.mark.parametrize("kind", [single, dual])
@pytest.mark.parametrize("moment", [100, 113, 127, 140, 151])
def test_what_dies_is_out_over_every_way_within_85_seconds_after_a_second_look(
    outcome: ProbeOutcome, kind: Callable[[str], list[TreeAddress]], moment: float
) -> None:
    run = Run(NAMES, dies("m1", outcome, moment), kind).until(moment + 85)
    assert {each.subject for each in run.changes} == {each.tree for each in kind("m1")}
    assert not any(each.good_now for each in run.changes)
    assert run.changes[0].outcome is outcome
    bad = [at for look, at in run.looks if look.mirror == "m1" and at >= moment]
    assert len(bad) >= 2
    assert min(each.at for each in run.changes) - NOW - bad[0] >= TERMS.again_seconds


def test_one_failed_look_counts_for_nothing() -> None:
    for outcome in (CLOSED, SILENT, BROKEN, BUSY):
        first = next(
            at for look, at in Run(NAMES, lambda *_: GOOD).until(200).looks if look.mirror == "m1" and at > 100
        )
        run = Run(NAMES, dies("m1", outcome, first, first + 1)).until(400)
        assert run.changes == []


def test_an_answer_503_in_every_third_request_is_load() -> None:
    counts: dict[str, int] = {}

    def loaded(mirror: str, at: TreeAddress, now: float) -> ProbeOutcome:
        counts[mirror] = counts.get(mirror, 0) + 1
        return BUSY if counts[mirror] % 3 == 0 else GOOD

    run = Run(["m1", "m2"], loaded).until(6 * 3600)
    assert run.changes == []
    assert len(run.requests["m1"]) <= 1.2 * 6 * 60 + 28


def test_a_mirror_that_answers_again_is_back_within_two_minutes() -> None:
    run = Run(NAMES, dies("m1", CLOSED, 100, 300), dual).until(800)
    assert [good for good, _ in run.turns("m1")] == [False, True]
    assert run.turns("m1")[1][1] <= 420
    assert all(verdict.good_now for verdict in run.verdicts.values())


def test_the_second_good_look_brings_it_back() -> None:
    run = Run(NAMES, dies("m1", CLOSED, 100, 300)).until(500)
    good = [at for look, at in run.looks if look.mirror == "m1" and at >= 300]
    assert run.turns("m1")[1] == (True, good[1])


def test_after_a_second_fall_it_stays_out_for_the_hold_down_and_is_back_soon_after() -> None:
    def twice(mirror: str, at: TreeAddress, now: float) -> ProbeOutcome:
        return CLOSED if mirror == "m1" and (100 <= now < 300 or 600 <= now < 700) else GOOD

    run = Run(NAMES, twice).until(4000)
    (_, _), (_, _), (_, fell), (good, back) = run.turns("m1")
    assert good
    held = TERMS.policy.hold_seconds * 2
    assert held <= back - fell <= held + 120


@pytest.mark.parametrize("period", [45, 90, 180, 400])
def test_a_mirror_that_flaps_all_day_changes_lists_a_few_times(period: int) -> None:
    flapping: World = lambda mirror, at, now: CLOSED if mirror == "m1" and now % (2 * period) < period else GOOD  # noqa: E731
    run = Run(NAMES[:4], flapping).until(86_400)
    assert len(run.turns("m1")) <= 18


@pytest.mark.parametrize("outcome", [CLOSED, SILENT, BROKEN, BUSY])
@pytest.mark.parametrize("lost", [12, 8])
def test_a_mass_failure_changes_nothing(outcome: ProbeOutcome, lost: int) -> None:
    gone = set(NAMES[:lost])
    run = Run(NAMES, lambda mirror, at, now: outcome if mirror in gone and now >= 200 else GOOD, dual).until(1200)
    assert run.changes == []
    assert run.lane.doubted == {*Family}


def test_a_large_network_loses_one_in_twenty_at_once_but_not_a_third() -> None:
    names = [f"m{number}" for number in range(200)]

    def lost(part: int) -> World:
        return lambda mirror, at, now: CLOSED if int(mirror[1:]) % part == 0 and now >= 200 else GOOD

    assert {each.subject.mirror for each in Run(names, lost(20)).until(300).changes} == set(names[::20])
    assert Run(names, lost(3)).until(600).changes == []


def test_before_a_mirror_is_out_others_are_looked_at_since_it_failed() -> None:
    """Also where one address failed of several: what was seen of them before says nothing."""
    broken = address("m2", 2)
    run = Run(NAMES[:4], lambda mirror, at, now: BROKEN if at == broken and now >= 100 else GOOD, two).until(300)
    [fault], [out] = run.lane.faults(), run.changes
    assert {look.mirror for look, at in run.looks if fault.since <= NOW + at <= out.at} == set(NAMES[:4])


def test_mirrors_that_are_out_for_long_do_not_hide_a_death() -> None:
    long = NAMES[6:]
    verdicts = {address(name).tree: Verdict(False, NOW - 9000, CLOSED, NOW - 9000, falls=1) for name in long}
    world: World = lambda mirror, at, now: CLOSED if mirror in long or (mirror == "m1" and now >= 100) else GOOD  # noqa: E731
    run = Run(NAMES, world, verdicts=verdicts).until(200)
    assert [(each.subject.mirror, each.good_now) for each in run.changes] == [("m1", False)]


def test_witnesses_are_left_alone_while_other_mirrors_answer() -> None:
    names = [f"m{number}" for number in range(40)]
    run = Run(names, dies("m1", CLOSED, 100), witnesses=["control"]).until(200)
    assert [each.subject.mirror for each in run.changes] == ["m1"]
    assert "control" not in {look.mirror for look, _ in run.looks}


def test_who_was_not_looked_at_since_is_named_the_longest_ago_first() -> None:
    network = OwnNetwork()
    for name, at in (("a", 30.0), ("b", 20.0), ("c", 10.0), ("d", 40.0)):
        network.note(name, Family.IPV4, LookResult(at, failed=False, answered=True))
    assert network.unseen(Family.IPV4, 30.0) == ["c", "b"]
    assert network.unseen(Family.IPV6, 30.0) == []


def test_over_one_family_a_mass_failure_does_not_hide_a_death_over_the_other() -> None:
    def gone(mirror: str, at: TreeAddress, now: float) -> ProbeOutcome:
        is_lost = now >= 200 and (at.tree.family is Family.IPV6 or mirror == "m1")
        return SILENT if is_lost else GOOD

    run = Run(NAMES, gone, dual).until(500)
    assert {(each.subject.mirror, each.subject.family) for each in run.changes} == {("m1", Family.IPV4)}


@pytest.mark.parametrize(
    ("mirrors", "witnesses", "world_of_witnesses", "outcome", "out"),
    [
        (1, 0, GOOD, CLOSED, True),
        (1, 0, GOOD, BROKEN, True),
        (1, 0, GOOD, SILENT, False),
        (1, 1, GOOD, SILENT, True),
        (1, 1, SILENT, SILENT, False),
        (2, 0, GOOD, CLOSED, True),
        (3, 0, GOOD, CLOSED, False),
        (3, 1, GOOD, CLOSED, True),
        (3, 1, BROKEN, CLOSED, True),
        (3, 1, CLOSED, CLOSED, False),
    ],
)
def test_where_all_of_a_few_die_something_else_has_to_answer(
    mirrors: int, witnesses: int, world_of_witnesses: ProbeOutcome, outcome: ProbeOutcome, out: bool
) -> None:
    names, seen = NAMES[:mirrors], [f"control {number}" for number in range(witnesses)]

    def world(mirror: str, at: TreeAddress, now: float) -> ProbeOutcome:
        return GOOD if now < 100 else world_of_witnesses if mirror in seen else outcome

    run = Run(names, world, witnesses=seen).until(260)
    assert {each.subject.mirror for each in run.changes} == (set(names) if out else set())


def two(name: str) -> list[TreeAddress]:
    return [address(name, 1), address(name, 2)]


def three(name: str) -> list[TreeAddress]:
    return [address(name, number) for number in (1, 2, 3)]


def six(name: str) -> list[TreeAddress]:
    """More than one look that confirms asks."""
    return [address(name, number) for number in range(1, 7)]


@pytest.mark.parametrize(
    ("kind", "bad", "outcome", "out"),
    [
        (two, {"192.0.2.2"}, CLOSED, False),
        (two, {"192.0.2.2"}, SILENT, True),
        (two, {"192.0.2.2"}, BROKEN, True),
        (three, {"192.0.2.2"}, SILENT, False),
        (three, {"192.0.2.2", "192.0.2.3"}, BROKEN, True),
        (three, {"192.0.2.2", "192.0.2.3"}, CLOSED, False),
        (three, {"192.0.2.1", "192.0.2.2", "192.0.2.3"}, CLOSED, True),
        (six, {at.address for at in six("m1")}, BROKEN, True),
    ],
)
def test_a_bad_address_is_named_and_takes_the_tree_out_where_clients_run_into_it(
    kind: Callable[[str], list[TreeAddress]], bad: set[str], outcome: ProbeOutcome, out: bool
) -> None:
    world: World = lambda mirror, at, now: outcome if mirror == "m1" and at.address in bad else GOOD  # noqa: E731
    run = Run(NAMES, world, kind).until(600)
    assert bool(run.changes) is out
    assert {(each.address, each.outcome) for each in run.lane.faults()} == {(each, outcome) for each in bad}
    if out:
        told = "; ".join(f"{each} {outcome.name}" for each in sorted(bad))
        assert run.changes[0].detail == f"{len(bad)} of {len(kind('m1'))} addresses: {told}"


def test_the_other_addresses_are_asked_once_where_one_asks_for_patience() -> None:
    run = Run(["m1"], lambda mirror, at, now: BUSY if at.address == "192.0.2.1" else GOOD, three).until(200)
    first, *sent = run.requests["m1"][2:8]
    assert [at - first for at in sent] == [1, 1, 11, 21, 31]


def test_a_closed_address_of_a_mirror_that_is_held_down_hurries_nobody() -> None:
    before = Verdict(False, NOW - 900, CLOSED, NOW - 900, falls=2, held_until=NOW + 3600)
    world: World = lambda mirror, at, now: CLOSED if at.address == "192.0.2.2" else GOOD  # noqa: E731
    run = Run(["m1"], world, two, verdicts={address("m1").tree: before}).until(400)
    assert [b - a for (_, a), (_, b) in pairwise(run.looks)][:5] == [20, 52, 52, 52, 52]


def test_content_that_a_visit_found_bad_is_not_brought_back() -> None:
    tree = address("m1").tree
    for outcome, back in ((ProbeOutcome.WRONG, False), (ProbeOutcome.CLIENTS, False), (ProbeOutcome.TIMEOUT, True)):
        before = Verdict(False, NOW - 900, outcome, NOW - 900, falls=1)
        run = Run(["m1", "m2"], lambda *_: GOOD, verdicts={tree: before}).until(300)
        assert [each.good_now for each in run.changes] == ([True] if back else [])


def test_what_a_visit_found_after_the_last_looks_counts_until_two_more_are_good() -> None:
    run = Run(["m1", "m2"], lambda *_: GOOD).until(300)
    tree = address("m1").tree
    run.verdicts[tree] = Verdict(False, run.now, CLOSED, run.now, falls=1)
    run.until(301)
    assert run.changes == []
    run.until(420)
    assert [each.good_now for each in run.changes] == [True]


def test_a_name_that_the_server_does_not_like_is_not_held_against_it() -> None:
    run = Run(["m1", "m2"], lambda *_: GOOD)
    look = run.lane
    look.follow(["m1"], [], NOW)
    at = address("m1")
    first, *_ = look.due(NOW + 60, 1)
    look.saw(first, [AddressSight(at, BROKEN, "status 500", True)], 1, NOW + 60)
    second, *_ = look.due(NOW + 80, 1)
    assert (first.disguised, second.disguised) == (False, True)
    new = address("m1", 2)
    look.saw(second, [AddressSight(new, GOOD, "", True), AddressSight(at, GOOD, "", True)], 2, NOW + 80)
    third, *_ = look.due(NOW + 132, 1)
    assert third.disguised


def test_a_mirror_from_which_clients_come_back_is_looked_at_next_and_not_again_and_again() -> None:
    run = Run(NAMES, dies("m1", CLOSED, 300)).until(301)
    before = len(run.looks)
    for second in range(302, 323):
        run.lane.call("m1", run.now)
        run.lane.call("nobody", run.now)
        run.until(second)
    assert [at for look, at in run.looks[before:] if look.mirror == "m1"] == [301.0, 321.0]
    assert run.turns("m1") == [(False, 321.0)]


def test_mirrors_that_go_are_forgotten_and_a_clock_that_is_set_back_stops_nothing() -> None:
    run = Run(["m1", "m2"], lambda *_: GOOD).until(200)
    run.now -= 86_400
    looked = len(run.looks)
    run.lane.follow(["m2"], [], run.now)
    run.lane.know({address("m1").tree: Verdict(False, run.now, CLOSED, run.now)})
    found = [look for number in range(400) for look in run.lane.due(run.now + number, 9)]
    assert [look.mirror for look in found] == ["m2"]
    assert looked


@settings(max_examples=15, deadline=None)
@given(st.data(), st.integers(1, 8))
def test_no_mirror_costs_more_than_its_share_whatever_it_does(data: st.DataObject, count: int) -> None:
    script = data.draw(st.lists(st.sampled_from([GOOD, CLOSED, SILENT, BROKEN, BUSY]), min_size=1, max_size=30))

    def world(mirror: str, at: TreeAddress, now: float) -> ProbeOutcome:
        return script[int(now // 13 + hash(at.address) % 7) % len(script)]

    hours = 3
    run = Run(["m1", "m2"], world, lambda name: [address(name, number) for number in range(1, count + 1)])
    run.until(hours * 3600)
    assert all(len(sent) <= 1.18 * hours * 60 + 29 for sent in run.requests.values())


def test_a_policy_of_its_own_counts() -> None:
    assert turned(None, HealthChange(address("m").tree, False, NOW, CLOSED, "x"), HealthPolicy()).falls == 1
    old = Verdict(True, NOW - 200_000, GOOD, NOW, falls=5)
    assert turned(old, HealthChange(address("m").tree, False, NOW, CLOSED, "x"), HealthPolicy()).held_until == 0
    new = replace(old, since=NOW - 10)
    assert turned(new, HealthChange(address("m").tree, False, NOW, CLOSED, "x"), HealthPolicy()).held_until > NOW
