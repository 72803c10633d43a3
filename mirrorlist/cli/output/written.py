"""Write command output to standard output (any encoding) or to a named file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


def writable(said: str) -> str:
    """The text with escapes for what standard output cannot hold, such as letters in a locale that knows ASCII only."""
    encoding = sys.stdout.encoding or "utf-8"
    return said.encode(encoding, "backslashreplace").decode(encoding)


def write_named(option: str, file: Path, data: bytes, mode: Literal["wb", "ab"] = "wb") -> None:
    """Writes or appends to a file that an option names; raises click.UsageError where that cannot be done."""
    try:
        with file.open(mode) as opened:
            opened.write(data)
    except OSError as error:
        raise click.UsageError(f"{option} {file}: {error.strerror}; name a file that can be written") from None


# Progress of a run: a bar on a terminal, otherwise one line per step.

T = TypeVar("T")


@contextmanager
def progress(
    steps: int, line_of: Callable[[T], str], name_of: Callable[[T], str], stays: Callable[[T], bool]
) -> Iterator[Callable[[T], None]]:
    """Yields a function to call with each step that is done.

    The bar shows the name of the last step; the lines of steps that stay are printed above it.
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
