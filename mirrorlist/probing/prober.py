"""Visit every mirror, once or again and again, and record the verdicts."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import sqlalchemy as sa
import structlog

from mirrorlist.checks.fetching.addresses import NotedNames, Resolver, addresses_of, system_resolver
from mirrorlist.checks.fetching.fetch import Ask, guard_of
from mirrorlist.checks.fetching.result import Clock, Failure, FailureKind, Fetched
from mirrorlist.checks.probing.checks import CHECKS, Check, fetch_any, guarded
from mirrorlist.checks.probing.request_limits import RequestLimits
from mirrorlist.checks.probing.requests import ProbeTerms
from mirrorlist.checks.probing.runner import Job, Outside, Ran, controls_of, probed_mirrors, resorts_of, run
from mirrorlist.checks.probing.visit import Visited
from mirrorlist.core.catalogue.catalogue import published_contents, wanted_images
from mirrorlist.core.catalogue.policy import MeasuredBandwidth
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.errors import LeadLost, MirrorlistError, SnapshotError
from mirrorlist.core.health.elsewhere import elsewhere
from mirrorlist.core.health.probe_plan import wanted_repositories
from mirrorlist.core.health.probe_run import HealthChange
from mirrorlist.core.health.quick_lane import QuickTerms
from mirrorlist.core.health.response_times import SpeedSample
from mirrorlist.core.health.upstreams import sources_of
from mirrorlist.core.health.verdicts import ProbeOutcome
from mirrorlist.core.model import Mirror, Protocol
from mirrorlist.core.network.addresses import KnownAddress
from mirrorlist.core.snapshot import Facts
from mirrorlist.logs import LastingFault
from mirrorlist.probing.quick_lane import QuickProber, beside
from mirrorlist.probing.speed import SpeedRound
from mirrorlist.settings import Settings
from mirrorlist.store.addresses import AddressStore
from mirrorlist.store.count_files import CountFiles
from mirrorlist.store.database import open_database
from mirrorlist.store.health import KEPT_SECONDS, HealthStore, Run
from mirrorlist.store.jobs import JobRecords
from mirrorlist.store.leader_election import PROBER, LeaderCandidate, Leadership, LeaderWait, leading, prober_lock
from mirrorlist.store.marks import Mark, MarkName
from mirrorlist.store.metadata import MetadataStore
from mirrorlist.store.origin_faults import FaultKind, OriginFaults
from mirrorlist.store.snapshot_files import NAME, mirror_called, published_facts, read_newest

TOLD = "told to stop; what this run found does not count"
LEAP_SECONDS = 1e9
"""Beyond every deadline."""


class RunStopped(MirrorlistError):
    """The run was told to stop; what it found so far does not count."""


def leaping(clock: Clock, stop: threading.Event) -> Clock:
    """The clock, on which all that has begun is over once it was told to stop."""
    return lambda: clock() + (LEAP_SECONDS if stop.is_set() else 0.0)


def until_stopped(fetch: Callable[[str, Ask], Fetched | Failure], stop: threading.Event) -> (
    Callable[[str, Ask], Fetched | Failure]
):  # fmt: skip
    """The fetch, which asks nothing more once it was told to stop."""

    def asked(url: str, ask: Ask) -> Fetched | Failure:
        return Failure(FailureKind.LOCAL, "told to stop") if stop.is_set() else fetch(url, ask)

    return asked


log = structlog.get_logger()

LEAD_AGAIN_SECONDS = 2.0
RETRY_SECONDS = 30.0


def _nothing(said: object) -> None:
    """Reports nowhere."""


@dataclass(frozen=True, slots=True)
class Reporting:
    """Where a run reports: its steps as they are done, sentences, what all came to, and what quick looks turned.

    Nowhere by default.
    """

    steps: Callable[[int], AbstractContextManager[Callable[[Visited], None]]] = lambda _: nullcontext(_nothing)
    say: Callable[[str], None] = _nothing
    done: Callable[[Ran], None] = _nothing
    turned: Callable[[tuple[HealthChange, ...]], None] = _nothing
    measured: Callable[[SpeedSample, MeasuredBandwidth | None], None] = lambda *_: None


@dataclass(frozen=True, slots=True)
class Prober:
    """Runs over the mirrors of the newest snapshot in a state directory."""

    state_dir: Path
    engine: sa.Engine
    clock: Callable[[], float]
    timeout_seconds: float
    lead: Leadership
    stop: threading.Event = field(default_factory=threading.Event)
    reporting: Reporting = field(default_factory=Reporting)
    checks: Mapping[Protocol, Check] = field(default_factory=lambda: CHECKS)
    limits: RequestLimits = field(default_factory=RequestLimits)
    measures: bool = False
    """Whether it measures bandwidths between the runs."""

    def run(self, name: str | None = None) -> Ran:
        """One run, written down.

        Raises:
            SnapshotError: there is no snapshot yet.
            NotFound: it has no mirror of this name.
            LeadLost: another prober leads by now; nothing is written.
            DatabaseError: the database is away; nothing is written.
            Stopped: it was told to stop meanwhile; nothing is written.
        """
        facts = published_facts(self.state_dir)
        everybody = (*probed_mirrors(facts.mirrors), *resorts_of(facts.service), *sources_of(facts.service))
        mirrors = (mirror_called(facts, name),) if name else everybody
        store = HealthStore(self.engine, self.lead)
        started_at = self.clock()
        job = self._job(facts, mirrors, store, store.begin_run(started_at))
        visits: list[Visited] = []
        with self.reporting.steps(len(mirrors)) as told:
            names = NotedNames(system_resolver)

            def noted(visited: Visited) -> None:
                if self.stop.is_set():
                    raise RunStopped(TOLD)
                visits.append(visited)
                told(visited)

            ran = run(job, self._outside(facts.service, names), noted)
        if self.stop.is_set():
            raise RunStopped(TOLD)
        if all_inside(visits) or nothing_to_ask(facts.mirrors):
            self.reporting.say(ALL_INSIDE)
        store.record(ran.round, job.verdicts, ran.forgotten)
        store.paces.record(ran.paces, job.paces, started_at - KEPT_SECONDS)
        kept = tuple(sorted(ran.round.kept))
        store.end_run(Run(job.run, started_at, ran.seconds, ran.mirrors, ran.requests, kept))
        if name is None:
            contradicted = {each.what: str(each) for each in ran.contradictions}
            OriginFaults(self.engine).note_all(FaultKind.CONTRADICTED, contradicted, self.clock())
        store.prune(self.clock())
        self._note_addresses(mirrors, names)
        return ran

    def measure(self, seconds: float, name: str | None = None) -> int:
        """Measures the bandwidth of mirrors that are due, or of one, for about this many seconds; of how many.

        Raises as ``run``.
        """
        facts, count = published_facts(self.state_dir), 0
        guard = replace(guard_of(facts.service), clock=leaping(time.monotonic, self.stop))
        fetching = until_stopped(partial(fetch_any, guard=guard), self.stop)
        around = SpeedRound(facts, self.engine, self.lead, "", fetching, self.clock, self.stop)
        for speed, bandwidth in around.measured(seconds, name):
            self.reporting.measured(speed, bandwidth)
            count += 1
        return count

    def _note_addresses(self, mirrors: tuple[Mirror, ...], names: NotedNames) -> None:
        """What the names of the mirrors led to, and whose addresses these are by the snapshot's table."""
        asns = read_newest(self.state_dir).asns
        found = {mirror.name: addresses_of(mirror, names.found) for mirror in mirrors}
        known = {
            name: [KnownAddress(text, asns.at(ip_address(text).packed) or None) for text in addresses]
            for name, addresses in found.items()
            if addresses
        }
        AddressStore(self.engine, self.lead).record(known, self.clock())

    def _outside(self, service: Service, resolver: Resolver) -> Outside:
        guard = guard_of(service, resolver)
        guard = replace(guard, clock=leaping(guard.clock, self.stop))
        checks = guarded(self.checks, guard)
        fetching = until_stopped(partial(fetch_any, guard=guard), self.stop)
        return Outside(fetch=fetching, now=self.clock, checks=checks, limits=self.limits)

    def _job(self, facts: Facts, mirrors: tuple[Mirror, ...], store: HealthStore, number: int) -> Job:
        service = facts.service
        origin = MetadataStore(self.engine)
        changes = origin.changes()
        history = {path: frozenset(change.version.sha256 for change in each) for path, each in changes.items()}
        return Job(
            mirrors=mirrors,
            wanted=wanted_repositories(service.catalogue, facts.metadata),
            run=number,
            verdicts=store.verdicts(),
            paces=store.paces.paces(),
            needed=needed(CountFiles(self.state_dir), self.clock()),
            controls=controls_of(service),
            time_file=service.time_file,
            untimed=origin.faults.of(FaultKind.TIME_FILE),
            elsewhere=elsewhere(service, facts.mirrors),
            named=origin.files.named(),
            contents={each.key: each for each in published_contents(service.catalogue)},
            images=wanted_images(service.catalogue, origin.sizes()),
            confirmed={path: check.confirmed_at for path, check in origin.checks().items()},
            terms=ProbeTerms(
                timeout_seconds=self.timeout_seconds,
                visit_seconds=12 * self.timeout_seconds,
                allowed_outdate_seconds=service.allowed_outdate_seconds,
                history=history,
                unreadable=origin.faults.of(FaultKind.UNREADABLE),
                oldest={path: min(change.version.timestamp for change in each) for path, each in changes.items()},
            ),
        )


