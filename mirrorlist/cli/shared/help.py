"""Help: examples of every command, names near a mistyped one, errors in one line each, and the man page.

To add a command: two examples here. Its help, the man page and a test show and try them.
"""

from __future__ import annotations

import inspect
import re
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from mirrorlist import __version__
from mirrorlist.core.errors import MirrorlistError, ServiceFileError
from mirrorlist.settings import SETTINGS

EXAMPLES: Mapping[str, tuple[str, str]] = {
    "channel-key": ("channel-key /etc/mirrorlist/channel.key", "--config /etc/mirrorlist/service.yml channel-key key"),
    "compare": (
        "compare https://old.example.org --ip 192.0.2.1",
        "compare https://old.example.org --clients clients.txt --repo baseos-9 --json",
    ),
    "counts": ("counts --days 30 --by country", "counts --json"),
    "demo": ("demo", "demo --once"),
    "doctor": ("doctor", "doctor --port 8080 --json"),
    "explain": (
        "explain --ip 192.0.2.1 --version 9 --repo baseos",
        "explain --ip 192.0.2.1 --version 9 --repo baseos --arch x86_64 --all",
    ),
    "follow": ("follow https://mirrors.example.org/channel/ --key KEY", "follow /srv/channel --key KEY --once"),
    "health": ("health mirror.example.org", "health --rungs"),
    "import": (
        "import mirrormanager hosts.json --category 'Fedora Linux' --out new",
        "import table mirrors.csv --columns name,url,country,- --out new",
    ),
    "init": ("init /etc/mirrorlist", "init /etc/mirrorlist --name 'Example Linux' --host mirrors.example.org"),
    "jobs": ("jobs", "jobs --json"),
    "keeper": ("keeper", "keeper --no-probe --metadata-every 60"),
    "kit": ("kit mirror.example.org", "kit mirror.example.org --server caddy --out kit"),
    "list": (
        "list --ip 192.0.2.1 --version 9 --repo baseos",
        "list --ip 2001:db8::1 --version 9 --repo baseos --arch x86_64 --format metalink",
    ),
    "mail": ("mail --dry-run", "mail"),
    "mirrors": ("mirrors", "mirrors --names"),
    "new": ("new", "new --https https://mirror.example.org/linux/ --country DE --email admin@example.org"),
    "notify": ("notify", "notify --url https://mirrors.example.org/"),
    "override": (
        "override mirror.example.org --out --for 6h --reason 'It sends damaged packages.'",
        "override mirror.example.org --clear",
    ),
    "preview": (
        "preview mirrors.d/mirror.example.org.yml",
        "preview mirrors.d/mirror.example.org.yml --traffic 40Gbit/s --map map.svg",
    ),
    "probe": ("probe", "probe --mirror mirror.example.org"),
    "publish": ("publish", "publish --watch"),
    "pull": ("pull https://git.example.org/mirrors.git --into /srv/mirrors", "pull mirrors.git --into copy --every 5m"),
    "release wait": ("release wait --repo baseos-9", "release wait --repo baseos-9 --percent 90 --timeout 2h"),
    "report": ("report", "report --patch down.patch --down-days 30"),
    "rsync-acl": ("rsync-acl", "rsync-acl --json"),
    "serve": ("serve", "serve --host 0.0.0.0 --port 8080 --workers 4"),
    "stats": ("stats --weeks 12 --by version", "stats --csv"),
    "update clouds": ("update clouds", "update clouds --accept aws"),
    "update files": ("update files --once", "update files --mirror mirror.example.org"),
    "update geo": ("update geo", "update geo --accept dbip-city-lite"),
    "update metadata": ("update metadata", "update metadata --watch --every 1m"),
    "update stats": ("update stats", "--state /var/lib/mirrorlist update stats"),
    "update subnets": ("update subnets", "update subnets --accept mirror.example.org"),
    "validate": ("validate", "validate --online mirrors.d/mirror.example.org.yml"),
    "which": ("which 9/isos/x86_64/image.iso", "which 9/isos/x86_64/image.iso --module main --json"),
}
"""Two calls of each command, as they are typed after ``mirrorlist``."""


