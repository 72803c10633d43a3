"""A review of submitted files for people and programs: plain lines, GitHub's annotations, JSON, Markdown.

What a stranger wrote stands in every one of these, so each has its own way to keep text from becoming anything else:
a terminal's escape, a workflow command, a link, a mention, markup.
To add one: a function from a review to text, and its row in REVIEW_FORMATS.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import asdict

import click

from mirrorlist.core.errors import Finding, Severity
from mirrorlist.core.review import Review, Reviewed, Seen
from mirrorlist.sources.documents import printable

_WORKFLOW_COMMAND = re.compile(r"\A(\s*)::|##\[")
_SEVERITY = re.compile(r"(:\d+:\d+:\s+)(error|warning)(?= \[)")
_MARKDOWN = re.compile(r"[^A-Za-z0-9 ,'\"/=\-\u00a0-\U0010ffff]")


def text(review: Review) -> str:
    """One line for each finding, ``path:line:column: severity [code] what; remedy``; the places of mirrors first."""
    lines = [f"{file.path}: {file.place}" for file in review.files if file.place]
    lines += [str(each) for file in review.files for each in file.findings]
    return "".join(f"{plain_line(line)}\n" for line in lines)


def wrapped(lines: str, width: int) -> str:
    """The lines for a person at a terminal: wrapped between words, the rest of each indented, errors in red."""
    found = []
    for line in lines.splitlines():
        rows = textwrap.wrap(line, width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
        found.append(_SEVERITY.sub(_coloured, "\n".join(rows), count=1))
    return "".join(f"{each}\n" for each in found)


def _coloured(found: re.Match[str]) -> str:
    return found[1] + click.style(found[2], fg="red" if found[2] == Severity.ERROR else "yellow", bold=True)


def github(review: Review) -> str:
    """The same, and a workflow command for each finding, which GitHub shows beside the line of the file."""
    return text(review) + "".join(_annotation(each) for file in review.files for each in file.findings)


def _annotation(found: Finding) -> str:
    place = f"file={_property(found.path)},line={found.line},col={found.column}"
    return f"::{found.severity} {place},title={_property(found.code)}::{_data(found.message)}\n"


def _data(said: str) -> str:
    return said.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A").replace("##[", "## [")


def _property(said: str) -> str:
    return _data(said).replace(":", "%3A").replace(",", "%2C")


def plain_line(said: str) -> str:
    """A line that a terminal shows and a log of GitHub Actions does not obey."""
    return _WORKFLOW_COMMAND.sub(lambda found: "## [" if found[0] == "##[" else f"{found[1]}: :", printable(said))


def as_json(review: Review) -> str:
    """Everything, for programs; the keys are documented in docs/submitting.md."""
    files = [
        {
            "path": file.path,
            "accepted": review.accepts(file),
            "name": file.name,
            "place": file.place,
            "findings": [{**asdict(each), "severity": str(each.severity)} for each in file.findings],
            "online": [asdict(each) for each in file.seen],
        }
        for file in review.files
    ]
    whole = {"accepted": review.accepted, "strict": review.strict, "summary": review.summary(), "files": files}
    return json.dumps(whole, indent=2) + "\n"


def markdown(review: Review) -> str:
    """A page for the summary of a job: each file with its verdict, then what was found, then what was measured."""
    lines = [f"## {'Accepted' if review.accepted else 'Refused'}", "", escaped(review.summary()), ""]
    for file in review.files:
        lines += _file_part(review, file)
    return "\n".join(lines) + "\n"


def _file_part(review: Review, file: Reviewed) -> list[str]:
    verdict = "accepted" if review.accepts(file) else "refused"
    lines = [f"### <code>{escaped(file.path)}</code>: {verdict}", ""]
    lines += [f"The mirror is {escaped(file.place)}.", ""] if file.place else []
    if file.findings:
        lines += ["| line | | code | what |", "|---:|---|---|---|", *map(_row, file.findings), ""]
    if file.seen:
        lines += [
            "| what | over | came | seconds | Mbit/s |",
            "|---|---|---|---:|---:|",
            *map(_seen_row, file.seen),
            "",
        ]
    return lines


def _row(found: Finding) -> str:
    severity = "**error**" if found.severity is Severity.ERROR else "warning"
    return f"| {found.line}:{found.column} | {severity} | `{found.code}` | {escaped(found.message)} |"


def _seen_row(seen: Seen) -> str:
    mark = {True: "", False: "**bad** ", None: ""}[seen.good]
    mbps = "" if seen.mbps is None else f"{seen.mbps:.0f}"
    return f"| {escaped(seen.what)} | {escaped(seen.over)} | {mark}{escaped(seen.came)} | {seen.seconds:.1f} | {mbps} |"


def escaped(said: str) -> str:
    """Text that stays text in Markdown: every sign as an entity, and no mention, reference or link."""
    coded = _MARKDOWN.sub(lambda found: f"&#{ord(found[0])};", printable(said))
    return coded.replace("&#64;", "&#64;<!-- -->").replace("&#35;", "&#35;<!-- -->")


REVIEW_FORMATS: Mapping[str, Callable[[Review], str]] = {
    "text": text,
    "github": github,
    "json": as_json,
    "markdown": markdown,
}
