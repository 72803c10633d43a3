"""Shares of countries: by weight, of the mirrors that lists hold now."""

from __future__ import annotations

from mirrorlist.core.health.columns import HealthTable, Reach, SyncState, reach_key
from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.model import MAIN, WEB_PROTOCOLS
from mirrorlist.core.public.encoding import rung_counts, served, shares
from tests.building import mirror, snapshot

MIRRORS = [
    mirror("one", "berlin", bandwidth_mbps=3000),
    mirror("two", "munich", bandwidth_mbps=1000),
    mirror("three", "paris", bandwidth_mbps=1000),
]
EVERY = {frozenset(range(3)): 1}


def test_a_country_is_shared_by_weight() -> None:
    made = snapshot(MIRRORS)
    found = shares(MIRRORS, made.orders[MAIN], made.facts.country_places, EVERY)
    assert (found["one.example.org"]["DE"], found["two.example.org"]["DE"]) == (0.75, 0.25)
    assert found["three.example.org"]["FR"] == 1.0


def test_who_is_out_leaves_its_share_to_the_others() -> None:
    made = snapshot(MIRRORS)
    found = shares(MIRRORS, made.orders[MAIN], made.facts.country_places, {frozenset({1, 2}): 1})
    assert found["two.example.org"]["DE"] == 1.0
    assert "one.example.org" not in found


def test_who_is_stale_or_unreachable_has_no_share_and_who_lacks_a_part_has_less() -> None:
    """Berlin is stale in one of two repositories, Paris answers nobody."""
    made = snapshot(MIRRORS)
    fresh = bytes([SyncState.FRESH] * 3)
    stale = bytes([SyncState.STALE, SyncState.FRESH, SyncState.FRESH])
    dead = {
        reach_key(MAIN, protocol, family): bytes([0, 0, Reach.SILENT])
        for protocol in WEB_PROTOCOLS
        for family in Family
    }
    health = HealthTable(holds={"one/": fresh, "two/": stale}, bad_reach=dead)

    def of(*paths: str) -> dict[str, dict[str, float]]:
        return shares(MIRRORS, made.orders[MAIN], made.facts.country_places, served(MIRRORS, health, paths))

    assert of("two/")["two.example.org"]["DE"] == 1.0
    assert "one.example.org" not in of("two/")
    half = of("one/", "two/")
    assert (half["one.example.org"]["DE"], half["two.example.org"]["DE"]) == (0.375, 0.625)
    assert "three.example.org" not in half


def test_a_mirror_that_is_not_for_a_country_has_no_share_of_it() -> None:
    mirrors = [MIRRORS[0], mirror("two", "munich", bandwidth_mbps=1000, countries_never=("DE",))]
    made = snapshot(mirrors)
    found = shares(mirrors, made.orders[MAIN], made.facts.country_places, {frozenset({0, 1}): 1})
    assert found["one.example.org"]["DE"] == 1.0


def test_parts_of_a_country_make_a_whole() -> None:
    made = snapshot(MIRRORS)
    found = shares(MIRRORS, made.orders[MAIN], made.facts.country_places, EVERY)
    for country in made.facts.country_places:
        assert abs(sum(each.get(country, 0.0) for each in found.values()) - 1) < 0.001


def test_rungs_count_repositories() -> None:
    path, other = "9.8/BaseOS/x86_64/os/", "9.8/BaseOS/aarch64/os/"
    health = HealthTable(
        holds={
            path: bytes([SyncState.FRESH, SyncState.STALE, SyncState.STALE]),
            other: bytes([SyncState.LAGGING, SyncState.STALE, SyncState.STALE]),
        }
    )
    assert rung_counts(snapshot(MIRRORS, facts={"health": health}).facts) == {"fresh": 1, "lagging": 1}


def test_without_comparison_there_are_no_rungs() -> None:
    assert rung_counts(snapshot(MIRRORS).facts) is None
