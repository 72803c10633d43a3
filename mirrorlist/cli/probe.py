"""``mirrorlist probe``: visit every mirror, once or again and again, and write down what is good."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from operator import attrgetter

import click
import structlog

from mirrorlist.checks.probing.runner import Ran
from mirrorlist.checks.probing.visit import Visited
from mirrorlist.cli.output.durations import DURATION
from mirrorlist.cli.output.written import progress
from mirrorlist.cli.shared.context import Context, pass_context, state_dir_of, stopped_by_signals
from mirrorlist.core.errors import MirrorlistError
from mirrorlist.core.health.probe_run import HealthChange
from mirrorlist.probing.prober import Prober, Reporting, line_of, work
from mirrorlist.store.database import open_database
from mirrorlist.store.leader_election import PROBER, LeaderCandidate, leading, prober_lock

log = structlog.get_logger()


@click.command()
@click.option("--once", is_flag=True, help="One run over all mirrors, then end.")
@click.option("--mirror", "name", metavar="NAME", help="Only this mirror, and only once.")
@click.option(
    "--every", type=DURATION, default="15m", show_default=True, help="Interval between the starts of two runs."
)
@click.option("--timeout", type=click.FloatRange(min=0.1, max=300), default=10.0, show_default=True, metavar="SECONDS",
              help="How long one request may take.")  # fmt: skip
@pass_context
def probe(context: Context, once: bool, name: str | None, every: int, timeout: float) -> None:
    """Visit all mirrors, and note which are good for what.

    Of several probers that share a database, one works and the others wait.
    """
    state_dir = state_dir_of(context)
    engine = open_database(state_dir, context.settings.database)
    if once or name:
        candidate = LeaderCandidate(prober_lock(engine, state_dir), context.settings.lead_seconds)
        with leading(engine, candidate, PROBER, context.clock) as lead:
            if lead is None:
                raise MirrorlistError("another prober works with this database; its verdicts count")
            reporting = _reporting()
            reporting.done(Prober(state_dir, engine, context.clock, timeout, lead, reporting=reporting).run(name))
        return
    engine.dispose()
    with stopped_by_signals() as stop:
        work(context.settings, context.clock, state_dir, timeout, every, stop, _reporting())


def _reporting() -> Reporting:
    """Reports on the terminal."""

    def steps(count: int) -> AbstractContextManager[Callable[[Visited], None]]:
        return progress(count, line_of, attrgetter("mirror"), lambda _: False)

    return Reporting(steps, click.echo, _tell)


def _tell(ran: Ran) -> None:
    for (mirror, good_now, over), changes in _grouped(ran.round.changes).items():
        first = changes[0]
        what = first.subject.spelled or "the whole tree"
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


def _grouped(changes: tuple[HealthChange, ...]) -> dict[tuple[str, bool, str], list[HealthChange]]:
    found: dict[tuple[str, bool, str], list[HealthChange]] = {}
    for change in changes:
        over = f"{change.subject.protocol} {change.subject.family}"
        found.setdefault((change.subject.mirror, change.good_now, over), []).append(change)
    return found
