"""The last thirty days of one mirror in daily buckets: how much of the time it could be reached, how far it lagged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mirrorlist.core.catalogue.metadata import MetadataChange
from mirrorlist.core.health.verdicts import Event, EventKind, ProbeOutcome, Subject, Verdict, by_mirror
from mirrorlist.core.model import MAIN, WEB_PROTOCOLS

# For how much of the time a mirror was reachable, and since when it is not: from verdicts and events.

Span = tuple[float, float]
WINDOW_SECONDS = 30 * 86_400.0
"""As long as events are kept."""


@dataclass(frozen=True, slots=True)
class ReachHistory:
    """How one mirror can be reached.

    ``percent`` of the last 30 days, or since it was first looked at, in which it answered over at least one web
    protocol and family; None where it was not looked at. ``down_since`` and ``outcome`` while it does not.
    """

    percent: float | None = None
    down_since: float | None = None
    outcome: ProbeOutcome | None = None


def reaches(verdicts: Mapping[Subject, Verdict], events: Sequence[Event], now: float) -> dict[str, ReachHistory]:
    """How each mirror can be reached that was ever looked at; ``events`` in any order."""
    trees = by_mirror(
        {
            subject: verdict
            for subject, verdict in verdicts.items()
            if subject.is_tree and subject.protocol in WEB_PROTOCOLS
        }
    )
    turns: dict[Subject, list[Event]] = {}
    for event in events:
        if event.subject is not None and event.kind in (EventKind.UP, EventKind.DOWN):
            turns.setdefault(event.subject, []).append(event)
    return {mirror: _reach(known, turns, now) for mirror, known in trees.items()}


def _reach(known: Mapping[Subject, Verdict], turns: Mapping[Subject, Sequence[Event]], now: float) -> ReachHistory:
    main = {subject: verdict for subject, verdict in known.items() if subject.module == MAIN}
    known = main or known  # of a mirror without a main tree all count
    ordered = {subject: sorted(turns.get(subject, ()), key=lambda each: each.at) for subject in known}
    seen = [verdict.since for verdict in known.values()] + [each.at for rows in ordered.values() for each in rows]
    start = max(now - WINDOW_SECONDS, min(seen))
    down: list[Span] = [(start, now)]
    for subject, verdict in known.items():
        down = _in_both(down, _down(verdict, ordered[subject], start, now))
    lost = sum(until - since for since, until in down)
    percent = 100.0 * (1 - lost / (now - start)) if now > start else None
    if any(verdict.good_now for verdict in known.values()):
        return ReachHistory(percent)
    last = max(known.values(), key=lambda each: (each.outcome is not ProbeOutcome.NO_ADDRESS, each.since))
    return ReachHistory(percent, last.since, last.outcome)


def _down(verdict: Verdict, turns: Sequence[Event], start: float, now: float) -> list[Span]:
    """When one way to a mirror was shut. Before its first event it was what the event ended."""
    found: list[Span] = []
    since = start if (turns[0].kind is EventKind.UP if turns else not verdict.good_now) else None
    if not turns and since is not None:
        since = max(start, verdict.since)
    for each in turns:
        if each.kind is EventKind.DOWN and since is None:
            since = max(each.at, start)
        elif each.kind is EventKind.UP and since is not None:
            found.append((since, max(each.at, start)))
            since = None
    return [*found, (since, now)] if since is not None else found


def _in_both(one: Iterable[Span], other: Sequence[Span]) -> list[Span]:
    """The times that are in both."""
    met = [(max(a, c), min(b, d)) for a, b in one for c, d in other]
    return [(since, until) for since, until in met if since < until]


DAYS = 30
"""How many days the strips of availability and lag show."""


DAY = 86_400.0
_STEPS = (EventKind.UP, EventKind.DOWN)


@dataclass(frozen=True, slots=True)
class Sighting:
    """The repomd.xml with this digest was seen on a mirror, at this path and time."""

    path: str
    at: float
    sha256: str


def days_until(now: float) -> tuple[float, ...]:
    """The beginnings of the last 30 days (UTC), the present one last, and then now."""
    midnight = now - now % DAY
    return (*(midnight - DAY * back for back in reversed(range(DAYS))), now)


def availability(
    verdicts: Mapping[Subject, Verdict], events: Iterable[Event], first_seen: float | None, now: float
) -> tuple[float | None, ...]:
    """The part of each day in which the mirror answered over at least one of its ways.

    ``events`` are the mirror's; nothing is known before ``first_seen``.
    """
    ways = [
        _bad_times(subject, verdict, events, now)
        for subject, verdict in verdicts.items()
        if subject.is_tree and subject.protocol in WEB_PROTOCOLS
    ]
    if not ways or first_seen is None:
        return (None,) * DAYS
    down = ways[0]
    for other in ways[1:]:
        down = _in_both(down, other)
    return tuple(_up_share(max(start, first_seen), end, down) for start, end in pairwise(days_until(now)))


def _bad_times(subject: Subject, verdict: Verdict, events: Iterable[Event], now: float) -> list[Span]:
    """When a way was bad, from its ups and downs; what it is now holds since its verdict says so."""
    steps = sorted(
        [
            (event.at, event.kind is EventKind.UP)
            for event in events
            if event.subject == subject and event.kind in _STEPS
        ]
        + [(verdict.since, verdict.good_now)]
    )
    ends = [at for at, _ in steps[1:]] + [now]
    before = [(0.0, steps[0][0])] if steps[0][1] and len(steps) > 1 else []  # the first thing known is its coming up
    return before + [(at, end) for (at, good), end in zip(steps, ends, strict=True) if not good and end > at]


def _up_share(start: float, end: float, down: Iterable[Span]) -> float | None:
    if end <= start:
        return None
    lost = sum(max(0.0, min(end, until) - max(start, begin)) for begin, until in down)
    return round(max(0.0, 1.0 - lost / (end - start)), 4)


Superseded = Mapping[str, Mapping[str, float]]
"""Path to the digests of older versions, each with the time at which the origin replaced it."""


def superseded(changes: Mapping[str, Sequence[MetadataChange]]) -> Superseded:
    """When each older version of each path was replaced; a version that came back is not old."""
    found: dict[str, dict[str, float]] = {}
    for path, history in changes.items():
        times = {older.version.sha256: newer.seen_at for older, newer in pairwise(history)}
        times.pop(history[-1].version.sha256, None)
        found[path] = times
    return found


def lag_by_day(sightings: Iterable[Sighting], old: Superseded, now: float) -> tuple[float | None, ...]:
    """The worst lag of each day in seconds: for how long the origin had something newer than what was seen.

    None where nothing had been seen yet.
    """
    days = days_until(now)
    worst: list[float | None] = [None] * DAYS
    by_path: dict[str, list[Sighting]] = {}
    for sighting in sightings:
        by_path.setdefault(sighting.path, []).append(sighting)
    for path, seen in by_path.items():
        seen.sort(key=lambda each: each.at)
        ends = [each.at for each in seen[1:]] + [now]
        for each, end in zip(seen, ends, strict=True):
            _add_lag(worst, days, each.at, end, old.get(path, {}).get(each.sha256))
    return tuple(worst)


def _add_lag(
    worst: list[float | None], days: Sequence[float], start: float, end: float, replaced: float | None
) -> None:
    """Notes the lag of one version on every day on which the mirror held it."""
    first = max(0, int((start - days[0]) // DAY))
    for number in range(first, DAYS):
        if days[number] > end:
            return
        until = min(end, days[number + 1])
        lag = 0.0 if replaced is None or until <= replaced else until - replaced
        worst[number] = max(worst[number] or 0.0, lag)