def with_examples(name: str, command: click.Command) -> click.Command:
    """The command, with its examples below its help."""
    if isinstance(command, click.Group):
        for below, each in command.commands.items():
            with_examples(f"{name} {below}", each)
    elif name in EXAMPLES:
        lines = "".join(f"  mirrorlist {each}\n" for each in EXAMPLES[name])
        command.epilog = f"\b\nExamples:\n{lines}"
    return command


class SuggestingGroup(click.Group):
    """A group that names the nearest command where one is mistyped."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Raises click.UsageError for a command that there is not."""
        name, known = args[0], self.list_commands(ctx)
        if name in known or name.startswith("-"):
            return super().resolve_command(ctx, args)
        near = get_close_matches(name.lower()[:64], known, n=1)
        remedy = f"did you mean {near[0]}?" if near else f"{ctx.command_path} --help shows all"
        raise click.UsageError(f"there is no command {name!r}; {remedy}", ctx)


def in_one_line(run: Callable[[], Any], directory: Path | None = None) -> int:
    """Runs a command; every error is a line on standard error. The status is that of the table in docs/commands.md.

    A fault of the program leaves its traceback in a file of ``directory``, or of that for temporary files.
    """
    try:
        status = run()
    except ServiceFileError as error:
        for finding in error.findings:
            click.echo(str(finding), err=True)
        return 1
    except MirrorlistError as error:
        return _failed(1, str(error))
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.UsageError as error:
        return _failed(2, _said(error))
    except click.ClickException as error:
        return _failed(error.exit_code, error.format_message())
    except (click.Abort, KeyboardInterrupt):
        return _failed(130, "interrupted")
    except OSError as error:
        return _failed(1, _of_system(error))
    except Exception as error:  # noqa: BLE001  # the boundary of the commands
        return _failed(1, _internal(error, directory))
    return status if isinstance(status, int) else 0


def _failed(status: int, message: str) -> int:
    click.echo(f"error: {' '.join(message.split())}", err=True)
    return status


def _said(error: click.UsageError) -> str:
    """What is wrong with a call, in the tone of the other messages, and where its help is."""
    path = error.ctx.command_path if error.ctx else "mirrorlist"
    if isinstance(error, click.NoSuchOption):
        near = f"did you mean {error.possibilities[0]}?" if error.possibilities else f"{path} --help shows all"
        return f"there is no option {error.option_name!r}; {near}"
    message = error.format_message()
    if isinstance(error, click.MissingParameter):
        return f"{message[:1].lower()}{message[1:].rstrip('.')}; {path} --help shows an example"
    return f"{message[:1].lower()}{message[1:]}" if isinstance(error, click.BadParameter) else message


def _of_system(error: OSError) -> str:
    """An error of the operating system without its number."""
    reason = error.strerror or str(error) or type(error).__name__
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{reason[:1].lower()}{reason[1:]}; correct it, then start the command again"


def _internal(error: Exception, directory: Path | None) -> str:
    """A fault of this program or of a library: its name, and where the traceback is kept."""
    if type(error).__module__.startswith("sqlalchemy"):
        return f"the database cannot be used: {str(error).splitlines()[0]}; mirrorlist doctor looks at it"
    at = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(at.filename).name}:{at.lineno}"
    with tempfile.NamedTemporaryFile("w", prefix="mirrorlist-", suffix=".txt", dir=directory, delete=False) as kept:
        kept.write("".join(traceback.format_exception(error)))
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"mirrorlist has a fault ({said} at {place}); report it with the file {kept.name}"


def exits(run: Callable[[], Any]) -> None:
    """Runs a command, and ends this process with its status."""
    sys.exit(in_one_line(run))


# The man page, from the commands themselves: ``mirrorlist --man``. It is roff with the macros of man(7).

DESCRIPTION = (
    "mirrorlist answers dnf, yum, zypper, apt and other clients with the mirrors of a distribution that suit them, "
    "best first, and redirects them to single files. It watches the mirrors, leaves out those that are down or stale, "
    "and explains every answer."
)
STATUS = {
    "0": "The command did what it was asked for.",
    "1": "Something was refused, failed or was found wrong, or a name is unknown.",
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
