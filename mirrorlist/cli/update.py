"""``mirrorlist update``: take up what others publish."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Collection, Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from operator import attrgetter
from pathlib import Path

import click
import structlog

from mirrorlist.checks.fetching.fetch import Guard, fetch, guard_of
from mirrorlist.checks.probing.rsync import Bounds, installed_lister, listed_lines
from mirrorlist.cli.output.durations import DURATION
from mirrorlist.cli.output.written import progress
from mirrorlist.cli.shared.context import (
    Context,
    json_option,
    pass_context,
    state_dir_of,
    stopped_by_signals,
    tell_json,
)
from mirrorlist.cli.shared.help import SuggestingGroup
from mirrorlist.core.catalogue.catalogue import Catalogue, published, repo_names, target
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.content import content_key
from mirrorlist.core.errors import MirrorlistError, NotFound, ServiceFileError
from mirrorlist.core.network.prefixes import parse_prefix
from mirrorlist.core.snapshot import Facts
from mirrorlist.core.updates import UpdateOutcome, UpdateResult
from mirrorlist.countries import country_of
from mirrorlist.indexing.mirrors import Ways
from mirrorlist.indexing.run import ORIGIN, Indexing, IndexJob
from mirrorlist.publishing import origin_update
from mirrorlist.publishing.canaries import update_canaries
from mirrorlist.publishing.geo_update import DownloadUpdate, Known, keys_of
from mirrorlist.publishing.named_files import update_named_files
from mirrorlist.publishing.origin_watch import OriginWatch, only_news
from mirrorlist.publishing.subnet_update import LIST_OUTCOMES, update_subnets
from mirrorlist.sources.geo.downloads import Downloader, download_session
from mirrorlist.store.count_files import update_statistics
from mirrorlist.store.database import open_database
from mirrorlist.store.marks import Mark, MarkName
from mirrorlist.store.metadata import MetadataStore
from mirrorlist.store.snapshot_files import mirror_called, published_facts

# ``mirrorlist update files``: list the origin and the mirrors, and index who has which file.

log = structlog.get_logger()

ANY_ADDRESS = tuple(parse_prefix(text)[0] for text in ("0.0.0.0/0", "::/0"))
"""The origin's server is named by the operator, so it may be inside a network that is not public."""


@click.command()
@click.option("--module", "modules", multiple=True, metavar="NAME", help="Only this module; may be repeated.")
@click.option("--mirror", "name", metavar="NAME", help="List this mirror only, and only once.")
@click.option("--once", is_flag=True, help="One run over all mirrors, then end.")
@click.option(
    "--every", type=DURATION, default="15m", show_default=True, help="Interval between the starts of two runs."
)
@click.option("--timeout", type=click.FloatRange(min=1, max=86_400), default=600.0, show_default=True,
              metavar="SECONDS", help="How long the list of one mirror may take.")  # fmt: skip
@click.option("--force", is_flag=True, help="Take the origin's list even if most of its files are gone.")
@json_option
@pass_context
def files(
    context: Context,
    modules: tuple[str, ...],
    name: str | None,
    once: bool,
    every: int,
    timeout: float,
    force: bool,
    as_json: bool,
) -> None:
    """List the files of origin and mirrors, and index who has which.

    Mirrors with an rsync address are listed over it, others are asked for some files in turn. Ends with status 1 if
    the origin of a module could not be listed.
    """
    if as_json and not (once or name):
        raise click.UsageError("--json needs --once or --mirror; the log of a service is JSON with --log-format json")
    state_dir = state_dir_of(context)
    wanted = IndexJob(modules, name, force)
    if once or name:
        if not _run(context, state_dir, wanted, timeout, as_json):
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


def _run(context: Context, state_dir: Path, wanted: IndexJob, timeout: float, as_json: bool = False) -> bool:
    """Whether every origin was listed."""
    facts = published_facts(state_dir)
    for module in wanted.modules:
        if module not in facts.service.modules:
            raise NotFound(f"--module {module}: unknown; known are {', '.join(facts.service.modules)}")
    if wanted.mirror:
        mirror_called(facts, wanted.mirror)
    indexing = _indexing(context, state_dir, facts, timeout)
    results: list[UpdateResult] = []
    origins_listed = True

    def stays(step: UpdateResult) -> bool:
        """Failures and all steps of the origin stay above the bar."""
        return step.what == ORIGIN or step.outcome not in (UpdateOutcome.LISTED, UpdateOutcome.ASKED)

    with ExitStack() as stack:
        told = (
            None
            if as_json
            else stack.enter_context(progress(indexing.steps(wanted), line_of, attrgetter("what"), stays))
        )
        for step in indexing.run(wanted):
            results.append(step)
            origins_listed &= step.what != ORIGIN or step.outcome in (UpdateOutcome.LISTED, UpdateOutcome.WARNING)
            if told:
                told(step)
    if as_json:
        tell_json(results)
    elif not results:
        click.echo("no module names where its files are listed: write origin, modules.<name>.rsync or file_lists")
    return origins_listed and bool(results)


