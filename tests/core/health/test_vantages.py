"""What the votes of vantage points come to: outages of one country, outages for all, and voices that lie."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import pytest

from mirrorlist.core.catalogue.service import Vantage
from mirrorlist.core.health.vantages import (
    KEPT_INTERVALS,
    LONGEST_EVERY_SECONDS,
    Ballot,
    Look,
    Report,
    VoteTally,
    ballot_after,
    tally,
    with_votes,
)
from mirrorlist.core.health.verdicts import Family, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import MAIN, Mirror, Protocol, ReachPair, Status
from tests.building import NOW, mirror

GOOD, BAD = ProbeOutcome.GOOD, ProbeOutcome.TIMEOUT
V4, V6, HTTPS, HTTP = Family.IPV4, Family.IPV6, Protocol.HTTPS, Protocol.HTTP
CONTINENTS = {
    "DE": "EU", "FR": "EU", "CZ": "EU", "AT": "EU", "IR": "AS", "IQ": "AS", "JP": "AS", "US": "NA", "CA": "NA",
    "BR": "SA",
}  # fmt: skip
EVERY = 900.0
MIRRORS = tuple(mirror(f"m{n}") for n in range(40))


def vantage(name: str, country: str) -> Vantage:
    return Vantage(name, country)


@dataclass
class World:
    """Vantages that report round after round what is true, unless they lie."""

    vantages: tuple[Vantage, ...]
    mirrors: tuple[Mirror, ...] = MIRRORS
    ways: tuple[tuple[Protocol, Family], ...] = ((HTTPS, V4),)
    ballots: dict[str, Ballot] = field(default_factory=dict)
    now: float = NOW
    prober: dict[Subject, Verdict] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.see(lambda name: True)

    def see(self, reaches: Callable[[str], bool]) -> None:
        """What the prober itself sees from now on."""
        for each in self.mirrors:
            for protocol, family in self.ways:
                good = reaches(each.name)
                self.prober[Subject(each.name, MAIN, protocol, family)] = Verdict(
                    good, self.now, GOOD if good else BAD, self.now
                )

    def report(self, name: str, looks: Iterable[Look]) -> None:
        self.ballots[name] = ballot_after(self.ballots.get(name), Report(EVERY, tuple(looks)), self.now)

    def round(self, seen: Callable[[Vantage, str, Protocol, Family], ProbeOutcome]) -> VoteTally:
        self.now += EVERY
        for each in self.vantages:
            self.report(
                each.name,
                (
                    Look(m.name, protocol, family, seen(each, m.name, protocol, family), "port 443")
                    for m in self.mirrors
                    for protocol, family in self.ways
                ),
            )
        return self.tally()

    def tally(self) -> VoteTally:
        prober = {tree: replace(verdict, checked_at=self.now) for tree, verdict in self.prober.items()}
        return tally(self.vantages, self.ballots, self.mirrors, prober, CONTINENTS, self.now)


def unreached(
    *names: str, by: str = "", way: tuple[object, ...] = (HTTPS, HTTP, V4, V6)
) -> Callable[..., ProbeOutcome]:
    """Vantages whose name or country begins so cannot reach these mirrors over any of these protocols and families."""

    def seen(who: Vantage, name: str, protocol: Protocol, family: Family) -> ProbeOutcome:
        hit = name in names and (who.country.startswith(by) or who.name.startswith(by))
        return BAD if hit and protocol in way and family in way else GOOD

    return seen


M1, M2 = MIRRORS[1].name, MIRRORS[2].name
SEVEN = tuple(vantage(f"v{n}", cc) for n, cc in enumerate(["IR", "IR", "IR", "DE", "FR", "US", "JP"]))


def test_an_outage_in_one_country_counts_after_two_looks_there_and_ends_with_the_first_that_reaches() -> None:
    world = World(SEVEN)
    assert world.round(unreached(M1, by="IR")).pairs == ()
    first = world.now
    found = world.round(unreached(M1, by="IR"))
    assert found.pairs == (ReachPair("IR", M1, None, since=first),)
    assert (found.out, found.doubted) == ({}, 0)
    assert [(each.name, each.unreached, each.ignored) for each in found.standings[:4]] == [
        ("v0", 1, None), ("v1", 1, None), ("v2", 1, None), ("v3", 0, None),
    ]  # fmt: skip
    assert world.round(unreached(M1, by="IR")).pairs == found.pairs
    assert world.round(unreached()).pairs == ()


@pytest.mark.parametrize("who", ["v0", "DE"])
def test_one_vantage_alone_takes_no_mirror_out_for_its_country(who: str) -> None:
    world = World(SEVEN)
    for _ in range(4):
        assert world.round(unreached(M1, by=who)).pairs == ()


def test_most_of_a_country_have_to_agree() -> None:
    world = World((*SEVEN, vantage("v7", "IR")))
    two = ("v0", "v1")
    for _ in range(3):
        found = world.round(lambda who, name, *_: BAD if who.name in two and name == M1 else GOOD)
        assert found.pairs == ()


def test_where_most_countries_of_a_continent_cannot_reach_it_the_others_without_vantages_do_not_either() -> None:
    world = World(tuple(vantage(f"v{n}", cc) for n, cc in enumerate(["DE", "FR", "AT", "US", "CA", "JP", "BR"])))
    for _ in range(2):
        found = world.round(lambda who, name, *_: BAD if who.country in ("DE", "FR") and name == M1 else GOOD)
    assert {pair.clients for pair in found.pairs} == {"DE", "FR", "CZ"}, "Austria's own vantage reaches it"
    assert found.out == {}


def test_a_mirror_that_most_cannot_reach_is_out_for_all_over_just_that_way() -> None:
    world = World(SEVEN, ways=((HTTPS, V4), (HTTPS, V6), (HTTP, V4)))
    world.round(unreached(M1, way=(HTTPS, V6)))
    first = world.now
    found = world.round(unreached(M1, way=(HTTPS, V6)))
    assert found.pairs == ()
    assert {way: each.since for way, each in found.out.items()} == {(M1, HTTPS, V6): first}
    [out] = found.out.values()
    assert out.told == "7 of 8 vantage points (this prober is one) cannot reach it"


def test_many_vantages_of_one_country_do_not_speak_for_all() -> None:
    world = World(tuple(vantage(f"v{n}", "IR" if n < 6 else "DE") for n in range(8)))
    for _ in range(3):
        found = world.round(unreached(M1, by="IR"))
    assert (found.out, [pair.clients for pair in found.pairs]) == ({}, ["IR"])


def test_one_protocol_that_a_country_cannot_use_is_enough_and_what_fails_everywhere_is_no_countrys() -> None:
    world = World(SEVEN, ways=((HTTPS, V4), (HTTP, V4)))
    for _ in range(2):
        found = world.round(unreached(M1, by="IR", way=(HTTPS, V4)))
    assert [(pair.clients, pair.mirrors) for pair in found.pairs] == [("IR", M1)]
    world = World(SEVEN, ways=((HTTPS, V4), (HTTP, V4)))
    for _ in range(2):
        found = world.round(unreached(M1, way=(HTTP, V4)))
    assert found.pairs == ()
    assert set(found.out) == {(M1, HTTP, V4)}


def test_a_family_that_a_vantage_does_not_have_is_no_vote() -> None:
    world = World(SEVEN, ways=((HTTPS, V4), (HTTPS, V6)))
    without = ("v0", "v1", "v2", "v3", "v4")
    for _ in range(3):
        found = world.round(lambda who, name, protocol, family: BAD if family is V6 and who.name in without else GOOD)
    assert (found.out, found.pairs, found.doubted) == ({}, (), 0)
    assert not any(each.ignored for each in found.standings)


def test_a_vantage_without_a_network_is_ignored_and_says_why() -> None:
    world = World(SEVEN)
    for _ in range(2):
        found = world.round(lambda who, *_: BAD if who.name == "v5" else GOOD)
    assert found.standings[5].ignored == "it reaches no mirror, so its own network is at fault"
    assert (found.out, found.pairs) == ({}, ())


def test_a_voice_that_differs_often_counts_nowhere() -> None:
    """Of Iran's three vantages one says of every other mirror that it is dead, so that the other two decide."""
    world, lies = World(SEVEN), {each.name for each in MIRRORS[1::2]}
    for _ in range(2):
        found = world.round(
            lambda who, name, *_: (
                BAD if (who.name == "v0" and name in lies) or (who.name == "v1" and name == M1) else GOOD
            )
        )
    assert found.pairs == ()
    assert found.standings[0].ignored == "it differs from most on 20 of 40 mirrors and protocols"


