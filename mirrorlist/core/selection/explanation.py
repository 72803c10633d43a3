"""A selection explained to people and programs: who asks, what is chosen or left out, and why.

The command line, the API and the pages all show this. For the public it holds every public mirror, and of the
others only those whose network the asker proves to be in.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.health.columns import was_compared
from mirrorlist.core.mirror import country_of, is_in_one_place, is_public, is_shown
from mirrorlist.core.model import Client, ClientPlace, Mirror, Proximity
from mirrorlist.core.rules import opened_by
from mirrorlist.core.selection.answer import Rejected, Selection
from mirrorlist.core.selection.rank import OWN_COUNTRY, is_nowhere, nearest_place, network_matches
from mirrorlist.core.snapshot import Snapshot

PROXIMITY_WORDS = {
    Proximity.SUBNET: "in your network",
    Proximity.CLOUD_REGION: "in your cloud region",
    Proximity.ASN: "in your provider's network",
    Proximity.NEARBY: "by distance",
    Proximity.WORLD: "far away",
}
NO_PLACE = "place unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks, as the service sees it; ``place`` says it in words, ``cloud`` is a provider and a region.

    ``latitude`` and ``longitude`` are whole degrees, where more than the country is known.
    """

    address: str | None
    country: str | None
    place: str
    asn: int | None
    cloud: tuple[str, str] | None
    latitude: float | None = None
    longitude: float | None = None

    @property
    def placeless(self) -> bool:
        """Whether nothing is known of where the asker is, so that nobody is near."""
        return self.place == NO_PLACE


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A mirror of the list: ``band`` is how its group of equally close mirrors is called, ``public`` whether
    everybody can get it."""

    rank: int
    name: str
    country: str | None
    url: str
    proximity: str
    distance_km: int | None
    band: str
    weight: int
    public: bool
    compared: bool = False
    """Whether the prober compared there what is asked for with the origin."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A mirror that is not in the list; ``reason`` is the name of the Reason, ``why`` its sentence.

    ``since`` is when it began, where health or an override is the reason; ``of`` names repositories or protocols.
    """

    name: str
    reason: str
    why: str
    since: float | None = None
    of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The whole answer to "why do I get these?". ``generation`` and ``built_at`` tell which data it is made from.

    ``fallback_ranks`` are the places of the fallbacks in the list, where mirrors have the others.
    """

    asker: Asker
    repository: str
    version: str
    module: str
    path: str
    arch: str | None
    chosen: tuple[Chosen, ...]
    left_out: tuple[LeftOut, ...]
    fallbacks: tuple[str, ...]
    notes: tuple[str, ...]
    generation: int
    built_at: float
    fallback_ranks: tuple[int, ...]


def explanation(snapshot: Snapshot, selection: Selection, everything: bool = False) -> Explanation:
    """The explanation of a selection; ``everything`` is for operators, who see private mirrors too."""
    target = selection.query.target
    named = None if everything else _named(snapshot, selection)
    numbers = {mirror.name: number for number, mirror in enumerate(snapshot.mirrors)}
    return Explanation(
        asker=asker(selection.client),
        repository=target.repository,
        version=target.version,
        module=target.module,
        path=selection.query.path,
        arch=selection.query.arch,
        chosen=tuple(
            Chosen(
                rank=rank,
                name=choice.mirror.name,
                country=_country(choice.mirror, selection.client.place),
                url=choice.url,
                proximity=choice.proximity.name.lower(),
                distance_km=choice.distance_km,
                band=band_in_words(choice.band, selection.client.place, snapshot.policy),
                weight=choice.weight,
                public=is_public(choice.mirror),
                compared=was_compared(snapshot.facts.health, numbers[choice.mirror.name], selection.query),
            )
            for rank, (_, choice) in enumerate(selection.in_order, start=1)
            if choice is not None
        ),
        left_out=tuple(_left_out(row) for row in selection.rejected if named is None or row.mirror.name in named),
        fallbacks=selection.fallbacks,
        notes=selection.notes,
        generation=snapshot.facts.generation,
        built_at=snapshot.facts.built_at,
        fallback_ranks=tuple(rank for rank, (_, choice) in enumerate(selection.in_order, start=1) if choice is None),
    )


def _country(mirror: Mirror, place: ClientPlace) -> str | None:
    """The country in which a mirror is for a client: that of its nearest place, if it has several."""
    nearest = None if is_in_one_place(mirror) else nearest_place(mirror, place)
    return nearest[0].country if nearest else country_of(mirror)


def _left_out(row: Rejected) -> LeftOut:
    cause = row.cause
    reason = row.mirror.name, row.reason.name.lower(), row.reason.value
    return LeftOut(*reason, cause.since, tuple(cause.of)) if cause else LeftOut(*reason)


def _named(snapshot: Snapshot, selection: Selection) -> frozenset[str]:
    """The mirrors that this asker may hear of."""
    names = {mirror.name for mirror in snapshot.mirrors if is_shown(mirror)}
    if selection.query.networks:
        matches = network_matches(snapshot.mirrors, selection.client)
        opened = opened_by(matches.items(), snapshot.mirrors, selection.query.target.module)
        names |= {snapshot.mirrors[number].name for number in opened}
    return frozenset(names)


def asker(client: Client) -> Asker:
    """Who asks, in words."""
    return Asker(
        address=str(ipaddress.ip_address(client.address)) if client.address else None,
        country=client.place.country,
        place=place_in_words(client.place),
        asn=client.asn,
        cloud=client.cloud,
        latitude=_whole(client.place.latitude) if client.place.exact else None,
        longitude=_whole(client.place.longitude) if client.place.exact else None,
    )


def _whole(degrees: float | None) -> float | None:
    return None if degrees is None else float(round(degrees))


def place_in_words(place: ClientPlace) -> str:
    """A client's place, as exactly as selection knows it."""
    if is_nowhere(place):
        return NO_PLACE
    if not place.exact:
        return f"somewhere in {place.country}"
    latitude, longitude = place.latitude or 0.0, place.longitude or 0.0
    north, east = "N" if latitude >= 0 else "S", "E" if longitude >= 0 else "W"
    where = f"{abs(latitude):.0f}° {north}, {abs(longitude):.0f}° {east}"
    return f"near {where} in {place.country or 'an unknown country'}"


def band_in_words(band: int, place: ClientPlace, policy: Policy) -> str:
    """The name of a band: how far it reaches, in kilometres; nobody is near to a place that is not known."""
    if is_nowhere(place):
        return "any"
    if band == OWN_COUNTRY:
        return "country"
    return f"to {policy.bands_km[band]}" if band < len(policy.bands_km) else "farther"
