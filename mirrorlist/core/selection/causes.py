"""Causes for which a mirror is left out, and since when: for people, never for a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from mirrorlist.core.health.columns import (
    SYNC_REASONS,
    HealthTable,
    Reach,
    SyncState,
    noted_since,
    paths_of,
    reach_key,
    told_key,
)
from mirrorlist.core.health.verdicts import Family, Override
from mirrorlist.core.model import WEB_PROTOCOLS, Mirror, Protocol, Query
from mirrorlist.core.reasons import Cause, Reason


@dataclass(frozen=True, slots=True)
class ExclusionFault:
    """What keeps a mirror out of lists, whoever asks for what."""

    reason: Reason
    cause: Cause


def cause_of(
    health: HealthTable, number: int, mirror: Mirror, query: Query, family: Family | None, reason: Reason
) -> Cause | None:
    """The cause of a reason to leave a mirror out of the answer to a query; None where health is not the reason."""
    if reason is Reason.TAKEN_OUT:
        return _said(override_of(health, number))
    if reason not in SYNC_REASONS.values():
        return None
    families = (family,) if family else tuple(Family)
    ways = [(query.target.module, protocol, each) for protocol in query.protocols for each in families]
    unreachable = dict(_unreachable(health, number, mirror, ways)) if reason is Reason.UNREACHABLE else {}
    if unreachable:  # it answered until the last of the ways fell
        last = max(unreachable, key=lambda way: unreachable[way].since)
        return replace(unreachable[last], of=tuple(unreachable))
    held = {path: since for path, what, since in _held(health, number, paths_of(query)) if what is reason}
    return Cause(min(held.values()), tuple(held)) if held else None


def faults_of(health: HealthTable, number: int, mirror: Mirror) -> tuple[ExclusionFault, ...]:
    """Everything that keeps a mirror out of some list or of all: a person's word, ways, and repositories by reason."""
    said = _said(override_of(health, number))
    found = [ExclusionFault(Reason.TAKEN_OUT, said)] if said else []
    ways = [(module, protocol, family) for module in mirror.urls for protocol in WEB_PROTOCOLS for family in Family]
    found += _faulty_ways(health, number, mirror, ways)
    by_reason: dict[Reason, dict[str, float]] = {}
    for path, reason, since in _held(health, number, health.holds):
        by_reason.setdefault(reason, {})[path] = since
    return (
        *found,
        *(ExclusionFault(reason, Cause(min(paths.values()), tuple(paths))) for reason, paths in by_reason.items()),
    )


def _faulty_ways(
    health: HealthTable, number: int, mirror: Mirror, ways: Iterable[tuple[str, Protocol, Family]]
) -> list[ExclusionFault]:
    """The ways that do not work. That a name has addresses of one family only is none."""
    columns = {way: health.bad_reach.get(reach_key(*way)) for way in ways}
    reaches = {way: Reach(column[number]) if column else Reach.GOOD for way, column in columns.items()}
    found = []
    for (module, protocol, family), reach in reaches.items():
        other = next(each for each in Family if each is not family)
        is_single = reach is Reach.NO_ADDRESS and reaches[module, protocol, other] is not Reach.NO_ADDRESS
        since = noted_since(health, reach_key(module, protocol, family), number)
        if since and not is_single and protocol in mirror.urls.get(module, {}):
            reason = Reason.RECOVERING if reach is Reach.RECOVERING else Reason.UNREACHABLE
            told = health.told.get(told_key(reach_key(module, protocol, family), mirror.name))
            found.append(ExclusionFault(reason, Cause(since, (f"{protocol} {family}",), why=told)))
    return found


def override_of(health: HealthTable, number: int) -> Override | None:
    """The word that keeps a mirror out, if there is one."""
    return next((each for at, each in zip(health.out, health.overrides, strict=False) if at == number), None)


def _said(override: Override | None) -> Cause | None:
    if override is None:
        return None
    return Cause(override.since, author=override.author, why=override.reason, until=override.until)


def _unreachable(
    health: HealthTable, number: int, mirror: Mirror, ways: Iterable[tuple[str, Protocol, Family]]
) -> Iterator[tuple[str, Cause]]:
    for module, protocol, family in ways:
        key = reach_key(module, protocol, family)
        since = noted_since(health, key, number)
        if since and protocol in mirror.urls.get(module, {}):
            way = f"{protocol} {family}"
            yield way, Cause(since, (way,), why=health.told.get(told_key(key, mirror.name)))


def _held(health: HealthTable, number: int, paths: Iterable[str]) -> Iterator[tuple[str, Reason, float]]:
    for path in paths:
        since = noted_since(health, path, number)
        if since:
            yield path, SYNC_REASONS[SyncState(health.holds[path][number])], since
