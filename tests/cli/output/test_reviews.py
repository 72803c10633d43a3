"""Nothing that a stranger writes becomes a command, an escape, a link or markup in any form of a review."""

from __future__ import annotations

import json
import re

import click
import pytest

from mirrorlist.cli.output.reviews import REVIEW_FORMATS, as_json, github, markdown, plain_line, text, wrapped
from mirrorlist.core.errors import Finding, Severity
from mirrorlist.core.review import EndpointResult, Review, Reviewed

EVIL = [
    "::error::x", " ::set-output name=a::b", "##[error]x", "x ##[add-mask]y", "a\n::error::b", "a\r\n::warning::b",
    "\x1b[2J\x1b]8;;http://evil/\x07", "\x9b31m", "\u202eabc", "\u2066x", "\x00", "<script>alert(1)</script>",
    "<img src=x onerror=y>", "[x](javascript:y)", "![x](http://evil/)", "| a | b |", "`code`", "```", "# heading",
    "**x**", "@everyone", "#1", "https://evil.example/", "www.evil.example", "a@evil.example", "&lt;b&gt;", "--- | ---",
    "%0A::error::x", "%250A", "a,line=5::x", "title=a:b,c", "\u2028x", "{{ 7*7 }}", "${{ github.token }}", "$(id)", "\\",
    "<!-- -->", "-->", "$$x$$", "~~x~~", ":smile:", "a" * 2000,
]  # fmt: skip


def review(evil: str) -> Review:
    """A review in which a stranger's text stands wherever one can."""
    finding = Finding(f"mirrors.d/{evil}.yml", 3, 7, Severity.ERROR, "bad-value", f"name {evil} is bad; {evil}")
    seen = EndpointResult(evil, "http ipv4", evil, False, evil, 0.1)
    return Review((Reviewed(f"{evil}.yml", (finding,), evil, f"placed by {evil}", (seen,)),))


@pytest.mark.parametrize("evil", EVIL)
def test_a_line_stays_a_line_that_shows(evil: str) -> None:
    for line in text(review(evil)).split("\n")[:-1]:
        assert line.isprintable()
        assert not line.lstrip().startswith("::")
        assert "##[" not in line
    assert text(review(evil)).count("\n") == 2


@pytest.mark.parametrize("evil", EVIL)
def test_only_the_judge_gives_commands_to_github(evil: str) -> None:
    lines = github(review(evil)).split("\n")[:-1]

    commands = [line for line in lines if line.lstrip().startswith("::") or "##[" in line]

    assert commands == lines[-1:]
    found = re.fullmatch(r"::error file=([^,:\r\n]*),line=3,col=7,title=bad-value::([^\r\n]*)", commands[0])
    assert found is not None


@pytest.mark.parametrize("evil", EVIL)
def test_markdown_holds_the_text_as_text(evil: str) -> None:
    page = markdown(review(evil))

    rest = re.sub(r"</?code>|<!-- -->|&#\d+;", "", page)
    assert not re.search(r"[<>@\[\]~$\\{}\x00-\x09\x0b-\x1f\x7f-\x9f]|https?:|www\.|\u202e|\u2066|\u2028", rest)
    assert len([line for line in page.splitlines() if line.startswith("|")]) == 6
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert [row.count("|") for row in rows] == [5, 5, 5, 6, 6, 6]
    assert len([line for line in page.splitlines() if line.startswith("#")]) == 2


@pytest.mark.parametrize("evil", EVIL)
def test_json_is_plain_ascii_and_gives_the_text_back(evil: str) -> None:
    written = as_json(review(evil))
    assert written.isascii()
    file = json.loads(written)["files"][0]
    assert (file["path"], file["accepted"], file["name"]) == (f"{evil}.yml", False, evil)
    assert file["findings"][0]["message"] == f"name {evil} is bad; {evil}"
    assert file["online"][0]["url"] == evil


def test_the_forms_are_those_of_the_command() -> None:
    assert list(REVIEW_FORMATS) == ["text", "github", "json", "markdown"]


def test_an_honest_line_is_left_alone() -> None:
    line = "mirrors.d/a.yml:1:2: error [bad-port] address.http 'http://a.example:22/' has port 22; use 80 — Universität"
    assert plain_line(line) == line


@pytest.mark.parametrize(("strict", "accepted"), [(False, True), (True, False)])
def test_a_warning_refuses_only_where_it_is_meant_to(strict: bool, accepted: bool) -> None:
    warning = Finding("a.yml", 1, 1, Severity.WARNING, "no-place", "x; y")
    found = Review((Reviewed("a.yml", (warning,)), Reviewed("b.yml", ())), strict)
    assert found.accepted is accepted
    assert found.summary() == (
        "2 files: 2 accepted, 0 refused; 0 errors, 1 warning" if accepted
        else "2 files: 1 accepted, 1 refused; 0 errors, 1 warning"
    )  # fmt: skip
    assert json.loads(as_json(found))["accepted"] is accepted
    assert markdown(found).startswith("## Accepted\n" if accepted else "## Refused\n")


def test_a_terminal_gets_whole_words_and_coloured_severities() -> None:
    finding = Finding(
        "mirrors.d/a.example.org.yml", 3, 7, Severity.ERROR, "bad-value", "name is " + "word " * 30 + "; x"
    )
    lines = wrapped(text(Review((Reviewed("a.yml", (finding,)),))), 80).splitlines()
    plain = [click.unstyle(line) for line in lines]
    assert lines[0].count("\x1b[31m\x1b[1merror\x1b[0m [bad-value]") == 1
    assert len(lines) == 3
    assert all(len(line) <= 80 for line in plain)
    assert all(line.startswith("    word ") for line in plain[1:])
