"""``mirrorlist keeper``: all periodic work of a service, without answering clients."""

from __future__ import annotations

import click

from mirrorlist.cli.output.durations import DURATION
from mirrorlist.cli.shared.context import Context, own_command, pass_context
from mirrorlist.server import Serving, become
from mirrorlist.settings import export


@click.command()
@click.option("--metadata-every", type=click.FloatRange(min=0), default=300, show_default=True, metavar="SECONDS",
              help="How often the origin is asked for its metadata; 0 is never.")  # fmt: skip
@click.option("--files-every", type=click.FloatRange(min=0), default=0, show_default=True, metavar="SECONDS",
              help="Update files this long after the end of a run; 0 is never.")  # fmt: skip
@click.option("--probe-every", type=DURATION, default="15m", show_default=True, help="Interval between two runs.")
@click.option("--no-probe", is_flag=True, help="Another process probes.")
@pass_context
def keeper(
    context: Context,
    metadata_every: float,
    files_every: float,
    probe_every: int,
    no_probe: bool,
) -> None:
    """Do all periodic work without answering clients; jobs shows it.

    It runs beside serve --no-keeper, or on a machine that answers no clients. Of several that share a database
    one publishes and runs the jobs, and one probes; the others wait.
    """
    service = context.service()
    export(context.settings, service.state_dir)
    command = own_command(context, service.state_dir)
    every = ["--metadata-every", str(metadata_every), "--files-every", str(files_every)]
    prober = [*command, "probe", "--quiet", "--every", f"{probe_every}s"]
    become(
        Serving(
            workers=0,
            state_dir=service.state_dir,
            publisher=[*command, "publish", "--watch", "--jobs", *every],
            claimed=None,
            lock=None,
            prober=[] if no_probe else prober,
        )
    )
