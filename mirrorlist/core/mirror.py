"""Questions about one mirror: its country, whom it serves, who cannot reach it, its status on a day."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from datetime import date

from mirrorlist.core.model import SERVED_STATUSES, ClientPlace, Location, Mirror, ReachPair, Status


def country_of(mirror: Mirror) -> str | None:
    """The mirror's country, or None."""
    return mirror.location.country if mirror.location else None


def places_of(mirror: Mirror) -> tuple[Location, ...]:
    """The places where a mirror is, its own one first; those of a global one are further places."""
    return mirror.places if mirror.is_global or mirror.location is None else (mirror.location, *mirror.places)


def is_in_one_place(mirror: Mirror) -> bool:
    """Whether one place is behind a mirror's addresses, so that these say where it is."""
    return not (mirror.places or mirror.is_global)


def countries_of(mirror: Mirror) -> frozenset[str | None]:
    """The countries that a mirror is in, and its own."""
    return frozenset({country_of(mirror), *(place.country for place in places_of(mirror))})


def is_on(mirror: Mirror, continents: Container[str | None]) -> bool:
    """Whether a mirror is on one of these continents; a global one is on all."""
    return mirror.is_global or any(place.continent in continents for place in places_of(mirror))


def is_public(mirror: Mirror) -> bool:
    """Whether a mirror is given to clients outside its own networks."""
    return not (mirror.private or mirror.monopoly or mirror.cloud)


def quotas_of(mirrors: Iterable[Mirror]) -> dict[str, float]:
    """The most that public mirrors carry in a month, in TiB, by the names of those whose files say so."""
    served = (mirror for mirror in mirrors if is_public(mirror) and mirror.status in SERVED_STATUSES)
    return {mirror.name: mirror.tib_per_month for mirror in served if mirror.tib_per_month is not None}


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


# Pairs: clients of a country or an AS, and mirrors that they do not reach, or badly.


def with_pairs(mirrors: Iterable[Mirror], pairs: Sequence[ReachPair]) -> tuple[Mirror, ...]:
    """The mirrors, each with those of the pairs that name it, a country that it is in, or an AS.

    An AS is one that announces its addresses; where none is known, one that its file names.
    """
    return tuple(
        replace(mirror, pairs=concerned)
        if (concerned := tuple(pair for pair in pairs if pair.mirrors in _called(mirror))) != mirror.pairs
        else mirror
        for mirror in mirrors
    )


def _called(mirror: Mirror) -> set[str | None]:
    places = {place.country for place in places_of(mirror)}
    return {mirror.name, *places, *(f"AS{asn}" for asn in mirror.systems or mirror.asns)}


def is_country(named: str) -> bool:
    """Whether a side of a pair is a country; mirrors and ASes have longer names."""
    return len(named) == 2


def systems_of(pairs: Iterable[ReachPair]) -> frozenset[int]:
    """The ASes of clients that the pairs name."""
    return frozenset(int(pair.clients[2:]) for pair in pairs if not is_country(pair.clients))


Site = Location | None
"""A place where clients may meet a mirror; None for a global one: wherever they are."""


def sites_of(mirror: Mirror) -> tuple[Site, ...]:
    """At least one site; a place of which nothing is known if there is no other."""
    places = places_of(mirror)
    return (*places, None) if mirror.is_global else places or (Location(),)


def added_km(mirror: Mirror, site: Site, client: ClientPlace) -> int | None:
    """How much farther away a site of a mirror counts for clients at a place; None where they do not reach it.

    The worst of several pairs counts. A pair with a country is about the places in it.
    """
    if not mirror.pairs:
        return 0
    found = [
        pair.km
        for pair in mirror.pairs
        if pair.clients in (client.country, f"AS{client.asn}")
        and (not is_country(pair.mirrors) or (site is not None and site.country == pair.mirrors))
    ]
    return None if None in found else max((km for km in found if km is not None), default=0)


def is_out_of_reach(mirror: Mirror, client: ClientPlace) -> bool:
    """Whether clients at a place reach none of a mirror's sites."""
    return bool(mirror.pairs) and all(added_km(mirror, site, client) is None for site in sites_of(mirror))


def unreached_since(mirror: Mirror, client: ClientPlace) -> float | None:
    """Since when vantage points of a place's country or region cannot reach a mirror; None where they can."""
    found = [pair.since for pair in mirror.pairs if pair.since is not None and pair.clients == client.country]
    return min(found, default=None)


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
