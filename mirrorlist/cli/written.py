"""Where what a command says is written: to standard output, whatever that can hold, and to files that options name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import click


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
