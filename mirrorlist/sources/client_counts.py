"""Counts of clients that an operator has: a CSV file, or what ``mirrorlist counts --json`` writes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from mirrorlist.core.errors import ClientCountsError, Finding
from mirrorlist.core.population import Counted
from mirrorlist.core.prefixes import parse_prefix
from mirrorlist.sources.countries import Countries
from mirrorlist.sources.documents import printable, shown
from mirrorlist.sources.mirror_files import read_regular

HEADER = "client,count"
UNKNOWN = "-"
"""A client of which nothing is known."""
MOST_BYTES = 8 << 20
MOST_ROWS = 100_000
MOST_CLIENTS = 10**15
_COUNT = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_ASN = re.compile(r"AS([1-9][0-9]{0,9})", re.ASCII)
_MOST_ASN = 2**32 - 2


def read_client_counts(path: Path, countries: Countries) -> tuple[Counted, ...]:
    """The counts of a file, in its order; those of 0 are left out.

    Raises:
        ClientCountsError: the file cannot be read or is malformed; the message names it, the line and the remedy.
    """
    data = read_regular(path, MOST_BYTES)
    if isinstance(data, Finding):
        raise ClientCountsError(f"{data.path}: {data.message}")
    name = printable(str(path))
    if len(data) > MOST_BYTES:
        raise ClientCountsError(
            f"{name}: the file is larger than {MOST_BYTES >> 20} MiB; count larger networks together"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ClientCountsError(f"{name}: the file is not UTF-8; write it anew as UTF-8") from None
    rows = _json_rows(text, name) if text.lstrip().startswith("{") else _csv_rows(text, name)
    found = tuple(_counted(rows, countries))
    if not found:
        raise ClientCountsError(f"{name}: no clients are counted in it; write lines such as DE,1200 below {HEADER}")
    return found


Row = tuple[str, str, int]
"""Where it stands, who is counted, how many."""


def _csv_rows(text: str, name: str) -> Iterator[Row]:
    lines = text.splitlines()
    if not lines or lines[0] != HEADER:
        raise ClientCountsError(f"{name}:1: the first line is {shown(lines[0] if lines else '')}; write {HEADER}")
    if len(lines) > MOST_ROWS + 1:
        raise ClientCountsError(f"{name}:{MOST_ROWS + 2}: there are more than {MOST_ROWS} counts; leave out small ones")
    for number, line in enumerate(lines[1:], start=2):
        cells = line.split(",")
        if len(cells) != 2:
            raise ClientCountsError(f"{name}:{number}: {shown(line)} has {len(cells)} columns; write two, as DE,1200")
        if not _COUNT.fullmatch(cells[1]) or int(cells[1]) > MOST_CLIENTS:
            remedy = f"write a whole number up to {MOST_CLIENTS}"
            raise ClientCountsError(f"{name}:{number}: the count {shown(cells[1])} is none; {remedy}")
        yield f"{name}:{number}", cells[0], int(cells[1])


def _json_rows(text: str, name: str) -> Iterator[Row]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise ClientCountsError(f"{name}: the file is no JSON; write it by mirrorlist counts --json") from None
    sums = said.get("country")
    if not isinstance(sums, dict) or len(sums) > MOST_ROWS:
        raise ClientCountsError(f"{name}: there are no counts under country; write it by mirrorlist counts --json")
    for who, count in sums.items():
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MOST_CLIENTS:
            raise ClientCountsError(f"{name}: country {shown(who)}: the count is no whole number from 0 on")
        yield f"{name}: country", who, count


def _counted(rows: Iterator[Row], countries: Countries) -> Iterator[Counted]:
    seen: dict[Counted, str] = {}
    for where, who, count in rows:
        each = _who(who, countries)
        if each is None:
            remedy = "write a country (DE), a network (192.0.2.0/24), a system (AS64500), or - for clients unknown"
            raise ClientCountsError(f"{where}: {shown(who)} is none of these; {remedy}")
        first = seen.setdefault(each, where)
        if first != where:
            raise ClientCountsError(f"{where}: {shown(who)} is counted at {first} already; add them up in one line")
        if count:
            yield Counted(float(count), each.country, each.prefix, each.asn)


def _who(text: str, countries: Countries) -> Counted | None:
    """Who is counted, without a number; None for anything that is not written as it should."""
    if text == UNKNOWN:
        return Counted(0.0)
    if text in countries.by_code:
        return Counted(0.0, country=text)
    if system := _ASN.fullmatch(text):
        asn = int(system[1])
        return Counted(0.0, asn=asn) if asn <= _MOST_ASN else None
    if "/" not in text:
        return None
    try:
        prefix, exact = parse_prefix(text)
    except ValueError:
        return None
    return Counted(0.0, prefix=prefix) if exact and text == text.strip() else None
