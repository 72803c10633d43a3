"""The rung of each repository, as its list stands on it."""

from __future__ import annotations

import random

import pytest

from mirrorlist.core.health.columns import HealthTable, Holds, reach_key
from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.model import MAIN, Mirror, Protocol
from mirrorlist.core.selection.fallback_levels import moves, rungs
from mirrorlist.core.selection.select import select
from mirrorlist.core.selection.usability import RUNG_NAMES, RUNG_NOTES, Rung, usability
from mirrorlist.formats.mirrorlist import mirrorlist
from tests.building import NOW, client, mirror, query, snapshot

X86, ARM = "9.8/BaseOS/x86_64/os/", "9.8/BaseOS/aarch64/os/"
OWN = {MAIN: ("https://own.example.org/linux/",)}
HIDDEN = mirror("hidden", private=True, subnets=("192.0.2.0/24",))
PUBLIC = [HIDDEN, *(mirror(f"m{number}") for number in range(3))]
DOWN = {reach_key(MAIN, protocol, family): bytes([0, 1, 1, 1]) for protocol in Protocol for family in Family}
CASES: dict[Rung, tuple[list[Mirror], HealthTable]] = {
    Rung.FRESH: (PUBLIC, HealthTable({X86: bytes([Holds.FRESH, Holds.STALE, Holds.LAGGING, Holds.FRESH])})),
    Rung.LAGGING: (PUBLIC, HealthTable({X86: bytes([Holds.FRESH, Holds.STALE, Holds.LAGGING, Holds.LAGGING])})),
    Rung.LAST_KNOWN: (PUBLIC, HealthTable({X86: bytes([Holds.FRESH, Holds.STALE, Holds.WRONG, Holds.MISSING])}, DOWN)),
    Rung.FALLBACKS: ([HIDDEN], HealthTable({X86: bytes([Holds.FRESH])})),
}


@pytest.mark.parametrize("rung", list(Rung))
def test_the_comment_of_a_list_names_its_rung_and_no_stranger_is_given_a_private_mirror(rung: Rung) -> None:
    mirrors, health = CASES[rung]
    snap = snapshot(mirrors, facts={"health": health}, fallbacks=OWN)
    assert rungs(snap.facts)[X86] is rung
    for asking in (client("198.51.100.1"), client("2001:db8::1"), client(None)):
        lines = mirrorlist(select(snap, query("arch=x86_64"), asking, NOW)).decode().splitlines()
        assert [line for line in lines if line.startswith("#")] == [
            f"# {RUNG_NOTES[r]}" for r in RUNG_NOTES if r is rung
        ]
        assert rung is Rung.FRESH or lines[-1].startswith(f"# {RUNG_NAMES[rung]}: ")
        urls = [line for line in lines if not line.startswith("#")]
        assert urls[-1] == f"https://own.example.org/linux/{X86}"
        assert len(urls) == 1 + {Rung.FRESH: 1, Rung.LAGGING: 2, Rung.LAST_KNOWN: 1, Rung.FALLBACKS: 0}[rung]
        assert not any("hidden" in line for line in lines)


def test_mirrors_that_surely_lack_a_repository_are_listed_only_where_there_are_no_others() -> None:
    for held, listed in (
        ((Holds.UNREACHABLE, Holds.MISSING, Holds.STALE), ["m0", "m2"]),
        ((Holds.WRONG, Holds.MISSING, Holds.UNREACHABLE), ["m2"]),
        ((Holds.WRONG, Holds.MISSING, Holds.MISSING), ["m0", "m1", "m2"]),
    ):
        snap = snapshot(PUBLIC, facts={"health": HealthTable({X86: bytes([Holds.FRESH, *held])}, DOWN)})
        chosen = select(snap, query("arch=x86_64"), client("198.51.100.1"), NOW).choices
        assert sorted(choice.mirror.name.partition(".")[0] for choice in chosen) == listed
        assert rungs(snap.facts)[X86] is Rung.LAST_KNOWN


def test_without_fallbacks_nothing_is_said_of_them() -> None:
    snap = snapshot([HIDDEN])
    assert rungs(snap.facts)[X86] is Rung.FALLBACKS
    assert select(snap, query("arch=x86_64"), client("192.0.2.1"), NOW).notes == ()


def test_every_repository_and_arch_has_a_rung_of_its_own() -> None:
    mirrors, health = CASES[Rung.LAGGING]
    found = rungs(snapshot(mirrors, facts={"health": health}).facts)
    assert (found[X86], found[ARM], found["10.2/AppStream/aarch64/os/"]) == (Rung.LAGGING, Rung.FRESH, Rung.FRESH)
    assert found["10-kitten/BaseOS/x86_64/os/"] is Rung.FALLBACKS
    assert not any("Source" in path for path in found)


def test_the_rung_is_that_of_the_whole_decision_whatever_the_mirrors_hold() -> None:
    dice = random.Random(3)
    seen = set()
    for _ in range(300):
        choices = [int(each) for each in dice.sample(list(Holds), 3)]
        down = {reach_key(MAIN, p, f): bytes(dice.choices([0, 1], k=4)) for p in Protocol for f in Family}
        out = tuple(number for number in range(4) if dice.random() < 0.2)
        health = HealthTable({X86: bytes(dice.choices(choices, k=4))}, dice.choice([{}, down, DOWN]), out)
        found = rungs(snapshot(PUBLIC, facts={"health": health}).facts)[X86]
        assert found is usability(PUBLIC, health, query("arch=x86_64"), None).rung
        seen.add(found)
    assert seen == set(Rung)


def test_what_changed_is_told_with_both_rungs() -> None:
    before = {"a/": Rung.FRESH, "b/": Rung.LAGGING, "gone/": Rung.LAGGING}
    after = {"a/": Rung.LAST_KNOWN, "b/": Rung.LAGGING, "new/": Rung.FRESH, "bad/": Rung.LAGGING}
    assert moves(before, after) == {(Rung.FRESH, Rung.LAST_KNOWN): ["a/"], (Rung.FRESH, Rung.LAGGING): ["bad/"]}
