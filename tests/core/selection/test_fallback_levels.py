"""The rung of each repository, as its list stands on it."""

from __future__ import annotations

import random

import pytest

from mirrorlist.core.health.columns import HealthTable, SyncState, reach_key
from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.model import MAIN, FallbackLevel, Mirror, Protocol
from mirrorlist.core.selection.fallback_levels import moves, rungs
from mirrorlist.core.selection.select import select
from mirrorlist.core.selection.usability import LEVEL_NAMES, LEVEL_NOTES, usability
from mirrorlist.formats.mirrorlist import mirrorlist
from tests.building import NOW, client, mirror, query, snapshot

X86, ARM = "9.8/BaseOS/x86_64/os/", "9.8/BaseOS/aarch64/os/"
OWN = {MAIN: ("https://own.example.org/linux/",)}
HIDDEN = mirror("hidden", private=True, subnets=("192.0.2.0/24",))
PUBLIC = [HIDDEN, *(mirror(f"m{number}") for number in range(3))]
DOWN = {reach_key(MAIN, protocol, family): bytes([0, 1, 1, 1]) for protocol in Protocol for family in Family}
CASES: dict[FallbackLevel, tuple[list[Mirror], HealthTable]] = {
    FallbackLevel.FRESH: (
        PUBLIC,
        HealthTable({X86: bytes([SyncState.FRESH, SyncState.STALE, SyncState.LAGGING, SyncState.FRESH])}),
    ),
    FallbackLevel.LAGGING: (
        PUBLIC,
        HealthTable({X86: bytes([SyncState.FRESH, SyncState.STALE, SyncState.LAGGING, SyncState.LAGGING])}),
    ),
    FallbackLevel.LAST_KNOWN: (
        PUBLIC,
        HealthTable({X86: bytes([SyncState.FRESH, SyncState.STALE, SyncState.WRONG, SyncState.MISSING])}, DOWN),
    ),
    FallbackLevel.FALLBACKS: ([HIDDEN], HealthTable({X86: bytes([SyncState.FRESH])})),
}


@pytest.mark.parametrize("rung", list(FallbackLevel))
def test_the_comment_of_a_list_names_its_rung_and_no_stranger_is_given_a_private_mirror(rung: FallbackLevel) -> None:
    mirrors, health = CASES[rung]
    snap = snapshot(mirrors, facts={"health": health}, fallbacks=OWN)
    assert rungs(snap.facts)[X86] is rung
    for asking in (client("198.51.100.1"), client("2001:db8::1"), client(None)):
        lines = mirrorlist(select(snap, query("arch=x86_64"), asking, NOW)).decode().splitlines()
        assert [line for line in lines if line.startswith("#")] == [
            f"# {LEVEL_NOTES[r]}" for r in LEVEL_NOTES if r is rung
        ]
        assert rung is FallbackLevel.FRESH or lines[-1].startswith(f"# {LEVEL_NAMES[rung]}: ")
        urls = [line for line in lines if not line.startswith("#")]
        assert urls[0 if rung is FallbackLevel.LAST_KNOWN else -1] == f"https://own.example.org/linux/{X86}"
        assert (
            len(urls)
            == 1
            + {
                FallbackLevel.FRESH: 1,
                FallbackLevel.LAGGING: 2,
                FallbackLevel.LAST_KNOWN: 1,
                FallbackLevel.FALLBACKS: 0,
            }[rung]
        )
        assert not any("hidden" in line for line in lines)


def test_mirrors_that_surely_lack_a_repository_are_listed_only_where_there_are_no_others() -> None:
    for held, listed in (
        ((SyncState.UNREACHABLE, SyncState.MISSING, SyncState.STALE), ["m0", "m2"]),
        ((SyncState.WRONG, SyncState.MISSING, SyncState.UNREACHABLE), ["m2"]),
        ((SyncState.WRONG, SyncState.MISSING, SyncState.MISSING), ["m0", "m1", "m2"]),
    ):
        snap = snapshot(PUBLIC, facts={"health": HealthTable({X86: bytes([SyncState.FRESH, *held])}, DOWN)})
        chosen = select(snap, query("arch=x86_64"), client("198.51.100.1"), NOW).choices
        assert sorted(choice.mirror.name.partition(".")[0] for choice in chosen) == listed
        assert rungs(snap.facts)[X86] is FallbackLevel.LAST_KNOWN


def test_without_fallbacks_nothing_is_said_of_them() -> None:
    snap = snapshot([HIDDEN])
    assert rungs(snap.facts)[X86] is FallbackLevel.FALLBACKS
    assert select(snap, query("arch=x86_64"), client("192.0.2.1"), NOW).notes == ()


def test_every_repository_and_arch_has_a_rung_of_its_own() -> None:
    mirrors, health = CASES[FallbackLevel.LAGGING]
    found = rungs(snapshot(mirrors, facts={"health": health}).facts)
    assert (found[X86], found[ARM], found["10.2/AppStream/aarch64/os/"]) == (
        FallbackLevel.LAGGING,
        FallbackLevel.FRESH,
        FallbackLevel.FRESH,
    )
    assert found["10-kitten/BaseOS/x86_64/os/"] is FallbackLevel.FALLBACKS
    assert not any("Source" in path for path in found)


def test_the_rung_is_that_of_the_whole_decision_whatever_the_mirrors_hold() -> None:
    dice = random.Random(3)
    seen = set()
    for _ in range(300):
        choices = [int(each) for each in dice.sample(list(SyncState), 3)]
        down = {reach_key(MAIN, p, f): bytes(dice.choices([0, 1], k=4)) for p in Protocol for f in Family}
        out = tuple(number for number in range(4) if dice.random() < 0.2)
        health = HealthTable({X86: bytes(dice.choices(choices, k=4))}, dice.choice([{}, down, DOWN]), out)
        found = rungs(snapshot(PUBLIC, facts={"health": health}).facts)[X86]
        assert found is usability(PUBLIC, health, query("arch=x86_64"), None).rung
        seen.add(found)
    assert seen == set(FallbackLevel)


def test_what_changed_is_told_with_both_rungs() -> None:
    before = {"a/": FallbackLevel.FRESH, "b/": FallbackLevel.LAGGING, "gone/": FallbackLevel.LAGGING}
    after = {
        "a/": FallbackLevel.LAST_KNOWN,
        "b/": FallbackLevel.LAGGING,
        "new/": FallbackLevel.FRESH,
        "bad/": FallbackLevel.LAGGING,
    }
    assert moves(before, after) == {
        (FallbackLevel.FRESH, FallbackLevel.LAST_KNOWN): ["a/"],
        (FallbackLevel.FRESH, FallbackLevel.LAGGING): ["bad/"],
    }
