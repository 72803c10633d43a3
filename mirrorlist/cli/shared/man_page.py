"""The man page, from the commands themselves: ``mirrorlist --man``. It is roff with the macros of man(7)."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping

import click

from mirrorlist import __version__
from mirrorlist.cli.shared.help import EXAMPLES
from mirrorlist.settings import SETTINGS

DESCRIPTION = (
    "mirrorlist answers dnf, yum, zypper, apt and other clients with the mirrors of a distribution that suit them, "
    "best first, and redirects them to single files. It watches the mirrors, leaves out those that are down or stale, "
    "and explains every answer."
)
STATUS = {
    "0": "The command did what it was asked for.",
    "1": "Something was refused, failed, or found wrong.",
    "2": "The command was called wrongly, or has nothing to work on.",
    "130": "Ctrl-C ended it.",
}
FILES = {
    "service.yml": "The service file, in the directory where the command is started or where --config says.",
    "mirrors.d/*.yml": "One file per mirror.",
}
_LINE = re.compile(r"^(?=[.'])", re.MULTILINE)


def roff(text: str) -> str:
    """A text without any meaning for roff (groff_char(7), man(7))."""
    return _LINE.sub(r"\\&", text.replace("\\", r"\e").replace("-", r"\-"))


def manual(program: click.Group, sections: Mapping[str, Mapping[str, str]]) -> str:
    """The whole page of a program, whose commands are in these sections."""
    return "\n".join(_lines(program, sections)) + "\n"


def _lines(program: click.Group, sections: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    yield f'.TH MIRRORLIST 1 "" "mirrorlist {__version__}" "User Commands"'
    yield ".SH NAME"
    yield roff("mirrorlist") + r" \- " + roff("ordered mirrorlists and metalinks for Linux distributions")
    yield ".SH SYNOPSIS"
    yield r".B mirrorlist" + "\n" + roff("[OPTIONS] COMMAND [ARGUMENTS]")
    yield ".SH DESCRIPTION"
    yield roff(DESCRIPTION)
    yield ".SH OPTIONS"
    context = click.Context(program, info_name="mirrorlist")
    yield from _options(program, context)
    for title, commands in sections.items():
        yield f'.SH "{roff(title.upper())}"'
        for name in commands:
            command = program.get_command(context, name)
            assert command is not None
            yield from _command(name, command, context)
    yield ".SH EXIT STATUS"
    yield from _terms(STATUS)
    yield ".SH ENVIRONMENT"
    yield from _terms({each.name: each.help.replace("`", "") for each in SETTINGS})
    yield ".SH FILES"
    yield from _terms(FILES)
    yield ".SH SEE ALSO"
    yield roff("The documentation of the package in /usr/share/doc/mirrorlist, and ") + r"\fBrsync\fR(1), \fBdnf\fR(8)."


def _command(name: str, command: click.Command, above: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=name.split()[-1], parent=above)
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            each = command.get_command(context, below)
            assert each is not None
            yield from _command(f"{name} {below}", each, context)
        return
    yield f'.SS "{roff(f"mirrorlist {name}")}"'
    usage = " ".join(command.collect_usage_pieces(context))
    yield roff(f"mirrorlist {name} {usage}")
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        yield ".PP\n" + roff(" ".join(paragraph.split()))
    yield from _options(command, context)
    yield ".PP\nExamples:\n.PP\n.RS 4\n.nf"
    yield "\n".join(roff(f"mirrorlist {each}") for each in EXAMPLES[name])
    yield ".fi\n.RE"


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    rows = (each.get_help_record(context) for each in command.get_params(context))
    yield from _terms(dict(row for row in rows if row))


def _terms(rows: dict[str, str]) -> Iterator[str]:
    for term, told in rows.items():
        yield f".TP\n\\fB{roff(term)}\\fR\n{roff(' '.join(told.split()))}"
