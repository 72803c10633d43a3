"""``mirrorlist rsync-acl``: which addresses the project's sources let in."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from mirrorlist.cli.context import Context, pass_context
from mirrorlist.cli.kit import known_mirrors
from mirrorlist.cli.reviews import plain_line
from mirrorlist.core.access_list import entries, is_let_in, rsyncd_lines
from mirrorlist.core.lifecycle import status_on
from mirrorlist.core.model import Mirror
from mirrorlist.sources.networks import canonical_network
from mirrorlist.sources.submission import Terms
from mirrorlist.sources.submitted_links import from_fault
from mirrorlist.sources.terms import terms_of


@click.command("rsync-acl")
@pass_context
def rsync_acl(context: Context) -> None:
    """Print lines of rsyncd.conf that let in the accepted mirrors.

    They are known by sync.from of their files.

    Mirrors that are left out are told on standard error. The status is 0; 1 if the service file cannot be used.
    """
    service = context.service()
    terms = terms_of(service)
    today = datetime.fromtimestamp(context.clock(), UTC).date()
    accepted = [each for each in known_mirrors(service) if is_let_in(status_on(each, today))]
    allowed = []
    for mirror in accepted:
        pattern = _pattern(mirror, terms)
        if pattern:
            allowed.append((pattern, mirror.name))
    click.echo(rsyncd_lines(entries(allowed)), nl=False)
    missing = len([each for each in accepted if each.sync_from is None])
    if missing:
        click.echo(f"{missing} accepted mirrors have no sync.from in their file, and are not let in", err=True)


def _pattern(mirror: Mirror, terms: Terms) -> str | None:
    """What rsyncd shall let in for a mirror, if its file says so and the rules allow it."""
    said = mirror.sync_from
    if said is None:
        return None
    if fault := from_fault(said, mirror.name, terms):
        click.echo(plain_line(f"{mirror.name} is not let in: sync.from {fault[1]}"), err=True)
        return None
    return canonical_network(said) or said
