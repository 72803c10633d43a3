"""Columns of the mirrors' health: one byte per mirror for each repository and each way to it, and what verdicts say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from struct import Struct

from mirrorlist.core.health.verdicts import (
    DAY,
    GOOD_OUTCOMES,
    Family,
    Override,
    ProbeOutcome,
    Standing,
    Subject,
    Verdict,
)
from mirrorlist.core.model import WEB_PROTOCOLS, Mirror, Protocol, Query
from mirrorlist.core.reasons import Reason

# How a mirror's trees can be reached: over which protocol and address family, and with what result.


class Reach(IntEnum):
    """How a tree can be reached over one protocol and address family."""

    GOOD = 0
    SILENT = 1
    NO_ADDRESS = 2
    WRONG = 3
    """Something else than the origin's tree answers: clients of the family get that, whatever the other gives."""
    RECOVERING = 4
    """It works again, and has not for long enough."""
    FORBIDDEN = 5
    """Its name leads to an address that is not public, which clients would look for in their own networks."""


_ANOTHER_TREE = frozenset(
    {
        ProbeOutcome.STALE,
        ProbeOutcome.MISSING,
        ProbeOutcome.WRONG,
        ProbeOutcome.AHEAD,
        ProbeOutcome.OUTDATED,
        ProbeOutcome.FUTURE,
    }
)


def reach_key(module: str, protocol: Protocol, family: Family) -> str:
    """The key of ``HealthTable.bad_reach``."""
    return f"{module}/{protocol}/{family}"


def reach_of(verdict: Verdict) -> Reach:
    """What a verdict on a tree means for those who would reach it."""
    if verdict.good_now:
        return Reach.GOOD
    if verdict.outcome is ProbeOutcome.NO_ADDRESS:
        return Reach.NO_ADDRESS
    if verdict.outcome is ProbeOutcome.FORBIDDEN:
        return Reach.FORBIDDEN
    if verdict.outcome in GOOD_OUTCOMES:
        return Reach.RECOVERING
    return Reach.WRONG if verdict.outcome in _ANOTHER_TREE else Reach.SILENT


def reach_over(
    bad_reach: Mapping[str, bytes], number: int, mirror: Mirror, module: str, protocol: Protocol, family: Family
) -> Reach:
    """How a mirror can be reached over a protocol and a family; well, as long as nothing is known."""
    column = bad_reach.get(reach_key(module, protocol, family))
    if column is not None and column[number]:
        return Reach(column[number])
    literal = literal_family(mirror.urls[module][protocol])
    return Reach.GOOD if literal is None or literal is family else Reach.NO_ADDRESS


def is_forbidden(bad_reach: Mapping[str, bytes], number: int, module: str, protocol: Protocol) -> bool:
    """Whether a mirror's name was seen to lead to an address that is not public, over either family."""
    columns = [bad_reach.get(reach_key(module, protocol, family)) for family in Family]
    return any(column is not None and column[number] == Reach.FORBIDDEN for column in columns)


def is_in_reach_over(
    bad_reach: Mapping[str, bytes], number: int, mirror: Mirror, module: str, protocol: Protocol
) -> bool:
    """Whether a mirror can be reached over a protocol and any family."""
    return any(reach_over(bad_reach, number, mirror, module, protocol, family) is Reach.GOOD for family in Family)


def is_in_reach(number: int, mirror: Mirror, bad_reach: Mapping[str, bytes], module: str) -> bool:
    """Whether a mirror's tree of a module can be reached in any way."""
    ways = [protocol for protocol in mirror.urls.get(module, {}) if protocol in WEB_PROTOCOLS]
    return any(is_in_reach_over(bad_reach, number, mirror, module, protocol) for protocol in ways)


def names_addresses(mirrors: Iterable[Mirror]) -> bool:
    """Whether a mirror has a URL that shows its family."""
    return any(literal_family(url) for mirror in mirrors for urls in mirror.urls.values() for url in urls.values())


