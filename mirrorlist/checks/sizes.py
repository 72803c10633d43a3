"""How large an answer says that a file is, whether the head of the file, its first byte or all of it was asked for."""

from __future__ import annotations

import re

from mirrorlist.checks.outcome import Fetched

MOST_DIGITS = 16
_TOTAL = re.compile(r"bytes\s+(?:[0-9]+-[0-9]+|\*)/([0-9]+)\s*", re.IGNORECASE)
_WHOLE, _PART, _NO_PART = 200, 206, 416


def is_there(answer: Fetched) -> bool:
    """Whether the file was given. An empty one has no first byte (RFC 9110, 15.5.17)."""
    return answer.status in (_WHOLE, _PART) or (answer.status == _NO_PART and told_size(answer) == 0)


def told_size(answer: Fetched) -> int | None:
    """The size of the whole file in bytes; None where the answer does not say it."""
    text = answer.headers.get("content-length", "")
    if answer.status != _WHOLE:
        found = _TOTAL.fullmatch(answer.headers.get("content-range", ""))
        text = found[1] if found else ""
    return int(text) if text.isdecimal() and len(text) <= MOST_DIGITS else None
