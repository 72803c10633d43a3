"""What people and programs are told of a change of mirror files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mirrorlist.core.model import Mirror, Proximity
from mirrorlist.core.unserved import Unserved


class Kind(StrEnum):
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

    Shares are of all clients. Countries and systems are those where it has any, the largest first. ``unserved`` tells
    why nobody gets it, if so.
    """

    mirror: Mirror
    kind: Kind
    before: Share
    after: Share
    countries: tuple[InCountry, ...]
    systems: tuple[InSystem, ...]
    own: tuple[OwnNetworks, ...]
    nearby: tuple[Rival, ...]
    spots: tuple[Spot, ...]
    unserved: tuple[Unserved, ...]

    @property
    def name(self) -> str:
        return self.mirror.name


@dataclass(frozen=True, slots=True)
class Shift:
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
    shifts: tuple[Shift, ...]
    unserved_clients: tuple[float, float]
