"""A mirror's status on a day: dates in its file come true without anybody editing it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from mirrorlist.core.model import Mirror, Status


def status_on(mirror: Mirror, today: date) -> Mirror:
    """The mirror with the status that holds on a day (UTC).

    ``status_until`` is the last day of a pause, after which the mirror is live again, and the last day of a
    retiring mirror, after which it has retired. Before ``live_from`` a live mirror is still syncing.
    """
    over = mirror.status_until is not None and date.fromisoformat(mirror.status_until) < today
    waiting = mirror.live_from is not None and date.fromisoformat(mirror.live_from) > today
    if mirror.status is Status.RETIRING and over:
        return replace(mirror, status=Status.RETIRED)
    if mirror.status is Status.LIVE or (mirror.status is Status.PAUSED and over):
        return replace(mirror, status=Status.SYNCING if waiting else Status.LIVE)
    return mirror
