"""The command ``mirrorlist``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from mirrorlist import __version__
from mirrorlist.cli.shared.context import Context
from mirrorlist.cli.shared.help import SuggestingGroup, exits, manual, with_examples
from mirrorlist.logs import set_up_logs
from mirrorlist.settings import LOG_FORMATS, read_settings

SECTIONS: Mapping[str, Mapping[str, str]] = {
    "Set up and serve": {
        "init": "Write the files of a new installation into DIR.",
        "serve": "Answer clients.",
        "keeper": "Do all periodic work without answering clients; jobs shows it.",
        "publish": "Compile the files into a snapshot.",
        "demo": "Run a small mirror network and the service on 127.0.0.1.",
    },
    "See how the service is": {
        "doctor": "Find what is wrong with the service, and say how to fix it.",
        "jobs": "Show when each periodic job ran and runs next, and what failed.",
        "report": "Report what needs attention in the network served now.",
        "counts": "Show what was answered, by route, country, mirror and more.",
        "stats": "Show what was asked for week by week, and by whom.",
    },
    "See what clients get": {
        "explain": "Explain the mirrors for a client at --ip.",
        "list": "Write what a client at --ip gets.",
        "compare": "Compare the answers of another service with this one's.",
        "mirrors": "Show every mirror that is loaded.",
        "health": "Show the health of the mirror NAME, and what to do.",
        "which": "Show which mirrors have the file at PATH, and which lack it.",
    },
    "Write and check mirror files": {
        "new": "Write the file of a new mirror, and judge it as a submission.",
        "validate": "Judge FILES, or all mirror files, as submissions.",
        "preview": "Show what merging FILES does.",
        "import": "Write mirror files from another service's data in SOURCE.",
        "pull": "Follow the REPOSITORY of the reviewed mirror files.",
    },
    "Work with mirror owners": {
        "kit": "Write everything that the owner of the mirror NAME installs.",
        "rsync-acl": "Print lines of rsyncd.conf that let in the accepted mirrors.",
        "mail": "Write to the owners of mirrors that are out, back or in need.",
        "override": "Keep the mirror NAME out of all lists, or put it back.",
    },
    "Renew what is known": {
        "probe": "Visit all mirrors, and note which are good for what.",
        "update": "Update from what others publish.",
        "notify": "Say that the origin has changed.",
        "release": "Follow a release over the mirrors.",
    },
    "Run several machines": {
        "channel-key": "Make or read the signing key of a snapshot channel.",
        "follow": "Take up the generations of a snapshot channel.",
    },
}
"""The commands by purpose, in the order of the help, with their first sentences: showing them loads none."""

NAMED_OTHERWISE = {"import": "import_.import_", "list": "list.list_", "follow": "follow.follow_", "pull": "pull.pull_",
                   "report": "report.report_"}  # fmt: skip
COMMANDS: Mapping[str, str] = {
    name: NAMED_OTHERWISE.get(name, f"{name.replace('-', '_')}.{name.replace('-', '_')}")
    for section in SECTIONS.values()
    for name in section
}
"""Each command, and its module of this folder and what it is called there; to add one: its file and its row.

Only the one that is called is loaded: all of them together take a second, at every start.
"""


class _Commands(SuggestingGroup):
    """The commands of the table, by section, which report each error in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(".")
        return with_examples(cmd_name, getattr(import_module(f"mirrorlist.cli.{module}"), name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        widest = max(map(len, COMMANDS))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:{widest}}", told) for name, told in commands.items()])

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        run: Callable[..., Any] = super().main
        if not standalone_mode:
            return run(*args, standalone_mode=False, **extra)
        for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
            if getattr(sys, name) is None:  # it is closed, and the next file or socket would get its descriptor
                opened = Path(os.devnull).open(mode)  # noqa: SIM115
                os.set_inheritable(opened.fileno(), True)
                setattr(sys, name, opened)
        return exits(lambda: run(*args, standalone_mode=False, **extra))


def _write_man_page(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        assert isinstance(context.command, click.Group)
        click.echo(manual(context.command, SECTIONS), nl=False)
        context.exit()


EPILOG = """\b
Examples:
  mirrorlist init /etc/mirrorlist
  mirrorlist explain --ip 192.0.2.1 --version 9 --repo baseos

mirrorlist COMMAND --help shows its options and two examples."""


@click.group(cls=_Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mirrorlist")
@click.option("--man", is_flag=True, is_eager=True, expose_value=False, callback=_write_man_page,
              help="Write the man page and exit.")  # fmt: skip
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
    if settings.no_color:
        ctx.color = False
    set_up_logs(log_format or settings.log_format, not settings.no_color)
    ctx.obj = Context(
        replace(
            settings,
            log_format=log_format or settings.log_format,
            config=config or settings.config,
            mirrors=mirrors_dir or settings.mirrors,
            state=state or settings.state,
        )
    )
