""""""

from __future__ import annotations

from mirrorlist.core.health.columns import HealthTable, SyncState
from mirrorlist.core.model import MAIN
from mirrorlist.core.public.encoding import rung_counts, shares
from tests.building import mirror, snapshot

MIRRORS = [
    mirror("one", "berlin", bandwidth_mbps=3000),
    mirror("two", "munich", bandwidth_mbps=1000),
    mirror("three", "paris", bandwidth_mbps=1000),
]
EVERY = frozenset(range(3))


def test_a_country_is_shared_by_weight() -> None:
    made = snapshot(MIRRORS)
    found = shares(MIRRORS, made.orders[MAIN], made.facts.country_places, EVERY)
    assert (found["one.example.org"]["DE"], found["two.example.org"]["DE"]) == (0.75, 0.25)
    assert found["three.example.org"]["FR"] == 1.0


def test_who_is_out_leaves_its_share_to_the_others() -> None:
    made = snapshot(MIRRORS)
    found = shares(MIRRORS, made.orders[MAIN], made.facts.country_places, EVERY - {0})
    assert found["two.example.org"]["DE"] == 1.0
    assert "one.example.org" not in found


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
