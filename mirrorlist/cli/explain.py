"""``mirrorlist explain``: why a client gets these mirrors, in this order, and not the others."""

from __future__ import annotations

import textwrap
from collections.abc import Container, Sequence
from datetime import UTC, date, datetime
from itertools import groupby

import click
from rich.console import Console
from rich.table import Table

from mirrorlist.cli.output.faults import since, weight_lines
from mirrorlist.cli.shared.compiled import Checks, client_of, question_of, question_options, snapshot_of
from mirrorlist.cli.shared.context import Context, json_option, pass_context, tell_json
from mirrorlist.core.model import Client, PlaceSource
from mirrorlist.core.selection.answer import Selection
from mirrorlist.core.selection.explanation import Explanation, explanation
from mirrorlist.core.selection.select import select
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.sources.places.gazetteer import Point, read_gazetteer
from mirrorlist.sources.yaml.documents import printable
from mirrorlist.web.api.views import with_iso
from mirrorlist.web.questions import Question

CITY_DEGREES = 0.75
"""A client's place is known to about a degree; the largest city within this names it."""


@click.command()
@question_options
@click.option("--all", "everything", is_flag=True, help="Also name each mirror that is left out, and why.")
@json_option
@pass_context
def explain(
    context: Context, /, ip: str, release: str, repo: str, everything: bool, as_json: bool, **given: str
) -> None:
    """Explain the mirrors for a client at --ip.

    The list comes last. --all also names every mirror that is left out, and how mirrors were located.
    """
    snapshot = snapshot_of(context)
    question, client, now = question_of(snapshot, release, repo, **given), client_of(snapshot, ip), context.clock()
    checks = Checks(context, snapshot.facts)
    if as_json:
        selection = select(snapshot, question.query, client, now, question.narrowing)
        told = with_iso(explanation(snapshot, selection, everything=True))
        checked = {each.mirror.name: checks.of(each.mirror, selection.query) for each in selection.choices}
        told |= {"chosen": [row | {"checked": checked[row["name"]]} for row in told["chosen"]]}
        withheld = [f"{each.name} {part}" for each in snapshot.mirrors for part in each.withheld]
        tell_json(told | ({"withheld": withheld} if everything else {}))
        return
    tell(Console(highlight=False), snapshot, question, client, now, everything, checks)


def tell(
    console: Console,
    snapshot: Snapshot,
    question: Question,
    client: Client,
    now: float,
    everything: bool = True,
    checks: Checks | None = None,
) -> None:
    """Writes the decision for a question and a client, the list last; ``everything``: each mirror that is left out too.

    ``checks`` says how the chosen mirrors were checked for it.
    """
    selection = select(snapshot, question.query, client, now, question.narrowing)
    query = selection.query
    told = explanation(snapshot, selection, everything=True)
    who = told.asker
    place = client.place
    if place.exact and place.country and place.latitude is not None and place.longitude is not None:
        city = read_gazetteer().city_near(place.country, Point(place.latitude, place.longitude), CITY_DEGREES)
    else:
        city = None
    facts = [
        f"{who.place} ({city})" if city else who.place,
        *([f"AS{who.asn}"] if who.asn else []),
        *([" ".join(who.cloud)] if who.cloud else []),
    ]
    console.print(f"{who.address or 'unknown'}: {', '.join(facts)}")
    _tell_ages(console, snapshot, now)
    console.print(f"asks for {query.path} of module {query.target.module}", soft_wrap=True)
    for each in snapshot.facts.waiting:
        if query.target.version in (each.meanwhile, each.newest):
            console.print(str(each), soft_wrap=True)
    for note in told.notes:
        console.print(f"note: {note}")
    if metadata := snapshot.facts.metadata.get(query.key):
        days = (now - metadata.first_seen) / 86_400
        console.print(
            f"metalink: repomd.xml {metadata.current.sha256[:16]}..., at the origin for {days:.1f} days, "
            f"{len(metadata.alternates)} older accepted"
        )
    if checks:
        _tell_checks(console, selection, checks)
    if everything:
        _tell_places(console, selection)
        _tell_left_out(console, selection)
        _tell_withheld(console, snapshot)
    console.print()
    console.print(_chosen(told, {each.mirror.name for each in selection.choices if each.mirror.is_global}))
    for choice in selection.choices:
        for line in weight_lines(snapshot.facts, choice.mirror):
            console.print(f"{choice.mirror.name}: {line}", soft_wrap=True, markup=False)
    for rank, url in zip(told.fallback_ranks, told.fallbacks, strict=True):
        last = not told.chosen or rank > told.chosen[-1].rank
        console.print(f"then {url}" if last else f"rank {rank} is the project's own {url}", soft_wrap=True)
    sums = f"{len(told.chosen)} chosen + {len(told.left_out)} left out = {len(snapshot.mirrors)}"
    console.print(f"\n{sums}" + ("" if everything or not told.left_out else "; --all says why"), soft_wrap=True)