def test_a_voice_that_no_neighbour_agrees_with_is_ignored_earlier() -> None:
    few = {each.name for each in MIRRORS[:5]}
    for who, ignored in ((("v3",), True), (("v3", "v4"), False)):
        found = World(SEVEN).round(lambda each, name, *_: BAD if each.name in who and name in few else GOOD)  # noqa: B023
        told = "it differs from most on 5 of 40 mirrors and protocols, and no neighbour does"
        assert [each.ignored for each in found.standings[3:5]] == [told if ignored else None, None]


def test_a_mirror_is_out_since_most_cannot_reach_it() -> None:
    """One more of seven vantages loses it in each round; with the prober, which reaches it, five are most."""
    world = World(SEVEN)
    for number in range(8):
        found = world.round(lambda who, name, *_: BAD if name == M1 and int(who.name[1:]) <= number else GOOD)  # noqa: B023
    assert [each.since for each in found.out.values()] == [NOW + 5 * EVERY]


@pytest.mark.parametrize("outcome", [ProbeOutcome.UNCHECKED, ProbeOutcome.LIMITED, ProbeOutcome.NO_ADDRESS])
def test_what_a_vantage_does_not_know_is_no_vote(outcome: ProbeOutcome) -> None:
    world = World(SEVEN)
    for _ in range(3):
        assert world.round(lambda who, name, *_: outcome if name == M1 else GOOD).out == {}


