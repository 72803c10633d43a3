"""``mirrorlist explain``: why a client gets these mirrors, in this order, and not the others."""

from __future__ import annotations

import ipaddress
from itertools import groupby

import click
from rich.console import Console
from rich.table import Table

from mirrorlist.cli.context import Context, pass_context
from mirrorlist.cli.questions import client_of, query_of, question_options
from mirrorlist.core.model import Client, Place, Selection
from mirrorlist.core.rank import OWN_COUNTRY, country_of
from mirrorlist.core.select import select
from mirrorlist.core.snapshot import Snapshot


@click.command()
@question_options
@pass_context
def explain(context: Context, ip: str, release: str, repo: str, arch: str, protocol: str, country: str) -> None:
    """Tell why a client at --ip gets what it gets: every mirror, chosen or left out."""
    snapshot = context.snapshot()
    query = query_of(snapshot, release, repo, arch, protocol, country)
    client = client_of(snapshot, ip)
    selection = select(snapshot, query, client, context.clock())
    console = Console(highlight=False)
    console.print(_client_line(client))
    console.print(f"asks for {query.path} of module {query.target.module}")
    for note in selection.notes:
        console.print(f"note: {note}")
    _tell_metadata(console, snapshot, query.path, context.clock())
    console.print(_chosen(selection, snapshot))
    for url in selection.fallbacks:
        console.print(f"then {url}")
    _tell_left_out(console, selection)
    console.print(f"{len(selection.choices)} chosen + {len(selection.rejected)} left out = {len(snapshot.mirrors)}")


def _client_line(client: Client) -> str:
    address = ipaddress.ip_address(client.address) if client.address else "unknown"
    facts = [place_in_words(client.place)]
    if client.asn:
        facts.append(f"AS{client.asn}")
    if client.cloud:
        facts.append(" ".join(client.cloud))
    return f"{address}: {', '.join(facts)}"


def place_in_words(place: Place) -> str:
    """A client's place, as exactly as selection knows it."""
    if place.country is None and place.latitude is None:
        return "place unknown"
    if not place.exact:
        return f"somewhere in {place.country}"
    return f"near {place.latitude:.0f}, {place.longitude:.0f} in {place.country or 'an unknown country'}"


def _tell_metadata(console: Console, snapshot: Snapshot, path: str, now: float) -> None:
    metadata = snapshot.facts.metadata.get(path)
    if metadata:
        days = (now - metadata.first_seen) / 86_400
        console.print(
            f"metalink: repomd.xml {metadata.current.sha256[:16]}..., at the origin for {days:.1f} days, "
            f"{len(metadata.alternates)} older accepted"
        )


def _chosen(selection: Selection, snapshot: Snapshot) -> Table:
    table = Table("rank", "mirror", "in", "why", "km", "band", "weight", box=None)
    for rank, choice in enumerate(selection.choices, start=1):
        table.add_row(
            str(rank),
            choice.mirror.name,
            country_of(choice.mirror) or "?",
            choice.proximity.name.lower().replace("_", " "),
            "?" if choice.distance_km is None else str(choice.distance_km),
            _band(choice.band, snapshot),
            str(choice.weight),
        )
    return table


def _band(band: int, snapshot: Snapshot) -> str:
    bands = snapshot.policy.bands_km
    if band == OWN_COUNTRY:
        return "own country"
    return f"to {bands[band]} km" if band < len(bands) else "farther"


def _tell_left_out(console: Console, selection: Selection) -> None:
    rows = sorted(selection.rejected, key=lambda row: (row.reason.name, row.mirror.name))
    for reason, group in groupby(rows, key=lambda row: row.reason):
        names = [row.mirror.name for row in group]
        console.print(f"\nleft out ({len(names)}): {reason.value}")
        console.print("  " + ", ".join(names), soft_wrap=False)
