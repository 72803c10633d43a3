"""Which mirrors can be used for a query right now, under which URLs, and why the others cannot.

What the prober found is laid out as columns: one byte a mirror for each repository (what it holds) and for each
module, protocol and family (whether it can be reached). When none is left, the ladder goes down rung by rung:
fresh, lagging, last known good, and then only the project's own trees. It never revives a private mirror, nor one
that operators took out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

from mirrorlist.core.health import GOOD_OUTCOMES, Family, Outcome, Override, Standing, Verdict
from mirrorlist.core.model import WEB_PROTOCOLS, Client, Mirror, Protocol, Query
from mirrorlist.core.rank import is_public
from mirrorlist.core.reasons import Reason
from mirrorlist.core.rules import is_open_to_strangers
from mirrorlist.core.withheld import lacks_address

FAMILY_MINIMUM = 5
"""While at least so many public mirrors work over a client's address family, the others are left out."""


class Holds(IntEnum):
    """What a mirror holds of a repository. Nothing that was never looked at counts against it."""

    UNKNOWN = 0
    FRESH = 1
    GRACE = 2
    LAGGING = 3
    STALE = 4
    MISSING = 5
    WRONG = 6
    UNREACHABLE = 7
    RECOVERING = 8


class Reach(IntEnum):
    """Whether a mirror can be reached over a way; everything but the first keeps it out there."""

    WORKS = 0
    BROKEN = 1
    NO_ADDRESS = 2
    """Its name has no address of the family, which is no fault while it has one of the other."""
    RECOVERING = 3
    FORBIDDEN = 4
    """Its name leads to an address that is not public, which clients would look for in their own networks."""


class Rung(IntEnum):
    """How far down the ladder a list stands; the sentence for people is in ``RUNG_NOTES``."""

    FRESH = 0
    LAGGING = 1
    LAST_KNOWN = 2
    FALLBACKS = 3


RUNG_NAMES = {
    Rung.FRESH: "fresh",
    Rung.LAGGING: "lagging",
    Rung.LAST_KNOWN: "last known good",
    Rung.FALLBACKS: "fallbacks",
}
RUNG_NOTES = {
    Rung.LAGGING: "lagging: no mirror is fresh; these have an older version that is still accepted",
    Rung.LAST_KNOWN: "last known good: no mirror is known to be good now; these may have it",
    Rung.FALLBACKS: "fallbacks: no public mirror can be used; what the project keeps itself is listed",
}

HELD_REASONS = {
    Holds.LAGGING: Reason.LAGGING,
    Holds.STALE: Reason.STALE,
    Holds.MISSING: Reason.MISSING,
    Holds.WRONG: Reason.WRONG,
    Holds.UNREACHABLE: Reason.UNREACHABLE,
    Holds.RECOVERING: Reason.RECOVERING,
}
SEEN_CURRENT = frozenset({Holds.FRESH, Holds.GRACE})
CURRENT = SEEN_CURRENT | {Holds.UNKNOWN}
_ACCEPTED = CURRENT | {Holds.LAGGING}
_LADDER = (
    (Rung.FRESH, CURRENT),
    (Rung.LAGGING, _ACCEPTED),
    (Rung.LAST_KNOWN, frozenset(Holds) - {Holds.MISSING, Holds.WRONG}),
    (Rung.LAST_KNOWN, frozenset(Holds)),
)
"""The steps down: what a mirror holds that is good enough. Those that surely lack a repository stand on the last."""
_Step = tuple[Rung, frozenset[Holds]]


@dataclass(frozen=True, slots=True)
class HealthTable:
    """What is known of the mirrors' health, by their numbers; empty while nothing was probed.

    ``holds`` maps a repository's path to a byte of ``Holds`` for each mirror; ``bad_reach`` maps
    ``module/protocol/family`` to a byte of ``Reach`` for each mirror. ``out`` are those that
    operators took out, and ``overrides`` their words on it; ``dead_trees`` the URLs of the project's own trees that do
    not answer.

    ``since`` holds for the same keys four bytes a mirror: since when it is as the byte says, in seconds since 1970,
    0 where nothing is wrong. Only people ask for it (core/causes.py); lists are made without.
    """

    holds: Mapping[str, bytes] = field(default_factory=dict)
    bad_reach: Mapping[str, bytes] = field(default_factory=dict)
    out: tuple[int, ...] = ()
    overrides: tuple[Override, ...] = ()
    since: Mapping[str, bytes] = field(default_factory=dict)
    dead_trees: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What leaves out mirrors beside health: ``without``, by number, whatever the rung; ``family`` instead of the
    client's own."""

    without: Mapping[int, Reason] = field(default_factory=dict)
    family: Family | None = None


WIDE = Narrowing()


def reach_key(module: str, protocol: Protocol, family: Family) -> str:
    """The key of ``HealthTable.bad_reach``."""
    return f"{module}/{protocol}/{family}"


def holds_of(verdict: Verdict | None, stands: Standing) -> Holds:
    """What the standing of a mirror with a repository means for lists."""
    if stands is not Standing.BAD or verdict is None:
        return {
            Standing.FRESH: Holds.FRESH,
            Standing.GRACE: Holds.GRACE,
            Standing.LAGGING: Holds.LAGGING,
            Standing.STALE: Holds.STALE,
        }.get(stands, Holds.UNKNOWN)
    if verdict.outcome in GOOD_OUTCOMES:
        return Holds.RECOVERING
    return {
        Outcome.MISSING: Holds.MISSING,
        Outcome.ELSEWHERE: Holds.MISSING,
        Outcome.WRONG: Holds.WRONG,
        Outcome.AHEAD: Holds.WRONG,
        Outcome.STALE: Holds.STALE,
        Outcome.OUTDATED: Holds.STALE,
    }.get(verdict.outcome, Holds.UNREACHABLE)


