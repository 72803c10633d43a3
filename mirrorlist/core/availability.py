"""For how much of the time a mirror was reachable, and since when it is not: from verdicts and events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mirrorlist.core.health import Event, EventKind, Outcome, Subject, Verdict, by_mirror
from mirrorlist.core.model import MAIN, WEB_PROTOCOLS

Span = tuple[float, float]
WINDOW_SECONDS = 30 * 86_400.0
"""As long as events are kept."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How one mirror can be reached.

    ``percent`` of the last 30 days, or since it was first looked at, in which it answered over at least one web
    protocol and family; None where it was not looked at. ``down_since`` and ``outcome`` while it does not.
    """

    percent: float | None = None
    down_since: float | None = None
    outcome: Outcome | None = None


def reaches(verdicts: Mapping[Subject, Verdict], events: Sequence[Event], now: float) -> dict[str, Reach]:
    """How each mirror can be reached that was ever looked at; ``events`` in any order."""
    trees = by_mirror(
        {
            subject: verdict
            for subject, verdict in verdicts.items()
            if not subject.path and subject.protocol in WEB_PROTOCOLS
        }
    )
    turns: dict[Subject, list[Event]] = {}
    for event in events:
        if event.subject is not None and event.kind in (EventKind.UP, EventKind.DOWN):
            turns.setdefault(event.subject, []).append(event)
    return {mirror: _reach(_of_one_module(known), turns, now) for mirror, known in trees.items()}


def _of_one_module(known: Mapping[Subject, Verdict]) -> Mapping[Subject, Verdict]:
    """Those of the main tree; of a mirror without one, all."""
    main = {subject: verdict for subject, verdict in known.items() if subject.module == MAIN}
    return main or known


def _reach(known: Mapping[Subject, Verdict], turns: Mapping[Subject, Sequence[Event]], now: float) -> Reach:
    ordered = {subject: sorted(turns.get(subject, ()), key=lambda each: each.at) for subject in known}
    seen = [verdict.since for verdict in known.values()] + [each.at for rows in ordered.values() for each in rows]
    start = max(now - WINDOW_SECONDS, min(seen))
    down: list[Span] = [(start, now)]
    for subject, verdict in known.items():
        down = _both(down, _down(verdict, ordered[subject], start, now))
    lost = sum(until - since for since, until in down)
    percent = 100.0 * (1 - lost / (now - start)) if now > start else None
    if any(verdict.good_now for verdict in known.values()):
        return Reach(percent)
    last = max(known.values(), key=lambda each: (each.outcome is not Outcome.NO_ADDRESS, each.since))
    return Reach(percent, last.since, last.outcome)


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


def _both(one: Iterable[Span], other: Sequence[Span]) -> list[Span]:
    """The times that are in both."""
    met = [(max(a, c), min(b, d)) for a, b in one for c, d in other]
    return [(since, until) for since, until in met if since < until]
