"""``mirrorlist health``: the probe results of one mirror, and what its owner can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from mirrorlist.cli.output.durations import ago, moment
from mirrorlist.cli.output.faults import fault_lines, weight_lines
from mirrorlist.cli.output.reviews import plain_line
from mirrorlist.cli.shared.context import Context, json_option, pass_context, state_dir_of, tell_json
from mirrorlist.core.files.found import by_mirror, sentences
from mirrorlist.core.health.columns import SyncState
from mirrorlist.core.health.report import (
    HealthRow,
    ending_soon,
    fresh_below,
    images_below,
    remedies,
    report,
    said_nothing,
    summary,
    worst,
)
from mirrorlist.core.health.upstreams import Upstreams
from mirrorlist.core.health.vantages import CANNOT_REACH, Ballot, VantageStanding, Vote, tally
from mirrorlist.core.health.verdicts import BEHIND_OUTCOMES, Event, Subject, Verdict
from mirrorlist.core.health.verdicts import by_mirror as verdicts_by_mirror
from mirrorlist.core.model import FallbackLevel, Mirror
from mirrorlist.core.public.encoding import checking_of
from mirrorlist.core.selection.fallbacks import rungs
from mirrorlist.core.selection.usability import LEVEL_NAMES
from mirrorlist.core.snapshot import Facts
from mirrorlist.sources.places.countries import read_countries
from mirrorlist.sources.yaml.documents import printable
from mirrorlist.store.database import open_database
from mirrorlist.store.health import HealthStore
from mirrorlist.store.history import HistoryStore
from mirrorlist.store.index_files import current_indexes, read_facts
from mirrorlist.store.metadata import NamedFileStore
from mirrorlist.store.quick_looks import QuickLookStore, VoteStore
from mirrorlist.store.snapshot_files import mirror_called, published_facts

MOST_EVENTS = 10


@click.command()
@click.argument("name", required=False)
@click.option(
    "--rungs", "ladder", is_flag=True, help="Instead: the repositories whose lists are not made of fresh mirrors."
)
@click.option("--all", "everything", is_flag=True, help="The fresh repositories too, one by one.")
@json_option
@pass_context
def health(context: Context, name: str | None, ladder: bool, everything: bool, as_json: bool) -> None:
    """Show the health of the mirror NAME, and what to do.

    The output shows what was tried, what came back, and since when."""
    state_dir = state_dir_of(context)
    facts = published_facts(state_dir)
    if ladder:
        if as_json:
            tell_json({"repositories": {path: LEVEL_NAMES[level] for path, level in rungs(facts).items()}})
        else:
            _tell_rungs(facts)
        return
    if name is None:
        raise click.UsageError("give the NAME of a mirror, or --rungs")
    mirror = mirror_called(facts, name)
    engine = open_database(state_dir, context.settings.database)
    store = HealthStore(engine)
    now = context.clock()
    verdicts = store.verdicts(None if mirror.sync_source else name)  # of all mirrors they take a second to read
    upstreams = Upstreams(facts.service, facts.mirrors, verdicts_by_mirror(verdicts))
    checking = checking_of(facts, NamedFileStore(engine).counts(), HistoryStore(engine).runs(), now)
    rows = report(mirror, verdicts, upstreams.excuse(mirror), checking)
    votes = _votes_on(facts, mirror, VoteStore(engine).ballots(), QuickLookStore(engine).tree_verdicts(), now)
    if as_json:
        tell_json(
            {
                "name": name,
                "override": store.overrides(now).get(name),
                "withheld": [str(part) for part in mirror.withheld],
                "checks": [_row(row, now) for row in rows],
                "files": by_mirror(read_facts(state_dir, tuple(current_indexes(state_dir).items()))).get(name, {}),
                "copies": upstreams.of(mirror),
                "vantages": votes,
                "remedies": {outcome.value: remedy for outcome, remedy in remedies(rows).items()},
                "address_faults": QuickLookStore(engine).faults(name),
                "events": [{**asdict(each), "kind": each.kind.value} for each in store.events(name, MOST_EVENTS)],
            }
        )
        return
    console = Console(highlight=False)
    if found := store.overrides(now).get(name):
        until = moment(found.until)
        console.print(f"taken out by {found.author} until {until} UTC: {found.reason}", soft_wrap=True, markup=False)
    for part in mirror.withheld:
        console.print(printable(str(part)), soft_wrap=True, markup=False)
    _tell_files(console, state_dir, name)
    _tell_votes(console, votes)
    if not rows:
        why = f"was not probed yet; run mirrorlist probe --mirror {name}" if mirror.urls else "has no address to probe"
        console.print(f"{name} {why}", soft_wrap=True)
        return
    console.print(_table(rows if everything else worst(rows), rows, now))
    for probe in said_nothing(rows, store.probes(name, min(row.checked_at for row in rows))):
        over = f"{probe.subject.protocol} {probe.subject.family}"
        why = f"{probe.outcome}: {probe.detail}"
        line = f"the last request over {over} was inconclusive, so the former result stays: {why}"
        console.print(line, soft_wrap=True, markup=False)
    if any(row.outcome in BEHIND_OUTCOMES for row in rows):
        source = upstreams.of(mirror)
        copies = "what it copies is not known: its file does not say so (sync.source)"
        if source:
            copies = f"it copies {source.name}: {source.fault or 'nothing is known to be wrong with it'}"
        console.print(copies, soft_wrap=True, markup=False)
    probed = replace(facts.health, out=(), overrides=())
    for line in fault_lines(probed, facts.mirrors.index(mirror), mirror):
        console.print(f"left out of lists: {line}", soft_wrap=True, markup=False)
    for fault in QuickLookStore(engine).faults(name):
        said = f"{fault.outcome}: {fault.detail}, since {moment(fault.since)} UTC"
        over = f"{fault.address} over {fault.tree.protocol}"
        console.print(f"an address fails quick looks: {over}: {said}", soft_wrap=True, markup=False)
    console.print(f"content: {summary(mirror, rows, checking)}", soft_wrap=True)
    for line in weight_lines(facts, mirror):
        console.print(line, soft_wrap=True, markup=False)
    _tell_remedies(console, rows)
    _tell_events(console, store.events(name, MOST_EVENTS))


@dataclass(frozen=True, slots=True)
class VotesOnMirror:
    """What vantage points say of one mirror: the votes that fail by vantage, and what all of them come to.

    ``out`` are the ways over which it is out for all, ``out_for`` the countries whose clients do not get it.
    """

    standings: tuple[VantageStanding, ...]
    reached_by: tuple[str, ...]
    failed: Mapping[str, tuple[Vote, ...]]
    out: Mapping[str, str]
    out_for: Mapping[str, float]


def _votes_on(
    facts: Facts, mirror: Mirror, ballots: Mapping[str, Ballot], trees: Mapping[Subject, Verdict], now: float
) -> VotesOnMirror | None:
    """What they say; None where service.yml has no vantage points."""
    vantages = facts.service.vantages
    if not vantages:
        return None
    continents = {code: country.continent for code, country in read_countries().by_code.items()}
    told = tally(vantages, ballots, facts.mirrors, trees, continents, now)
    votes = {
        each.name: [vote for vote in ballots[each.name].votes if vote.mirror == mirror.name]
        for each in told.standings
        if each.at is not None
    }
    bad = {name: tuple(vote for vote in given if vote.outcome in CANNOT_REACH) for name, given in votes.items()}
    return VotesOnMirror(
        standings=told.standings,
        reached_by=tuple(name for name, given in votes.items() if given and not bad[name]),
        failed={name: given for name, given in bad.items() if given},
        out={f"{way[1]} {way[2]}": each.told for way, each in told.out.items() if way[0] == mirror.name},
        out_for={pair.clients: pair.since or 0.0 for pair in told.pairs if pair.mirrors == mirror.name},
    )


def _tell_votes(console: Console, votes: VotesOnMirror | None) -> None:
    if votes is None:
        return
    for way, told in votes.out.items():
        console.print(f"out for all over {way}: {told}", soft_wrap=True, markup=False)
    for since, countries in groupby(sorted(votes.out_for, key=votes.out_for.__getitem__), votes.out_for.__getitem__):
        console.print(
            f"out for clients in {', '.join(countries)}: vantage points there cannot reach it since "
            f"{moment(since)} UTC",
            soft_wrap=True, markup=False,
        )  # fmt: skip
    for each in votes.standings:
        who = f"vantage point {each.name} ({each.country})"
        if each.at is None:
            console.print(f"{who}: no votes that count; its last report is too old, or there is none", soft_wrap=True)
        elif each.ignored:
            console.print(f"{who} is ignored: {each.ignored}", soft_wrap=True, markup=False)
        for vote in votes.failed.get(each.name, ()):
            said = f"{vote.outcome.value}{': ' if vote.detail else ''}{plain_line(vote.detail)}"
            looks = "1 look, which is not enough" if vote.looks == 1 else f"{vote.looks} looks"
            over = f"{vote.protocol} {vote.family} since {moment(vote.since)} UTC ({looks})"
            console.print(f"{who} cannot reach it over {over}: {said}", soft_wrap=True, markup=False)
    if votes.reached_by:
        console.print(f"vantage points that reach it: {', '.join(votes.reached_by)}", soft_wrap=True, markup=False)


def _row(row: HealthRow, now: float) -> dict[str, object]:
    """What was tried, for programs; docs/commands.md explains the keys."""
    subject = row.subject
    return {
        "module": subject.module,
        "protocol": subject.protocol,
        "family": subject.family,
        "path": subject.path,
        "url": row.url,
        "good": row.good_now,
        "state": row.state,
        "outcome": row.outcome,
        "detail": row.detail,
        "since": row.since,
        "checked_at": row.checked_at,
        "depth": row.depth,
        "kind": row.kind,
        "files_seen": row.looked if row.looked_at is not None else None,
        "files_named": row.named,
        "files_seen_at": row.looked_at,
        "next_at": row.next_at,
        "awaits": row.awaits(now),
        "remedy": row.remedy,
        "certificate_days": row.certificate_days,
    }


def _tell_rungs(facts: Facts) -> None:
    found = rungs(facts)
    low = [path for path in found if found[path] is not FallbackLevel.FRESH]
    for path in sorted(low, key=lambda path: (-found[path], path)):
        click.echo(f"{LEVEL_NAMES[found[path]]:15}  {path}")
    for each in facts.waiting:
        click.echo(str(each))
    if not facts.health.holds:
        click.echo("nothing was compared with the origin yet, so every mirror counts as good")
        return
    held = {path: set(facts.health.holds.get(path, b"")) for path in found if path not in low}
    fresh = sum(SyncState.FRESH in each for each in held.values())
    late = sum(SyncState.GRACE in each and SyncState.FRESH not in each for each in held.values())
    if late:
        click.echo(f"{late} of {len(found)} repositories are listed with mirrors that are behind, within their time")
    if unknown := len(held) - fresh - late:
        click.echo(f"{unknown} of {len(found)} repositories were not compared with the origin on any mirror yet")
    click.echo(f"{fresh} of {len(found)} repositories are listed with fresh mirrors")


def _tell_files(console: Console, state_dir: Path, name: str) -> None:
    """What the newest indexes found of the mirror's files."""
    facts = read_facts(state_dir, tuple(current_indexes(state_dir).items()))
    found = by_mirror(facts).get(name, {})
    for module, files in found.items():
        for text, values in sentences(files):
            console.print(f"files of {module}: {text % values}", soft_wrap=True, markup=False)


