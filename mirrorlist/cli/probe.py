"""``mirrorlist probe``: visit every mirror, once or again and again, and write down what is good."""

from __future__ import annotations

import os
import re
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from operator import attrgetter
from pathlib import Path

import click

from mirrorlist import __version__
from mirrorlist.checks.fetching.fetch import Guard, fetch, guard_of
from mirrorlist.checks.probing.runner import Ran
from mirrorlist.checks.probing.visit import Visited
from mirrorlist.cli.output.durations import DURATION
from mirrorlist.cli.output.reviews import plain_line
from mirrorlist.cli.output.written import progress
from mirrorlist.cli.shared.context import (
    Context,
    json_option,
    pass_context,
    state_dir_of,
    stopped_by_signals,
    tell_json,
)
from mirrorlist.core.catalogue.policy import MeasuredBandwidth
from mirrorlist.core.errors import MirrorlistError
from mirrorlist.core.health.probe_run import HealthChange
from mirrorlist.core.health.quick_lane import QuickTerms
from mirrorlist.core.health.report import is_compared
from mirrorlist.core.health.response_times import SpeedSample
from mirrorlist.core.health.vantages import LEAST_SECONDS
from mirrorlist.core.health.verdicts import GOOD_OUTCOMES, SAYS_NOTHING, ProbeOutcome
from mirrorlist.probing.prober import Prober, Reporting, work
from mirrorlist.probing.speed import SpeedRound
from mirrorlist.probing.vantage import DatabaseDesk, Desk, Round, UploadDesk, keep_looking, take_round
from mirrorlist.store.database import open_database
from mirrorlist.store.leader_election import PROBER, LeaderCandidate, leading, prober_lock, vantage_lead, vantage_lock
from mirrorlist.store.marks import read_private_key
from mirrorlist.store.snapshot_files import published_facts

PARENT_CHECK_SECONDS = 0.5
NOT_MEASURED = "not measured: it had its turn, is not for everybody, or no large file on it is known to be good"


def _name_of_vantage(ctx: click.Context, option: click.Parameter, name: str | None) -> str | None:
    if name is not None and not re.fullmatch("[a-z0-9][a-z0-9-]{0,39}", name):
        raise click.BadParameter(f"{name!r} is no vantage point's name; write it as in service.yml, such as berlin-1")
    return name


@click.command()
@click.option("--once", is_flag=True, help="One run over all mirrors, then end.")
@click.option("--mirror", "name", metavar="NAME", help="Only this mirror, and only once.")
@click.option(
    "--every", type=DURATION, default="15m", show_default=True, help="Interval between the starts of two runs."
)
@click.option("--timeout", type=click.FloatRange(min=0.1, max=300), default=10.0, show_default=True, metavar="SECONDS",
              help="How long one request may take.")  # fmt: skip
@click.option("--quick-every", type=DURATION, default="52s", show_default=True,
              help="Between the runs: how often a mirror is looked at by one request.")  # fmt: skip
@click.option("--quick-again", type=DURATION, default="20s", show_default=True,
              help="How soon after a quick look that failed comes the next.")  # fmt: skip
@click.option("--no-quick", is_flag=True, help="Only the runs.")
@click.option("--speed", is_flag=True,
              help="Between the runs: measure bandwidths, at most 64 MB a mirror and day.")  # fmt: skip
@click.option("--vantage", metavar="NAME", callback=_name_of_vantage,
              help="Instead: vote as this vantage point on which public mirrors can be reached from here.")  # fmt: skip
