"""Find the mirrors that a query can use right now, their URLs, and why the others cannot be used.

What the prober found is laid out as columns: one byte a mirror for each repository (what it holds) and for each
module, protocol and family (whether it can be reached). When none is left, selection goes down the fallback
levels: fresh, lagging, last known good, and then only the project's own trees. It never revives a private mirror, nor
one that operators took out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mirrorlist.core.health.columns import (
    CURRENT,
    SYNC_REASONS,
    HealthTable,
    Reach,
    SyncState,
    held_key,
    is_forbidden,
    is_in_reach_over,
    names_addresses,
    paths_of,
    reach_over,
)
from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.mirror import is_public
from mirrorlist.core.model import Client, FallbackLevel, Mirror, Protocol, Query, lacks_address
from mirrorlist.core.reasons import Reason
from mirrorlist.core.rules import is_open_to_strangers

LEVEL_NAMES = {
    FallbackLevel.FRESH: "fresh",
    FallbackLevel.LAGGING: "lagging",
    FallbackLevel.LAST_KNOWN: "last known good",
    FallbackLevel.FALLBACKS: "fallbacks",
}
LEVEL_NOTES = {
    FallbackLevel.LAGGING: "lagging: no mirror is fresh; these have an older version that is still accepted",
    FallbackLevel.LAST_KNOWN: "last known good: no mirror is known to be good now; these may have it",
    FallbackLevel.FALLBACKS: "fallbacks: no public mirror can be used; what the project keeps itself is listed",
}
_ACCEPTED = CURRENT | {SyncState.LAGGING}
_STEPS = (
    (FallbackLevel.FRESH, CURRENT),
    (FallbackLevel.LAGGING, _ACCEPTED),
    (FallbackLevel.LAST_KNOWN, frozenset(SyncState) - {SyncState.MISSING, SyncState.WRONG}),
    (FallbackLevel.LAST_KNOWN, frozenset(SyncState)),
)
"""The steps down: what a mirror holds that is good enough. Those that surely lack a repository are on the last."""
_OWN_FAMILY, _FAMILY_ASKED = _STEPS[:2], _STEPS[:3]
"""The steps on which mirrors that work over the client's family come before others, and those on which clients that ask
for a family get nothing else."""
_Step = tuple[FallbackLevel, frozenset[SyncState]]


@dataclass(frozen=True, slots=True)
class Exclusions:
    """What leaves out mirrors beside health: ``without``, by number, whatever the level; ``holds``, a byte of
    ``SyncState`` per mirror, where that is known of the path itself; ``family``, asked for instead of the client's;
    ``unwanted``, by number, what the client's filter leaves out (see ``known_files.narrowed``)."""

    without: Mapping[int, Reason] = field(default_factory=dict)
    family: Family | None = None
    holds: bytes | None = None
    unwanted: Mapping[int, Reason] = field(default_factory=dict)


NO_EXCLUSIONS = Exclusions()


def family_of(client: Client) -> Family | None:
    """The address family of a client, or None where its address is not known."""
    if client.address is None:
        return None
    return Family.IPV4 if len(client.address) == 4 else Family.IPV6


@dataclass(frozen=True, slots=True)
class Usability:
    """For each mirror its URLs (empty where it cannot be used) and the reason; the fallback level that was reached.

    ``others`` have URLs, and follow all that are known to work for the client and behind the project's own trees
    that answer: those that work over another family only, and on the level "last known good" all public ones, which
    are the ``once_good`` among them and come last.
    ``unchecked`` come before these and behind the rest, but for clients in networks that they name: nobody has seen
    there what is asked for, and on others somebody has. ``over`` is the family that was asked for, if all answer over
    it.
    """

    urls: tuple[tuple[str, ...], ...]
    reasons: tuple[Reason | None, ...]
    rung: FallbackLevel
    others: frozenset[int] = frozenset()
    unchecked: frozenset[int] = frozenset()
    once_good: frozenset[int] = frozenset()
    over: Family | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes for people on the fallback level."""
        return (LEVEL_NOTES[self.rung],) if self.rung in LEVEL_NOTES else ()


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query as mirrors are judged by it. ``strict``: only what works over ``family`` will do."""

    query: Query
    family: Family | None
    strict: bool
    narrowing: Exclusions