def _table(shown: tuple[HealthRow, ...], rows: tuple[HealthRow, ...], now: float) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("over", "state", "since", "checked"):
        table.add_column(heading, no_wrap=True)
    table.add_column("what", overflow="fold")
    for row in shown:
        over = f"{row.subject.protocol} {row.subject.family}"
        checked = f"{ago(now - row.checked_at)} ago"
        table.add_row(over, row.state, moment(row.since), checked, _what(row, rows, now))
    return table


def _what(row: HealthRow, rows: tuple[HealthRow, ...], now: float) -> str:
    told = f"{row.outcome.value}: {row.detail}" if row.detail else row.outcome.value
    if awaits := row.awaits(now):
        told += f" ({awaits})"
    if row.depth and not row.detail:
        told += f", {row.depth}"
    if not row.subject.is_tree:
        return f"{row.subject.spelled} {told}"
    fresh, images, days = fresh_below(rows, row.subject), images_below(rows, row.subject), row.certificate_days
    counts = [f"{fresh} {'repository' if fresh == 1 else 'repositories'} fresh"] if fresh else []
    counts += [f"{images} {'image' if images == 1 else 'images'} there"] if images else []
    counts += [f"certificate good for {days} {'day' if days == 1 else 'days'}"] if days is not None else []
    return ", ".join([f"{row.url} {told}", *counts])


def _tell_remedies(console: Console, rows: tuple[HealthRow, ...]) -> None:
    for url, days in ending_soon(rows).items():
        console.print(f"\nwarning: the certificate of {url} ends in {days} days: renew it now", soft_wrap=True)
    for outcome, remedy in remedies(rows).items():
        console.print(f"\n{outcome.value[0].upper()}{outcome.value[1:]}: {remedy}", soft_wrap=True)


def _tell_events(console: Console, events: list[Event]) -> None:
    if events:
        console.print("\nlately")
    for event in events:
        subject = event.subject
        over = f" {subject.protocol} {subject.family} {subject.spelled}".rstrip() if subject else ""
        by = f" by {event.author}" if event.author else ""
        line = f"{moment(event.at)} {event.kind}{over}{by}: {event.why}"
        console.print(line, soft_wrap=True, markup=False)
