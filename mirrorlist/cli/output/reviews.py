"""A review of submitted files for people and programs: plain lines, GitHub's annotations, JSON, Markdown.

All of them contain text written by strangers, so each has its own way to keep that text from becoming anything else:
a terminal's escape, a workflow command, a link, a mention, markup.
To add one: a function from a review to text, and its row in REVIEW_FORMATS.
"""

from __future__ import annotations

import io
import json
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table

from mirrorlist.cli.output.durations import moment
from mirrorlist.core.errors import Finding, Severity
from mirrorlist.core.model import MAIN
from mirrorlist.core.owners.network_report import NetworkReport
from mirrorlist.core.review import EndpointResult, Review, Reviewed
from mirrorlist.sources.yaml.documents import printable

_WORKFLOW_COMMAND = re.compile(r"\A(\s*)::|##\[")
_SEVERITY = re.compile(r"(:\d+:\d+:\s+)(error|warning)(?= \[)")
_MARKUP = re.compile(r"[^A-Za-z0-9 ,/-]")


def text(review: Review) -> str:
    """One line for each finding, ``path:line:column: severity [code] what; remedy``, then the places of mirrors.

    The refused files come first, and the errors of a file before its warnings.
    """
    files = sorted(review.files, key=review.accepts)
    lines = [str(each) for file in files for each in sorted(file.findings, key=_is_warning)]
    lines += [f"{file.path}: {file.place}" for file in files if file.place]
    return "".join(f"{plain_line(line)}\n" for line in lines)


def _is_warning(found: Finding) -> bool:
    return found.severity is Severity.WARNING


def sums(review: Review) -> str:
    """How often each code was found, errors first, and the refused files: the end of a long review."""
    counted = Counter((_is_warning(each), each.code) for file in review.files for each in file.findings)
    rows = sorted(counted.items(), key=lambda row: (row[0][0], -row[1], row[0][1]))
    lines = [f"{count:6}  {'warning' if warns else 'error':7}  {code}" for (warns, code), count in rows]
    if refused := [file.path for file in review.files if not review.accepts(file)]:
        lines += ["", f"refused ({len(refused)}):", *(f"  {path}" for path in refused)]
    return "".join(f"{plain_line(line)}\n" for line in lines)


