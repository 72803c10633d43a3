"""``mirrorlist which``: who has a file, who does not, and why."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import click
from rich.console import Console
from rich.table import Table

from mirrorlist.cli.output.durations import ago, moment
from mirrorlist.cli.shared.compiled import Checks
from mirrorlist.cli.shared.context import Context, json_option, pass_context, state_dir_of, tell_json
from mirrorlist.core.errors import NotFound
from mirrorlist.core.files.index import File, FileIndex, Holding
from mirrorlist.core.mirror import places_of
from mirrorlist.indexing.reasons import FileStanding, query_of, standings
from mirrorlist.store.index_files import with_indexes
from mirrorlist.store.listings import Listings
from mirrorlist.store.snapshot_files import read_newest

WIDEST_NAME = 30
COUNTED = {Holding.HAS: "have it", Holding.LACKS: "do not", Holding.UNKNOWN: "not indexed"}
ANSWERS = {Holding.HAS: "yes", Holding.LACKS: "no", Holding.UNKNOWN: "?"}


@click.command()
@click.argument("path")
@click.option("--module", metavar="NAME", help="The module whose tree PATH is below; without it, all are searched.")
@json_option
@pass_context
def which(context: Context, path: str, module: str | None, as_json: bool) -> None:
    """Show which mirrors have the file at PATH, and which lack it. Private mirrors are included."""
    state_dir = state_dir_of(context)
    refused: dict[str, str] = {}
    snapshot = with_indexes(read_newest(state_dir), state_dir, {}, refused.__setitem__)
    for name, reason in refused.items():
        click.echo(f"the index of {name} cannot be used: {reason}; mirrorlist update files makes it again", err=True)
    chosen = [index for name, index in snapshot.files.items() if module in (None, name)]
    found = [(index, number) for index in chosen if (number := index.find(path.strip("/"))) is not None]
    if not found:
        raise NotFound(_not_found(snapshot.files, path, module))
    checks, stood = Checks(context, snapshot.facts), []
    for index, number in found:
        file, of = index.file(number), index.facts.module
        query = query_of(snapshot, of, file.path)
        rows = standings(snapshot, index, number, Listings(state_dir, of))
        stood.append((index, file, [replace(row, checked=checks.of(row.mirror, query)) for row in rows]))
    if as_json:
        tell_json([_row(*each) for each in stood])
        return
    console = Console(highlight=False, markup=False)
    for index, file, rows in stood:
        _tell(console, index, file, rows, context.clock())


def _row(index: FileIndex, file: File, rows: list[FileStanding]) -> dict[str, object]:
    """A file for programs; docs/commands.md explains the keys."""
    return {
        "module": index.facts.module,
        "path": file.path,
        "size": file.size,
        "mtime": file.mtime,
        "sha256": file.sha256.hex() if file.sha256 else None,
        "listed_at": index.facts.listed_at,
        "mirrors": [
            {
                "name": row.mirror.name,
                "has": {Holding.HAS: True, Holding.LACKS: False, Holding.UNKNOWN: None}[row.holding],
                "listed_at": row.listed_at,
                "private": row.mirror.private,
                "global": row.mirror.is_global,
                "places": [{"country": each.country, "city": each.city} for each in places_of(row.mirror)],
                "why": row.why,
                "checked": row.checked,
            }
            for row in rows
        ],
    }


def _not_found(files: Mapping[str, FileIndex], path: str, module: str | None) -> str:
    if module not in (None, *files):
        return f"there is no index of {module}; run mirrorlist update files, then mirrorlist publish"
    if not files:
        return "there is no index yet; run mirrorlist update files, then mirrorlist publish"
    listed = ", ".join(f"{name} of {moment(index.facts.listed_at)} UTC" for name, index in files.items())
    return f"the origin has no file {path}; write it is below the tree. Looked in {listed}"


def _tell(console: Console, index: FileIndex, file: File, rows: list[FileStanding], now: float) -> None:
    console.print(f"{index.facts.module}: {file.path}", soft_wrap=True)
    size = "size unknown" if file.size is None else f"{file.size} bytes"
    changed = "" if file.mtime is None else f", of {moment(file.mtime)} UTC"
    console.print(f"{size}{changed}; the origin was listed {ago(now - index.facts.listed_at)} ago", soft_wrap=True)
    if file.sha256:
        console.print(f"sha256 {file.sha256.hex()}", soft_wrap=True)
    counts = Counter(row.holding for row in rows)
    console.print(", ".join(f"{counts[holding]} {COUNTED[holding]}" for holding in Holding))
    table = Table(box=None, pad_edge=False)
    for heading in ("mirror", "in", "has it", "listed"):
        table.add_column(heading, no_wrap=True)
    table.add_column("why", overflow="fold")
    for row in rows:
        name = "\n".join(textwrap.wrap(row.mirror.name, WIDEST_NAME))
        listed = "never" if row.listed_at is None else f"{ago(now - row.listed_at)} ago"
        why = "; ".join(part for part in ("private" if row.mirror.private else "", row.why, row.checked) if part)
        there = dict.fromkeys(each.country or "?" for each in places_of(row.mirror))
        everywhere = ["everywhere"] if row.mirror.is_global else []
        table.add_row(name, "\n".join([*everywhere, *there]) or "?", ANSWERS[row.holding], listed, why)
    console.print(table)
