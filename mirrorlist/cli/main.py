"""The command ``mirrorlist``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import click

from mirrorlist import __version__
from mirrorlist.cli.shared.context import Context, told
from mirrorlist.logs import set_up_logs
from mirrorlist.settings import LOG_FORMATS, read_settings

COMMANDS: Mapping[str, str] = {
    "channel-key": "channel_key.channel_key",
    "counts": "counts.counts",
    "demo": "demo.demo",
    "doctor": "doctor.doctor",
    "explain": "explain.explain",
    "follow": "follow.follow_",
    "health": "health.health",
    "import": "import_.import_",
    "init": "init.init",
    "jobs": "jobs.jobs",
    "keeper": "keeper.keeper",
    "kit": "kit.kit",
    "list": "list.list_",
    "mail": "mail.mail",
    "mirrors": "mirrors.mirrors",
    "new": "new.new",
    "notify": "notify.notify",
    "override": "override.override",
    "preview": "preview.preview",
    "probe": "probe.probe",
    "publish": "publish.publish",
    "pull": "pull.pull_",
    "release": "release.release",
    "report": "report.report_",
    "rsync-acl": "rsync_acl.rsync_acl",
    "serve": "serve.serve",
    "stats": "stats.stats",
    "update": "update.update",
    "validate": "validate.validate",
    "which": "which.which",
}
"""Each command, and its module of this folder and what it is called there; to add one: its file and its row.

Only the one that is called is loaded: all of them together take a second, at every start.
"""


class _Commands(click.Group):
    """The commands of the table, which report each error in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(".")
        command: click.Command = getattr(import_module(f"mirrorlist.cli.{module}"), name)
        return command

    def invoke(self, ctx: click.Context) -> object:
        with told():
            return super().invoke(ctx)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mirrorlist")
@click.option("--config", type=click.Path(path_type=Path), help="The service file.  [default: service.yml]")
@click.option("--mirrors", "mirrors_dir", type=click.Path(path_type=Path), help="The directory of mirror files.")
@click.option("--state", type=click.Path(path_type=Path), help="The directory of the state.")
@click.option("--log-format", type=click.Choice(LOG_FORMATS), help="Of what is logged.  [default: auto]")
@click.pass_context
def main(
    ctx: click.Context, config: Path | None, mirrors_dir: Path | None, state: Path | None, log_format: str | None
) -> None:
    """Ordered mirrorlists and metalinks for Linux distributions, by network and place."""
    try:
        settings = read_settings()
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    set_up_logs(log_format or settings.log_format)
    ctx.obj = Context(
        replace(
            settings,
            log_format=log_format or settings.log_format,
            config=config or settings.config,
            mirrors=mirrors_dir or settings.mirrors,
            state=state or settings.state,
        )
    )
