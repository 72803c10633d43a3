"""Parse and format durations on the command line: ``30m``, ``6h``, ``7d``."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from mirrorlist.sources.yaml.documents import duration_seconds


class Duration(click.ParamType[int]):
    """A whole number and a unit, as seconds."""

    name = "duration"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Raises click.BadParameter for anything else."""
        if isinstance(value, int):
            return value
        seconds = duration_seconds(value)
        if seconds is None:
            self.fail(f"{value!r}: write a number and a unit, as 15m or 6h", param, ctx)
        return seconds


DURATION = Duration()
_LAST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


def moment(at: float) -> str:
    """A time in words, in UTC; the end of the calendar for what lies beyond."""
    return datetime.fromtimestamp(min(at, _LAST), UTC).strftime("%Y-%m-%d %H:%M")


def ago(seconds: float) -> str:
    """A span in the largest unit that fits."""
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
