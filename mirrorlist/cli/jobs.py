"""``mirrorlist jobs``: when each periodic job ran, and when it runs next."""

from __future__ import annotations

import sys

import click
from rich.console import Console
from rich.table import Table

from mirrorlist.cli.output.durations import moment
from mirrorlist.cli.shared.context import Context, json_option, pass_context, state_dir_of, tell_json
from mirrorlist.store.jobs import JobRecords


@click.command()
@json_option
@pass_context
def jobs(context: Context, as_json: bool) -> None:
    """Show when each periodic job ran and runs next, and what failed.

    The status is 1 if the last run of a job failed.
    """
    records = JobRecords(state_dir_of(context)).all()
    if as_json:
        tell_json(records)
    elif not records:
        click.echo("No job ran here yet: start mirrorlist serve or mirrorlist keeper.")
    else:
        table = Table(box=None, header_style="bold")
        for heading in ("Job", "Began (UTC)", "Took", "Next (UTC)", "Result"):
            table.add_column(heading, overflow="fold")
        for record in records:
            took = "" if record.seconds is None else f"{record.seconds:.1f} s"
            following = "" if record.next_at is None else moment(record.next_at)
            ended = f"failed: {record.error}" if record.error else "good"
            result = "runs, or was cut off" if record.is_running else ended
            table.add_row(record.name, moment(record.begun_at), took, following, result)
        Console(highlight=False).print(table, end="")
    sys.exit(1 if any(record.error for record in records) else 0)
