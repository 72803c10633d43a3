"""Make the public record of a generation: each public mirror with its state, its health and its share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256

from mirrorlist.core.catalogue.policy import MeasuredBandwidth, Policy, QuotaShare, counted_mbps
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.content import content_key
from mirrorlist.core.files.found import FoundFiles
from mirrorlist.core.health.columns import SEEN_CURRENT, HealthTable, SyncState, contents, is_forbidden
from mirrorlist.core.health.history import Sighting, Superseded, availability, lag_by_day
from mirrorlist.core.health.propagation import Spread
from mirrorlist.core.health.report import NO_CHECKING, Checking, report
from mirrorlist.core.health.upstreams import Upstreams
from mirrorlist.core.health.verdicts import Event, Family, Override, Probe, Subject, Verdict, by_mirror
from mirrorlist.core.mirror import is_public, is_shown
from mirrorlist.core.model import SERVED_STATUSES, WEB_PROTOCOLS, Mirror, Protocol, Status
from mirrorlist.core.public.statistics import Compiled, published_statistics
from mirrorlist.core.public.types import (
    OWN_LOGO,
    Logo,
    MirrorState,
    PublicBandwidth,
    PublicCheck,
    PublicDetail,
    PublicEvent,
    PublicLimits,
    PublicMirror,
    PublicNetwork,
    PublicOverride,
    PublicProbe,
    PublicQuota,
    PublicRun,
    clean,
    public_fields,
)

LATEST_EVENTS = 500
"""The most events in the record of the whole network."""
EVENTS_OF_ONE = 100
PROBES_OF_ONE = 20
_NOT_COUNTED = frozenset({SyncState.UNKNOWN, SyncState.MISSING})


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What the database holds besides the verdicts; mirrors by name, everything the newest first."""

    events: Mapping[str, Sequence[Event]] = field(default_factory=dict)
    probes: Mapping[str, Sequence[Probe]] = field(default_factory=dict)
    sightings: Mapping[str, Sequence[Sighting]] = field(default_factory=dict)
    first_seen: Mapping[str, float] = field(default_factory=dict)
    runs: Sequence[PublicRun] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordInputs:
    """Everything that a record is made from. ``shares``: mirror to countries to parts of their clients."""

    mirrors: Sequence[Mirror]
    health: HealthTable
    modules: Mapping[str, str]
    """Path of a repository to its module."""
    now: float
    verdicts: Mapping[Subject, Verdict] = field(default_factory=dict)
    overrides: Mapping[str, Override] = field(default_factory=dict)
    history: History = field(default_factory=History)
    old: Superseded = field(default_factory=dict)
    files: Mapping[str, Mapping[str, FoundFiles]] = field(default_factory=dict)
    """By mirror and module what an index found of their files."""
    shares: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    logos: Mapping[str, Logo] = field(default_factory=dict)
    origin_changed_at: float | None = None
    rungs: Mapping[str, int] | None = None
    origin_faults: tuple[str, ...] = ()
    spreads: tuple[Spread, ...] = ()
    service: Service | None = None
    checking: Checking = NO_CHECKING
    commit: str | None = None
    statistics: Compiled | None = None
    bandwidths: Mapping[str, MeasuredBandwidth] = field(default_factory=dict)
    quotas: Mapping[str, QuotaShare] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicRecord:
    """The public record: the network, and of each mirror by its name the detail and the logo."""

    network: PublicNetwork
    details: Mapping[str, PublicDetail]
    logos: Mapping[str, Logo]


def public_record(known: RecordInputs) -> PublicRecord:
    """The record of all mirrors that are shown."""
    verdicts = by_mirror(known.verdicts)
    shown = [(number, mirror) for number, mirror in enumerate(known.mirrors) if is_shown(mirror)]
    names = {mirror.name for _, mirror in shown}
    rows = [_mirror(known, number, mirror, verdicts.get(mirror.name, {})) for number, mirror in shown]
    upstreams = Upstreams(known.service, [mirror for _, mirror in shown], verdicts) if known.service else None
    happened = [event for name in names for event in known.history.events.get(name, ())]
    happened.sort(key=lambda event: -event.at)
    return PublicRecord(
        network=PublicNetwork(
            mirrors=tuple(sorted(rows, key=lambda row: row.name)),
            events=tuple(map(_event, happened[:LATEST_EVENTS])),
            runs=tuple(_run(run, known.mirrors) for run in known.history.runs),
            origin_changed_at=known.origin_changed_at,
            rungs=known.rungs,
            commit=known.commit,
            origin_faults=tuple(map(clean, known.origin_faults)),
            spreads=known.spreads,
            sources=upstreams.states if upstreams else (),
            statistics=published_statistics(known.statistics.network, names) if known.statistics else None,
        ),
        details={mirror.name: _detail(known, mirror, verdicts.get(mirror.name, {}), upstreams) for _, mirror in shown},
        logos={name: logo for name, logo in known.logos.items() if name in names or name == OWN_LOGO},
    )