@pytest.mark.parametrize("outcome", [ProbeOutcome.MISSING, ProbeOutcome.STALE, ProbeOutcome.FRESH, ProbeOutcome.WRONG])
def test_whoever_answers_at_all_is_reached(outcome: ProbeOutcome) -> None:
    world = World(SEVEN)
    for _ in range(3):
        assert world.round(lambda who, name, *_: outcome if name == M1 else GOOD).out == {}


def test_the_prober_is_one_voice_of_three() -> None:
    world = World((vantage("a", "DE"), vantage("b", "US")))
    for _ in range(2):
        found = world.round(unreached(M1))
    assert set(found.out) == {(M1, HTTPS, V4)}
    world = World((vantage("a", "DE"),))
    for _ in range(2):
        assert world.round(unreached(M1)).out == {}


def test_votes_expire_after_three_intervals_and_start_anew() -> None:
    world = World(SEVEN)
    for _ in range(2):
        found = world.round(unreached(M1, by="IR"))
    assert found.pairs
    world.now += KEPT_INTERVALS * EVERY - 1
    assert world.tally().pairs
    world.now += 1
    assert world.tally().pairs == ()
    assert all(each.at is None for each in world.tally().standings)
    assert world.round(unreached(M1, by="IR")).pairs == (), "what has expired is not counted on"
    held = ballot_after(None, Report(1e9, ()), NOW)
    assert held.expires_at == NOW + KEPT_INTERVALS * LONGEST_EVERY_SECONDS


@pytest.mark.parametrize(("gone", "doubted"), [(10, 0), (11, 11), (15, 15)])
def test_more_than_a_quarter_of_the_mirrors_at_once_is_not_believed(gone: int, doubted: int) -> None:
    world = World(SEVEN)
    for _ in range(3):
        found = world.round(unreached(*(each.name for each in MIRRORS[:gone])))
    assert (len(found.out), found.doubted) == (gone - doubted, doubted)


def test_mirrors_that_are_not_for_everybody_or_not_served_have_no_votes() -> None:
    hidden = (mirror("p", private=True), mirror("q", status=Status.PAUSED), mirror("r", monopoly=True))
    world = World(SEVEN, mirrors=(*MIRRORS, *hidden))
    for _ in range(3):
        found = world.round(unreached(*(each.name for each in hidden)))
    assert (found.out, found.pairs) == ({}, ())
    assert found.standings[0].judged == len(MIRRORS)


def test_no_vantage_and_no_votes_come_to_nothing() -> None:
    assert tally((), {}, MIRRORS, {}, CONTINENTS, NOW) == VoteTally()
    silent = tally(SEVEN, {"stranger": Ballot(NOW, NOW + 1, ())}, MIRRORS, {}, CONTINENTS, NOW)
    assert ([each.at for each in silent.standings], silent.pairs, silent.out) == ([None] * 7, (), {})


