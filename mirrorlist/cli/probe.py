"""``mirrorlist probe``: visit every mirror, once or again and again, and write down what is good."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_network
from pathlib import Path

import click
import sqlalchemy as sa
import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from mirrorlist.checks.fetch import Guard, fetch
from mirrorlist.checks.rsync import installed_client
from mirrorlist.checks.rsync import probe as rsync_probe
from mirrorlist.checks.runner import Job, Outside, Ran, controls_of, probed_mirrors, resorts_of, run
from mirrorlist.checks.visit import Terms, Visited
from mirrorlist.cli.context import Context, pass_context
from mirrorlist.cli.durations import DURATION
from mirrorlist.cli.running import mirror_called, published_facts, state_dir_of
from mirrorlist.core.errors import MirrorlistError
from mirrorlist.core.health import GOOD_OUTCOMES, SAYS_NOTHING, Outcome
from mirrorlist.core.model import Mirror, Prefix
from mirrorlist.core.rounds import Change
from mirrorlist.core.service import Profile, Service
from mirrorlist.core.snapshot import Facts
from mirrorlist.core.visits import wanted_repositories
from mirrorlist.store.database import open_database
from mirrorlist.store.health import HealthStore, Run
from mirrorlist.store.leader import leading
from mirrorlist.store.metadata import MetadataStore

log = structlog.get_logger()

LEAD_AGAIN_SECONDS = 2.0
RETRY_SECONDS = 30.0
Told = Callable[[Visited], None]


@click.command()
@click.option("--once", is_flag=True, help="One run over all mirrors, then end.")
@click.option("--mirror", "name", metavar="NAME", help="Only this mirror, and only once.")
@click.option("--every", type=DURATION, default="15m", show_default=True, help="From the start of a run to the next.")
@click.option("--timeout", type=click.FloatRange(min=0.1, max=300), default=10.0, show_default=True, metavar="SECONDS",
              help="How long one request may take.")  # fmt: skip
@pass_context
def probe(context: Context, once: bool, name: str | None, every: int, timeout: float) -> None:
    """Visit the mirrors of the newest snapshot, and note which are good for what.

    Of several probers with one database one works, the others wait for it to end.
    """
    state_dir = state_dir_of(context)
    engine = open_database(state_dir, context.settings.database)
    prober = Prober(state_dir, engine, context.clock, timeout)
    if once or name:
        with leading(engine, state_dir) as leads:
            if not leads:
                raise MirrorlistError("another prober works with this database; its verdicts count")
            _tell(prober.run(name))
        return
    with stopped_by_signals() as stop:
        _work(prober, engine, state_dir, every, stop)


@dataclass(frozen=True, slots=True)
class Prober:
    """Runs over the mirrors of the newest snapshot in a state directory."""

    state_dir: Path
    engine: sa.Engine
    clock: Callable[[], float]
    timeout_seconds: float

    def run(self, name: str | None = None) -> Ran:
        """One run, written down.

        Raises:
            SnapshotError: there is no snapshot yet.
            NotFound: it has no mirror of this name.
        """
        facts = published_facts(self.state_dir)
        everybody = probed_mirrors(facts.mirrors) + resorts_of(facts.service)
        mirrors = (mirror_called(facts, name),) if name else everybody
        store = HealthStore(self.engine)
        started_at = self.clock()
        job = self._job(facts, mirrors, store, store.begin_run(started_at))
        with _progress(len(mirrors)) as told:
            ran = run(job, self._outside(facts.service), told)
        store.record(ran.round, job.verdicts, ran.forgotten)
        kept = tuple(sorted(ran.round.kept))
        store.end_run(Run(job.run, started_at, ran.seconds, ran.mirrors, ran.requests, kept))
        store.prune(self.clock())
        return ran

    def _outside(self, service: Service) -> Outside:
        guard = guard_of(service)
        rsync = partial(rsync_probe, guard=guard, client=installed_client())
        return Outside(fetch=partial(fetch, guard=guard), now=self.clock, rsync=rsync)

    def _job(self, facts: Facts, mirrors: tuple[Mirror, ...], store: HealthStore, number: int) -> Job:
        service = facts.service
        changes = MetadataStore(self.engine).changes()
        history = {path: frozenset(change.version.sha256 for change in each) for path, each in changes.items()}
        return Job(
            mirrors=mirrors,
            wanted=wanted_repositories(service.catalogue, facts.metadata),
            run=number,
            verdicts=store.verdicts(),
            controls=controls_of(service),
            time_file=service.time_file,
            terms=Terms(
                timeout_seconds=self.timeout_seconds,
                visit_seconds=12 * self.timeout_seconds,
                allowed_outdate_seconds=service.allowed_outdate_seconds,
                history=history,
            ),
        )


def guard_of(service: Service) -> Guard:
    """What a fetch may reach: public addresses, and in an intranet the networks that the service file names."""
    networks = service.intranet_networks if service.profile is Profile.INTRANET else ()
    return Guard(allowed=tuple(_prefix(text) for text in networks))


def _prefix(text: str) -> Prefix:
    network = ip_network(text)
    return Prefix(network.network_address.packed, network.prefixlen)


def _work(prober: Prober, engine: sa.Engine, state_dir: Path, every: float, stop: threading.Event) -> None:
    """Waits until this prober leads, and runs until it is told to stop."""
    while not stop.is_set():
        with leading(engine, state_dir) as leads:
            while leads and not stop.is_set():
                begun = prober.clock()
                try:
                    _tell(prober.run())
                except (MirrorlistError, OSError, sa.exc.SQLAlchemyError) as error:
                    log.error("the run failed, the former verdicts stay", reason=str(error))
                    stop.wait(min(every, RETRY_SECONDS))
                    break
                stop.wait(max(begun + every - prober.clock(), 0))
        stop.wait(LEAD_AGAIN_SECONDS)


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """An event that the first SIGTERM or SIGINT sets; a second SIGINT interrupts the run."""
    stop = threading.Event()

    def asked(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, asked)
    yield stop


@contextmanager
def _progress(mirrors: int) -> Iterator[Told]:
    """A bar on a terminal, a line for each mirror otherwise."""
    console = Console()
    if not console.is_terminal:
        yield lambda visited: click.echo(line_of(visited))
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=mirrors)
        yield lambda visited: bar.update(task, advance=1, description=visited.mirror)


def line_of(visited: Visited) -> str:
    """A visit in one line: what was not good, and how often."""
    quiet = GOOD_OUTCOMES | SAYS_NOTHING | {Outcome.NO_ADDRESS}
    bad = Counter(probe.outcome.value for probe in visited.probes if probe.outcome not in quiet)
    told = ", ".join(f"{count} {outcome}" for outcome, count in bad.most_common()) or "good"
    return f"{visited.mirror}  {visited.requests} requests  {visited.seconds:.1f} s  {told}"


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
    click.echo(f"{ran.mirrors} mirrors, {ran.requests} requests, {ran.seconds:.1f} s")


def _grouped(changes: tuple[Change, ...]) -> dict[tuple[str, bool, str], list[Change]]:
    found: dict[tuple[str, bool, str], list[Change]] = {}
    for change in changes:
        over = f"{change.subject.protocol} {change.subject.family}"
        found.setdefault((change.subject.mirror, change.good_now, over), []).append(change)
    return found