def family_of(client: Client) -> Family | None:
    """The address family of a client, or None where its address is not known."""
    if client.address is None:
        return None
    return Family.IPV4 if len(client.address) == 4 else Family.IPV6


@dataclass(frozen=True, slots=True)
class Usability:
    """For each mirror its URLs (empty where it cannot be used) and the reason; the rung that was reached."""

    urls: tuple[tuple[str, ...], ...]
    reasons: tuple[Reason | None, ...]
    rung: Rung

    @property
    def notes(self) -> tuple[str, ...]:
        """What people are told of the rung."""
        return (RUNG_NOTES[self.rung],) if self.rung in RUNG_NOTES else ()


def usability(
    mirrors: Sequence[Mirror], health: HealthTable, query: Query, family: Family | None, narrowing: Narrowing = WIDE
) -> Usability:
    """Which mirrors can be used for a query by a client of a family (None: unknown)."""
    family, without = narrowing.family or family, narrowing.without
    first = _judged(mirrors, health, query, family, without, _LADDER[0])
    for step in _LADDER:
        usable = first if step is _LADDER[0] else _judged(mirrors, health, query, family, without, step)
        if _public_count(mirrors, query.target.module, usable):
            return usable
    return replace(first, rung=Rung.FALLBACKS)


def _judged(
    mirrors: Sequence[Mirror],
    health: HealthTable,
    query: Query,
    family: Family | None,
    without: Mapping[int, Reason],
    step: _Step,
) -> Usability:
    strict = _column(mirrors, health, query, family, without, step)
    if family is None or not health.bad_reach or _public_count(mirrors, query.target.module, strict) >= FAMILY_MINIMUM:
        return strict
    return _column(mirrors, health, query, None, without, step)


def _public_count(mirrors: Sequence[Mirror], module: str, usable: Usability) -> int:
    return sum(
        bool(urls) and is_open_to_strangers(mirror, module) for mirror, urls in zip(mirrors, usable.urls, strict=True)
    )


def _column(
    mirrors: Sequence[Mirror],
    health: HealthTable,
    query: Query,
    family: Family | None,
    without: Mapping[int, Reason],
    step: _Step,
) -> Usability:
    columns = [column for path in paths_of(query) if (column := health.holds.get(path))]
    checksummed = _ACCEPTED if query.checksummed else CURRENT
    out = frozenset(health.out)
    urls: list[tuple[str, ...]] = []
    reasons: list[Reason | None] = []
    for number, mirror in enumerate(mirrors):
        rung, enough = step if is_public(mirror) else _LADDER[0]
        found, reason = _urls(number, mirror, health, query, family, rung)
        if found and (held := _held(columns, number, enough | checksummed)):
            found, reason = (), held
        if number in without:
            found, reason = (), without[number]
        if number in out:
            found, reason = (), Reason.TAKEN_OUT
        urls.append(found)
        reasons.append(reason)
    return Usability(tuple(urls), tuple(reasons), step[0])


def paths_of(query: Query) -> list[str]:
    """The paths that a mirror must be good for: one for each arch, while the client fills in the arch itself."""
    if query.within is not None:
        return [query.within]
    if "$basearch" not in query.path:
        return [query.path]
    return [query.path.replace("$basearch", arch) for arch in query.target.arches]


def _held(columns: Sequence[bytes], number: int, enough: Collection[Holds]) -> Reason | None:
    """Why what the mirror holds is not good enough."""
    worst = max((column[number] for column in columns if column[number] not in enough), default=0)
    return HELD_REASONS[Holds(worst)] if worst else None


def _urls(
    number: int, mirror: Mirror, health: HealthTable, query: Query, family: Family | None, rung: Rung
) -> tuple[tuple[str, ...], Reason | None]:
    offered = mirror.urls.get(query.target.module, {})
    wanted = [protocol for protocol in query.protocols if protocol in offered]
    if not wanted:
        refused = lacks_address(mirror.withheld, query.target.module, query.protocols)
        return (), Reason.ADDRESS_REFUSED if refused else Reason.PROTOCOL
    allowed = [each for each in wanted if not _is_forbidden(number, health, query.target.module, each)]
    if not allowed:
        return (), Reason.ADDRESS_REFUSED
    families = [family] if family else list(Family)
    reached = [
        protocol
        for protocol in allowed
        if rung is Rung.LAST_KNOWN or not _is_out_of_reach(number, health, query.target.module, protocol, families)
    ]
    if not reached:
        return (), Reason.UNREACHABLE
    return tuple(offered[protocol] for protocol in reached), None


def is_in_reach(number: int, mirror: Mirror, health: HealthTable, module: str) -> bool:
    """Whether a mirror's tree of a module can be reached in any way."""
    ways = [protocol for protocol in mirror.urls.get(module, {}) if protocol in WEB_PROTOCOLS]
    return any(not _is_out_of_reach(number, health, module, protocol, list(Family)) for protocol in ways)


def _is_forbidden(number: int, health: HealthTable, module: str, protocol: Protocol) -> bool:
    """Whether a mirror's name was seen to lead to an address that is not public, over either family."""
    columns = [health.bad_reach.get(reach_key(module, protocol, family)) for family in Family]
    return any(column is not None and column[number] == Reach.FORBIDDEN for column in columns)


def _is_out_of_reach(
    number: int, health: HealthTable, module: str, protocol: Protocol, families: Sequence[Family]
) -> bool:
    """Whether a mirror cannot be reached over any of the families."""
    columns = [health.bad_reach.get(reach_key(module, protocol, family)) for family in families]
    return all(column is not None and column[number] for column in columns)
