"""Vantage points: what machines elsewhere see of the public mirrors, and what their votes come to.

A vantage reports whether it reaches each mirror, over each protocol and address family; what a mirror holds is the
prober's business, which is one voice among the others. A mirror is out for a country where most of at least two of its
vantages cannot reach it while somebody elsewhere can, for a continent where most of its countries say so, and for all
where most voices and most countries do. A voice that differs from the others too often is ignored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from mirrorlist.core.catalogue.service import Vantage
from mirrorlist.core.health.own_network import LARGE_PART, MANY_AT_ONCE
from mirrorlist.core.health.verdicts import Family, ProbeOutcome, Subject, Verdict
from mirrorlist.core.mirror import is_public
from mirrorlist.core.model import MAIN, SERVED_STATUSES, WEB_PROTOCOLS, Mirror, Protocol, ReachPair

CANNOT_REACH = frozenset(
    {
        ProbeOutcome.UNREACHABLE,
        ProbeOutcome.CLOSED,
        ProbeOutcome.TIMEOUT,
        ProbeOutcome.CERTIFICATE,
        ProbeOutcome.REFUSED,
        ProbeOutcome.FORBIDDEN,
    }
)
_SAYS_NOTHING = frozenset({ProbeOutcome.UNCHECKED, ProbeOutcome.NO_ADDRESS, ProbeOutcome.LIMITED})
LOOKS = 2
"""Looks in a row that have to fail before a vantage's vote counts against a mirror."""
OWN_VOICES = 2
"""Vantages of a country, or countries of a continent, that have to agree: one alone may be at fault itself."""
LEAST_VOICES = 3
"""For a verdict that holds for all."""
MOST_DIFFERENT, MOST_ALONE = 0.3, 0.05
"""A voice is ignored if it differs from most others on more of the mirrors, or on more where no neighbour agrees."""
FEW = 2
"""Differences that are never held against a voice."""
LEAST_SECONDS = 60.0
"""Between two looks of a vantage: looks that follow each other at once are one."""
LONGEST_EVERY_SECONDS = 6 * 3600.0
KEPT_INTERVALS = 3
"""Intervals without a report after which the votes of a vantage expire."""
PROBER_SECONDS = 6 * 3600.0
"""What the prober saw longer ago is no voice."""

Way = tuple[str, Protocol, Family]
"""A mirror's name, and how it is reached."""
Door = tuple[str, Protocol]
Failing = Mapping[Way, float | None]
"""Since when ways cannot be reached; None for those that can."""


class Look(msgspec.Struct, frozen=True, array_like=True):
    """What a vantage saw of a mirror over one way."""

    mirror: str
    protocol: Protocol
    family: Family
    outcome: ProbeOutcome
    detail: str = ""

    @property
    def way(self) -> Way:
        """What was looked at."""
        return self.mirror, self.protocol, self.family


class Vote(Look, frozen=True, array_like=True):
    """The last look of a vantage over one way; so are all ``looks`` in a row, the first of them at ``since``."""

    since: float = 0.0
    looks: int = 1


class Report(msgspec.Struct, frozen=True):
    """One round of a vantage over all mirrors; the next comes after ``every_seconds``."""

    every_seconds: float
    looks: tuple[Look, ...]


@dataclass(frozen=True, slots=True)
class Ballot:
    """The votes of one vantage: when it reported last, and when that expires."""

    at: float
    expires_at: float
    votes: tuple[Vote, ...]


def ballot_after(before: Ballot | None, report: Report, at: float) -> Ballot:
    """The votes of a vantage after one more report. Votes that have expired count no longer."""
    known = {vote.way: vote for vote in before.votes} if before and before.expires_at > at else {}
    votes: dict[Way, Vote] = {}
    for look in report.looks:
        former, detail = known.get(look.way), look.detail[:200]
        if former and (former.outcome in CANNOT_REACH) == (look.outcome in CANNOT_REACH):
            since, looks = former.since, former.looks + 1
        else:
            since, looks = at, 1
        votes[look.way] = Vote(look.mirror, look.protocol, look.family, look.outcome, detail, since, looks)
    every = min(max(report.every_seconds, LEAST_SECONDS), LONGEST_EVERY_SECONDS)
    return Ballot(at, at + KEPT_INTERVALS * every, tuple(votes.values()))


