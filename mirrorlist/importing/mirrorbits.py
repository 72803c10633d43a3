"""Import from mirrorbits: its JSON (a file or a list of mirrors), a mirror's YAML, ``list``, ``export mirmon``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from mirrorlist.core.errors import ImportFault
from mirrorlist.importing.documents import Carried, Row, countries, data_of, json_of, rows, text, whole, yaml_of

LOST = {
    "Score": "write a factor under weights in service.yml",
    "ContinentOnly": "name the countries in countries_only",
    "SponsorLogoURL": "put the picture beside the file and write logo",
    "CustomData": "there is no such field",
    "Comment": "write a comment into the file",
}
COLUMNS = {
    "identifier": "Name", "name": "Name", "http": "HttpURL", "rsync": "RsyncURL", "ftp": "FtpURL",
    "location": "CountryCodes", "state": "State", "score": "Score",
}  # fmt: skip
COMMENTS = re.compile(rb"^(##### Comments go below this line #####|Comment:)\s*$", re.MULTILINE)
"""What ``edit`` and ``show`` write under the YAML; words of people follow."""
TAB = 8
"""Columns between the stops to which ``list`` aligns its table, with tabs."""
_WORD = re.compile(r"\S+")
_MIRMON = re.compile(r"\s*([A-Za-z]{2})\s+((?:https?|rsync|ftp)://\S+)(?:\s+(\S+@\S+))?\s*", re.ASCII)


def read(source: Path, _: frozenset[str]) -> Iterator[Carried]:
    """Every mirror of an export.

    Raises:
        ImportFault: it is in none of the layouts.
    """
    data = data_of(source)
    for spelled in _rows(data, source):
        row = {str(key).lower(): value for key, value in spelled.items()}
        carried = Carried(
            text(row.get("name")) or text(row.get("id")) or text(row.get("httpurl")) or "a mirror without a name"
        )
        carried.addresses(row.get(key) for key in ("httpurl", "rsyncurl", "ftpurl"))
        carried.put("sponsor", text(row.get("sponsorname")))
        carried.put("sponsor_url", text(row.get("sponsorurl")))
        carried.put("email", text(row.get("adminemail")))
        carried.put("contact_name", text(row.get("adminname")))
        where = countries(row.get("countrycodes"))
        carried.place("country", where[0] if where else None)
        carried.coordinates(row, "latitude", "longitude")
        carried.put("asn", whole(row.get("asnum")))
        if row.get("asonly") is True:
            carried.put("private", True)
        if row.get("countryonly") is True:
            carried.put("countries_only", where)
        elif where[1:]:
            carried.lost.append(f"CountryCodes {' '.join(where[1:])}: a mirror is in one country")
        carried.put("countries_never", countries(row.get("excludedcountrycodes")))
        if row.get("enabled") is False or str(row.get("state", "")).lower() == "disabled":
            carried.put("status", "paused")
            carried.put("status_reason", "Disabled in mirrorbits.")
        carried.lose(spelled, LOST)
        yield carried


def _rows(data: bytes, source: Path) -> Sequence[Row]:
    if data.lstrip()[:1] in (b"{", b"["):
        found = json_of(data, source)
        if isinstance(found, dict) and ("MirrorList" in found or "ExcludedList" in found):
            return [*rows(found.get("MirrorList")), *rows(found.get("ExcludedList"))]
        return [found] if isinstance(found, dict) and "HttpURL" in found else rows(found)
    lines = data.decode("utf-8", "replace").splitlines()
    if found := list(_mirmon(lines)):
        return found
    head = next((index for index, line in enumerate(lines) if _is_head(line)), None)
    if head is not None:
        return list(_table(*(line.expandtabs(TAB) for line in lines[head:])))
    only = yaml_of(COMMENTS.split(data, maxsplit=1)[0], source)
    if any(str(key).lower() == "httpurl" for key in only):
        return [only]
    if found := rows(only):
        return found
    raise ImportFault(
        f"{source} is no export of mirrorbits; give its JSON, or what mirrorbits list -http -rsync prints"
    )


def _mirmon(lines: Sequence[str]) -> Iterator[Row]:
    known: dict[str, dict[str, object]] = {}
    for line in lines:
        if found := _MIRMON.fullmatch(line):
            scheme = found[2].partition(":")[0]
            key = {"rsync": "RsyncURL", "ftp": "FtpURL"}.get(scheme, "HttpURL")
            row = known.setdefault(found[2].split("/")[2], {"CountryCodes": found[1], "AdminEmail": found[3]})
            row.setdefault(key, found[2])
    yield from known.values()


def _is_head(line: str) -> bool:
    words = [word.lower() for word in line.split()]
    return len(words) > 1 and words[0] in ("identifier", "name") and set(words[1:]) <= COLUMNS.keys() | {"since"}


def _table(head: str, *lines: str) -> Iterator[Row]:
    """Columns begin where the words of the heading do."""
    starts = [(found.start(), found[0].lower()) for found in _WORD.finditer(head)]
    ends = [*(after[0] for _, after in pairwise(starts)), None]
    for line in lines:
        row = {COLUMNS.get(word, word): line[at:end].strip() for (at, word), end in zip(starts, ends, strict=True)}
        if row.get("Name"):
            yield row