def wrapped(lines: str, width: int) -> str:
    """The lines for a person at a terminal: wrapped between words, the rest of each indented, errors in red."""

    def coloured(match: re.Match[str]) -> str:
        return match[1] + click.style(match[2], fg="red" if match[2] == Severity.ERROR else "yellow", bold=True)

    found = []
    for line in lines.splitlines():
        rows = textwrap.wrap(line, width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
        found.append(_SEVERITY.sub(coloured, "\n".join(rows), count=1))
    return "".join(f"{each}\n" for each in found)


def github(review: Review) -> str:
    """The same, and a workflow command for each finding, which GitHub shows beside the line of the file."""
    lines = [text(review)]
    for found in (each for file in review.files for each in file.findings):
        place = f"file={_property(found.path)},line={found.line},col={found.column}"
        lines.append(f"::{found.severity} {place},title={_property(found.code)}::{_data(found.message)}\n")
    return "".join(lines)


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
        verdict = "accepted" if review.accepts(file) else "refused"
        lines += [f"### <code>{escaped(file.path)}</code>: {verdict}", ""]
        lines += [f"The mirror is {escaped(file.place)}.", ""] if file.place else []
        if file.findings:
            lines += ["| line | | code | what |", "|---:|---|---|---|", *map(_finding_row, file.findings), ""]
        if file.seen:
            lines += [
                "| what | over | came | seconds | Mbit/s |",
                "|---|---|---|---:|---:|",
                *map(_result_row, file.seen),
                "",
            ]
    return "\n".join(lines) + "\n"


def _finding_row(found: Finding) -> str:
    severity = "**error**" if found.severity is Severity.ERROR else "warning"
    return f"| {found.line}:{found.column} | {severity} | `{found.code}` | {escaped(found.message)} |"


def _result_row(seen: EndpointResult) -> str:
    mark = {True: "", False: "**bad** ", None: ""}[seen.good]
    mbps = "" if seen.mbps is None else f"{seen.mbps:.0f}"
    return f"| {escaped(seen.what)} | {escaped(seen.over)} | {mark}{escaped(seen.came)} | {seen.seconds:.1f} | {mbps} |"


def escaped(said: str) -> str:
    """Text that stays text in Markdown: every sign as an entity, and no mention, reference or link."""
    coded = _MARKUP.sub(lambda found: f"&#{ord(found[0])};", printable(said))
    return coded.replace("&#64;", "&#64;<!-- -->").replace("&#35;", "&#35;<!-- -->")


REVIEW_FORMATS: Mapping[str, Callable[[Review], str]] = {
    "text": text,
    "github": github,
    "json": as_json,
    "markdown": markdown,
}


# A report on a network for people and programs: text of 80 columns, Markdown, JSON.
#
# To add one: a function from a report to text, and its row in PAGES.

WIDTH = 80

Section = tuple[str, list[str], str]
"""A heading, its lines, and what is said where there are none."""


def sections(report: NetworkReport) -> Iterator[Section]:
    """Everything that the report says, in words."""
    states = [f"{status.value}: {len(names)}" for status, names in report.states.items()]
    yield "Mirrors by state", states, "no mirrors"
    offers = [
        f"{each.mirror}: nobody knows since when; write status_since"
        if each.working_days is None
        else f"{each.mirror}: waits since {each.since}, {each.working_days} working days"
        for each in report.offers
    ]
    yield "Offers to answer", offers, "none waits"
    steps = [
        f"{each.mirror}: {each.status.value}, "
        + (
            "nobody knows since when; write status_since"
            if each.days is None
            else f"day {each.days}, since {each.since}"
        )
        + (f", usually at most {each.usual_days} days; ask its owner" if each.is_late else "")
        for each in report.steps
    ]
    yield "Days in each step", steps, "none is between offer and launch"
    coming = [
        f"{each.mirror}: {each.status.value},"
        + ("" if each.percent is None else f" {each.percent:g} %,")
        + (f" may go live on {each.live_on}," if each.live_on else "")
        + f" {each.why}"
        for each in report.coming
    ]
    yield "On their way", coming, "none"
    below = [f"{each.mirror}: {'; '.join(map(str, each.shortfalls))}" for each in report.below]
    yield "Below the requirements", below, "none"
    down = [
        f"{each.mirror}: {each.outcome.value if each.outcome else 'down'} since {moment(each.since)}, "
        f"{each.days:.0f} days"
        for each in report.down
    ]
    yield "Down for long", down, "none"
    if report.bounces:
        yield "Mails that came back", [f"{name}: {why}" for name, why in report.bounces.items()], "none"
    if report.pairs:
        pairs = [
            f"from {each.clients} to {each.mirrors}: {'never' if each.km is None else f'{each.km} km farther'}, "
            + ("no mirror is meant" if not each.concerned else f"mirrors: {each.concerned}")
            for each in report.pairs
        ]
        yield "Pairs that do not work (reach)", pairs, "none"
    leaving = [
        f"{each.mirror}: until {each.until or 'a day that nobody wrote (status_until)'}"
        + (f", {each.reason}" if each.reason else "")
        for each in report.leaving
    ]
    yield "Retiring", leaving, "none"
    yield "Not served of what files say", [f"{each.mirror} {each.told}" for each in report.withheld], "nothing"
    yield "The origin, as nearly every mirror contradicts it", list(report.origin), "nothing"
    differing = [f"{each.mirror}, {each.module}: {'; '.join(each.told)}" for each in report.files]
    yield "Files that are not as at the origin", differing, "none"
    yield "Files that are refused", list(report.refused), "none"
    yield "Files beside mirror files that nobody reads", list(report.unread), "none"


def title(report: NetworkReport) -> str:
    """What the report is of."""
    commit = f", commit {report.commit[:12]}" if report.commit else ""
    behind = f", which is not the newest: {report.behind}" if report.behind else ""
    return f"Mirrors of {report.name}, {moment(report.at)} UTC{commit}{behind}"


def report_text(report: NetworkReport) -> str:
    """For a terminal or a mail: no line is longer than 80 columns."""
    lines = textwrap.wrap(printable(title(report)), WIDTH)
    for heading, rows, otherwise in sections(report):
        lines += ["", heading]
        for row in rows or [otherwise]:
            lines += textwrap.wrap(printable(row), WIDTH, initial_indent="  ", subsequent_indent="      ")
    return "\n".join(lines) + "\n"


def report_markdown(report: NetworkReport) -> str:
    """A page; what strangers wrote stays text in it."""
    lines = [f"## {escaped(title(report))}"]
    for heading, rows, otherwise in sections(report):
        lines += ["", f"### {heading}", "", *[f"- {escaped(row)}" for row in rows or [otherwise]]]
    return "\n".join(lines) + "\n"


def report_json(report: NetworkReport) -> str:
    """Everything, for programs; the keys are documented in docs/operating-mirrors.md."""
    return json.dumps(asdict(report), indent=2) + "\n"


PAGES: Mapping[str, Callable[[NetworkReport], str]] = {
    "text": report_text,
    "markdown": report_markdown,
    "json": report_json,
}


def tell_ways(reviewed: Sequence[Reviewed]) -> None:
    """The table of results, for a terminal of any width, and for a log that obeys lines as GitHub's does."""
    out = io.StringIO()
    console = Console(highlight=False, markup=False, file=out, width=Console().width, no_color=True)
    for file in reviewed:
        if not file.seen:
            continue
        table = Table(box=None, pad_edge=False)
        for heading in ("over", "state", "seconds"):
            table.add_column(heading, no_wrap=True, justify="right" if heading == "seconds" else "left")
        measured = any(row.mbps is not None for row in file.seen)
        if measured:
            table.add_column("Mbit/s", no_wrap=True, justify="right")
        table.add_column("what came", overflow="fold")
        for row in file.seen:
            state = {True: "good", False: "BAD", None: "-"}[row.good]
            speed = [f"{row.mbps:.0f}" if row.mbps is not None else "-"] if measured else []
            what = "" if row.what == MAIN else f"{row.what}: "
            table.add_row(row.over, state, f"{row.seconds:.1f}", *speed, f"{what}{row.came}")
        console.print(f"\n{file.name}")
        console.print(table)
    for line in out.getvalue().splitlines():
        click.echo(plain_line(line.rstrip()))