def _indexing(context: Context, state_dir: Path, facts: Facts, timeout: float) -> Indexing:
    guard, lister = guard_of(facts.service), installed_lister()
    ways = Ways(
        rsync=partial(listed_lines, guard=guard, lister=lister),
        fetch=partial(fetch, guard=guard),
        clock=time.monotonic,
        bounds=Bounds(seconds=timeout),
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


def line_of(step: UpdateResult) -> str:
    """A step in one line."""
    return "  ".join(part for part in (f"{step.outcome.value:6}", step.module, step.what, step.detail) if part)


@click.group(cls=SuggestingGroup)
def update() -> None:
    """Update from what others publish."""


@update.command()
@click.option("--expire-alternates", "expired", multiple=True, metavar="REPO",
              help="Accept only the current metadata of REPO (as baseos-9): after a security push.")  # fmt: skip
@click.option("--quiet", is_flag=True, help="Report changes and failures only.")
@click.option("--watch", is_flag=True, help="Stay, and notice within seconds what changes at the origin.")
@click.option("--every", type=DURATION, default="5m", show_default=True, help="With --watch: how often all is asked.")
@json_option
@pass_context
def metadata(context: Context, expired: tuple[str, ...], quiet: bool, watch: bool, every: int, as_json: bool) -> None:
    """Read the origin's repomd.xml files, image sizes and time files.

    Exits with status 1 if the origin failed for some; the former metadata of these is kept.
    """
    service = context.service()
    if watch and as_json:
        raise click.UsageError(
            "--json and --watch do not go together; the log of --watch is JSON with --log-format json"
        )
    if watch:
        _watch(context, service, expired, every)
        return
    store = MetadataStore(open_database(Path(service.state_dir), context.settings.database))
    if not service.origins:
        raise click.UsageError("service.yml names no origin; add 'origin:' with a directory or a URL")
    paths = [path for name in expired for path in _paths(service.catalogue, name)]
    results: list[UpdateResult] = []
    now, of = context.clock(), origin_update
    steps = (of.update_metadata, of.update_images, of.update_time_files, update_named_files, update_canaries)
    for done in chain.from_iterable(step(service, store, now) for step in steps):
        results.append(done)
        if not as_json and (not quiet or done.outcome in (UpdateOutcome.CHANGED, UpdateOutcome.FAILED)):
            _tell(done)
    counts = Counter(done.outcome for done in results)
    if changed := [done.what for done in results if done.outcome is UpdateOutcome.CHANGED]:
        Mark(Path(service.state_dir), MarkName.PROBE).leave(now, tuple(changed))
    if as_json:
        tell_json(results)
        if paths:
            store.expire_alternates(paths)
        sys.exit(1 if counts[UpdateOutcome.FAILED] else 0)
    for path, check in sorted(store.checks().items()):
        if check.failed_at is not None and check.confirmed_at is not None:
            hours = (context.clock() - check.confirmed_at) / 3600
            click.echo(f"kept       {path}  last confirmed {hours:.1f} hours ago: {check.error}")
    if paths:
        click.echo(f"{store.expire_alternates(paths)} older versions are not accepted any more")
    click.echo(", ".join(f"{counts[outcome]} {outcome.value}" for outcome in origin_update.ORIGIN_OUTCOMES))
    sys.exit(1 if counts[UpdateOutcome.FAILED] else 0)


def _tell(done: UpdateResult) -> None:
    click.echo(f"{done.outcome.value:9}  {done.what}  {done.detail}".rstrip())


def _watch(context: Context, service: Service, expired: tuple[str, ...], every: int) -> None:
    if expired:
        raise click.UsageError("--expire-alternates and --watch do not go together; expire first, then watch")
    if not service.origins:
        raise click.UsageError("service.yml names no origin; add 'origin:' with a directory or a URL")
    config = context.settings.config
    known = [(origin_update.sign_of(config), service)]

    def current() -> Service:
        """The service file, read again when it changes; a broken one leaves the last good one in effect."""
        sign, good = origin_update.sign_of(config), known[-1][1]
        if sign != known[-1][0]:
            try:
                good = context.service()
            except (ServiceFileError, click.UsageError) as error:
                log.error("service file refused, the last good one stays current", reason=str(error))
            known[:] = [(sign, good)]
        return good

    with stopped_by_signals() as stop:
        OriginWatch(current, context.settings.database, context.clock, every).follow(stop, only_news(_tell))


@update.command()
@click.option("--accept", "accepted", multiple=True, metavar="NAME",
              help="Take up the list of this mirror that waits for a person.")  # fmt: skip
@json_option
@pass_context
def subnets(context: Context, accepted: tuple[str, ...], as_json: bool) -> None:
    """Ask for the lists of networks that mirrors publish at a URL.

    Ends with status 1 if a list was refused; the former one stays for seven days.
    """
    service = context.service()
    fetching = partial(fetch, guard=guard_of(service))
    found = list(update_subnets(service, Path(service.state_dir), fetching, context.clock(), accepted))
    counts = _tell_all(found, as_json)
    for name in sorted(set(accepted) - {done.what for done in found}):
        raise NotFound(f"--accept {name}: no mirror of this name has a list at a URL")
    if not as_json:
        click.echo(", ".join(f"{counts[outcome]} {outcome.value}" for outcome in LIST_OUTCOMES))
    sys.exit(1 if counts[UpdateOutcome.REFUSED] else 0)


@update.command()
@click.option("--accept", "accepted", multiple=True, metavar="EDITION",
              help="Take up this database although something speaks against it.")  # fmt: skip
@json_option
@pass_context
def geo(context: Context, accepted: tuple[str, ...], as_json: bool) -> None:
    """Download the databases of geo.downloads that changed.

    A database is used after it was opened and held against the registries' data. Ends with status 1 if one was
    refused; the former one stays.
    """
    service = context.service()
    if not service.geo.downloads:
        raise click.UsageError("service.yml names no downloads; add 'geo: {downloads: [{vendor: dbip}]}'")
    _unknown(accepted, [each.edition for each in service.geo.downloads])
    update = DownloadUpdate(service, Downloader(download_session()), context.clock(), accepted)
    _renewed(update.databases(keys_of(context.settings), Known(country_of)), as_json)


@update.command()
@click.option("--accept", "accepted", multiple=True, metavar="PROVIDER",
              help="Take up these ranges although something speaks against them.")  # fmt: skip
@json_option
@pass_context
def clouds(context: Context, accepted: tuple[str, ...], as_json: bool) -> None:
    """Download the address ranges of geo.cloud_downloads that changed.

    Ends with status 1 if some were refused; the former ones stay.
    """
    service = context.service()
    if not service.geo.cloud_downloads:
        raise click.UsageError("service.yml names no clouds; add 'geo: {cloud_downloads: [aws, azure, gcp, oci]}'")
    _unknown(accepted, service.geo.cloud_downloads)
    _renewed(DownloadUpdate(service, Downloader(download_session()), context.clock(), accepted).clouds(), as_json)


@update.command("stats")
@json_option
@pass_context
def statistics(context: Context, as_json: bool) -> None:
    """Compile statistics of the whole days that were counted.

    The next generation publishes them. Counts of all workers of a day become one file.
    """
    today = datetime.fromtimestamp(context.clock(), UTC).date()
    done = update_statistics(state_dir_of(context), today)
    if as_json:
        outcome = UpdateOutcome.CHANGED if done else UpdateOutcome.UNCHANGED
        tell_json([UpdateResult("statistics", outcome)])
        return
    click.echo("statistics were compiled" if done else "statistics are as they were")


def _unknown(accepted: Iterable[str], known: Collection[str]) -> None:
    for name in accepted:
        if name not in known:
            raise NotFound(f"--accept {name}: unknown; known are {', '.join(known)}")


def _renewed(renewals: Iterable[UpdateResult], as_json: bool) -> None:
    """Writes what came of each, and ends with status 1 if one was refused."""
    outcomes = _tell_all(renewals, as_json)
    sys.exit(1 if UpdateOutcome.REFUSED in outcomes else 0)


def _tell_all(results: Iterable[UpdateResult], as_json: bool) -> Counter[UpdateOutcome]:
    """Writes a line for each as it comes, or all as JSON; how many came to what."""
    found = []
    for each in results:
        found.append(each)
        if not as_json:
            click.echo(f"{each.outcome.value:9}  {each.what}  {each.detail}")
    if as_json:
        tell_json(found)
    return Counter(each.outcome for each in found)


def _paths(catalogue: Catalogue, name: str) -> list[str]:
    """The paths of ``repo=`` names: one for each arch."""
    names = repo_names(catalogue)
    if name not in names:
        raise NotFound(f"--expire-alternates {name}: unknown; write the repository and the version, as in baseos-9")
    wanted = target(catalogue, *names[name])
    return [
        content_key(found.module, found.path.replace("$basearch", arch or ""))
        for found, arch in published(catalogue)
        if (found.module, found.path) == (wanted.module, wanted.path)
    ]


update.add_command(files)
