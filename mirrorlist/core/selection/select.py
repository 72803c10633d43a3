"""Select the mirrors for one client, in order: the whole decision.

This is what the service means, written to be read. The tables of core/selection/prepared.py answer the same, faster,
and tests hold the two against each other, byte by byte.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from types import MappingProxyType

from mirrorlist.core.filter import NO_FILTER
from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.mirror import unreached_since
from mirrorlist.core.model import Client, FallbackLevel, Match, Query
from mirrorlist.core.reasons import OUT_OF_REACH, Cause, Reason
from mirrorlist.core.rules import reason_against
from mirrorlist.core.selection.answer import BEST_PREFERENCE, Choice, Rejected, Selection
from mirrorlist.core.selection.causes import cause_of
from mirrorlist.core.selection.fallbacks import OwnTrees, each_once, own_trees, rung_notes
from mirrorlist.core.selection.known_files import narrowed
from mirrorlist.core.selection.rank import (
    Group,
    distance_to,
    in_order,
    network_groups,
    network_matches,
    ordered,
    place_groups,
    proximity_of,
)
from mirrorlist.core.selection.spread import epoch_words, order_keys
from mirrorlist.core.selection.usability import (
    NO_EXCLUSIONS,
    Exclusions,
    Usability,
    UsableWays,
    family_of,
    usability_by,
)
from mirrorlist.core.snapshot import Snapshot

OUT_OF_REACH_NOTE = "nobody else has this: clients of your country or network are known not to reach these mirrors"


@dataclass(frozen=True, slots=True)
class Sieved:
    """The mirrors, by number, that may be in this client's groups; of these the usable ones, and those that come
    behind them (see ``Usability``), first the unchecked ones, last those once good; the reasons of all that are not
    usable."""

    standing: frozenset[int]
    usable: frozenset[int]
    unchecked: frozenset[int]
    others: frozenset[int]
    once_good: frozenset[int]
    reasons: Mapping[int, Reason]

    @property
    def tiers(self) -> list[frozenset[int]]:
        """Those that can be given, those before others that come before them; none of the sets is empty."""
        return [each for each in (self.usable, self.unchecked, self.others, self.once_good) if each]


@dataclass(frozen=True, slots=True)
class _Asking:
    """What stays the same while a query is asked with less and less of what the client wants."""

    snapshot: Snapshot
    client: Client
    family: Family | None
    narrowing: Exclusions
    near: Mapping[int, Match]


@dataclass(frozen=True, slots=True)
class _Found:
    """What a query comes to: the mirrors, and the project's own trees that answer where there are no mirrors."""

    query: Query
    usable: Usability
    sieved: Sieved
    own: OwnTrees

    @property
    def is_empty(self) -> bool:
        return not self.sieved.tiers and not (self.own.every)


def select(
    snapshot: Snapshot, query: Query, client: Client, now: float, narrowing: Exclusions = NO_EXCLUSIONS
) -> Selection:
    """The selection for a query and a client at a time; every mirror is in it, chosen or left out.

    What the query's filter asks for is given up step by step, with notes, where nobody is left: an empty list helps
    nobody. At last so is what service.yml and vantage points say of mirrors out of the client's reach.
    """
    near = network_matches(snapshot.mirrors, client) if query.networks else {}
    asking = _Asking(snapshot, client, narrowing.family or family_of(client), narrowing, near)
    ruled = [
        Reason.VAULT if query.target.vault else reason_against(mirror, query.target.module, client.place, near.get(n))
        for n, mirror in enumerate(snapshot.mirrors)
    ]
    steps = (NO_FILTER if query.target.vault else query.filter).steps()
    for left, given_up in steps:
        found, notes = _found(asking, replace(query, filter=left), ruled), given_up
        if found.sieved.tiers or (not left.countries and not found.is_empty):
            break
    if not found.sieved.tiers and not OUT_OF_REACH.isdisjoint(ruled):
        found, gives_way = _within_reach_or_not(asking, found, ruled)
        notes += (OUT_OF_REACH_NOTE,) if gives_way else ()
    query, usable, sieved = found.query, found.usable, found.sieved
    groups, alone = _groups(snapshot, sieved, near, query, client)
    chosen = list(islice(_ordered(snapshot, groups, client, sieved, now), snapshot.policy.limit))
    working = sieved.usable | sieved.unchecked
    counts = (sum(number in among for number in chosen) for among in (working, working | sieved.others))
    listed = each_once(chosen if alone else found.own.among(chosen, *counts), lambda number: usable.urls[number][0])
    ranks = {number: rank for rank, number in enumerate(listed) if not isinstance(number, str)}
    trees = [(tree, rank) for rank, tree in enumerate(listed) if isinstance(tree, str)]
    return Selection(
        query,
        client,
        tuple(
            _choice(snapshot, query, client, number, near.get(number), usable.urls[number], BEST_PREFERENCE - rank)
            for number, rank in ranks.items()
        ),
        tuple(_rejected(snapshot, query, client, frozenset(chosen) - ranks.keys(), ranks, sieved, alone)),
        tuple(tree + query.path for tree, _ in trees),
        notes if query.target.vault or alone else notes + rung_notes(snapshot, query, usable),
        level=FallbackLevel.FRESH if query.target.vault or alone else usable.rung,
        ahead=tuple(rank - before for before, (_, rank) in enumerate(trees)),
    )


