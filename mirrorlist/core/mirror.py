"""Questions about one mirror: its country, whom it serves, who cannot reach it, its status on a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from mirrorlist.core.model import SERVED_STATUSES, ClientPlace, Mirror, ReachPair, Status


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


# Pairs of ``reach:`` in service.yml: clients of a country or an AS, and mirrors that they do not reach, or badly.


def with_pairs(mirrors: Iterable[Mirror], pairs: Sequence[ReachPair]) -> tuple[Mirror, ...]:
    """The mirrors, each with those of the pairs that name it, its country, or an AS.

    An AS is one that announces its addresses; where none is known, one that its file names.
    """
    return tuple(
        replace(mirror, pairs=concerned)
        if (concerned := tuple(pair for pair in pairs if pair.mirrors in _called(mirror))) != mirror.pairs
        else mirror
        for mirror in mirrors
    )


def _called(mirror: Mirror) -> set[str | None]:
    return {mirror.name, country_of(mirror), *(f"AS{asn}" for asn in mirror.systems or mirror.asns)}


def is_country(named: str) -> bool:
    """Whether a side of a pair is a country; mirrors and ASes have longer names."""
    return len(named) == 2


def systems_of(pairs: Iterable[ReachPair]) -> frozenset[int]:
    """The ASes of clients that the pairs name."""
    return frozenset(int(pair.clients[2:]) for pair in pairs if not is_country(pair.clients))


def added_km(mirror: Mirror, client: ClientPlace) -> int | None:
    """How much farther away a mirror counts for clients at a place; None where they do not reach it.

    Of several pairs the worst counts.
    """
    if not mirror.pairs:
        return 0
    found = [pair.km for pair in mirror.pairs if pair.clients in (client.country, f"AS{client.asn}")]
    return None if None in found else max((km for km in found if km is not None), default=0)


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