def looked_at(mirrors: Iterable[Mirror]) -> Iterator[Mirror]:
    """The mirrors that vantages may know of: those for everybody that are served."""
    return (each for each in mirrors if is_public(each) and each.status in SERVED_STATUSES and each.urls)


def module_looked_at(modules: Collection[str]) -> str:
    """The module of a mirror whose tree stands for its servers."""
    return MAIN if MAIN in modules else min(modules)


@dataclass(frozen=True, slots=True)
class VantageStanding:
    """What a vantage's votes amount to: of how many mirrors, how many it cannot reach, and why it is ignored if so."""

    name: str
    country: str
    at: float | None
    judged: int = 0
    unreached: int = 0
    ignored: str | None = None


@dataclass(frozen=True, slots=True)
class VotedOut:
    """Over this way most voices cannot reach a mirror."""

    since: float
    told: str


@dataclass(frozen=True, slots=True)
class VoteTally:
    """What all votes come to: ``pairs`` of countries and mirrors that their vantages cannot reach, and what is ``out``
    for all. ``doubted`` ways would be out too, and are too many for the voices to be believed."""

    standings: tuple[VantageStanding, ...] = ()
    pairs: tuple[ReachPair, ...] = ()
    out: Mapping[Way, VotedOut] = field(default_factory=dict)
    doubted: int = 0

    @property
    def signature(self) -> Hashable:
        """Changes with what is left out, and where."""
        return self.pairs, frozenset(self.out)


@dataclass(frozen=True, slots=True)
class _Voice:
    """``seen`` is what the last looks say, ``failing`` counts only what failed often enough; no country: the prober."""

    name: str
    country: str | None
    seen: Failing
    failing: Failing


def tally(
    vantages: Sequence[Vantage],
    ballots: Mapping[str, Ballot],
    mirrors: Sequence[Mirror],
    verdicts: Mapping[Subject, Verdict],
    continents: Mapping[str, str],
    now: float,
) -> VoteTally:
    """What the votes on these mirrors come to. ``continents`` by country; ``verdicts`` are the prober's."""
    shown = {each.name: each for each in looked_at(mirrors)}
    valid = {each.name: found for each in vantages if (found := ballots.get(each.name)) and found.expires_at > now}
    voices = [_voice(each, valid[each.name], shown) for each in vantages if each.name in valid]
    if not voices:
        return VoteTally(tuple(VantageStanding(each.name, each.country, None) for each in vantages))
    everybody = [*voices, _prober(shown.values(), verdicts, now)]
    ignored = _ignored(everybody, continents)
    trusted = [each for each in everybody if each.name not in ignored]
    out = _out_for_all(trusted)
    doors = {(name, protocol) for name, protocol, _ in out}
    is_doubted = len({name for name, _ in doors}) > max(MANY_AT_ONCE, LARGE_PART * len(shown))
    return VoteTally(
        tuple(_standing(each, valid.get(each.name), voices, ignored) for each in vantages),
        tuple(_pairs(trusted, frozenset() if is_doubted else doors, continents)),
        {} if is_doubted else out,
        len(out) if is_doubted else 0,
    )


def _voice(vantage: Vantage, ballot: Ballot, shown: Mapping[str, Mirror]) -> _Voice:
    """What a ballot says. A family over which nothing at all is reached is the vantage's own fault."""
    votes = [each for each in ballot.votes if each.mirror in shown and each.outcome not in _SAYS_NOTHING]
    alive = {each.family for each in votes if each.outcome not in CANNOT_REACH}
    seen: dict[Way, float | None] = {}
    failing: dict[Way, float | None] = {}
    for each in votes:
        if each.family in alive:
            seen[each.way] = each.since if each.outcome in CANNOT_REACH else None
            failing[each.way] = seen[each.way] if each.looks >= LOOKS else None
    return _Voice(vantage.name, vantage.country, seen, failing)


