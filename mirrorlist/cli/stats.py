"""``mirrorlist stats``: how many asked for what, from where and with which systems, week by week."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from mirrorlist.cli.output.written import write_named
from mirrorlist.cli.shared.context import Context, pass_context, state_dir_of
from mirrorlist.core.errors import MirrorlistError
from mirrorlist.core.statistics import (
    AGE_WORDS,
    COUNTME_COLUMNS,
    FILES,
    FLOOR,
    LISTS,
    NONE,
    OTHER,
    AskedCell,
    DayCounts,
    by_country,
    by_week,
    clients_of,
    countme_rows,
    estimated,
    sums_by,
    systems_of,
    week_of,
)
from mirrorlist.store.count_files import KEPT_DAYS, CountFiles

BY: Mapping[str, Callable[[AskedCell], str]] = {
    "repository": lambda cell: f"{cell.repository} {cell.version}",
    "version": lambda cell: cell.version,
    "arch": lambda cell: cell.arch,
    "system": lambda cell: " ".join(filter(None, cell.system)),
}
"""What requests can be summed by, beside country and mirror."""
MOST_WEEKS = KEPT_DAYS // 7


class PlotFailed(MirrorlistError):
    """The plot cannot be drawn."""


@click.command()
@click.option("--weeks", default=4, show_default=True, type=click.IntRange(1, MOST_WEEKS),
              help="This week and the weeks before.")  # fmt: skip
@click.option("--by", type=click.Choice([*BY, "country", "mirror"]), help="One table only, beside that of the weeks.")
@click.option("--top", default=10, show_default=True, type=click.IntRange(1), help="Rows of each table.")
@click.option("--floor", default=FLOOR, show_default=True, type=click.IntRange(1),
              help="Leave out countries with fewer clients, and smaller sums.")  # fmt: skip
@click.option("--json", "form", flag_value="json", help="All rows, as JSON.")
@click.option("--csv", "form", flag_value="csv", help="Whole weeks in the layout of Fedora's countme totals.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Also draw weeks, systems and countries, as .png or .svg.")  # fmt: skip
@pass_context
def stats(
    context: Context, weeks: int, by: str | None, top: int, floor: int, form: str | None, plot: Path | None
) -> None:
    """Show what was asked for week by week, and by whom.

    Systems are counted by dnf's countme, clients are estimated. No address is kept. Weeks begin on Monday (UTC).
    """
    today = datetime.fromtimestamp(context.clock(), UTC).date()
    first = week_of(today) - timedelta(weeks=weeks - 1)
    found = by_week(CountFiles(state_dir_of(context)).cells(first, today))
    if form == "csv":
        whole = ((monday, counts) for monday, counts in found if monday != week_of(today))
        click.echo(countme_csv(whole, floor), nl=False)
        return
    totals = Totals(floor)
    for monday, counts in found:
        totals.add(monday, counts)
    if plot:
        write_named("--plot", plot, drawn(totals, plot.suffix.lstrip(".").lower()))
    if form == "json":
        click.echo(json.dumps(totals.values(), indent=2))
    elif totals.weeks:
        _print(totals, today, by, top)
    else:
        click.echo("Nothing was answered in these weeks.")


def countme_csv(weeks: Iterator[tuple[date, DayCounts]], floor: int) -> str:
    """The rows of whole weeks, below a line with their columns."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COUNTME_COLUMNS)
    for monday, counts in weeks:
        writer.writerows(countme_rows(monday, counts, floor))
    return text.getvalue()


class Totals:
    """The sums of some weeks; of each week only a row stays in memory."""

    def __init__(self, floor: int) -> None:
        self.weeks: list[dict[str, Any]] = []
        self._floor = floor
        self._sums: dict[str, Counter[str]] = {name: Counter() for name in BY}
        self._given: dict[str, Counter[str]] = {}
        self._clients: dict[str, int] = {}

    def add(self, monday: date, counts: DayCounts) -> None:
        """Adds a week, which comes after those before."""
        kinds, clients = sums_by(counts, lambda cell: cell.kind), clients_of(counts)
        self.weeks.append(
            {
                "week_start": monday.isoformat(),
                "lists": kinds[LISTS],
                "files": kinds[FILES],
                "clients": estimated(clients),
                "systems": systems_of(counts),
            }
        )
        for name, of in BY.items():
            self._sums[name].update(sums_by(counts, of))
        for country, sums in by_country(counts).items():
            self._given.setdefault(country, Counter()).update(sums)
        for country, registers in counts.clients.items():
            self._clients[country] = max(self._clients.get(country, 0), estimated(registers))

    def values(self) -> dict[str, Any]:
        """Everything, the largest sums first. A country's clients are those of its best week."""
        given = sorted(self._given.items(), key=lambda row: (-row[1].total(), row[0]))
        return {
            "weeks": self.weeks,
            "floor": self._floor,
            **{name: self._above(sums) for name, sums in self._sums.items()},
            "country": {
                country: {"answers": sums.total(), "clients": self._clients.get(country, 0)}
                for country, sums in given
                if self._clients.get(country, 0) >= self._floor and country not in (NONE, OTHER)
            },
            "mirror": self._above(sum(self._given.values(), Counter())),
        }

    def _above(self, sums: Counter[str]) -> dict[str, int]:
        return {name: times for name, times in sums.most_common() if times >= self._floor and name.strip(f" {NONE}")}