def _run(run: PublicRun, mirrors: Sequence[Mirror]) -> PublicRun:
    """A run as far as it concerns mirrors that everybody may know of: others could be counted by the rest. A run among
    fewer mirrors than are public now has their number, too: it may have had hidden ones."""
    public = sum(is_public(mirror) and mirror.status in SERVED_STATUSES for mirror in mirrors)
    if not run.mirrors or run.mirrors == public:
        return run
    return replace(run, mirrors=public, requests=run.requests and run.requests * public // run.mirrors)


def _mirror(known: RecordInputs, number: int, mirror: Mirror, verdicts: Mapping[Subject, Verdict]) -> PublicMirror:
    held = {
        path: SyncState(column[number])
        for path, column in known.health.holds.items()
        if known.modules.get(path) in mirror.urls
    }
    ways = {
        subject: replace(verdict, good_now=False)
        if is_forbidden(known.health.bad_reach, number, subject.module, subject.protocol)
        else verdict
        for subject, verdict in verdicts.items()
        if _is_way(mirror, subject)
    }
    override = known.overrides.get(mirror.name)
    counted = {path: holds for path, holds in held.items() if holds not in _NOT_COUNTED}
    is_out = override is not None or number in known.health.out
    files = {module: each for module, each in known.files.get(mirror.name, {}).items() if module in mirror.urls}
    bad_files = any(each.is_bad for each in files.values())
    state = state_of(mirror, is_out, list(ways.values()), list(counted.values()), bad_files)
    lag = _lag(known, mirror, verdicts)
    country = mirror.location and mirror.location.country
    logo = known.logos.get(mirror.name)
    over_ipv6 = [verdict.good_now for subject, verdict in ways.items() if subject.family is Family.IPV6]
    outdated = min((each.outdated_since for each in files.values() if each.outdated_since is not None), default=None)
    return PublicMirror(
        **public_fields(mirror),  # type: ignore[arg-type]  # a dictionary's values have one type only
        state=state,
        since=_paused_since(mirror)
        if state is MirrorState.PAUSED
        else _since(
            state,
            override,
            list(ways.values()),
            counted,
            verdicts,
            known.now - lag if lag else None,
            outdated,
        ),
        checked_at=max((verdict.checked_at for verdict in verdicts.values()), default=None),
        ipv6=any(over_ipv6) if over_ipv6 else None,
        repositories=len(counted),
        fresh=sum(holds in SEEN_CURRENT for holds in counted.values()),
        lag_seconds=lag,
        home_share=known.shares.get(mirror.name, {}).get(country) if country else None,
        logo=sha256(logo.data).hexdigest()[:16] if logo else None,
        files={module: replace(each, failed=each.failed and clean(each.failed)) for module, each in files.items()},
        override=PublicOverride(clean(override.reason), override.since, override.until) if override else None,
    )


def _is_way(mirror: Mirror, subject: Subject) -> bool:
    """Whether a subject is a tree that the mirror still offers over the web."""
    offered = subject.protocol in mirror.urls.get(subject.module, {})
    return subject.is_tree and subject.protocol in WEB_PROTOCOLS and offered


def state_of(
    mirror: Mirror, is_out: bool, ways: Sequence[Verdict], counted: Sequence[SyncState], bad_files: bool = False
) -> MirrorState:
    """The one word for a mirror: ``ways`` are the verdicts on its trees, ``counted`` what it holds of repositories.

    ``bad_files``: an index found its files to be others than the origin's.
    """
    if mirror.status not in SERVED_STATUSES:
        return MirrorState.PAUSED if mirror.status is Status.PAUSED else MirrorState.SOON
    if is_out:
        return MirrorState.OUT
    if not any(protocol in WEB_PROTOCOLS for urls in mirror.urls.values() for protocol in urls):
        return MirrorState.DOWN
    if not ways:
        return MirrorState.UNKNOWN
    if not any(verdict.good_now for verdict in ways):
        return MirrorState.DOWN
    worst = max(counted, default=None)
    if bad_files and (worst is None or worst <= SyncState.LAGGING):
        return MirrorState.STALE
    if worst is None:
        return MirrorState.UP
    if worst <= SyncState.GRACE:
        return MirrorState.FRESH
    return MirrorState.LAGGING if worst is SyncState.LAGGING else MirrorState.STALE


def _since(
    state: MirrorState,
    override: Override | None,
    ways: Sequence[Verdict],
    counted: Mapping[str, SyncState],
    verdicts: Mapping[Subject, Verdict],
    replaced_at: float | None,
    outdated: float | None,
) -> float | None:
    """Since when a mirror is in its state, where that is known."""
    if state is MirrorState.OUT:
        return override.since if override else None
    if state is MirrorState.DOWN:
        return max((verdict.since for verdict in ways if not verdict.good_now), default=None)
    if state in (MirrorState.FRESH, MirrorState.UP):
        return min((verdict.since for verdict in ways if verdict.good_now), default=None)
    if state is MirrorState.LAGGING:
        return replaced_at
    if state is MirrorState.STALE:
        worse = {path for path, holds in counted.items() if holds > SyncState.LAGGING}  # not what it never carried
        if not worse:
            return outdated
        bad = [verdict.since for subject, verdict in verdicts.items() if subject.key in worse and not verdict.good_now]
        return min(bad, default=replaced_at)
    return None


def _paused_since(mirror: Mirror) -> float | None:
    """The beginning of the day (UTC) since which the mirror's file says that it is paused."""
    since = mirror.status_since
    return datetime.fromisoformat(since).replace(tzinfo=UTC).timestamp() if since else None


def _lag(known: RecordInputs, mirror: Mirror, verdicts: Mapping[Subject, Verdict]) -> float | None:
    """How far the repository that is worst is behind the origin, in seconds; None where nothing was compared."""
    lags = [
        max(0.0, known.now - replaced)
        if (replaced := known.old.get(content_key(module, path), {}).get(verdict.sha256))
        else 0.0
        for (_, module, path), verdict in contents(verdicts).items()
        if verdict.sha256 and module in mirror.urls
    ]
    return max(lags, default=None)


def _detail(
    known: RecordInputs, mirror: Mirror, verdicts: Mapping[Subject, Verdict], upstreams: Upstreams | None
) -> PublicDetail:
    history = known.history
    events = history.events.get(mirror.name, ())
    offered = {subject: verdict for subject, verdict in verdicts.items() if _is_way(mirror, subject)}
    return PublicDetail(
        checks=tuple(
            PublicCheck(
                module=row.subject.module,
                protocol=row.subject.protocol,
                family=row.subject.family,
                path=row.subject.spelled,
                good=row.good_now,
                outcome=row.outcome,
                detail=clean(row.detail),
                since=row.since,
                checked_at=row.checked_at,
                held_until=row.held_until or None,
                remedy=row.remedy,
                state=row.state,
                awaits=row.awaits(known.now),
                depth=row.depth,
                kind=row.kind,
                files_seen=row.looked if row.looked_at is not None else None,
                files_named=row.named,
                files_seen_at=row.looked_at,
                next_at=row.next_at,
            )
            for row in report(mirror, verdicts, upstreams.excuse(mirror) if upstreams else None, known.checking)
        ),
        probes=tuple(map(_probe, history.probes.get(mirror.name, ())[:PROBES_OF_ONE])),
        events=tuple(map(_event, events[:EVENTS_OF_ONE])),
        days=availability(offered, events, history.first_seen.get(mirror.name), known.now),
        lag_days=lag_by_day(history.sightings.get(mirror.name, ()), known.old, known.now),
        shares=known.shares.get(mirror.name) or None,
        upstream=upstreams.of(mirror) if upstreams else None,
        months=known.statistics.mirrors.get(mirror.name, {}) if known.statistics else {},
        limits=PublicLimits(
            unreached_from={pair.clients: pair.since for pair in mirror.pairs if pair.since is not None},
            bandwidth=_bandwidth(known, mirror),
            quota=_quota(known, mirror),
            rests=mirror.rests,
        ),
    )


def _bandwidth(known: RecordInputs, mirror: Mirror) -> PublicBandwidth | None:
    found = known.bandwidths.get(mirror.name)
    if found is None:
        return None
    policy, lowered = known.service.policy if known.service else Policy(), found.lowered
    counted = counted_mbps(mirror.bandwidth_mbps, policy)
    return PublicBandwidth(
        measured_mbps=round(found.mbps, 1),
        measured_at=found.at,
        counted_mbps=round(counted * lowered.factor) if lowered else counted,
        since=lowered.since if lowered else None,
        why=lowered.why if lowered else "",
    )


def _quota(known: RecordInputs, mirror: Mirror) -> PublicQuota | None:
    found = known.quotas.get(mirror.name)
    if found is None or mirror.tib_per_month is None:
        return None
    return PublicQuota(
        tib_per_month=mirror.tib_per_month,
        answers_share=round(found.share, 6),
        carried_tib=round(found.carried_tib, 3),
        weight_part=round(found.part, 4),
        used_up=found.used_up,
    )


def _probe(probe: Probe) -> PublicProbe:
    subject = probe.subject
    return PublicProbe(
        at=probe.at,
        seconds=round(probe.seconds, 3),
        module=subject.module,
        protocol=subject.protocol,
        family=subject.family,
        path=subject.spelled,
        outcome=probe.outcome,
        detail=clean(probe.detail),
    )


def _event(event: Event) -> PublicEvent:
    subject = event.subject
    return PublicEvent(
        mirror=event.mirror,
        kind=event.kind,
        at=event.at,
        why=clean(event.why),
        module=subject.module if subject else None,
        protocol=subject.protocol if subject else None,
        family=subject.family if subject else None,
        path=subject.spelled if subject else None,
    )


def protocols_of(mirrors: Iterable[PublicMirror]) -> tuple[Protocol, ...]:
    """The protocols that any of the mirrors offers, in their usual order."""
    offered = {protocol for mirror in mirrors for urls in mirror.urls.values() for protocol in urls}
    return tuple(protocol for protocol in Protocol if protocol in offered)
