"""The command ``mirrorlist``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from mirrorlist import __version__
from mirrorlist.cli.context import Context, told
from mirrorlist.cli.counts import counts
from mirrorlist.cli.demo import demo
from mirrorlist.cli.explain import explain
from mirrorlist.cli.health import health
from mirrorlist.cli.import_ import import_
from mirrorlist.cli.kit import kit
from mirrorlist.cli.list import list_
from mirrorlist.cli.mirrors import mirrors
from mirrorlist.cli.new import new
from mirrorlist.cli.override import override
from mirrorlist.cli.preview import preview
from mirrorlist.cli.probe import probe
from mirrorlist.cli.publish import publish
from mirrorlist.cli.pull import pull_
from mirrorlist.cli.report import report_
from mirrorlist.cli.rsync_acl import rsync_acl
from mirrorlist.cli.serve import serve
from mirrorlist.cli.update import update
from mirrorlist.cli.validate import validate
from mirrorlist.cli.which import which
from mirrorlist.logs import set_up_logs
from mirrorlist.settings import read_settings


class _Told(click.Group):
    """A group whose commands tell their errors in a line."""

    def invoke(self, ctx: click.Context) -> object:
        with told():
            return super().invoke(ctx)


@click.group(cls=_Told, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mirrorlist")
@click.option("--config", type=click.Path(path_type=Path), help="The service file.  [default: service.yml]")
@click.option("--mirrors", "mirrors_dir", type=click.Path(path_type=Path), help="The directory of mirror files.")
@click.option("--state", type=click.Path(path_type=Path), help="The directory of the state.")
@click.pass_context
def main(ctx: click.Context, config: Path | None, mirrors_dir: Path | None, state: Path | None) -> None:
    """Ordered mirrorlists and metalinks for Linux distributions, by network and place."""
    set_up_logs()
    try:
        settings = read_settings()
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    ctx.obj = Context(
        replace(
            settings,
            config=config or settings.config,
            mirrors=mirrors_dir or settings.mirrors,
            state=state or settings.state,
        )
    )


COMMANDS = (
    serve, publish, probe, demo, validate, explain, list_, mirrors, health, override, update, counts, which, preview,
    pull_, report_, import_, kit, rsync_acl, new,
)  # fmt: skip
for command in COMMANDS:
    main.add_command(command)