def _print(totals: Totals, today: date, by: str | None, top: int) -> None:
    values = totals.values()
    console = Console(highlight=False)
    rows = [
        (
            row["week_start"] + ("*" if row["week_start"] == week_of(today).isoformat() else ""),
            *(f"{number:,}" for number in (row["lists"], row["files"], row["clients"], *row["systems"])),
        )
        for row in values["weeks"]
    ]
    table = Table(box=None, header_style="bold")
    for heading in ("Week of", "Lists", "Files", "Clients", "1st week", "1st month", "6 months", "Older"):
        table.add_column(heading, justify="left" if heading == "Week of" else "right")
    for cells in rows:
        table.add_row(*cells)
    console.print(table, "* so far. Clients are estimates; the last columns are systems by age (countme).\n")
    for name in (*BY, "country", "mirror"):
        if values[name] and by in (None, name):
            _print_sums(console, name, values[name], top)


def _print_sums(console: Console, name: str, sums: Mapping[str, Any], top: int) -> None:
    numbers = {label: each["answers"] if isinstance(each, dict) else each for label, each in sums.items()}
    total = sum(numbers.values())
    table = Table(title=name, title_justify="left", box=None, show_header=False)
    table.add_column(max_width=44, overflow="ellipsis", no_wrap=True)
    for _ in range(3):
        table.add_column(justify="right")
    for label, number in [*numbers.items()][:top]:
        clients = f"{sums[label]['clients']:,} clients" if name == "country" else ""
        table.add_row(label, f"{number:,}", f"{number / total:.1%}", clients)
    if len(numbers) > top:
        table.add_row(f"{len(numbers) - top} more", f"{sum([*numbers.values()][top:]):,}", "", "")
    console.print(table, "")


COLOURS = ("#0b6e99", "#5fa8c6", "#e0a100", "#b5523b")
MOST_COUNTRIES = 15


def drawn(totals: Totals, form: str) -> bytes:
    """A picture of the weeks, the systems by age, and the countries.

    Raises:
        PlotFailed: there is nothing to draw, no such form, or no matplotlib.
    """
    if form not in ("png", "svg"):
        raise PlotFailed("--plot: the name of the file ends in neither .png nor .svg; choose one")
    if not totals.weeks:
        raise PlotFailed("--plot: nothing was answered in these weeks; name more with --weeks")
    try:
        figures = import_module("matplotlib.figure")  # an extra, which most who run this command lack
    except ImportError:
        raise PlotFailed(
            "--plot needs matplotlib 3.9 or newer, which the extra 'plots' of this package names"
        ) from None
    values = totals.values()
    figure = figures.Figure(figsize=(9, 10), layout="constrained")
    requests, systems, countries = figure.subplots(3, 1)
    mondays = [row["week_start"][5:] for row in values["weeks"]]
    _stacked(requests, mondays, {kind: [row[kind] for row in values["weeks"]] for kind in (LISTS, FILES)})
    requests.set_title("Requests by week")
    ages = {words: [row["systems"][age] for row in values["weeks"]] for age, words in enumerate(AGE_WORDS)}
    _stacked(systems, mondays, ages)
    systems.set_title("Systems by age (countme)")
    shown = [*values["country"].items()][:MOST_COUNTRIES][::-1]
    countries.barh([code for code, _ in shown], [row["answers"] for _, row in shown], color=COLOURS[0])
    countries.set_title("Answers by country")
    data = io.BytesIO()
    figure.savefig(data, format=form, metadata={"Date": None} if form == "svg" else None)
    return data.getvalue()


def _stacked(axes: Any, labels: Sequence[str], rows: Mapping[str, Sequence[int]]) -> None:
    below = [0] * len(labels)
    for (name, numbers), colour in zip(rows.items(), COLOURS, strict=False):
        axes.bar(labels, numbers, bottom=below, label=name, color=colour)
        below = [one + other for one, other in zip(below, numbers, strict=True)]
    axes.legend(frameon=False)
    axes.tick_params(axis="x", rotation=90 if len(labels) > 12 else 0)