def work(
    settings: Settings,
    clock: Callable[[], float],
    state_dir: Path,
    timeout: float,
    every: float,
    stop: threading.Event,
    reporting: Reporting,
    quick: QuickTerms | None = None,
    measures: bool = False,
) -> None:
    """Waits until this prober leads, and runs until it is told to stop; with ``quick`` it takes quick looks too, and it
    ``measures`` bandwidths between the runs.

    The database may go and come meanwhile."""
    waiting, fault = LeaderWait(), LastingFault()
    while not stop.is_set():
        try:
            engine = open_database(state_dir, settings.database)
            candidate = LeaderCandidate(prober_lock(engine, state_dir), settings.lead_seconds)
            try:
                while not stop.is_set():
                    if not (state_dir / NAME).exists():
                        read_newest(state_dir)  # which says so; meanwhile another prober may lead
                    with leading(engine, candidate, PROBER, clock) as lead:
                        fault.is_over()
                        waiting.tell(lead is not None)
                        if lead:
                            limits = RequestLimits(leaping(time.monotonic, stop), stop.wait)
                            made = Prober(state_dir, engine, clock, timeout, lead, stop, reporting, limits=limits)
                            prober = replace(made, measures=measures)
                            lane = quick and QuickProber(
                                state_dir, engine, clock, lead, quick, reporting.turned, limits
                            )
                            with beside(lane or None):
                                _lead(prober, every, stop)
                    stop.wait(LEAD_AGAIN_SECONDS)
            finally:
                engine.dispose()
        except (MirrorlistError, OSError, sa.exc.SQLAlchemyError) as error:
            if fault.is_new(str(error)):
                log.error("the prober cannot work, the former verdicts stay", reason=str(error))
            stop.wait(min(every, RETRY_SECONDS))


