"""The public record of the network: what everybody may know of mirrors and their health, by whitelist.

A field gets out only by being written here. No e-mail address, contact, subnet, ASN or author has a field; free
texts lose e-mail addresses and credentials; a mirror that is not for everybody has no row, not even its name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal
from urllib.parse import urlsplit

from mirrorlist.core.content import ContentKind
from mirrorlist.core.files.found import FoundFiles
from mirrorlist.core.health.history import DAYS
from mirrorlist.core.health.propagation import Spread
from mirrorlist.core.health.upstreams import UpstreamState
from mirrorlist.core.health.verdicts import EventKind, Family, ProbeOutcome
from mirrorlist.core.model import Location, Mirror, Protocol, Status
from mirrorlist.core.public.statistics import MonthOfMirror, PublicStatistics

_LEAKS = re.compile(r"\S*@\S+")
REMOVED = "[removed]"


class MirrorState(StrEnum):
    """How a mirror is, in one word; the sentences for people are in ``STATE_WORDS``."""

    FRESH = "fresh"
    UP = "up"
    LAGGING = "lagging"
    STALE = "stale"
    DOWN = "down"
    UNKNOWN = "unknown"
    OUT = "out"
    PAUSED = "paused"
    SOON = "soon"


PROBLEM_STATES = (MirrorState.DOWN, MirrorState.STALE, MirrorState.LAGGING)
"""What an owner can fix, the worst first."""
STATE_WORDS = {
    MirrorState.FRESH: "up to date",
    MirrorState.UP: "reachable",
    MirrorState.LAGGING: "behind",
    MirrorState.STALE: "stale",
    MirrorState.DOWN: "unreachable",
    MirrorState.UNKNOWN: "not checked yet",
    MirrorState.OUT: "taken out",
    MirrorState.PAUSED: "paused",
    MirrorState.SOON: "not live yet",
}


@dataclass(frozen=True, slots=True)
class PublicOverride:
    """A maintainer's word that keeps the mirror out; times in seconds since 1970."""

    reason: str
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class PublicPlace:
    """A further place behind a mirror's addresses."""

    country: str | None = None
    city: str | None = None
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicMirror:
    """One mirror as everybody may see it.

    ``urls`` maps modules to protocols to URLs. ``logo`` is the digest of its picture. ``state`` holds since
    ``since``. ``ipv6`` is None while nothing was tried. ``repositories`` counts those that were compared with the
    origin and found there, ``fresh`` the current ones of them; ``lag_seconds`` is how far the worst one is behind.
    ``home_share`` is the part of its own country's clients that gets it first. ``files`` is what was found of its
    files, by module. ``is_global``: it is near everywhere, and its own place only says whose it is.
    """

    name: str
    state: MirrorState
    status: Status
    urls: Mapping[str, Mapping[Protocol, str]]
    sponsor: str = ""
    sponsor_url: str | None = None
    logo: str | None = None
    country: str | None = None
    continent: str | None = None
    region: str | None = None
    city: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    precision_km: float | None = None
    placed_by: str | None = None
    time_zone: str | None = None
    bandwidth_mbps: int | None = None
    tib_per_month: float | None = None
    off_peak_only: bool = False
    update_frequency_seconds: int | None = None
    countries_only: tuple[str, ...] = ()
    countries_never: tuple[str, ...] = ()
    status_reason: str | None = None
    status_until: str | None = None
    live_from: str | None = None
    since: float | None = None
    checked_at: float | None = None
    ipv6: bool | None = None
    repositories: int = 0
    fresh: int = 0
    lag_seconds: float | None = None
    home_share: float | None = None
    places: tuple[PublicPlace, ...] = ()
    is_global: bool = False
    override: PublicOverride | None = None
    files: Mapping[str, FoundFiles] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicCheck:
    """The last probe of one subject and what it came to; without ``path`` it is the tree of the module."""

    module: str
    protocol: Protocol
    family: Family
    path: str
    good: bool
    outcome: ProbeOutcome
    detail: str
    since: float
    checked_at: float
    held_until: float | None
    remedy: str
    state: str = ""
    """In a word or two: good, reachable (its content was not compared), failing (1 of 2), OUT, waiting, no address, not
    known."""
    awaits: str | None = None  # what it waits for while it is out, and until when
    depth: str = ""  # how its content was checked, how deep, and when next, where it is good
    kind: ContentKind | None = None
    files_seen: int | None = None
    files_named: int | None = None
    files_seen_at: float | None = None
    next_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicProbe:
    """One observation that was kept; ``seconds`` is how long it took."""

    at: float
    seconds: float
    module: str
    protocol: Protocol
    family: Family
    path: str
    outcome: ProbeOutcome
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicEvent:
    """Something that happened to a mirror; the subject's fields are None where it is the whole mirror."""

    mirror: str
    kind: EventKind
    at: float
    why: str
    module: str | None = None
    protocol: Protocol | None = None
    family: Family | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicBandwidth:
    """The most that was measured of a mirror from anywhere lately, and the bandwidth that counts; where that is less
    than its file declares, ``why``, and ``since`` when."""

    measured_mbps: float
    measured_at: float
    counted_mbps: int
    since: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicQuota:
    """How a mirror is held to its quota: what it should carry of all answers till the month ends, about what it carried
    since the month began, and the part of its weight that counts; next to nothing when today's part is ``used_up``."""

    tib_per_month: float
    answers_share: float
    carried_tib: float
    weight_part: float
    used_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicLimits:
    """What keeps clients from a mirror beside its health: the countries whose vantage points cannot reach it, and since
    when; a measured bandwidth; its quota; and that it ``rests``, as it serves at quiet hours only."""

    unreached_from: Mapping[str, float] = field(default_factory=dict)
    bandwidth: PublicBandwidth | None = None
    quota: PublicQuota | None = None
    rests: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicDetail:
    """The health of one mirror.

    ``days`` holds for each of the last 30 days, the oldest first, the part of the time (0 to 1) in which the mirror
    could be reached, or None where nothing was observed; ``lag_days`` the worst lag of the day in seconds.
    ``shares`` maps countries to the part of their clients that gets this mirror first.
    """

    checks: tuple[PublicCheck, ...] = ()
    probes: tuple[PublicProbe, ...] = ()
    events: tuple[PublicEvent, ...] = ()
    days: tuple[float | None, ...] = (None,) * DAYS
    lag_days: tuple[float | None, ...] = (None,) * DAYS
    shares: Mapping[str, float] | None = None
    upstream: UpstreamState | None = None
    """What it copies, and how that is; None where its file does not tell."""
    months: Mapping[str, MonthOfMirror] = field(default_factory=dict)  # answers that named it first, by month
    limits: PublicLimits = field(default_factory=PublicLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicRun:
    """A run of the prober; ``kept`` are the families in which it said too little to judge by. ``mirrors`` are the
    public ones, and ``requests`` their part of all."""

    number: int
    started_at: float
    seconds: float | None
    mirrors: int | None
    requests: int | None
    kept: tuple[Family, ...] = ()


OWN_LOGO = ""
"""The name under which the logo of the service itself is kept; no mirror has it."""


@dataclass(frozen=True, slots=True)
class Logo:
    """A sponsor's picture."""

    content_type: Literal["image/png", "image/webp"]
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicNetwork:
    """What the pages of the whole network need: every mirror, what happened lately, and how old the data is."""

    mirrors: tuple[PublicMirror, ...] = ()
    events: tuple[PublicEvent, ...] = ()
    runs: tuple[PublicRun, ...] = ()
    origin_changed_at: float | None = None
    commit: str | None = None
    """The commit of the mirror files."""
    rungs: Mapping[str, int] | None = None
    """How many repositories are on each fallback level, by its name; None while nothing was compared."""
    origin_faults: tuple[str, ...] = ()
    """What is wrong at the origin itself, a sentence each."""
    spreads: tuple[Spread, ...] = ()
    """How the newest changes of the origin spread, the newest first."""
    sources: tuple[UpstreamState, ...] = ()
    """How the machines are that mirrors copy."""
    statistics: PublicStatistics | None = None
    """What was answered; None until a whole day was counted."""


def without_contacts(mirror: Mirror) -> Mirror:
    """The mirror without the people who answer for it: nobody is told of them, so they are in no snapshot."""
    return replace(mirror, email=None, contact_name=None)


def public_fields(mirror: Mirror) -> dict[str, object]:
    """The fields of a PublicMirror that its file gives."""
    place = mirror.location or Location()
    return {
        "name": mirror.name,
        "status": mirror.status,
        "urls": {
            module: {protocol: found for protocol, url in urls.items() if (found := clean_url(url))}
            for module, urls in mirror.urls.items()
        },
        "sponsor": clean(mirror.sponsor),
        "sponsor_url": web_url(mirror.sponsor_url),
        "country": place.country,
        "continent": place.continent,
        "region": place.region and clean(place.region),
        "city": place.city and clean(place.city),
        "latitude": place.latitude,
        "longitude": place.longitude,
        "precision_km": place.precision_km,
        "placed_by": place.source and place.source.value,
        "places": tuple(
            PublicPlace(each.country, each.city and clean(each.city), each.latitude, each.longitude)
            for each in mirror.places
        ),
        "is_global": mirror.is_global,
        "time_zone": mirror.time_zone,
        "bandwidth_mbps": mirror.bandwidth_mbps,
        "tib_per_month": mirror.tib_per_month,
        "off_peak_only": mirror.off_peak_only,
        "update_frequency_seconds": mirror.update_frequency_seconds,
        "countries_only": mirror.countries_only,
        "countries_never": mirror.countries_never,
        "status_reason": mirror.status_reason and clean(mirror.status_reason),
        "status_until": mirror.status_until,
        "live_from": mirror.live_from,
    }


def clean(text: str) -> str:
    """A text without what looks like an e-mail address or credentials in a URL."""
    return _LEAKS.sub(REMOVED, text)


def clean_url(url: str) -> str | None:
    """A URL, or None if it carries credentials or cannot be read."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return None if "@" in parts.netloc else url


def web_url(url: str | None) -> str | None:
    """A URL that a page may link to, or None."""
    return clean_url(url) if url and url.lower().startswith(("https://", "http://")) else None
