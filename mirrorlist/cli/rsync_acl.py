"""``mirrorlist rsync-acl``: which addresses the project's sources let in."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from mirrorlist.cli.output.reviews import plain_line
from mirrorlist.cli.shared.compiled import known_mirrors
from mirrorlist.cli.shared.context import Context, json_option, pass_context, tell_json
from mirrorlist.core.mirror import status_on
from mirrorlist.core.network.prefixes import canonical_network
from mirrorlist.core.owners.access_list import entries, is_let_in, rsyncd_lines


@click.command("rsync-acl")
@json_option
@pass_context
def rsync_acl(context: Context, as_json: bool) -> None:
    """Print lines of rsyncd.conf that let in the accepted mirrors.

    Their addresses are those of sync.from in their files.

    Mirrors that are left out are reported on standard error. The status is 0; 1 if the service file cannot be used.
    """
    service = context.service()
    today = datetime.fromtimestamp(context.clock(), UTC).date()
    accepted = [each for each in known_mirrors(service) if is_let_in(status_on(each, today))]
    allowed = [
        (canonical_network(mirror.sync_from) or mirror.sync_from, mirror.name)
        for mirror in accepted
        if mirror.sync_from
    ]
    if as_json:
        tell_json(entries(allowed))
    else:
        click.echo(rsyncd_lines(entries(allowed)), nl=False)
    missing = 0
    for mirror in accepted:
        refused = [part for part in mirror.withheld if part.of == "sync.from"]
        for part in refused:
            click.echo(plain_line(f"{mirror.name} is not let in: {part.finding.message}"), err=True)
        missing += not (mirror.sync_from or refused)
    if missing:
        click.echo(f"{missing} accepted mirrors have no sync.from in their file, and are not let in", err=True)