def _lead(prober: Prober, every: float, stop: threading.Event) -> None:
    """Runs as long as this prober leads."""
    while not stop.is_set() and not prober.lead.lost.is_set():
        begun, jobs = prober.clock(), JobRecords(prober.state_dir, prober.clock)
        record = jobs.begin("probe")
        try:
            prober.reporting.done(prober.run())
        except RunStopped:
            return
        except LeadLost as error:
            log.error("the run does not count", reason=str(error))
            return
        except SnapshotError as error:
            log.error("there is nothing to probe yet", reason=str(error))
            jobs.end(record, min(every, RETRY_SECONDS), str(error))
            stop.wait(min(every, RETRY_SECONDS))
            continue
        jobs.end(record, max(begun + every - prober.clock(), 0), None)
        if prober.measures:
            try:
                prober.measure(min(EARLIEST_SECONDS, max(begun + every - prober.clock(), 0) / 2))
            except LeadLost as error:
                log.error("the measurements do not count", reason=str(error))
                return
        wait_for_turn(begun, every, prober.clock, partial(has_changed, prober.state_dir), (stop, prober.lead.lost))
    if prober.lead.lost.is_set():
        log.error("the lead is lost: its lock is gone, as after a pause or a broken connection to the database")


def all_inside(visits: Sequence[Visited]) -> bool:
    """Whether nothing was asked, because no address of any mirror is public."""
    came = [
        {each.outcome for each in visited.probes} - {ProbeOutcome.NO_ADDRESS} for visited in visits if visited.probes
    ]
    return bool(came) and all(each == {ProbeOutcome.FORBIDDEN} for each in came)


def nothing_to_ask(mirrors: Sequence[Mirror]) -> bool:
    """Whether no mirror has an address that may be handed out, though files give some."""
    return any(each.withheld for each in mirrors) and not any(each.urls for each in mirrors)


ALL_INSIDE = (
    "no mirror was asked, as none has a public address; if they are in networks of your own, write into service.yml "
    "profile: intranet, and the networks under intranet_networks"
)


# When the prober looks next, and which mirrors it visits first.

EARLIEST_SECONDS = 60.0
"""How soon after a run began a change of the origin starts another: mirrors need a moment to take it up."""


def wait_for_turn(
    begun: float,
    every: float,
    clock: Callable[[], float],
    has_changed: Callable[[float], bool],
    ends: Sequence[threading.Event],
) -> None:
    """Until the next run is due: ``every`` seconds after the last one began, or a minute after it where the origin has
    changed since; at once when one of the events is set."""
    deadline = time.monotonic() + max(begun + every - clock(), 0)
    while not any(event.is_set() for event in ends) and (left := deadline - time.monotonic()) > 0:
        if clock() - begun >= EARLIEST_SECONDS and has_changed(begun):
            return
        ends[0].wait(min(left, 0.5))


def has_changed(state_dir: Path, since: float) -> bool:
    """Whether the origin has changed since then, and a snapshot says so."""
    mark, snapshot = Mark(state_dir, MarkName.PROBE).read(), state_dir / NAME
    return mark is not None and mark.at > since and snapshot.exists() and snapshot.stat().st_mtime >= mark.at


def needed(counts: CountFiles, now: float) -> Counter[str]:
    """How many clients got each mirror first, today and yesterday (UTC)."""
    today, found = datetime.fromtimestamp(now, UTC).date(), Counter[str]()
    for sums in counts.read(today - timedelta(days=1), today):
        found.update(sums.get("first", {}))
    return found