def test_what_is_out_for_all_is_bad_for_every_tree_of_the_same_server_and_stays_what_it_was_elsewhere() -> None:
    urls: Mapping[str, Mapping[Protocol, str]] = {
        MAIN: {HTTPS: "https://a.example.org/linux/", HTTP: "http://a.example.org/linux/"},
        "kitten": {HTTPS: "https://a.example.org/kitten/"},
        "images": {HTTPS: "https://images.example.org/"},
    }
    one = mirror("a", urls=urls)
    world = World(SEVEN, mirrors=(one, *MIRRORS), ways=((HTTPS, V4), (HTTPS, V6)))
    for _ in range(2):
        found = world.round(unreached(one.name, way=(HTTPS, V4)))
    before = {
        Subject(one.name, MAIN, HTTPS, V4): Verdict(True, NOW, GOOD, NOW, certificate_days=9),
        Subject(one.name, MAIN, HTTPS, V6): Verdict(True, NOW, GOOD, NOW),
        Subject(one.name, MAIN, HTTPS, V4, "9.8/"): Verdict(True, NOW, ProbeOutcome.FRESH, NOW),
    }
    after = with_votes(before, world.mirrors, found.out, world.now)
    assert {tree for tree, verdict in after.items() if verdict != before.get(tree)} == {
        Subject(one.name, MAIN, HTTPS, V4), Subject(one.name, "kitten", HTTPS, V4),
    }  # fmt: skip
    changed = after[Subject(one.name, MAIN, HTTPS, V4)]
    assert (changed.good_now, changed.outcome, changed.certificate_days) == (False, ProbeOutcome.UNREACHABLE, 9)
    worse = {Subject(one.name, MAIN, HTTPS, V4): Verdict(False, NOW - 5, ProbeOutcome.CERTIFICATE, NOW)}
    assert with_votes(worse, world.mirrors, found.out, world.now)[Subject(one.name, MAIN, HTTPS, V4)].since == NOW - 5
    assert with_votes(before, world.mirrors, {}, world.now) is before


# The simulation: vantages that lie at random change no verdict, and honest outages are found.

LIES: Mapping[str, Callable[[random.Random], bool]] = {
    "always bad": lambda rng: False,
    "always good": lambda rng: True,
    "a coin": lambda rng: rng.random() < 0.5,
    "every fifth": lambda rng: rng.random() >= 0.2,
}
COUNTRIES = ("DE", "IR", "US", "JP", "BR")


def crowd(count: int, share: float, rng: random.Random) -> tuple[tuple[Vantage, ...], dict[str, str]]:
    """So many vantages, those of a country beside each other; so many of them lie, each in a way of its own.

    Most of each country do not, as nobody can tell otherwise.
    """
    found = tuple(vantage(f"v{n}", COUNTRIES[n * len(COUNTRIES) // max(count, 15)]) for n in range(count))
    by_country: dict[str, list[str]] = {}
    for each in found:
        by_country.setdefault(each.country, []).append(each.name)
    room = [name for names in by_country.values() for name in rng.sample(names, (len(names) - 1) // 2)]
    liars = rng.sample(room, min(len(room), max(1, round(share * count))))
    return found, {name: rng.choice([*LIES]) for name in liars}


@pytest.mark.parametrize(
    ("count", "rounds", "mirrors"),
    [
        *((count, 12, 120) for count in (5, 10, 20, 50)),
        *(pytest.param(count, 200, 530, marks=pytest.mark.slow) for count in (5, 50)),
    ],
)
def test_vantages_that_lie_at_random_change_no_verdict_and_hide_no_outage(
    count: int, rounds: int, mirrors: int
) -> None:
    rng = random.Random(count)
    world = World((), mirrors=tuple(mirror(f"m{n}") for n in range(mirrors)))
    names = [each.name for each in world.mirrors]
    share = 0.01
    lost: Mapping[str, tuple[str, ...]] = {}
    dead: tuple[str, ...] = ()
    kinds: set[str] = set()
    for number in range(rounds):
        if number % 4 == 0:
            share = min(0.2, 0.01 + number / rounds * 0.25)
            world.vantages, liars = crowd(count, share, rng)
            world.ballots.clear()
            kinds |= {*liars.values()}
            voiced = {cc for cc in COUNTRIES if sum(each.country == cc for each in world.vantages) >= 3}
            lost = {cc: tuple(rng.sample(names, rng.randrange(1, mirrors // 10))) for cc in rng.sample([*voiced], 1)}
            dead = tuple(rng.sample(names, 2))
            world.see(lambda name: name not in dead)  # noqa: B023

        def seen(who: Vantage, name: str, *_: object) -> ProbeOutcome:
            truth = name not in dead and name not in lost.get(who.country, ()) and rng.random() > 0.002  # noqa: B023
            good = LIES[liars[who.name]](rng) if who.name in liars else truth  # noqa: B023
            return GOOD if good else BAD

        found = world.round(seen)
        told = {(pair.clients, pair.mirrors) for pair in found.pairs}
        right = {(cc, name) for cc, of in lost.items() for name in of if name not in dead}
        if number % 4 == 0:
            assert (told, found.out) == (set(), {}), "one look is none"
        else:
            assert told == right, (number, liars, told ^ right)
            assert {name for name, _, _ in found.out} == set(dead)
            assert {each.name for each in found.standings if each.ignored} <= {*liars}, "nobody honest is ignored"
    assert len(kinds) > 1 or rounds < 20