@lru_cache(maxsize=8192)
def literal_family(url: str) -> Family | None:
    """The family of a URL whose host is an address, which no other family reaches; None for names."""
    host = url.partition("://")[2].partition("/")[0].rpartition("@")[2]
    if host.startswith("["):
        return Family.IPV6
    numbers = host.partition(":")[0].split(".")
    return Family.IPV4 if len(numbers) == 4 and all(number.isdigit() for number in numbers) else None


class SyncState(IntEnum):
    """What a mirror holds of a repository or image. What nobody has seen there keeps it out of no list (see
    ``Usability.unchecked``)."""

    UNKNOWN = 0
    FRESH = 1
    GRACE = 2
    LAGGING = 3
    STALE = 4
    MISSING = 5
    WRONG = 6
    UNREACHABLE = 7
    RECOVERING = 8
    INCOMPLETE = 9


SYNC_REASONS = {
    SyncState.LAGGING: Reason.LAGGING,
    SyncState.STALE: Reason.STALE,
    SyncState.MISSING: Reason.MISSING,
    SyncState.WRONG: Reason.WRONG,
    SyncState.UNREACHABLE: Reason.UNREACHABLE,
    SyncState.RECOVERING: Reason.RECOVERING,
    SyncState.INCOMPLETE: Reason.INCOMPLETE,
}


def worst_held(states: Iterable[int]) -> int:
    """The worst of what a mirror holds; what nobody has seen is worse than what is current, and better than the rest.

    Without any it is not known.
    """
    return max(states, key=lambda state: state or SyncState.GRACE + 0.5, default=SyncState.UNKNOWN)


SEEN_CURRENT = frozenset({SyncState.FRESH, SyncState.GRACE})
CURRENT = SEEN_CURRENT | {SyncState.UNKNOWN}


@dataclass(frozen=True, slots=True)
class HealthTable:
    """What is known of the mirrors' health, by their numbers; empty while nothing was probed.

    ``holds`` maps a repository's path to a byte of ``SyncState`` per mirror, and ``holds_over`` a family and a path
    (``held_key``) where that is known to differ by family. ``bad_reach`` maps ``module/protocol/family`` to a byte of
    ``Reach`` for each mirror. ``out`` are those that operators took out, and ``overrides`` their words on it;
    ``dead_trees`` the URLs of the project's own trees that do not answer, and ``dead_trees_over`` by family those that
    answer over the other one only.

    ``since`` holds for the same keys four bytes a mirror: since when it is as the byte says, in seconds since 1970,
    0 where nothing is wrong. ``told`` holds by ``told_key`` what came back where a way does not work. Only people ask
    for these (core/selection/causes.py); lists are made without.
    """

    holds: Mapping[str, bytes] = field(default_factory=dict)
    bad_reach: Mapping[str, bytes] = field(default_factory=dict)
    out: tuple[int, ...] = ()
    overrides: tuple[Override, ...] = ()
    since: Mapping[str, bytes] = field(default_factory=dict)
    dead_trees: tuple[str, ...] = ()
    holds_over: Mapping[str, bytes] = field(default_factory=dict)
    dead_trees_over: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    told: Mapping[str, str] = field(default_factory=dict)


def told_key(key: str, mirror: str) -> str:
    """The key of ``HealthTable.told`` for a way, by its key of ``bad_reach``, to a mirror."""
    return f"{key}/{mirror}"


def held_key(family: Family, path: str) -> str:
    """The key of ``HealthTable.holds_over``."""
    return f"{family}/{path}"


def sync_state_of(verdict: Verdict | None, stands: Standing) -> SyncState:
    """What the standing of a mirror with a repository means for lists."""
    if stands is not Standing.BAD or verdict is None:
        return {
            Standing.FRESH: SyncState.FRESH,
            Standing.GRACE: SyncState.GRACE,
            Standing.LAGGING: SyncState.LAGGING,
            Standing.STALE: SyncState.STALE,
        }.get(stands, SyncState.UNKNOWN)
    if verdict.outcome in GOOD_OUTCOMES:
        return SyncState.RECOVERING
    return {
        ProbeOutcome.MISSING: SyncState.MISSING,
        ProbeOutcome.ELSEWHERE: SyncState.MISSING,
        ProbeOutcome.WRONG: SyncState.WRONG,
        ProbeOutcome.AHEAD: SyncState.WRONG,
        ProbeOutcome.INCOMPLETE: SyncState.INCOMPLETE,
        ProbeOutcome.STALE: SyncState.STALE,
        ProbeOutcome.OUTDATED: SyncState.STALE,
    }.get(verdict.outcome, SyncState.UNREACHABLE)


