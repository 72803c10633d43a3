"""Edits of mirror files as a person would do them: a few lines, and everything else stays as it is."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from datetime import date

from mirrorlist.core.model import Status
from mirrorlist.sources.countries import Countries
from mirrorlist.sources.mirror_files import parse_mirror

_STATUS = re.compile(rb"status(_reason|_since|_until)?[ \t]*:")
_END = re.compile(rb"\.\.\.[ \t\r]*\n?")


def paused(data: bytes, name: str, reason: str, today: date, around: tuple[Collection[str], Countries]) -> bytes | None:
    """The file with the status paused since today; None where a few lines cannot do that.

    ``reason`` is a plain sentence of ours. ``around`` are the modules and countries by which files are read.
    """
    before = parse_mirror(data, name, *around)[0]
    lines = [line for line in data.split(b"\n") if not _STATUS.match(line)]
    end = next((index for index, line in enumerate(lines) if _END.fullmatch(line + b"\n")), len(lines))
    while end and not lines[end - 1].strip():
        end -= 1
    feed = b"\r" if lines[0].endswith(b"\r") else b""
    added = [f"status: paused\nstatus_reason: {reason}\nstatus_since: {today.isoformat()}"]
    new = [each.encode() + feed for each in added[0].split("\n")]
    edited = b"\n".join([*lines[:end], *new, *lines[end:]])
    edited = edited if edited.endswith(b"\n") else edited + b"\n"
    wanted = before and replace(
        before, status=Status.PAUSED, status_reason=reason, status_since=today.isoformat(), status_until=None
    )
    return edited if wanted and parse_mirror(edited, name, *around)[0] == wanted else None