def _prober(mirrors: Iterable[Mirror], verdicts: Mapping[Subject, Verdict], now: float) -> _Voice:
    failing: dict[Way, float | None] = {}
    for mirror in mirrors:
        module = module_looked_at(mirror.urls)
        for protocol in WEB_PROTOCOLS:
            for family in Family:
                found = verdicts.get(Subject(mirror.name, module, protocol, family))
                if found and found.outcome not in _SAYS_NOTHING and found.checked_at > now - PROBER_SECONDS:
                    is_bad = not found.good_now and found.outcome in CANNOT_REACH
                    failing[mirror.name, protocol, family] = found.since if is_bad else None
    return _Voice("", None, failing, failing)


def _by_door(ways: Failing) -> dict[Door, float | None]:
    """The same by protocol alone: it fails where no family that was looked at works."""
    found: dict[Door, float | None] = {}
    for (mirror, protocol, _), since in ways.items():
        door = mirror, protocol
        before = found.get(door, since)
        found[door] = None if before is None or since is None else max(before, since)
    return found


def _most(count: int, of: int) -> bool:
    return 2 * count > of


# Who is believed. Whoever lies at random differs from the others everywhere, and not as its neighbours do.


def _ignored(voices: Sequence[_Voice], continents: Mapping[str, str]) -> dict[str, str]:
    """The voices that are not believed, and why."""
    doors = {each.name: _by_door(each.seen) for each in voices}
    said, failed = Counter[Door](), Counter[Door]()
    for found in doors.values():
        said.update(found.keys())
        failed.update(door for door, since in found.items() if since is not None)
    world = {door: _most(failed[door], count) for door, count in said.items() if count >= LEAST_VOICES}
    compared = {name: found.keys() & world for name, found in doors.items()}
    differing = {
        name: {door for door in compared[name] if (found[door] is not None) != world[door]}
        for name, found in doors.items()
    }
    ignored = {each.name: "it reaches no mirror, so its own network is at fault" for each in voices if not each.seen}
    tame = []
    for each in voices:
        differs, of = len(differing[each.name]), len(compared[each.name])
        if differs > max(FEW, MOST_DIFFERENT * of):
            ignored[each.name] = f"it differs from most on {differs} of {of} mirrors and protocols"
        elif each.name not in ignored:
            tame.append(each)
    for each in tame:
        near = _neighbours(each, tame, continents)
        shared = set[Door]().union(*(differing[mate.name] for mate in near))
        alone, of = len(differing[each.name] - shared), len(compared[each.name])
        if alone > max(FEW, MOST_ALONE * of):
            ignored[each.name] = f"it differs from most on {alone} of {of} mirrors and protocols, and no neighbour does"
    return ignored


def _neighbours(voice: _Voice, others: Iterable[_Voice], continents: Mapping[str, str]) -> list[_Voice]:
    """The other voices of its country; if there are none, of its continent."""
    if voice.country is None:
        return []
    found = [each for each in others if each is not voice and each.country is not None]
    own = [each for each in found if each.country == voice.country]
    continent = continents.get(voice.country)
    return own or [each for each in found if each.country and continents.get(each.country) == continent]


# What the believed voices come to.


_Heard = Mapping[str | None, Sequence[float | None]]
"""What the voices of each country say of one thing: since when they cannot reach it, or None."""
Key = TypeVar("Key", Way, Door)


def _heard(said: Iterable[tuple[str | None, Mapping[Key, float | None]]]) -> dict[Key, _Heard]:
    found: dict[Key, dict[str | None, list[float | None]]] = {}
    for country, each in said:
        for key, since in each.items():
            found.setdefault(key, {}).setdefault(country, []).append(since)
    return dict(found)


def _most_fail(heard: Sequence[float | None]) -> bool:
    return _most(sum(since is not None for since in heard), len(heard))


