"""Where the project's own trees stand: behind the mirrors that work for a client, before all others."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.health.columns import HealthTable, Reach, SyncState, reach_key
from mirrorlist.core.health.table import health_table
from mirrorlist.core.health.verdicts import Family, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import MAIN, WEB_PROTOCOLS, FallbackLevel, Mirror, Protocol
from mirrorlist.core.selection.answer import Selection
from mirrorlist.core.selection.explanation import explanation
from mirrorlist.core.selection.fallbacks import Answering, answering, moves, rungs
from mirrorlist.core.selection.select import select
from mirrorlist.core.selection.usability import LEVEL_NAMES, LEVEL_NOTES, Exclusions, usability
from mirrorlist.formats.mirrorlist import mirrorlist
from tests.building import CATALOGUE, NOW, client, mirror, query, service, snapshot

X86 = "9.8/BaseOS/x86_64/os/"
OWN, SPARE = "https://own.example.org/linux/", "https://spare.example.org/linux/"
V4, V6 = "192.0.2.1", "2001:db8::1"
MIRRORS = [mirror(f"m{number}") for number in range(8)]


def health(mirrors: Sequence[Mirror], held: SyncState = SyncState.FRESH, **bad: str) -> HealthTable:
    """All mirrors hold the same; ``bad`` names, by family, those that cannot be reached over it, by their digits."""
    columns = {
        reach_key(MAIN, protocol, Family(family)): bytes(
            int(str(number) in digits) * Reach.NO_ADDRESS for number in range(len(mirrors))
        )
        for family, digits in bad.items()
        for protocol in WEB_PROTOCOLS
    }
    return HealthTable({X86: bytes([held] * len(mirrors))}, columns)


def asked(
    known: HealthTable, address: str | None = V4, mirrors: Sequence[Mirror] = MIRRORS, text: str = "", **fields: Any
) -> Selection:
    fields.setdefault("fallbacks", {MAIN: (OWN, SPARE)})
    snap = snapshot(mirrors, facts={"health": known}, **fields)
    family = Family(f"ipv{text[-1]}") if text.startswith("ipv=") else None
    narrowing = Exclusions(family=family)
    return select(snap, query("arch=x86_64"), client(address), NOW, narrowing)


def hosts(found: Selection) -> list[str]:
    """The first names of the hosts, in order; mirrors of one kind in the order of their names."""
    return [url.partition("://")[2].partition(".")[0] for url, _ in found.in_order]


@pytest.mark.parametrize("minimum", [0, 1, 5])
@pytest.mark.parametrize("held", [SyncState.STALE, SyncState.UNREACHABLE, SyncState.MISSING, SyncState.WRONG])
def test_a_fallback_that_answers_stands_before_mirrors_of_which_none_is_good(held: SyncState, minimum: int) -> None:
    found = asked(health(MIRRORS, held), policy=Policy(fallback_minimum=minimum))
    assert found.level is FallbackLevel.LAST_KNOWN
    assert hosts(found)[:2] == ["own", "spare"]
    assert sorted(hosts(found)[2:]) == [f"m{number}" for number in range(8)]
    assert [choice.preference for choice in found.choices] == list(range(98, 90, -1))


def test_a_fallback_that_does_not_answer_stands_last() -> None:
    known = health(MIRRORS, SyncState.STALE)
    one_dead = HealthTable(known.holds, dead_trees=(OWN,))
    assert (hosts(asked(one_dead))[0], hosts(asked(one_dead))[-1]) == ("spare", "own")
    both_dead = HealthTable(known.holds, dead_trees=(OWN, SPARE))
    assert hosts(asked(both_dead))[-2:] == ["own", "spare"], "better than nothing"


def test_what_a_list_of_good_mirrors_holds_stays_with_the_minimum() -> None:
    good = health(MIRRORS)
    assert hosts(asked(good, policy=Policy(fallback_minimum=8))) == hosts(asked(good))
    assert hosts(asked(good, policy=Policy(fallback_minimum=9)))[-2:] == ["own", "spare"]
    assert hosts(asked(good, mirrors=[], policy=Policy(fallback_minimum=0))) == ["own", "spare"], "never empty"


def test_a_private_mirror_that_is_good_stands_before_the_fallback_and_dead_ones_behind() -> None:
    own = mirror("private", private=True, subnets=("192.0.2.0/24",))
    known = HealthTable({X86: bytes([SyncState.FRESH, *[SyncState.STALE] * 8])})
    found = hosts(asked(known, mirrors=[own, *MIRRORS]))
    assert found[:3] == ["private", "own", "spare"]
    assert hosts(asked(known, "198.51.100.1", [own, *MIRRORS]))[:2] == ["own", "spare"]


def test_a_monopoly_that_is_good_still_stands_alone() -> None:
    own = mirror("private", private=True, monopoly=True, subnets=("192.0.2.0/24",))
    known = HealthTable({X86: bytes([SyncState.FRESH, *[SyncState.STALE] * 8])})
    assert hosts(asked(known, mirrors=[own, *MIRRORS])) == ["private"]


@pytest.mark.parametrize("without", ["0123567", "01234567"])
def test_a_fallback_of_the_client_s_family_stands_before_mirrors_of_the_other_one(without: str) -> None:
    found = hosts(asked(health(MIRRORS, ipv6=without), V6))
    working = [f"m{number}" for number in range(8) if str(number) not in without]
    assert found[: len(working) + 2] == [*working, "own", "spare"]
    assert len(found) == 10
    assert "own" not in hosts(asked(health(MIRRORS, ipv6=without), V4))


def test_fallbacks_are_in_order_of_the_client_s_family() -> None:
    few = MIRRORS[:2]
    known = HealthTable(dead_trees_over={"ipv6": (OWN,)})
    assert hosts(asked(known, V4, few))[2:] == ["own", "spare"]
    assert hosts(asked(known, V6, few))[2:] == ["spare", "own"]
    none = health(few, ipv6="01")
    found = hosts(asked(HealthTable(none.holds, none.bad_reach, dead_trees_over=known.dead_trees_over), V6, few))
    assert (found[0], sorted(found[1:3]), found[3]) == ("spare", ["m0", "m1"], "own")


def test_an_address_of_the_other_family_stands_behind_everything_that_works() -> None:
    literal = mirror("six", urls={MAIN: {Protocol.HTTP: "http://[::1]:81/linux/"}})
    trees = {MAIN: ("http://[::1]:82/linux/", "http://127.0.0.1:82/linux/")}
    found = asked(HealthTable(), V4, [literal, *MIRRORS[:2]], fallbacks=trees)
    assert [url.partition("/linux/")[0] for url, _ in found.in_order][2:] == [
        "http://127.0.0.1:82", "http://[::1]:81", "http://[::1]:82",
    ]  # fmt: skip
    assert [url.partition("/linux/")[0] for url, _ in asked(HealthTable(), V6, [literal], fallbacks=trees).in_order] == [
        "http://[::1]:81", "http://[::1]:82", "http://127.0.0.1:82",
    ]  # fmt: skip


def test_a_family_that_is_asked_for_counts_for_the_fallbacks_too() -> None:
    known = health(MIRRORS, ipv6="01234567")
    assert hosts(asked(known, V4, text="ipv=6"))[:2] == ["own", "spare"]
    over = HealthTable(known.holds, known.bad_reach, dead_trees_over={"ipv6": (OWN,)})
    assert (hosts(asked(over, V4, text="ipv=6"))[0], hosts(asked(over, V4, text="ipv=6"))[-1]) == ("spare", "own")
    one = health(MIRRORS, ipv6="0123567")
    assert hosts(asked(one, V4, text="ipv=6")) == ["m4", "own", "spare"], "nobody who lacks IPv6"


def test_an_origin_that_nobody_named_a_fallback_is_in_no_list() -> None:
    found = asked(health(MIRRORS, SyncState.STALE), fallbacks={}, origins={MAIN: OWN})
    assert "own" not in hosts(found)


def test_an_origin_that_nobody_named_gives_a_file_that_no_mirror_has_and_no_list() -> None:
    snap, of_list = snapshot([], fallbacks={}, origins={MAIN: OWN}), query("arch=x86_64")
    assert select(snap, of_list, client(V4), NOW).fallbacks == ()
    assert select(snap, replace(of_list, file=X86), client(V4), NOW).fallbacks == (OWN + X86,)


@pytest.mark.parametrize("protocol", ["http", "https"])
def test_of_the_vault_s_trees_those_of_a_protocol_that_was_asked_for_are_given(protocol: str) -> None:
    vaults = ("http://vault.example.org/", "https://vault.example.org/", "rsync://vault.example.org/")
    snap = snapshot(MIRRORS, catalogue=replace(CATALOGUE, vault_urls=vaults))
    found = select(snap, query(f"protocol={protocol}&arch=x86_64", version="9.2"), client(V4), NOW)
    assert found.fallbacks == (f"{protocol}://vault.example.org/9.2/BaseOS/x86_64/os/",)


def test_the_explanation_tells_the_rank_of_each() -> None:
    snap = snapshot(MIRRORS[:2], facts={"health": health(MIRRORS[:2], SyncState.STALE)}, fallbacks={MAIN: (OWN,)})
    told = explanation(snap, select(snap, query("arch=x86_64"), client(V4), NOW))
    assert (told.fallback_ranks, [row.rank for row in told.chosen]) == ((1,), [2, 3])
    assert told.fallbacks == (OWN + X86,)


def test_verdicts_on_the_trees_tell_over_which_families_they_answer() -> None:
    tree = {
        (OWN, Family.IPV4): True, (OWN, Family.IPV6): False,
        (SPARE, Family.IPV4): False, (SPARE, Family.IPV6): False,
        ("https://good.example/", Family.IPV4): True,
    }  # fmt: skip
    verdicts = {
        Subject(url, MAIN, Protocol.HTTPS, family): Verdict(good, NOW, ProbeOutcome.TIMEOUT, NOW)
        for (url, family), good in tree.items()
    }
    known = health_table([], verdicts, {}, {}, service(), NOW)
    assert (known.dead_trees, known.dead_trees_over) == ((SPARE,), {"ipv6": (OWN,)})
    assert [answering(known, OWN, family) for family in (None, Family.IPV4, Family.IPV6)] == [
        Answering.WELL, Answering.WELL, Answering.OVER_ANOTHER,
    ]  # fmt: skip
    assert answering(known, SPARE, Family.IPV4) is Answering.NOT
    assert answering(known, "https://good.example/", Family.IPV6) is Answering.WELL, "nothing is known"


X86, ARM = "9.8/BaseOS/x86_64/os/", "9.8/BaseOS/aarch64/os/"
TREES = {MAIN: ("https://own.example.org/linux/",)}
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
    snap = snapshot(mirrors, facts={"health": health}, fallbacks=TREES)
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
