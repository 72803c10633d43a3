"""``mirrorlist serve``: the publisher and the workers of the service."""

from __future__ import annotations

import sys

import click

from mirrorlist.cli.shared.context import Context, existing, pass_context
from mirrorlist.ports import held_port
from mirrorlist.server import Serving, become
from mirrorlist.settings import export, hook_secret


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="The port.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 256), help="One for each core.")
@click.option(
    "--metadata-every",
    type=click.FloatRange(min=0),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="How often the origin is asked for its metadata; 0 is never.",
)
@click.option("--files-every", type=click.FloatRange(min=0), default=0, show_default=True, metavar="SECONDS",
              help="Update files so long after the end of a run; 0 is never.")  # fmt: skip
@pass_context
def serve(context: Context, host: str, port: int, workers: int, metadata_every: float, files_every: float) -> None:
    """Answer clients. One process compiles snapshots, the workers only read them."""
    service = context.service()
    try:
        hook_secret(context.settings)  # the workers read it again, and would tell nobody
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    held = held_port(host, port)
    held.set_inheritable(True)
    export(context.settings, service.state_dir)
    click.echo(f"{service.name}: http://{host}:{port}/mirrorlist/<version>/<repository>", err=True)
    publisher = _publisher(context, service.state_dir)
    publisher += ["--metadata-every", str(metadata_every), "--files-every", str(files_every)]
    become(Serving(host, port, workers, service.state_dir, publisher, held.fileno()))


def _publisher(context: Context, state_dir: str) -> list[str]:
    """The state is named, so that a publisher that is started again finds it while the service file is broken."""
    settings = context.settings
    command = [sys.executable, "-m", "mirrorlist", "--config", str(existing(settings.config))]
    command += ["--mirrors", str(settings.mirrors)] if settings.mirrors else []
    return [*command, "--state", state_dir, "publish", "--watch"]
