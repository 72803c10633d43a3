"""The types of API answers: those of core/public in envelopes that state which data they are made from.

Every type here is described in /openapi.json; a new field appears there automatically.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from mirrorlist.core.catalogue.catalogue import spelled_versions, target
from mirrorlist.core.catalogue.policy import full_weight
from mirrorlist.core.catalogue.trees import CONTINENTS
from mirrorlist.core.errors import NotFound
from mirrorlist.core.health.history import days_until
from mirrorlist.core.health.propagation import Spread
from mirrorlist.core.health.upstreams import UpstreamState
from mirrorlist.core.model import MAIN, WEB_PROTOCOLS, Protocol
from mirrorlist.core.public.record import EVENTS_OF_ONE, LATEST_EVENTS
from mirrorlist.core.public.statistics import PublicStatistics
from mirrorlist.core.public.types import (
    STATE_WORDS,
    MirrorState,
    PublicCheck,
    PublicEvent,
    PublicLimits,
    PublicMirror,
    PublicProbe,
    PublicRun,
)
from mirrorlist.web.site.published import Published, SponsorMonth
from mirrorlist.web.words import day, iso


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorsAnswer:
    """The public mirrors that were asked for. Times are in seconds since 1970."""

    generation: int
    built_at: float
    total: int
    mirrors: tuple[PublicMirror, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorAnswer:
    """One mirror, with the last probe of every repository, protocol and address family."""

    generation: int
    built_at: float
    mirror: PublicMirror
    checks: tuple[PublicCheck, ...]
    limits: PublicLimits
    upstream: UpstreamState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day (UTC): the part of it in which the mirror could be reached, and its worst lag; null where unknown."""

    date: str
    available: float | None
    lag_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryAnswer:
    """What is known of a mirror's last 30 days; probes and events are the newest first."""

    generation: int
    built_at: float
    name: str
    days: tuple[Day, ...]
    probes: tuple[PublicProbe, ...]
    events: tuple[PublicEvent, ...]
    shares: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRepository:
    """A repository of a version; ``repo`` is how it is asked for. ``vault``: the mirrors do not carry it."""

    repo: str
    name: str
    version: str
    served_version: str
    module: str
    path: str
    arches: tuple[str, ...]
    vault: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoriesAnswer:
    """Every repository that can be asked for."""

    generation: int
    built_at: float
    total: int
    repositories: tuple[PublishedRepository, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesAnswer:
    """What happened to mirrors after ``since``, the newest first. ``complete`` is false where more is left out."""

    generation: int
    built_at: float
    since: int
    total: int
    complete: bool
    events: tuple[PublicEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PropagationAnswer:
    """The newest changes of the origin, the newest first."""

    generation: int
    built_at: float
    changes: tuple[Spread, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsAnswer:
    """Numbers of mirrors by what they are; ``last_run`` is the newest run of the prober."""

    generation: int
    built_at: float
    mirrors: int
    states: Mapping[MirrorState, int]
    countries: Mapping[str, int]
    protocols: Mapping[str, int]
    modules: Mapping[str, int]
    ipv6: int
    bandwidth_mbps: int
    repositories: int
    lists: Mapping[str, int] | None
    commit: str | None
    last_run: PublicRun | None
    sources: tuple[UpstreamState, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CountsAnswer:
    """What was answered in the last days, weeks and months; null until a whole day was counted."""

    generation: int
    built_at: float
    counts: PublicStatistics | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorCountsAnswer:
    """How often a mirror came first, the newest month first."""

    generation: int
    built_at: float
    name: str
    months: tuple[SponsorMonth, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterServer:
    """A mirror in the layout of armbian-router's /mirrors.json."""

    available: bool
    reason: str
    host: str
    path: str
    latitude: float
    longitude: float
    weight: int
    continent: str
    country: str
    protocols: tuple[str, ...]
    ipv6: bool
    rules: tuple[str, ...]
    lastChange: str  # noqa: N815  # the spelling of that service


def history(published: Published, mirror: PublicMirror) -> HistoryAnswer:
    """The history of a public mirror."""
    detail = published.detail(mirror.name)
    days = zip(days_until(published.now)[:-1], detail.days, detail.lag_days, strict=True)
    return HistoryAnswer(
        generation=published.snapshot.facts.generation,
        built_at=published.now,
        name=mirror.name,
        days=tuple(Day(date=day(at), available=part, lag_seconds=lag) for at, part, lag in days),
        probes=detail.probes,
        events=detail.events,
        shares=detail.shares or {},
    )


def repositories(published: Published, page: slice) -> RepositoriesAnswer:
    """A page of the repositories of every version."""
    catalogue = published.service.catalogue
    found = []
    for version in spelled_versions(catalogue):
        for name in catalogue.repositories:
            try:
                there = target(catalogue, version, name)
            except NotFound:
                continue
            found.append(
                PublishedRepository(
                    repo=f"{name}-{version}",
                    name=name,
                    version=version,
                    served_version=there.version,
                    module=there.module,
                    path=there.path,
                    arches=there.arches,
                    vault=there.vault,
                )
            )
    return RepositoriesAnswer(
        generation=published.snapshot.facts.generation,
        built_at=published.now,
        total=len(found),
        repositories=tuple(found[page]),
    )


def changes(published: Published, since: int, mirror: PublicMirror | None, page: slice) -> ChangesAnswer:
    """A page of what happened since a time, to one mirror or to all."""
    if mirror is None:
        known, most = published.network.events, LATEST_EVENTS
    else:
        known, most = published.detail(mirror.name).events, EVENTS_OF_ONE
    newer = [event for event in known if event.at > since]
    reaches_back = len(known) < most or known[-1].at <= since
    return ChangesAnswer(
        generation=published.snapshot.facts.generation,
        built_at=published.now,
        since=since,
        total=len(newer),
        complete=len(newer) <= page.stop and reaches_back,
        events=tuple(newer[page]),
    )


def propagation(published: Published) -> PropagationAnswer:
    """How the newest changes of the origin spread."""
    return PropagationAnswer(
        generation=published.snapshot.facts.generation,
        built_at=published.now,
        changes=published.network.spreads,
    )


def statistics(published: Published) -> StatisticsAnswer:
    """The numbers of the whole network."""
    mirrors, network = published.network.mirrors, published.network
    return StatisticsAnswer(
        generation=published.snapshot.facts.generation,
        built_at=published.now,
        mirrors=len(mirrors),
        states=published.states,
        countries=_counted(mirror.country for mirror in mirrors if mirror.country),
        protocols=_counted(
            protocol.value
            for mirror in mirrors
            for protocol in {each for urls in mirror.urls.values() for each in urls}
        ),
        modules=_counted(module for mirror in mirrors for module in mirror.urls),
        ipv6=sum(mirror.ipv6 is True for mirror in mirrors),
        bandwidth_mbps=sum(mirror.bandwidth_mbps or 0 for mirror in mirrors),
        repositories=len(published.snapshot.facts.metadata),
        lists=network.rungs,
        commit=network.commit,
        last_run=network.runs[0] if network.runs else None,
        sources=network.sources,
    )


def _counted(values: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for value in values:
        found[value] = found.get(value, 0) + 1
    return dict(sorted(found.items()))


# The network in the layouts of others: armbian-router's JSON, plain text, GeoJSON.

GEOJSON = "application/geo+json"
_GIVEN = frozenset({MirrorState.FRESH, MirrorState.UP, MirrorState.UNKNOWN})


def router_servers(published: Published, module: str = MAIN) -> bytes:
    """Every mirror of a module, in the layout of armbian-router."""
    rows = [_server(mirror, published, module) for mirror in published.network.mirrors if mirror.urls.get(module)]
    return msgspec.json.encode(rows)


def _server(mirror: PublicMirror, published: Published, module: str) -> RouterServer:
    url, available = urlsplit(_best_url(mirror.urls[module])), mirror.state in _GIVEN
    return RouterServer(
        available=available,
        reason="" if available else STATE_WORDS[mirror.state],
        host=url.netloc,
        path=url.path,
        latitude=mirror.latitude or 0.0,
        longitude=mirror.longitude or 0.0,
        weight=max(1, round(full_weight(mirror.name, mirror.bandwidth_mbps, published.snapshot.policy))),
        continent=mirror.continent or "",
        country=mirror.country or "",
        protocols=tuple(protocol.value for protocol in mirror.urls[module]),
        ipv6=mirror.ipv6 is True,
        rules=(),
        lastChange=iso(mirror.since or 0.0),
    )


def _best_url(urls: Mapping[Protocol, str]) -> str:
    return next((urls[protocol] for protocol in WEB_PROTOCOLS if protocol in urls), next(iter(urls.values())))


def router_regions(published: Published, module: str) -> bytes:
    """The addresses of a module's mirrors that are given to clients, by continent; ``default`` is North America and
    Europe."""
    found: dict[str, list[str]] = {}
    for mirror in published.network.mirrors:
        if mirror.urls.get(module) and mirror.state in _GIVEN:
            found.setdefault(mirror.continent or "", []).append(_best_url(mirror.urls[module]))
    default = [url for code in CONTINENTS["DEFAULT"] for url in found.get(code, ())]
    return msgspec.json.encode({**found, "default": default})


def plain_text(published: Published) -> bytes:
    """One line per mirror of the main module: its address, country and state, parted by tabs."""
    lines = [
        f"{_best_url(mirror.urls[MAIN])}\t{mirror.country or '-'}\t{mirror.state.value}\n"
        for mirror in published.network.mirrors
        if mirror.urls.get(MAIN)
    ]
    return "".join(lines).encode()


@dataclass(frozen=True, slots=True)
class PointGeometry:
    """A place, as GeoJSON has it."""

    coordinates: tuple[float, float]
    type: Literal["Point"] = "Point"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureProperties:
    """What is known of a mirror on a map."""

    name: str
    state: MirrorState
    sponsor: str
    country: str | None
    city: str | None
    bandwidth_mbps: int | None


@dataclass(frozen=True, slots=True)
class Feature:
    """A mirror on a map."""

    geometry: PointGeometry
    properties: FeatureProperties
    type: Literal["Feature"] = "Feature"


@dataclass(frozen=True, slots=True)
class GeoJSON:
    """The mirrors of known place (RFC 7946)."""

    features: tuple[Feature, ...]
    type: Literal["FeatureCollection"] = "FeatureCollection"


def geojson(mirrors: Sequence[PublicMirror]) -> bytes:
    """The mirrors of known place as GeoJSON (RFC 7946)."""
    features = tuple(
        Feature(
            PointGeometry((mirror.longitude, mirror.latitude)),
            FeatureProperties(
                name=mirror.name,
                state=mirror.state,
                sponsor=mirror.sponsor,
                country=mirror.country,
                city=mirror.city,
                bandwidth_mbps=mirror.bandwidth_mbps,
            ),
        )
        for mirror in mirrors
        if mirror.latitude is not None and mirror.longitude is not None
    )
    return msgspec.json.encode(GeoJSON(features))