def _out_for_all(voices: Iterable[_Voice]) -> dict[Way, VotedOut]:
    found = {}
    for way, by_country in _heard((each.country, each.failing) for each in voices).items():
        heard = [since for country in by_country.values() for since in country]
        bad = sorted(since for since in heard if since is not None)
        countries = sum(_most_fail(country) for country in by_country.values())
        if len(heard) >= LEAST_VOICES and _most(len(bad), len(heard)) and _most(countries, len(by_country)):
            told = f"{len(bad)} of {len(heard)} vantage points (this prober is one) cannot reach it"
            found[way] = VotedOut(bad[len(heard) // 2], told)
    return found


def _pairs(voices: Iterable[_Voice], out: Collection[Door], continents: Mapping[str, str]) -> Iterator[ReachPair]:
    """The mirrors that a country's own vantages cannot reach, or those of its continent, while others can."""
    found: dict[tuple[str, str], float] = {}
    for (name, protocol), by_country in _heard((each.country, _by_door(each.failing)) for each in voices).items():
        if (name, protocol) not in out and any(map(_most_fail, by_country.values())):
            for country, since in _countries_without(by_country, continents).items():
                found[name, country] = min(found.get((name, country), since), since)
    return (ReachPair(country, name, None, since) for (name, country), since in sorted(found.items()))


def _countries_without(by_country: _Heard, continents: Mapping[str, str]) -> dict[str, float]:
    """The countries that cannot reach one mirror over a protocol, since when."""
    reached = {country for country, heard in by_country.items() if not _most_fail(heard)}
    if not reached:
        return {}
    failing = {
        country: (len(bad), bad[len(heard) // 2])
        for country, heard in by_country.items()
        if country is not None and _most_fail(heard)
        for bad in [sorted(since for since in heard if since is not None)]
    }
    found: dict[str, float] = {}
    for continent in {continents.get(country) for country in failing} - {None}:
        inside = [country for country in by_country if country and continents.get(country) == continent]
        bad = sorted(failing[country][1] for country in inside if country in failing)
        if len(bad) >= OWN_VOICES and _most(len(bad), len(inside)) and reached.difference(inside):
            since = bad[max(OWN_VOICES - 1, len(inside) // 2)]
            found |= {
                country: since for country, of in continents.items() if of == continent and country not in reached
            }
    return found | {country: since for country, (count, since) in failing.items() if count >= OWN_VOICES}


def _standing(
    vantage: Vantage, ballot: Ballot | None, voices: Iterable[_Voice], ignored: Mapping[str, str]
) -> VantageStanding:
    voice = next((each for each in voices if each.name == vantage.name), None)
    if voice is None or ballot is None:
        return VantageStanding(vantage.name, vantage.country, None)
    doors = _by_door(voice.failing)
    judged, unreached = {name for name, _ in doors}, {name for (name, _), since in doors.items() if since is not None}
    why = ignored.get(vantage.name)
    return VantageStanding(vantage.name, vantage.country, ballot.at, len(judged), len(unreached), why)


def with_votes(
    verdicts: Mapping[Subject, Verdict], mirrors: Iterable[Mirror], out: Mapping[Way, VotedOut], now: float
) -> Mapping[Subject, Verdict]:
    """The verdicts, in which every tree on a server that most voices cannot reach is bad."""
    if not out:
        return verdicts
    names = {name for name, _, _ in out}
    changed: dict[Subject, Verdict] = {}
    for mirror in mirrors:
        if mirror.name in names:
            looked = mirror.urls[module_looked_at(mirror.urls)]
            for module, urls in mirror.urls.items():
                for protocol in urls.keys() & looked.keys():
                    if urlsplit(urls[protocol]).netloc == urlsplit(looked[protocol]).netloc:
                        changed |= _voted(verdicts, Subject(mirror.name, module, protocol, Family.IPV4), out, now)
    return {**verdicts, **changed}


def _voted(
    verdicts: Mapping[Subject, Verdict], tree: Subject, out: Mapping[Way, VotedOut], now: float
) -> Iterator[tuple[Subject, Verdict]]:
    for family in Family:
        voted, subject = out.get((tree.mirror, tree.protocol, family)), replace(tree, family=family)
        known = verdicts.get(subject)
        if voted and (known is None or known.good_now):
            verdict = known or Verdict(False, voted.since, ProbeOutcome.UNREACHABLE, now)
            bad = replace(verdict, good_now=False, since=voted.since, outcome=ProbeOutcome.UNREACHABLE, bad=LOOKS)
            yield subject, replace(bad, good=0, detail=voted.told)