class UsableWays:
    """Under which URLs each mirror can be reached: the same for all paths, so that it is worked out once."""

    def __init__(self, mirrors: Sequence[Mirror], health: HealthTable) -> None:
        self.mirrors, self.health = mirrors, health
        self.public = [is_public(mirror) for mirror in mirrors]
        self._strangers: dict[str, list[int]] = {}
        self.tells_families = bool(health.bad_reach or health.holds_over) or names_addresses(mirrors)
        self._kept: dict[object, Sequence[tuple[tuple[str, ...], Reason | None]]] = {}

    def strangers(self, module: str) -> list[int]:
        """The numbers of the mirrors of a module that clients outside their networks may be given."""
        if module not in self._strangers:
            self._strangers[module] = [n for n, each in enumerate(self.mirrors) if is_open_to_strangers(each, module)]
        return self._strangers[module]

    def of(self, asked: _Asked, rung: FallbackLevel) -> Sequence[tuple[tuple[str, ...], Reason | None]]:
        """By number the URLs and the reason; only public mirrors fall back, others stay on the first level."""
        key = (
            asked.query.target.module,
            asked.query.protocols,
            asked.family,
            asked.strict,
            rung is FallbackLevel.LAST_KNOWN,
        )
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = [
                _urls(number, mirror, self.health, asked, rung if self.public[number] else FallbackLevel.FRESH)
                for number, mirror in enumerate(self.mirrors)
            ]
        return found


def usability(
    mirrors: Sequence[Mirror],
    health: HealthTable,
    query: Query,
    family: Family | None,
    narrowing: Exclusions = NO_EXCLUSIONS,
) -> Usability:
    """Which mirrors can be used for a query by a client of a family (None: unknown)."""
    return usability_by(UsableWays(mirrors, health), query, family, narrowing)


def usability_by(
    ways: UsableWays, query: Query, family: Family | None, narrowing: Exclusions = NO_EXCLUSIONS
) -> Usability:
    """The same, for many queries.

    A filter never brings mirrors that are not known to be good while there are good ones outside it.
    """
    found = _usability_by(ways, query, family, narrowing)
    if not narrowing.unwanted or found.rung is not FallbackLevel.LAST_KNOWN:
        return found
    if _usability_by(ways, query, family, replace(narrowing, unwanted={})).rung is FallbackLevel.LAST_KNOWN:
        return found
    asked = _Asked(query, narrowing.family or family, narrowing.family is not None, narrowing)
    return replace(_column(ways, asked, _STEPS[0]), rung=FallbackLevel.FALLBACKS)


def _usability_by(ways: UsableWays, query: Query, family: Family | None, narrowing: Exclusions) -> Usability:
    asked = _Asked(query, narrowing.family or family, False, narrowing)
    if asked.family is None or not ways.tells_families:
        return _down(ways, asked)
    strictly = replace(asked, strict=True)
    own = _first(ways, strictly, _FAMILY_ASKED if narrowing.family else _OWN_FAMILY)
    if own and narrowing.family:
        return replace(own, over=narrowing.family)
    every = _down(ways, asked)  # those that work over the client's family come first, the others behind them
    mine = own or _column(ways, strictly, _STEPS[0])  # of no public mirror: a client's own one may work nevertheless
    others = frozenset(n for n, urls in enumerate(every.urls) if urls and not mine.urls[n])
    urls = tuple(good or any_way for good, any_way in zip(mine.urls, every.urls, strict=True))
    decided = own or every
    return Usability(
        urls,
        decided.reasons,
        decided.rung,
        others,
        own.unchecked if own else frozenset(),
        frozenset() if own else others & every.once_good,
    )


def _down(ways: UsableWays, asked: _Asked) -> Usability:
    """The first fallback level on which there is a public mirror; the fallbacks' if there is none."""
    return _first(ways, asked, _STEPS) or replace(_column(ways, asked, _STEPS[0]), rung=FallbackLevel.FALLBACKS)


def _first(ways: UsableWays, asked: _Asked, steps: Sequence[_Step]) -> Usability | None:
    strangers = ways.strangers(asked.query.target.module)
    columns = (_column(ways, asked, step) for step in steps)
    return next(
        (usable for usable in columns if any(usable.urls[number] for number in strangers)),
        None,
    )


