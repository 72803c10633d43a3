"""The man page has every command, option and exit code, and man shows it without a complaint."""

from __future__ import annotations

import re
import subprocess

import click
import pytest
from click.testing import CliRunner

from mirrorlist.cli.main import main
from mirrorlist.cli.shared.help import STATUS, roff
from tests.clients.tools import need
from tests.test_docs import ALL
from tests.test_docs import COMMANDS as PAGE


def shown(text: str) -> str:
    """The page as a terminal shows it."""
    need("groff")
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-P-cbou", "-rLL=200n"],
        input=text,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


def test_every_command_and_option_is_in_the_page() -> None:
    text = (
        shown(CliRunner().invoke(main, ["--man"], prog_name="mirrorlist").stdout)
        .replace("\u2010", "-")
        .replace("\u2212", "-")
    )
    for name, command in ALL.items():
        section = re.split(rf"^   {name}$", text, flags=re.MULTILINE)[1]
        section = re.split(r"^(?:   )?\S", section, maxsplit=1, flags=re.MULTILINE)[0]
        for option in (each for each in command.params if isinstance(each, click.Option)):
            assert option.opts[0] in section, (name, option.opts)
        assert section.count("  mirrorlist ") >= 3, name


def test_the_exit_codes_are_those_of_the_docs() -> None:
    table = PAGE.split("## Exit codes")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| (\d+) \| (.*?) \|", table, re.MULTILINE))
    assert rows.keys() == STATUS.keys()
    assert {code: rows[code].partition(".")[0] + "." for code in rows} == STATUS


@pytest.mark.parametrize("text", [".so /etc/passwd", "'x", "a\\fBb", "--all", "a\n.b"])
def test_text_means_nothing_to_roff(text: str) -> None:
    page = f".TH X 1\n.SH NAME\n{roff(text)}\n"
    assert " ".join(text.split()) in " ".join(shown(page).replace("\u2212", "-").split())
