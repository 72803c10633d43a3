"""Questions about one mirror: its country and place, whom it serves, its status on a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from mirrorlist.core.model import SERVED_STATUSES, Mirror, Status


def country_of(mirror: Mirror) -> str | None:
    """The mirror's country, or None."""
    return mirror.location.country if mirror.location else None


def is_public(mirror: Mirror) -> bool:
    """Whether a mirror is given to clients outside its own networks."""
    return not (mirror.private or mirror.monopoly or mirror.cloud)


def country_is_open(mirror: Mirror, country: str | None) -> bool:
    """Whether a mirror serves clients of a country; an unknown country is not among ``countries_only``."""
    if mirror.countries_only and country not in mirror.countries_only:
        return False
    return country not in mirror.countries_never


def is_shown(mirror: Mirror) -> bool:
    """Whether a mirror is on public pages: one for everybody that is served, paused, or announced for a day."""
    if not is_public(mirror):
        return False
    announced = mirror.live_from is not None and mirror.status is Status.SYNCING
    return mirror.status in SERVED_STATUSES or mirror.status is Status.PAUSED or announced


# A mirror's status on a day: dates in its file come true without anybody editing it.


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
