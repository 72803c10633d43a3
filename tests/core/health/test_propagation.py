""""""

from __future__ import annotations

from dataclasses import replace

import pytest

from mirrorlist.core.catalogue.metadata import MetadataChange
from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.health.propagation import (
    FOLLOWED_SECONDS,
    MOST_FOLLOWED,
    MOST_POINTS,
    Spread,
    SpreadPoint,
    at_age,
    carrying,
    continued,
    followed,
    spreads,
)
from mirrorlist.core.health.verdicts import Family, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import MAIN, Checksummed, Mirror, Prefix, Protocol, Status
from tests.building import NOW, mirror

PATH = "9.8/BaseOS/x86_64/os/"


def change(mark: str, at: float) -> MetadataChange:
    return MetadataChange(Checksummed(1, 1, mark * 64, mark * 128), at)


CHANGES = {PATH: [change("a", NOW - 900), change("b", NOW - 600), change("c", NOW - 300)]}


def verdict(good: bool = True, outcome: ProbeOutcome = ProbeOutcome.FRESH, mark: str | None = None) -> Verdict:
    return Verdict(good, NOW, outcome, NOW, sha256=mark and mark * 64)


def holding(name: str, mark: str | None, good: bool = True, outcome: ProbeOutcome = ProbeOutcome.FRESH,
            reached: bool = True) -> dict[Subject, Verdict]:  # fmt: skip
    tree = Subject(f"{name}.example.org", MAIN, Protocol.HTTPS, Family.IPV4)
    return {tree: verdict(reached), replace(tree, path=PATH): verdict(good, outcome, mark)}


def points(mirrors: list[Mirror], *held: dict[Subject, Verdict]) -> list[tuple[int, int, int, int]]:
    """Of each change that is followed: mirrors, of how many, Mbit/s, of how many."""
    verdicts = {subject: found for each in held for subject, found in each.items()}
    has = carrying(mirrors, verdicts, Policy(), [PATH])
    return [
        (point.mirrors, point.of_mirrors, point.bandwidth_mbps, point.of_bandwidth_mbps)
        for spread in spreads(CHANGES, has, NOW)
        for point in spread.points
    ]


def test_who_has_a_later_version_has_the_change_too() -> None:
    mirrors = [mirror(name, bandwidth_mbps=speed) for name, speed in (("x", 100), ("y", 200), ("z", 700))]
    held = holding("x", "a"), holding("y", "b"), holding("z", "c")
    assert points(mirrors, *held) == [(2, 3, 900, 1000), (1, 3, 700, 1000)]


@pytest.mark.parametrize(
    ("other", "held"),
    [
        pytest.param(mirror("y", private=True, subnets=["192.0.2.0/24"]), holding("y", "c"), id="private"),
        pytest.param(mirror("y", status=Status.PAUSED), holding("y", "c"), id="paused"),
        pytest.param(mirror("y"), holding("y", "c", reached=False), id="out of reach"),
        pytest.param(mirror("y"), holding("y", None, False, ProbeOutcome.MISSING), id="does not carry it"),
        pytest.param(mirror("y"), {}, id="never looked at"),
        pytest.param(mirror("z"), holding("y", "c"), id="gone"),
    ],
)
def test_only_mirrors_for_everybody_that_carry_it_count(other: Mirror, held: dict[Subject, Verdict]) -> None:
    assert points([mirror("x", bandwidth_mbps=100), other], holding("x", "c"), held)[-1] == (1, 1, 100, 100)


def test_a_mirror_at_fault_does_not_have_the_change() -> None:
    mirrors = [mirror("x", bandwidth_mbps=100), mirror("y", bandwidth_mbps=None), mirror("z", bandwidth_mbps=400_000)]
    held = holding("x", "c", good=False, outcome=ProbeOutcome.WRONG), holding("y", "c"), holding("z", "b")
    assert points(mirrors, *held)[-1] == (1, 3, 1000, 100 + 1000 + 10_000)


def test_without_mirrors_nothing_is_divided_by_nothing() -> None:
    [_, spread] = spreads(CHANGES, carrying([], {}, Policy(), [PATH]), NOW)
    assert (spread.points[0].of_mirrors, spread.points[0].bandwidth_percent) == (0, 0.0)


def test_what_was_there_first_and_what_is_long_ago_is_not_followed() -> None:
    has = carrying([], {}, Policy(), [PATH])
    old = [change("a", NOW - 2 * FOLLOWED_SECONDS), change("b", NOW - FOLLOWED_SECONDS - 1), change("c", NOW - 5)]
    many = [change(f"{number:x}", NOW - 100 + number) for number in range(12)]
    assert [each.changed_at for each in spreads({PATH: old}, has, NOW)] == [NOW - 5]
    assert [each.changed_at for each in spreads({PATH: many}, has, NOW)] == [
        each.seen_at for each in many[-MOST_FOLLOWED:]
    ]
    assert list(spreads({PATH: many[:1]}, has, NOW)) == []
    assert followed({"changed/": many, "new/": many[:1], "old/": old[:2], "again/": old}, NOW) == {
        "changed/", "again/",
    }  # fmt: skip


def point(seconds: float, mirrors: int) -> SpreadPoint:
    return SpreadPoint(seconds, mirrors, 1000, 10 * mirrors, 10_000)


def test_points_are_kept_where_something_changes_and_are_bounded() -> None:
    found: tuple[SpreadPoint, ...] = ()
    for number in range(1000):
        found = continued(found, point(number, number // 2))
    assert len(found) <= MOST_POINTS
    assert (found[0], found[-1]) == (point(0, 0), point(998, 499))
    assert list(found) == sorted(found, key=lambda each: each.seconds)


def test_the_share_at_an_age_is_that_of_the_last_point_before() -> None:
    spread = Spread(PATH, NOW, "a" * 64, (point(10, 1), point(20, 5)))
    assert [at_age(spread, seconds) for seconds in (9.0, 10.0, 19.0, 500.0)] == [
        None, point(10, 1), point(10, 1), point(20, 5),
    ]  # fmt: skip


def test_a_network_of_its_own_is_no_public_mirror() -> None:
    """``Prefix`` and all: a monopoly serves nobody else, so nobody else may learn of it."""
    alone = mirror("y", monopoly=True, subnets=["192.0.2.0/24"])
    assert isinstance(alone.subnets[0], Prefix)
    assert points([alone], holding("y", "c")) == [(0, 0, 0, 0), (0, 0, 0, 0)]


def test_the_share_is_of_the_mirrors_bandwidth() -> None:
    point = SpreadPoint(0.0, mirrors=1, of_mirrors=4, bandwidth_mbps=300, of_bandwidth_mbps=1000)
    assert point.bandwidth_percent == 30.0
