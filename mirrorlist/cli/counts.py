"""``mirrorlist counts``: what was answered, from which places, and who came first."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from mirrorlist.cli.shared.context import Context, json_option, pass_context
from mirrorlist.store.count_files import CountFiles
from mirrorlist.web.counts import Dimension, merged


@click.command()
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 400), help="Today and the days before.")
@click.option("--by", type=click.Choice([dimension.value for dimension in Dimension]), help="One dimension only.")
@click.option("--top", default=10, show_default=True, type=click.IntRange(1), help="Rows of each dimension.")
@json_option
@pass_context
def counts(context: Context, days: int, by: str | None, top: int, as_json: bool) -> None:
    """Show what was answered, by route, country, mirror and more.

    Workers write their sums every ten seconds. No address is kept.
    """
    today = datetime.fromtimestamp(context.clock(), UTC).date()
    found = merged(CountFiles(Path(context.service().state_dir)).read(today - timedelta(days=days - 1), today))
    chosen = {dimension: sums for dimension, sums in found.items() if by in (None, dimension)}
    if as_json:
        click.echo(json.dumps(chosen, indent=2, sort_keys=True))
        return
    if not any(chosen.values()):
        click.echo("Nothing was answered on these days.")
        return
    for dimension, sums in chosen.items():
        total = sums.total()
        table = Table(title=dimension, title_justify="left", box=None, show_header=False)
        table.add_column(max_width=48, overflow="ellipsis", no_wrap=True)
        table.add_column(justify="right")
        table.add_column(justify="right")
        for label, times in sums.most_common(top):
            table.add_row(label, f"{times:,}", f"{times / total:.1%}")
        if len(sums) > top:
            table.add_row(f"{len(sums) - top} more", f"{total - sum(n for _, n in sums.most_common(top)):,}", "")
        Console(highlight=False).print(table, "")