def _column(ways: UsableWays, asked: _Asked, step: _Step) -> Usability:
    health, query, narrowing = ways.health, asked.query, asked.narrowing
    columns = [column for path in paths_of(query) if (column := _holds(health, path, asked.family))]
    compared = tuple(columns)
    if narrowing.holds is not None:
        columns.append(narrowing.holds)
    rung, enough = step
    accepted, at_first = (each | (_ACCEPTED if query.checksummed else CURRENT) for each in (enough, CURRENT))
    found = ways.of(asked, rung)
    urls, reasons = [each for each, _ in found], [reason for _, reason in found]
    for number in range(len(urls)) if columns else ():
        good = accepted if ways.public[number] else at_first
        worst = max((column[number] for column in columns if column[number] not in good), default=0)
        if urls[number] and worst:
            urls[number], reasons[number] = (), SYNC_REASONS[SyncState(worst)]
    for number, reason in (*narrowing.without.items(), *narrowing.unwanted.items()):
        urls[number], reasons[number] = (), reason
    for number in health.out:
        urls[number], reasons[number] = (), Reason.TAKEN_OUT
    if rung is FallbackLevel.LAST_KNOWN:
        once_good = frozenset(n for n, found in enumerate(urls) if found and ways.public[n])
        return Usability(tuple(urls), tuple(reasons), rung, once_good, once_good=once_good)
    return Usability(tuple(urls), tuple(reasons), rung, unchecked=_unchecked(ways, asked, urls, compared))


def _unchecked(
    ways: UsableWays, asked: _Asked, urls: Sequence[tuple[str, ...]], compared: Sequence[bytes]
) -> frozenset[int]:
    """The public mirrors of which nobody has seen what is asked for; none where that holds for all.

    A private mirror is out of the prober's reach, and nobody else can serve its networks better.
    """
    public = [number for number in ways.strangers(asked.query.target.module) if ways.public[number] and urls[number]]
    unseen = frozenset(n for n in public if any(column[n] == SyncState.UNKNOWN for column in compared))
    return unseen if len(unseen) < len(public) else frozenset()


def _holds(health: HealthTable, path: str, family: Family | None) -> bytes | None:
    """What mirrors hold of a path, for clients of a family."""
    over = health.holds_over.get(held_key(family, path)) if family else None
    return over or health.holds.get(path)


_SAFE = re.compile(r"(?:https?|rsync|ftp)://[!#%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]{1,1024}", re.ASCII)
"""What may be in any answer, header or line. The loader takes no other URL: this is a second check."""


def _urls(
    number: int, mirror: Mirror, health: HealthTable, asked: _Asked, rung: FallbackLevel
) -> tuple[tuple[str, ...], Reason | None]:
    offered = mirror.urls.get(asked.query.target.module, {})
    wanted = [protocol for protocol in asked.query.protocols if protocol in offered]
    if not wanted:
        refused = lacks_address(mirror.withheld, asked.query.target.module, asked.query.protocols)
        return (), Reason.ADDRESS_REFUSED if refused else Reason.PROTOCOL
    module = asked.query.target.module
    safe = [each for each in wanted if _SAFE.fullmatch(offered[each])]
    allowed = [each for each in safe if not is_forbidden(health.bad_reach, number, module, each)]
    if not allowed:
        return (), Reason.ADDRESS_REFUSED
    reached = tuple(
        offered[protocol] for protocol in allowed if _is_reached(number, mirror, health, asked, protocol, rung)
    )
    return (reached, None) if reached else ((), Reason.UNREACHABLE)


def _is_reached(
    number: int, mirror: Mirror, health: HealthTable, asked: _Asked, protocol: Protocol, rung: FallbackLevel
) -> bool:
    """Whether a way will do on a fallback level; on the last one every address will, or every one that answers over the
    family that is asked for."""
    module, family = asked.query.target.module, asked.family
    own = None if family is None else reach_over(health.bad_reach, number, mirror, module, protocol, family)
    if rung is FallbackLevel.LAST_KNOWN:
        return not asked.strict or own in (Reach.GOOD, Reach.RECOVERING)
    if asked.strict or own is Reach.GOOD:
        return own is Reach.GOOD
    return own is not Reach.WRONG and is_in_reach_over(health.bad_reach, number, mirror, module, protocol)
