"""The effect of a change of mirror files, as reported to people and programs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mirrorlist.core.mirror import is_public
from mirrorlist.core.model import SERVED_STATUSES, Mirror, Proximity
from mirrorlist.core.rules import is_carrier

# Why nobody gets a mirror first.


class Unserved(StrEnum):
    """A reason, and what to do; the value is the sentence that people read."""

    STATUS = "its status is not one that is served; change status when it is to be"
    NOT_CARRIED = "its file gives no address for this module; add one, or ask for another module with --module"
    NO_NETWORKS = "it is for its own networks only and names none; add subnets, asn or cloud_regions, or remove private"
    ONLY_URL = "its subnets come from a URL, which is not asked here"
    NOT_PROVED = (
        "it is for its own networks only, and nothing proves that clients are in them: an asn or a cloud region "
        "counts by data that you name under geo in service.yml; subnets always do"
    )
    ONLY_IPV6 = "its networks are IPv6 only, of which no clients are counted; count them with --clients"
    NO_CLIENTS = "there are no clients in its networks"
    ELSEWHERE = "clients in all countries that it is open to have nearer mirrors, or there are none"
    NEARER = "wherever clients are, other mirrors are nearer; it is given further down in the lists"


@dataclass(frozen=True, slots=True)
class Found:
    """Whether some clients are in the mirror's networks; some get it second or third; some are in networks that it
    names and do not get it, as nothing proves that."""

    belongs: bool
    early: bool
    unproved: bool


def unserved(mirror: Mirror, module: str, found: Found) -> tuple[Unserved, ...]:
    """Why no client gets the mirror first."""
    if is_carrier(mirror, module):
        if not is_public(mirror) and not found.belongs:
            return (_closed(mirror, found),)
        return (Unserved.ELSEWHERE if mirror.countries_only and not found.early else Unserved.NEARER,)
    reasons = {Unserved.STATUS: mirror.status not in SERVED_STATUSES, Unserved.NOT_CARRIED: module not in mirror.urls}
    return tuple(reason for reason, holds in reasons.items() if holds)


def _closed(mirror: Mirror, found: Found) -> Unserved:
    if found.unproved:
        return Unserved.NOT_PROVED
    if not (mirror.subnets or mirror.asns or mirror.cloud):
        return Unserved.ONLY_URL if mirror.subnets_url else Unserved.NO_NETWORKS
    only_ipv6 = mirror.subnets and all(len(prefix.packed) == 16 for prefix in mirror.subnets)
    return Unserved.ONLY_IPV6 if only_ipv6 else Unserved.NO_CLIENTS


class ChangeKind(StrEnum):
    """What a change does to a mirror."""

    NEW = "new"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of some clients gets a mirror first, and among the first three; 1 is all of them."""

    first: float = 0.0
    early: float = 0.0


@dataclass(frozen=True, slots=True)
class InCountry:
    """A country's part of all clients, and the mirror's share of the country."""

    country: str | None
    clients: float
    before: Share
    after: Share


@dataclass(frozen=True, slots=True)
class InSystem:
    """An autonomous system's part of all clients, and the mirror's share of the system. 0 is none known."""

    asn: int
    clients: float
    share: Share


@dataclass(frozen=True, slots=True)
class OwnNetworks:
    """The clients in networks that the mirror names in one way, as a part of all, and its share of them.

    ``alone``: they get no other mirror. ``otherwise``: who is first for them without the change (or after a removal).
    """

    way: Proximity
    clients: float
    share: Share
    alone: bool
    otherwise: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Rival:
    """Another public mirror nearby, and the bandwidth that counts for it."""

    name: str
    distance_km: int
    mbps: int


@dataclass(frozen=True, slots=True)
class Spot:
    """A place, its clients, and the part of them that gets the mirror first."""

    latitude: float
    longitude: float
    clients: float
    first: float


@dataclass(frozen=True, slots=True)
class Effect:
    """What the change does to one mirror; ``mirror`` is the new one, or the one that goes.

    Shares are of all clients. Countries and systems are those where it has any, the largest first. ``unserved`` says
    why nobody gets it, if so. ``first_without_quota`` is the part that would get it first if it had no quota.
    """

    mirror: Mirror
    kind: ChangeKind
    before: Share
    after: Share
    countries: tuple[InCountry, ...]
    systems: tuple[InSystem, ...]
    own: tuple[OwnNetworks, ...]
    nearby: tuple[Rival, ...]
    spots: tuple[Spot, ...]
    unserved: tuple[Unserved, ...]
    first_without_quota: float | None = None

    @property
    def name(self) -> str:
        return self.mirror.name


@dataclass(frozen=True, slots=True)
class ShareShift:
    """Which part of all clients gets a mirror first, before and after."""

    mirror: Mirror
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Preview:
    """All effects of a change.

    ``shifts`` are those of the other mirrors, the greatest first. ``clients`` is how many there are, and
    ``unserved_clients`` which part of them gets no mirror at all, before and after.
    """

    module: str
    clients: float
    effects: tuple[Effect, ...]
    shifts: tuple[ShareShift, ...]
    unserved_clients: tuple[float, float]
