"""``mirrorlist update files``: list the origin and the mirrors, and index who has which file."""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from operator import attrgetter
from pathlib import Path

import click
import structlog

from mirrorlist.checks.fetch import Guard, fetch
from mirrorlist.checks.rsync_list import Bounds, installed_lister, listed_lines
from mirrorlist.cli.context import Context, pass_context
from mirrorlist.cli.durations import DURATION
from mirrorlist.cli.probe import guard_of
from mirrorlist.cli.progress import progress
from mirrorlist.cli.running import mirror_called, published_facts, state_dir_of
from mirrorlist.cli.stopping import stopped_by_signals
from mirrorlist.core.errors import MirrorlistError, NotFound
from mirrorlist.core.prefixes import parse_prefix
from mirrorlist.core.snapshot import Facts
from mirrorlist.indexing.mirrors import Ways
from mirrorlist.indexing.run import Indexing, Wanted
from mirrorlist.indexing.steps import Outcome, Step

log = structlog.get_logger()

ANY_ADDRESS = tuple(parse_prefix(text)[0] for text in ("0.0.0.0/0", "::/0"))
"""The origin's server is named by the operator, so it may be inside a network that is not public."""


@click.command()
@click.option("--module", "modules", multiple=True, metavar="NAME", help="Only this module; may be repeated.")
@click.option("--mirror", "name", metavar="NAME", help="List this mirror only, and only once.")
@click.option("--once", is_flag=True, help="One run over all mirrors, then end.")
@click.option("--every", type=DURATION, default="15m", show_default=True, help="From the start of a run to the next.")
@click.option("--timeout", type=click.FloatRange(min=1, max=86_400), default=600.0, show_default=True,
              metavar="SECONDS", help="How long the list of one mirror may take.")  # fmt: skip
@click.option("--force", is_flag=True, help="Take the origin's list even if most of its files are gone.")
@pass_context
def files(
    context: Context, modules: tuple[str, ...], name: str | None, once: bool, every: int, timeout: float, force: bool
) -> None:
    """List the files of origin and mirrors, and index who has which.

    Mirrors with an rsync address are listed over it, others are asked for some files in turn. Ends with status 1 if
    the origin of a module could not be listed.
    """
    state_dir = state_dir_of(context)
    wanted = Wanted(modules, name, force)
    if once or name:
        if not _run(context, state_dir, wanted, timeout):
            click.get_current_context().exit(1)
        return
    with stopped_by_signals() as stop:
        while not stop.is_set():
            begun = context.clock()
            try:
                _run(context, state_dir, wanted, timeout)
            except (MirrorlistError, OSError) as error:
                log.error("no run over the files, the former indexes stay", reason=str(error))
            stop.wait(max(begun + every - context.clock(), 1))


def _run(context: Context, state_dir: Path, wanted: Wanted, timeout: float) -> bool:
    """Whether every origin was listed."""
    facts = published_facts(state_dir)
    _check(facts, wanted)
    indexing = _indexing(context, state_dir, facts, timeout)
    counts: Counter[Outcome] = Counter()
    origins_listed = True
    with progress(indexing.steps(wanted), line_of, attrgetter("who"), _stays) as told:
        for step in indexing.run(wanted):
            counts[step.outcome] += 1
            origins_listed &= not step.is_origins or step.outcome in (Outcome.LISTED, Outcome.WARNING)
            told(step)
    if not counts:
        click.echo("no module names where its files are listed: write origin, modules.<name>.rsync or file_lists")
    return origins_listed and bool(counts)


def _check(facts: Facts, wanted: Wanted) -> None:
    for module in wanted.modules:
        if module not in facts.service.modules:
            raise NotFound(f"--module {module}: unknown; known are {', '.join(facts.service.modules)}")
    if wanted.mirror:
        mirror_called(facts, wanted.mirror)


def _indexing(context: Context, state_dir: Path, facts: Facts, timeout: float) -> Indexing:
    guard, lister = guard_of(facts.service), installed_lister()
    bounds = Bounds(seconds=timeout)
    ways = Ways(
        rsync=partial(listed_lines, guard=guard, lister=lister),
        fetch=partial(fetch, guard=guard),
        clock=time.monotonic,
        bounds=bounds,
    )
    operators = Guard(allowed=ANY_ADDRESS)
    return Indexing(
        state_dir=state_dir,
        service=facts.service,
        mirrors=facts.mirrors,
        origin_rsync=partial(listed_lines, guard=operators, lister=lister),
        ways=ways,
        now=context.clock,
    )


def _stays(step: Step) -> bool:
    """What failed, and whatever became of the origin."""
    return step.is_origins or step.outcome not in (Outcome.LISTED, Outcome.ASKED)


def line_of(step: Step) -> str:
    """A step in one line."""
    return "  ".join(part for part in (f"{step.outcome.value:6}", step.module, step.who, step.detail) if part)