def paths_of(query: Query) -> list[str]:
    """The names of what a mirror must be good for: one for each arch, while the client fills in the arch itself."""
    if query.within is not None:
        return [name for name in query.within if name is not None]
    if query.target.parts:
        return list(query.target.parts)
    if "$basearch" not in query.path:
        return [query.key]
    return [query.path.replace("$basearch", arch) for arch in query.target.arches]


def was_compared(health: HealthTable, number: int, query: Query) -> bool:
    """Whether all that decides about a query was compared with the origin on a mirror."""
    columns = [health.holds.get(path) for path in paths_of(query)]
    return bool(columns) and all(column and column[number] != SyncState.UNKNOWN for column in columns)


MOMENT = Struct("<I")


def noted_since(health: HealthTable, key: str, number: int) -> float | None:
    """Since when a mirror is as the byte of a repository or a way says; None where nothing is known to be wrong."""
    column = health.since.get(key)
    found = MOMENT.unpack_from(column, number * MOMENT.size)[0] if column else 0
    return float(found) if found else None


HeldContent = tuple[str, str, str]
"""A mirror, a module, and the path of a repository or an image."""


def contents(verdicts: Mapping[Subject, Verdict]) -> dict[HeldContent, Verdict]:
    """What each mirror holds, by mirror, module and path: the verdict over the first way that works.

    Repositories are compared over one way only, so this holds for the others too unless their tree is bad.
    """
    bad = _bad_ways(verdicts)
    found: dict[HeldContent, tuple[tuple[bool, tuple[int, Family]], Verdict]] = {}
    for subject, verdict in verdicts.items():
        if subject.path is not None:
            rank = (_way(subject) in bad, _rank(subject))
            key = (subject.mirror, subject.module, subject.path)
            if key not in found or rank < found[key][0]:
                found[key] = (rank, verdict)
    return {key: verdict for key, (_, verdict) in found.items()}


def contents_over(
    verdicts: Mapping[Subject, Verdict], general: Mapping[HeldContent, Verdict]
) -> dict[Family, dict[HeldContent, Verdict]]:
    """By family what is known better than ``general`` says it: by a verdict over that family, over a way that works.

    One that is a day older than the general one says nothing any more: only one way is followed, and others once.
    """
    bad = _bad_ways(verdicts)
    found: dict[Family, dict[HeldContent, Verdict]] = {}
    for subject in sorted((each for each in verdicts if not each.is_tree), key=_rank):  # trees may be rsync's
        if subject.path is None:
            continue
        key, verdict = (subject.mirror, subject.module, subject.path), verdicts[subject]
        known = general[key]
        if _way(subject) not in bad and verdict.checked_at > known.checked_at - DAY:
            found.setdefault(subject.family, {}).setdefault(key, verdict)
    return {
        family: better
        for family, over in found.items()
        if (better := {key: verdict for key, verdict in over.items() if verdict is not general[key]})
    }


def _bad_ways(verdicts: Mapping[Subject, Verdict]) -> set[tuple[str, str, Protocol, Family]]:
    return {_way(subject) for subject, verdict in verdicts.items() if subject.is_tree and not verdict.good_now}


def first_way(trees: Iterable[Subject]) -> Subject | None:
    """The tree over which repositories are compared: https before http, IPv4 before IPv6."""
    return min(trees, key=_rank, default=None)


def _way(subject: Subject) -> tuple[str, str, Protocol, Family]:
    return subject.mirror, subject.module, subject.protocol, subject.family


def _rank(tree: Subject) -> tuple[int, Family]:
    return WEB_PROTOCOLS.index(tree.protocol), tree.family
