"""``mirrorlist update``: take up what others publish."""

from __future__ import annotations

import sys
from collections import Counter
from functools import partial
from itertools import chain
from pathlib import Path

import click

from mirrorlist.checks.fetch import fetch
from mirrorlist.cli.context import Context, pass_context
from mirrorlist.cli.files import files
from mirrorlist.cli.probe import guard_of
from mirrorlist.core.catalogue import Catalogue, published, repo_names, target
from mirrorlist.core.errors import NotFound
from mirrorlist.store.database import open_database
from mirrorlist.store.metadata import MetadataStore
from mirrorlist.subnets import Outcome as ListOutcome
from mirrorlist.subnets import update_subnets
from mirrorlist.update import Outcome, update_images, update_metadata, update_time_files


@click.group()
def update() -> None:
    """Take up what others publish."""


@update.command()
@click.option("--expire-alternates", "expired", multiple=True, metavar="REPO",
              help="Accept only the current metadata of REPO (as baseos-9): after a security push.")  # fmt: skip
@click.option("--quiet", is_flag=True, help="Tell changes and failures only.")
@pass_context
def metadata(context: Context, expired: tuple[str, ...], quiet: bool) -> None:
    """Read the origin's repomd.xml files, image sizes and time files.

    Ends with status 1 if the origin failed for some; what was known of these stays in force.
    """
    service = context.service()
    store = MetadataStore(open_database(Path(service.state_dir), context.settings.database))
    if not service.origins:
        raise click.UsageError("service.yml names no origin; add 'origin:' with a directory or a URL")
    paths = [path for name in expired for path in _paths(service.catalogue, name)]
    counts: Counter[Outcome] = Counter()
    steps, now = (update_metadata, update_images, update_time_files), context.clock()
    for done in chain.from_iterable(step(service, store, now) for step in steps):
        counts[done.outcome] += 1
        if not quiet or done.outcome in (Outcome.CHANGED, Outcome.FAILED):
            click.echo(f"{done.outcome.value:9}  {done.path}  {done.reason}".rstrip())
    _tell_ages(store, context.clock())
    if paths:
        click.echo(f"{store.expire_alternates(paths)} older versions are not accepted any more")
    click.echo(", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome))
    sys.exit(1 if counts[Outcome.FAILED] else 0)


@update.command()
@click.option("--accept", "accepted", multiple=True, metavar="NAME",
              help="Take up the list of this mirror that waits for a person.")  # fmt: skip
@pass_context
def subnets(context: Context, accepted: tuple[str, ...]) -> None:
    """Ask for the lists of networks that mirrors publish at a URL.

    Ends with status 1 if a list was refused; the former one stays for seven days.
    """
    service = context.service()
    fetching = partial(fetch, guard=guard_of(service))
    counts: Counter[ListOutcome] = Counter()
    found = list(update_subnets(service, Path(service.state_dir), fetching, context.clock(), accepted))
    for done in found:
        counts[done.outcome] += 1
        click.echo(f"{done.outcome.value:9}  {done.mirror}  {done.told}")
    for name in sorted(set(accepted) - {done.mirror for done in found}):
        raise NotFound(f"--accept {name}: no mirror of this name has a list at a URL")
    click.echo(", ".join(f"{counts[outcome]} {outcome.value}" for outcome in ListOutcome))
    sys.exit(1 if counts[ListOutcome.REFUSED] else 0)


def _paths(catalogue: Catalogue, name: str) -> list[str]:
    """The paths of ``repo=`` names: one for each arch."""
    names = repo_names(catalogue)
    if name not in names:
        raise NotFound(f"--expire-alternates {name}: unknown; write the repository and the version, as in baseos-9")
    wanted = target(catalogue, *names[name])
    return [
        found.path.replace("$basearch", arch or "") for found, arch in published(catalogue) if found.path == wanted.path
    ]


def _tell_ages(store: MetadataStore, now: float) -> None:
    """Names what is served although the origin did not confirm it this time, with its age."""
    for path, check in sorted(store.checks().items()):
        if check.failed_at is not None and check.confirmed_at is not None:
            hours = (now - check.confirmed_at) / 3600
            click.echo(f"kept       {path}  last confirmed {hours:.1f} hours ago: {check.error}")


update.add_command(files)