def _found(
    asking: _Asking, query: Query, ruled: Sequence[Reason | None], without: Mapping[int, Reason] = MappingProxyType({})
) -> _Found:
    """What a query comes to where these are the rules' reasons, ``without`` further mirrors."""
    snapshot, narrowing, family = asking.snapshot, asking.narrowing, family_of(asking.client)
    if without:
        narrowing = replace(narrowing, without={**narrowing.without, **without})

    def usability() -> Usability:
        ways = snapshot.kept(UsableWays, lambda: UsableWays(snapshot.mirrors, snapshot.facts.health))
        return usability_by(ways, query, family, narrowed(snapshot, query, narrowing))

    is_usual = narrowing in (NO_EXCLUSIONS, Exclusions(family=narrowing.family))
    usable = snapshot.kept((query, family, narrowing.family), usability) if is_usual else usability()
    sieved = _sieve(ruled, usable, asking.near)
    own = own_trees(snapshot, query, asking.family, usable.rung, not sieved.tiers, usable.over)
    return _Found(query, usable, sieved, own)


def _within_reach_or_not(asking: _Asking, found: _Found, ruled: Sequence[Reason | None]) -> tuple[_Found, bool]:
    """What a query comes to whose good mirrors are all out of the client's reach, and whether it gets these.

    The others may still have an older version. The project's own trees come before a mirror that is out of reach.
    """
    without = {number: reason for number, reason in enumerate(ruled) if reason in OUT_OF_REACH}
    nearer = _found(asking, found.query, ruled, without)
    if not nearer.is_empty:
        return nearer, False
    last = _found(asking, found.query, [None if number in without else reason for number, reason in enumerate(ruled)])
    return last, bool(last.sieved.tiers)


_FOR_STRANGERS = (None, *OUT_OF_REACH)
"""What may be said of a mirror that may be given: one out of reach is given only where nobody else can be."""


def _sieve(ruled: Sequence[Reason | None], usable: Usability, near: Collection[int]) -> Sieved:
    """What is left of the mirrors against which no rule speaks; those ``near`` are of the client's networks."""
    reasons: dict[int, Reason] = {}
    standing: set[int] = set()
    for number, reason in enumerate(ruled):
        if reason is None:
            standing.add(number)
            reason = usable.reasons[number]
        if reason is not None:
            reasons[number] = reason
    others = usable.others & standing
    unchecked = (usable.unchecked & standing).difference(near, others)
    mine = frozenset(standing - reasons.keys() - unchecked - others)
    once_good = usable.once_good & standing
    return Sieved(frozenset(standing), mine, unchecked, others - once_good, once_good, reasons)


def _groups(
    snapshot: Snapshot, sieved: Sieved, near: Mapping[int, Match], query: Query, client: Client
) -> tuple[list[Group], bool]:
    """The client's groups, closest first; True if a monopoly is alone."""
    weights = snapshot.weights
    matches = {number: near[number] for number in sorted(sieved.standing & near.keys())}
    monopolies, by_network = network_groups(matches, snapshot.mirrors, client.place, weights.now, snapshot.policy)
    usable = next(iter(sieved.tiers), frozenset[int]())
    for groups in monopolies:
        if any(usable.intersection(group.members) for group in groups):
            return list(groups), True
    module, mirrors = query.target.module, snapshot.mirrors
    nearby = [n for n in sieved.standing if reason_against(mirrors[n], module, client.place, None) in _FOR_STRANGERS]
    return by_network + place_groups(mirrors, nearby, client.place, weights, snapshot.policy), False


def _ordered(snapshot: Snapshot, groups: Sequence[Group], client: Client, sieved: Sieved, now: float) -> Iterator[int]:
    """The usable mirrors, best first, and behind them those of the other tiers."""
    policy, key = snapshot.policy, snapshot.facts.key
    words, _ = epoch_words(key, client.identity, now, policy.turn_seconds)
    names = [mirror.name for mirror in snapshot.mirrors]
    keys = order_keys(key, names, snapshot.weights.now, words[0] % policy.variants)
    first, *behind = sieved.tiers or [frozenset[int]()]
    return chain(ordered(groups, keys, words, first), *(in_order(groups, keys, tier) for tier in behind))


def _choice(
    snapshot: Snapshot,
    query: Query,
    client: Client,
    number: int,
    match: Match | None,
    trees: Sequence[str],
    preference: int,
) -> Choice:
    mirror = snapshot.mirrors[number]
    proximity, band = proximity_of(mirror, match, client.place, snapshot.policy)
    return Choice(
        mirror=mirror,
        url=trees[0] + query.path,
        more_urls=tuple(tree + query.path for tree in trees[1:]) if query.every_protocol else (),
        proximity=proximity,
        distance_km=distance_to(mirror, client.place),
        band=band,
        weight=snapshot.weights.now[number],
        preference=preference,
    )


def _rejected(
    snapshot: Snapshot,
    query: Query,
    client: Client,
    again: Collection[int],
    chosen: Collection[int],
    sieved: Sieved,
    alone: bool,
) -> Iterator[Rejected]:
    """Everything that was not chosen; what nothing speaks against found the list full, or a monopoly.

    ``again`` are those whose address the list has already.
    """
    health, family = snapshot.facts.health, family_of(client)
    otherwise = Reason.MONOPOLY if alone else Reason.LIST_FULL
    for number, mirror in enumerate(snapshot.mirrors):
        if number not in chosen:
            reason = Reason.SAME_ADDRESS if number in again else sieved.reasons.get(number, otherwise)
            since = unreached_since(mirror, client.place) if reason is Reason.NOT_REACHED_FROM else None
            cause = cause_of(health, number, mirror, query, family, reason) if since is None else Cause(since)
            yield Rejected(mirror, reason, cause)
