"""How a run tells of its steps: by a bar on a terminal, and by a line for each otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

T = TypeVar("T")


@contextmanager
def progress(
    steps: int, line_of: Callable[[T], str], name_of: Callable[[T], str], stays: Callable[[T], bool]
) -> Iterator[Callable[[T], None]]:
    """Takes each step when it is done.

    Beside the bar stands the name of the last one; the lines of those that are to stay stand above it.
    """
    console = Console()
    if not console.is_terminal:
        yield lambda step: click.echo(line_of(step))
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=steps)

        def told(step: T) -> None:
            bar.update(task, advance=1, description=name_of(step))
            if stays(step):
                bar.console.print(line_of(step), markup=False, highlight=False)

        yield told