def _tell_ages(console: Console, snapshot: Snapshot, now: float) -> None:
    """Operators know the age of databases they configured, not of the installed tables."""
    places, asns = snapshot.facts.places_built_on, snapshot.facts.asns_built_on
    if places:
        after = "; after your databases" if snapshot.facts.service.geo.databases else ""
        console.print(f"places: the installed table of {_with_age(places, now)}{after}")
    if asns:
        console.print(f"ASNs: the installed table of {_with_age(asns, now)}; for public mirrors only")


def _with_age(day: str, now: float) -> str:
    days = (datetime.fromtimestamp(now, UTC).date() - date.fromisoformat(day)).days
    return f"{day}, {days} days old"


def _chosen(told: Explanation, everywhere: Container[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("rank", justify="right", no_wrap=True)
    table.add_column("mirror", overflow="fold")
    table.add_column("in", no_wrap=True)
    table.add_column("why", no_wrap=True)
    for heading in ("km", "band", "weight"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in told.chosen:
        table.add_row(
            str(row.rank),
            row.name,
            row.country or "?",
            row.proximity.replace("_", " "),
            str(row.distance_km) if row.distance_km is not None else "any" if row.name in everywhere else "?",
            row.band,
            str(row.weight),
        )
    return table


def _tell_places(console: Console, selection: Selection) -> None:
    """How the chosen mirrors were located, the most reliable source first."""
    sources = {
        choice.mirror.name: choice.mirror.location and choice.mirror.location.source for choice in selection.choices
    }
    for source in (*PlaceSource, None):
        names = [name for name, found in sources.items() if found is source]
        if names:
            console.print(f"\n{f'placed by {source}' if source else 'of unknown place'} ({len(names)}):")
            console.print(indented(names, console.width))


def _tell_checks(console: Console, selection: Selection, checks: Checks) -> None:
    """How deep the chosen mirrors were checked for what was asked."""
    by_depth: dict[str, list[str]] = {}
    for choice in selection.choices:
        by_depth.setdefault(checks.of(choice.mirror, selection.query), []).append(choice.mirror.name)
    for depth, names in by_depth.items():
        if depth:
            console.print(f"\n{depth} ({len(names)}):", markup=False)
            console.print(indented(names, console.width))


def _tell_left_out(console: Console, selection: Selection) -> None:
    rows = sorted(selection.rejected, key=lambda row: (row.reason.name, row.mirror.name))
    for reason, group in groupby(rows, key=lambda row: row.reason):
        found = list(group)
        console.print(f"\nleft out ({len(found)}): {reason.value}")
        if names := [row.mirror.name for row in found if row.cause is None]:
            console.print(indented(names, console.width))
        for row in found:
            if row.cause is not None:
                console.print(f"  {row.mirror.name} {since(row.cause)}", soft_wrap=True, markup=False)


def _tell_withheld(console: Console, snapshot: Snapshot) -> None:
    """Values of mirror files that the service ignores, by reason."""
    rows = [(each.reason, mirror.name, each) for mirror in snapshot.mirrors for each in mirror.withheld]
    for reason in dict.fromkeys(reason for reason, _, _ in rows):
        found = [(name, each) for why, name, each in rows if why is reason]
        console.print(f"\nwithheld ({len(found)}): {reason.value}")
        for name, each in found:
            console.print(f"  {name} {printable(str(each))}", soft_wrap=True, markup=False)


def indented(names: Sequence[str], width: int) -> str:
    """The names in lines of at most this width, all of them indented; a longer name has its own line."""
    return textwrap.fill(
        ", ".join(names),
        width,
        initial_indent="  ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
