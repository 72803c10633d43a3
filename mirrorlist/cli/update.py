"""``mirrorlist update``: take up what others publish."""

from __future__ import annotations

import sys
from collections import Counter

import click

from mirrorlist.cli.context import Context, pass_context
from mirrorlist.cli.files import files
from mirrorlist.core.catalogue import Catalogue, published, repo_names, target
from mirrorlist.core.errors import NotFound
from mirrorlist.store.metadata import MetadataStore
from mirrorlist.update import Outcome, update_metadata


@click.group()
def update() -> None:
    """Take up what others publish."""


@update.command()
@click.option("--expire-alternates", "expired", multiple=True, metavar="REPO",
              help="Accept only the current metadata of REPO (as baseos-9): after a security push.")  # fmt: skip
@click.option("--quiet", is_flag=True, help="Tell changes and failures only.")
@pass_context
def metadata(context: Context, expired: tuple[str, ...], quiet: bool) -> None:
    """Ask the origin for each repomd.xml and note what it publishes.

    Ends with status 1 if the origin failed for some; what was known of these stays in force.
    """
    service = context.service()
    store = context.store(service)
    if not service.origins:
        raise click.UsageError("service.yml names no origin; add 'origin:' with a directory or a URL")
    paths = [path for name in expired for path in _paths(service.catalogue, name)]
    counts: Counter[Outcome] = Counter()
    for done in update_metadata(service, store, context.clock()):
        counts[done.outcome] += 1
        if not quiet or done.outcome in (Outcome.CHANGED, Outcome.FAILED):
            click.echo(f"{done.outcome.value:9}  {done.path}  {done.reason}".rstrip())
    _tell_ages(store, context.clock())
    if paths:
        click.echo(f"{store.expire_alternates(paths)} older versions are not accepted any more")
    click.echo(", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome))
    sys.exit(1 if counts[Outcome.FAILED] else 0)


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
