"""A report on a network for people and programs: text of 80 columns, Markdown, JSON.

To add one: a function from a report to text, and its row in PAGES.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict

from mirrorlist.cli.durations import moment
from mirrorlist.core.network_report import Coming, NetworkReport, Offer
from mirrorlist.sources.documents import printable

WIDTH = 80
_MARKS = re.compile(r"[^A-Za-z0-9 ,%/:-]")

Section = tuple[str, list[str], str]
"""A heading, its lines, and what is said where there are none."""


def sections(report: NetworkReport) -> Iterator[Section]:
    """Everything that the report says, in words."""
    states = [f"{status.value}: {len(names)}" for status, names in report.states.items()]
    yield "Mirrors by state", states, "no mirrors"
    yield "Offers to answer", [_offer(each) for each in report.offers], "none waits"
    yield "On their way", [_coming(each) for each in report.coming], "none"
    below = [f"{each.mirror}: {'; '.join(map(str, each.shortfalls))}" for each in report.below]
    yield "Below the requirements", below, "none"
    down = [
        f"{each.mirror}: {each.outcome.value if each.outcome else 'down'} since {moment(each.since)}, "
        f"{each.days:.0f} days"
        for each in report.down
    ]
    yield "Down for long", down, "none"
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
    yield "Files beside mirror files that nobody reads", list(report.unread), "none"


def _offer(offer: Offer) -> str:
    if offer.working_days is None:
        return f"{offer.mirror}: nobody knows since when; write status_since"
    return f"{offer.mirror}: waits since {offer.since}, {offer.working_days} working days"


def _coming(coming: Coming) -> str:
    percent = "" if coming.percent is None else f" {coming.percent:g} %,"
    when = f" may go live on {coming.live_on}," if coming.live_on else ""
    return f"{coming.mirror}: {coming.status.value},{percent}{when} {coming.why}"


def title(report: NetworkReport) -> str:
    """What the report is of."""
    commit = f", commit {report.commit[:12]}" if report.commit else ""
    behind = f", which is not the newest: {report.behind}" if report.behind else ""
    return f"Mirrors of {report.name}, {moment(report.at)} UTC{commit}{behind}"


def text(report: NetworkReport) -> str:
    """For a terminal or a mail: no line is longer than 80 columns."""
    lines = textwrap.wrap(printable(title(report)), WIDTH)
    for heading, rows, otherwise in sections(report):
        lines += ["", heading]
        for row in rows or [otherwise]:
            lines += textwrap.wrap(printable(row), WIDTH, initial_indent="  ", subsequent_indent="      ")
    return "\n".join(lines) + "\n"


def markdown(report: NetworkReport) -> str:
    """A page; what strangers wrote stays text in it."""
    lines = [f"## {_escaped(title(report))}"]
    for heading, rows, otherwise in sections(report):
        lines += ["", f"### {heading}", "", *[f"- {_escaped(row)}" for row in rows or [otherwise]]]
    return "\n".join(lines) + "\n"


def as_json(report: NetworkReport) -> str:
    """Everything, for programs; the keys are documented in docs/operating-mirrors.md."""
    return json.dumps(asdict(report), indent=2) + "\n"


def _escaped(said: str) -> str:
    return _MARKS.sub(lambda found: f"&#{ord(found[0])};", printable(said))


PAGES: Mapping[str, Callable[[NetworkReport], str]] = {"text": text, "markdown": markdown, "json": as_json}
