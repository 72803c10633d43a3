"""Spans of time as people write them: ``30m``, ``3h``, ``7d``."""

from __future__ import annotations

import re

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([1-9][0-9]{0,8})([smhdw])", re.ASCII)


def duration_seconds(text: str) -> int | None:
    """The span in seconds; None for anything but a positive number and one of s, m, h, d, w."""
    found = _DURATION.fullmatch(text)
    return int(found[1]) * _SECONDS[found[2]] if found else None
