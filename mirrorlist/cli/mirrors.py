"""``mirrorlist mirrors``: every mirror, and who can get it."""

from __future__ import annotations

import textwrap

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mirrorlist.cli.output.faults import all_lines
from mirrorlist.cli.shared.compiled import Checks, snapshot_of
from mirrorlist.cli.shared.context import Context, json_option, pass_context, tell_json
from mirrorlist.core.mirror import country_of, is_public
from mirrorlist.core.model import SERVED_STATUSES, Mirror
from mirrorlist.core.network.prefixes import spelled

WIDEST_NAME = 36
"""Longer names are folded, so that the other columns keep their room in 80."""
MOST_SUBNETS = 2


@click.command()
@click.option("--names", is_flag=True, help="Names only, one per line.")
@json_option
@pass_context
def mirrors(context: Context, names: bool, as_json: bool) -> None:
    """Show every mirror that is loaded."""
    facts = snapshot_of(context).facts
    found = facts.mirrors
    if as_json:
        tell_json(
            [
                {
                    "name": mirror.name,
                    "country": country_of(mirror),
                    "bandwidth_mbps": mirror.bandwidth_mbps,
                    "urls": mirror.urls,
                    "status": mirror.status,
                    "public": is_public(mirror),
                    "served_to": served_to(mirror),
                    "notes": all_lines(facts, number, mirror),
                }
                for number, mirror in enumerate(found)
            ]
        )
        return
    if names:
        for mirror in found:
            click.echo(mirror.name)
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("mirror", no_wrap=True)
    table.add_column("in", no_wrap=True)
    table.add_column("Mbit/s", justify="right", no_wrap=True)
    table.add_column("modules", overflow="fold")
    table.add_column("served to", overflow="fold")
    checks = Checks(context, facts)
    for number, mirror in enumerate(found):
        more = f" +{len(mirror.places)}" if mirror.places else ""  # further places
        where = "any" if mirror.is_global else (country_of(mirror) or "?") + more
        bandwidth = "" if mirror.bandwidth_mbps is None else str(mirror.bandwidth_mbps)
        name = "\n".join(textwrap.wrap(mirror.name, WIDEST_NAME))
        told = "\n".join(filter(None, [served_to(mirror), checks.summary(mirror), *all_lines(facts, number, mirror)]))
        table.add_row(name, where, bandwidth, " ".join(mirror.urls), Text(told))
    Console().print(table)


def served_to(mirror: Mirror) -> str:
    """In words, who gets a mirror."""
    if mirror.status not in SERVED_STATUSES:
        return f"nobody: {mirror.status.value}" + (f" ({mirror.status_reason})" if mirror.status_reason else "")
    networks = _networks(mirror)
    if not is_public(mirror) and not networks:
        return "nobody: private, and names no network"
    if not is_public(mirror):
        return ("alone: " if mirror.monopoly else "") + ", ".join(networks)
    closed = f", not in {' '.join(mirror.countries_never)}" if mirror.countries_never else ""
    return (f"clients in {' '.join(mirror.countries_only)}" if mirror.countries_only else "everybody") + closed


def _networks(mirror: Mirror) -> list[str]:
    found = [spelled(prefix) for prefix in mirror.subnets[:MOST_SUBNETS]]
    if more := len(mirror.subnets) - len(found):
        found.append(f"{more} more subnets")
    if mirror.subnets_url:
        found.append("the subnets of a URL")
    if mirror.asns:
        found.append("AS" + " AS".join(map(str, mirror.asns)))
    if mirror.cloud:
        regions = "all regions" if mirror.cloud.regions is None else " ".join(mirror.cloud.regions)
        found.append(f"{mirror.cloud.provider} in {regions}")
    return found