@click.option("--upload", "url", metavar="URL", help="With --vantage: the service, where the votes are sent to.")
@click.option("--key", "key_file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="With --upload: the key that signs them, made by mirrorlist channel-key.")  # fmt: skip
@click.option("--quiet", is_flag=True, help="Say what changes and what a run came to, not each mirror.")
@click.option("--parent", type=int, metavar="PID", help="End when this process, which started it, has.")
@json_option
@pass_context
def probe(
    context: Context,
    once: bool,
    name: str | None,
    every: int,
    timeout: float,
    quick_every: int,
    quick_again: int,
    no_quick: bool,
    speed: bool,
    vantage: str | None,
    url: str | None,
    key_file: Path | None,
    quiet: bool,
    parent: int | None,
    as_json: bool,
) -> None:
    """Visit all mirrors, and note which are good for what. Between the runs, see quickly which still answer.

    Of several probers that share a database, one works and the others wait.
    """
    if as_json and (vantage or not (once or name)):
        raise click.UsageError("--json is for one run; add --once or --mirror, and no --vantage")
    if as_json and speed:
        raise click.UsageError("--json has no measurements; leave out --speed, and see mirrorlist health")
    if vantage or url or key_file:
        if name:
            raise click.UsageError("--vantage looks at all mirrors; leave out --mirror")
        _as_vantage(context, vantage, (url, key_file), _Terms(timeout, every, once, quiet, parent, speed))
        return
    state_dir = state_dir_of(context)
    engine = open_database(state_dir, context.settings.database)
    if once or name:
        candidate = LeaderCandidate(prober_lock(engine, state_dir), context.settings.lead_seconds)
        with leading(engine, candidate, PROBER, context.clock) as lead:
            if lead is None:
                raise MirrorlistError("another prober works with this database; its verdicts count")
            reporting = _as_json() if as_json else _reporting(quiet)
            prober = Prober(state_dir, engine, context.clock, timeout, lead, reporting=reporting)
            reporting.done(prober.run(name))
            if speed and not prober.measure(every, name) and name:
                click.echo(f"speed  {name}  {NOT_MEASURED}")
        return
    engine.dispose()
    quick = QuickTerms(quick_every, quick_again, min(timeout, QuickTerms().timeout_seconds))
    with stopped_by_signals() as stop:
        _end_with(parent, stop)
        lane = None if no_quick else quick
        work(context.settings, context.clock, state_dir, timeout, every, stop, _reporting(quiet), lane, speed)


@dataclass(frozen=True, slots=True)
class _Terms:
    """How a vantage looks: seconds for a request and between rounds, one round only, what it says."""

    timeout: float
    every: int
    once: bool
    quiet: bool
    parent: int | None
    speed: bool


def _as_vantage(context: Context, name: str | None, upload: tuple[str | None, Path | None], terms: _Terms) -> None:
    """Looks from here for as long as it is wanted, and hands the votes in by upload or into the database."""
    every = max(terms.every, LEAST_SECONDS)
    url, key_file = upload
    if name is None or (url is None) != (key_file is None):
        raise click.UsageError("give --vantage NAME, alone or with both --upload URL and --key FILE")
    if url and terms.speed:
        raise click.UsageError("--speed needs the database, which counts what was taken of mirrors; leave out --upload")
    with stopped_by_signals() as stop:
        _end_with(terms.parent, stop)
        if url and key_file:
            if not url.startswith(("https://", "http://")):
                raise click.UsageError(f"--upload {url} is no address of a service; write https://mirrors.example.org/")
            service = url if url.endswith("/") else f"{url}/"
            guard = Guard(user_agent=f"mirrorlist/{__version__} (+{service}prober)")
            _look_from_here(UploadDesk(name, service, read_private_key(key_file)), guard, every, terms, stop)
            return
        state_dir = state_dir_of(context)
        engine = open_database(state_dir, context.settings.database)
        candidate = LeaderCandidate(vantage_lock(engine, state_dir, name), context.settings.lead_seconds)
        with leading(engine, candidate, vantage_lead(name), context.clock) as lead:
            if lead is None:
                raise MirrorlistError(f"another process votes as {name} in this database; use a name of its own")
            desk = DatabaseDesk(name, lambda: published_facts(state_dir), engine, lead)
            desk.plan()
            guard = guard_of(published_facts(state_dir).service)

            def measure() -> None:
                facts, fetching = published_facts(state_dir), partial(fetch, guard=guard)
                for each, bandwidth in SpeedRound(facts, engine, lead, name, fetching, context.clock, stop).measured(
                    every / 2
                ):
                    _tell_speed(each, bandwidth)

            _look_from_here(desk, guard, every, terms, stop, measure if terms.speed else lambda: None)


def _look_from_here(
    desk: Desk,
    guard: Guard,
    every: float,
    terms: _Terms,
    stop: threading.Event,
    then: Callable[[], None] = lambda: None,
) -> None:
    """Rounds from here; ``then`` follows each."""

    def told(done: Round) -> None:
        for look in [] if terms.quiet else done.failed:
            why = plain_line(f"{look.outcome.value}: {look.detail}" if look.detail else look.outcome.value)
            click.echo(f"down  {look.mirror}  {look.protocol} {look.family}: {why}")
        mirrors, bad = len({look.mirror for look in done.looks}), len({look.mirror for look in done.failed})
        click.echo(f"{mirrors} mirrors, {bad} of them not reached over some way, {done.seconds:.1f} s; votes handed in")
        then()

    if terms.once:
        told(take_round(desk, guard, terms.timeout, every, stop))
        return
    keep_looking(desk, guard, terms.timeout, every, stop, told, lambda error: click.echo(f"error: {error}", err=True))


def _end_with(parent: int | None, stop: threading.Event) -> None:
    """Has the process stop with its parent, if one is named."""
    if parent is not None:
        threading.Thread(target=_stop_with, args=(parent, stop), daemon=True).start()


def _stop_with(parent: int, stop: threading.Event) -> None:
    """Stops when the parent is gone: nobody would end this process."""
    while os.getppid() == parent:
        if stop.wait(PARENT_CHECK_SECONDS):
            return
    stop.set()


def _reporting(quiet: bool) -> Reporting:
    """Reports on the terminal."""

    def steps(count: int) -> AbstractContextManager[Callable[[Visited], None]]:
        return progress(count, line_of, attrgetter("mirror"), lambda _: False)

    told = Reporting(steps, click.echo, _tell, _tell_changes, _tell_speed)
    return replace(told, steps=Reporting().steps, measured=Reporting().measured) if quiet else told


def _tell_speed(speed: SpeedSample, bandwidth: MeasuredBandwidth | None) -> None:
    came = "nothing came of it" if speed.mbps is None else f"{speed.mbps:.0f} Mbit/s"
    if bandwidth and (lowered := bandwidth.lowered):
        came += f", {lowered.factor:.1%} of its weight counts: {lowered.why}"
    click.echo(f"speed  {speed.mirror}  {came}")


def _as_json() -> Reporting:
    """Reports a whole run as one document."""
    visits: list[Visited] = []

    def steps(_: int) -> AbstractContextManager[Callable[[Visited], None]]:
        return nullcontext(visits.append)

    def done(ran: Ran) -> None:
        tell_json(
            {
                "mirrors": [
                    {
                        "name": each.mirror,
                        "requests": each.requests,
                        "seconds": each.seconds,
                        "result": line_of(each).rpartition("  ")[2],
                    }
                    for each in visits
                ],
                "changes": [{**asdict(each), "outcome": each.outcome.value} for each in ran.round.changes],
                "kept": sorted(ran.round.kept),
                "requests": ran.requests,
                "seconds": ran.seconds,
            }
        )

    return Reporting(steps=steps, done=done)


def _tell(ran: Ran) -> None:
    _tell_changes(ran.round.changes)
    for family in sorted(ran.round.kept):
        click.echo(
            f"kept  what was known over {family} stays: many mirrors are lost at once, and so is what the project "
            "runs itself, so this prober's own network is at fault"
        )
    for each in ran.contradictions:
        click.echo(f"origin  {each.what}: {each}")
    click.echo(f"{ran.mirrors} mirrors, {ran.requests} requests, {ran.seconds:.1f} s")


def _tell_changes(all_changes: tuple[HealthChange, ...]) -> None:
    grouped: dict[tuple[str, bool, str], list[HealthChange]] = {}
    for change in all_changes:
        over = f"{change.subject.protocol} {change.subject.family}"
        grouped.setdefault((change.subject.mirror, change.good_now, over), []).append(change)
    for (mirror, good_now, over), changes in grouped.items():
        first = changes[0]
        what = first.subject.spelled or "the whole tree"
        more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
        why = f"{first.outcome.value}: {first.detail}" if first.detail else first.outcome.value
        click.echo(f"{'up' if good_now else 'down':4}  {mirror}  {over}  {what}{more}: {why}")


def line_of(visited: Visited) -> str:
    """A visit in one line: what was not good, and how often. What nobody heard of is not called good."""
    if not any(probe.outcome not in SAYS_NOTHING | {ProbeOutcome.NO_ADDRESS} for probe in visited.probes):
        return f"{visited.mirror}  {visited.requests} requests  {visited.seconds:.1f} s  {_unheard(visited)}"
    quiet = GOOD_OUTCOMES | SAYS_NOTHING | {ProbeOutcome.NO_ADDRESS}
    bad = Counter(probe.outcome.value for probe in visited.probes if probe.outcome not in quiet)
    compared = any(is_compared(probe.subject, probe) for probe in visited.probes)
    fine = "good" if compared else "reachable, content not checked"
    told = ", ".join(f"{count} {outcome}" for outcome, count in bad.most_common()) or fine
    return f"{visited.mirror}  {visited.requests} requests  {visited.seconds:.1f} s  {told}"


def _unheard(visited: Visited) -> str:
    """Why nothing is known of a mirror after a visit."""
    if not visited.requests:
        return "not asked: nothing on it can be compared with the origin"
    if visited.probes and all(probe.outcome is ProbeOutcome.NO_ADDRESS for probe in visited.probes):
        return ProbeOutcome.NO_ADDRESS.value
    why = next((str(probe.detail) for probe in visited.probes if probe.outcome in SAYS_NOTHING), "")
    return f"not known: {why}" if why else "not known"
