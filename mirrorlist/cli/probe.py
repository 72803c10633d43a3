"""``mirrorlist probe``: visit every mirror, once or again and again, and write down what is good."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from ipaddress import ip_address
from operator import attrgetter
from pathlib import Path

import click
import sqlalchemy as sa
import structlog

from mirrorlist.checks.fetch import Guard, fetch
from mirrorlist.checks.looks import Terms
from mirrorlist.checks.noted_names import NotedNames, addresses_of
from mirrorlist.checks.resolve import Resolver, system_resolver
from mirrorlist.checks.rsync import installed_client
from mirrorlist.checks.rsync import probe as rsync_probe
from mirrorlist.checks.runner import Job, Outside, Ran, controls_of, probed_mirrors, resorts_of, run
from mirrorlist.checks.visit import Visited
from mirrorlist.cli.context import Context, pass_context
from mirrorlist.cli.durations import DURATION
from mirrorlist.cli.progress import progress
from mirrorlist.cli.running import mirror_called, published_facts, state_dir_of
from mirrorlist.cli.stopping import TOLD, Stopped, leaping, stopped_by_signals, until_stopped
from mirrorlist.core.addresses import KnownAddress
from mirrorlist.core.elsewhere import elsewhere
from mirrorlist.core.errors import LeadLost, MirrorlistError, SnapshotError
from mirrorlist.core.health import GOOD_OUTCOMES, SAYS_NOTHING, Outcome
from mirrorlist.core.images import wanted_images
from mirrorlist.core.model import Mirror
from mirrorlist.core.rounds import Change
from mirrorlist.core.service import Service
from mirrorlist.core.snapshot import Facts
from mirrorlist.core.visits import wanted_repositories
from mirrorlist.sources.networks import prefix
from mirrorlist.store.addresses import AddressStore
from mirrorlist.store.database import open_database
from mirrorlist.store.health import KEPT_SECONDS, HealthStore, Run
from mirrorlist.store.leader import PROBER, Candidate, Lead, Waiting, leading, prober_lock
from mirrorlist.store.metadata import MetadataStore
from mirrorlist.store.origin_faults import FaultKind, OriginFaults
from mirrorlist.store.snapshot_files import read_newest

log = structlog.get_logger()

LEAD_AGAIN_SECONDS = 2.0
RETRY_SECONDS = 30.0


@click.command()
@click.option("--once", is_flag=True, help="One run over all mirrors, then end.")
@click.option("--mirror", "name", metavar="NAME", help="Only this mirror, and only once.")
@click.option("--every", type=DURATION, default="15m", show_default=True, help="From the start of a run to the next.")
@click.option("--timeout", type=click.FloatRange(min=0.1, max=300), default=10.0, show_default=True, metavar="SECONDS",
              help="How long one request may take.")  # fmt: skip
@pass_context
def probe(context: Context, once: bool, name: str | None, every: int, timeout: float) -> None:
    """Visit all mirrors, and note which are good for what.

    Of several probers with one database one works, the others wait for it to end.
    """
    state_dir = state_dir_of(context)
    engine = open_database(state_dir, context.settings.database)
    if once or name:
        candidate = Candidate(prober_lock(engine, state_dir), context.settings.lead_seconds)
        with leading(engine, candidate, PROBER, context.clock) as lead:
            if lead is None:
                raise MirrorlistError("another prober works with this database; its verdicts count")
            _tell(Prober(state_dir, engine, context.clock, timeout, lead).run(name))
        return
    engine.dispose()
    with stopped_by_signals() as stop:
        _work(context, state_dir, timeout, every, stop)


@dataclass(frozen=True, slots=True)
class Prober:
    """Runs over the mirrors of the newest snapshot in a state directory."""

    state_dir: Path
    engine: sa.Engine
    clock: Callable[[], float]
    timeout_seconds: float
    lead: Lead
    stop: threading.Event = field(default_factory=threading.Event)

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
        everybody = probed_mirrors(facts.mirrors) + resorts_of(facts.service)
        mirrors = (mirror_called(facts, name),) if name else everybody
        store = HealthStore(self.engine, self.lead)
        started_at = self.clock()
        job = self._job(facts, mirrors, store, store.begin_run(started_at))
        visits: list[Visited] = []
        with progress(len(mirrors), line_of, attrgetter("mirror"), lambda _: False) as told:
            names = NotedNames(system_resolver)

            def noted(visited: Visited) -> None:
                if self.stop.is_set():
                    raise Stopped(TOLD)
                visits.append(visited)
                told(visited)

            ran = run(job, self._outside(facts.service, names), noted)
        if self.stop.is_set():
            raise Stopped(TOLD)
        if all_inside(visits) or nothing_to_ask(facts.mirrors):
            click.echo(ALL_INSIDE)
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
        rsync = partial(rsync_probe, guard=guard, client=installed_client())
        return Outside(fetch=until_stopped(partial(fetch, guard=guard), self.stop), now=self.clock, rsync=rsync)

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
            controls=controls_of(service),
            time_file=service.time_file,
            untimed=origin.faults.of(FaultKind.TIME_FILE),
            elsewhere=elsewhere(service, facts.mirrors),
            images=wanted_images(service.catalogue, origin.sizes()),
            confirmed={path: check.confirmed_at for path, check in origin.checks().items()},
            terms=Terms(
                timeout_seconds=self.timeout_seconds,
                visit_seconds=12 * self.timeout_seconds,
                allowed_outdate_seconds=service.allowed_outdate_seconds,
                history=history,
                unreadable=origin.faults.of(FaultKind.UNREADABLE),
                oldest={path: min(change.version.timestamp for change in each) for path, each in changes.items()},
            ),
        )


def guard_of(service: Service, resolver: Resolver = system_resolver) -> Guard:
    """What a fetch may reach: public addresses, and in an intranet the networks that the service file names."""
    return Guard(allowed=tuple(map(prefix, service.own_networks)), resolver=resolver)


def _work(context: Context, state_dir: Path, timeout: float, every: float, stop: threading.Event) -> None:
    """Waits until this prober leads, and runs until it is told to stop. The database may go and come meanwhile."""
    waiting, told = Waiting(), ""
    while not stop.is_set():
        try:
            engine = open_database(state_dir, context.settings.database)
            candidate = Candidate(prober_lock(engine, state_dir), context.settings.lead_seconds)
            try:
                while not stop.is_set():
                    with leading(engine, candidate, PROBER, context.clock) as lead:
                        told = ""
                        waiting.tell(lead is not None)
                        if lead:
                            _lead(Prober(state_dir, engine, context.clock, timeout, lead, stop), every, stop)
                    stop.wait(LEAD_AGAIN_SECONDS)
            finally:
                engine.dispose()
        except (MirrorlistError, OSError, sa.exc.SQLAlchemyError) as error:
            if str(error) != told:
                log.error("the prober cannot work, the former verdicts stay", reason=str(error))
            told = str(error)
            stop.wait(min(every, RETRY_SECONDS))


def _lead(prober: Prober, every: float, stop: threading.Event) -> None:
    """Runs as long as this prober leads."""
    while not stop.is_set() and not prober.lead.lost.is_set():
        begun = prober.clock()
        try:
            _tell(prober.run())
        except Stopped:
            return
        except LeadLost as error:
            log.error("the run does not count", reason=str(error))
            return
        except SnapshotError as error:
            log.error("there is nothing to probe yet", reason=str(error))
            stop.wait(min(every, RETRY_SECONDS))
            continue
        _wait(max(begun + every - prober.clock(), 0), stop, prober.lead.lost)
    if prober.lead.lost.is_set():
        log.error("the lead is lost: its lock is gone, as after a pause or a broken connection to the database")


def _wait(seconds: float, *events: threading.Event) -> None:
    """Until one of the events is set, or the time is over."""
    deadline = time.monotonic() + seconds
    while not any(event.is_set() for event in events) and (left := deadline - time.monotonic()) > 0:
        events[0].wait(min(left, 0.5))


def all_inside(visits: Sequence[Visited]) -> bool:
    """Whether nothing was asked, because no address of any mirror is public."""
    came = [{each.outcome for each in visited.probes} - {Outcome.NO_ADDRESS} for visited in visits if visited.probes]
    return bool(came) and all(each == {Outcome.FORBIDDEN} for each in came)


def nothing_to_ask(mirrors: Sequence[Mirror]) -> bool:
    """Whether no mirror has an address that may be handed out, though files give some."""
    return any(each.withheld for each in mirrors) and not any(each.urls for each in mirrors)


ALL_INSIDE = (
    "no mirror was asked, as none has a public address; if they are in networks of your own, write into service.yml "
    "profile: intranet, and the networks under intranet_networks"
)


def line_of(visited: Visited) -> str:
    """A visit in one line: what was not good, and how often. What nobody heard of is not called good."""
    if not any(probe.outcome not in SAYS_NOTHING | {Outcome.NO_ADDRESS} for probe in visited.probes):
        return f"{visited.mirror}  {visited.requests} requests  {visited.seconds:.1f} s  {_unheard(visited)}"
    quiet = GOOD_OUTCOMES | SAYS_NOTHING | {Outcome.NO_ADDRESS}
    bad = Counter(probe.outcome.value for probe in visited.probes if probe.outcome not in quiet)
    told = ", ".join(f"{count} {outcome}" for outcome, count in bad.most_common()) or "good"
    return f"{visited.mirror}  {visited.requests} requests  {visited.seconds:.1f} s  {told}"


def _unheard(visited: Visited) -> str:
    """Why nothing is known of a mirror after a visit."""
    if not visited.requests:
        return "not asked: nothing on it can be compared with the origin"
    if visited.probes and all(probe.outcome is Outcome.NO_ADDRESS for probe in visited.probes):
        return Outcome.NO_ADDRESS.value
    why = next((str(probe.detail) for probe in visited.probes if probe.outcome in SAYS_NOTHING), "")
    return f"not known: {why}" if why else "not known"


def _tell(ran: Ran) -> None:
    for (mirror, good_now, over), changes in _grouped(ran.round.changes).items():
        first = changes[0]
        what = first.subject.path or "the whole tree"
        more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
        why = f"{first.outcome.value}: {first.detail}" if first.detail else first.outcome.value
        click.echo(f"{'up' if good_now else 'down':4}  {mirror}  {over}  {what}{more}: {why}")
    for family in sorted(ran.round.kept):
        click.echo(
            f"kept  what was known over {family} stays: many mirrors are lost at once, and so is what the project "
            "runs itself, so this prober's own network is at fault"
        )
    for each in ran.contradictions:
        click.echo(f"origin  {each.what}: {each}")
    click.echo(f"{ran.mirrors} mirrors, {ran.requests} requests, {ran.seconds:.1f} s")


def _grouped(changes: tuple[Change, ...]) -> dict[tuple[str, bool, str], list[Change]]:
    found: dict[tuple[str, bool, str], list[Change]] = {}
    for change in changes:
        over = f"{change.subject.protocol} {change.subject.family}"
        found.setdefault((change.subject.mirror, change.good_now, over), []).append(change)
    return found
