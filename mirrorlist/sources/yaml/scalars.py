"""Values of plain YAML scalars: anything ambiguous stays text.

``yes``, ``no``, ``on`` and ``off`` stay text here: ``private: no`` is a boolean, ``country: NO`` is Norway,
and only a schema knows which is which. Dates, hexadecimal, octal and sexagesimal numbers stay text as well.
"""

from __future__ import annotations

import re

BOOLEAN_WORDS = {"yes": True, "on": True, "no": False, "off": False}
"""Text that is a boolean where a schema wants one, in any case of letters."""

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})", re.ASCII)
_FLOAT = re.compile(r"[-+]?[0-9]{1,17}\.[0-9]{1,17}", re.ASCII)
_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}


def plain_scalar(text: str) -> str | int | float | bool | None:
    """The meaning of a scalar without quotes. Numbers of more than 18 digits stay text."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


# Durations: ``30m``, ``3h``, ``7d``.

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([1-9][0-9]{0,8})([smhdw])", re.ASCII)


def duration_seconds(text: str) -> int | None:
    """The span in seconds; None for anything but a positive number and one of s, m, h, d, w."""
    found = _DURATION.fullmatch(text)
    return int(found[1]) * _SECONDS[found[2]] if found else None
