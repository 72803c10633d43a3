"""Read Debian's Mirrors.masterlist: paragraphs of fields, each with a site and the paths of several trees on it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mirrorlist.importing.imported_mirror import Loss, masked
from mirrorlist.sources.mirrors.urls import SCHEMES
from mirrorlist.sources.places.gazetteer import read_gazetteer

_DEB822 = re.compile(r"([A-Za-z][A-Za-z0-9-]*):[ \t]*(.*)")


def read_masterlist(text: str) -> tuple[list[Mapping[str, Any]], list[Loss]]:
    """The sites by their fields, with whole addresses, and the lines that are no field of a site."""
    records: list[Mapping[str, Any]] = []
    lost = []
    for paragraph in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")):
        record: dict[str, Any] = {}
        last = ""
        for line in paragraph.splitlines():
            if found := _DEB822.fullmatch(line):
                last = found[1]
                key = last if last not in record else f"{last} (again)"
                between = " | " if last == "Location" else ", "
                record[key] = f"{record[key]}{between}{found[2].strip()}" if key in record else found[2].strip()
            elif line.startswith((" ", "\t")) and last:
                record[last] = f"{record[last]} {line.strip()}".strip()
            elif line.strip() and not line.startswith("#"):
                lost.append(Loss("line", masked(line), "it is no field"))
        if "Site" in record:
            records.append(dict(_of_site(record)))
        elif record:
            lost.append(Loss("paragraph", masked(next(iter(record.values()))), "it names no Site"))
    return records, lost


def _of_site(record: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """The fields with whole addresses, a code for the country, the sponsor apart from its page, and several places."""
    if {"Country (again)", "Location (again)"} & record.keys():
        yield "Location", _places(record)
        record = {key: value for key, value in record.items() if key.split(" ")[0] not in ("Country", "Location")}
    for key, value in record.items():
        scheme = key.rpartition("-")[2].lower()
        if "-" in key and scheme in SCHEMES and "://" not in value:
            yield key, f"{scheme}://{record['Site']}/{value.lstrip('/')}"
        elif key == "Country":
            yield key, value.split(" ")[0]
        elif key == "Sponsor" and "://" in value:
            name, _, page = value.rpartition(" ")
            yield from (("Sponsor", name.strip()), ("Sponsor-URL", page))
        else:
            yield key, value


def _places(record: Mapping[str, str]) -> list[str]:
    """The places of a site in several countries or cities: each city in that of its countries that has it."""
    codes = [
        each.strip().split(" ")[0] for key in ("Country", "Country (again)") for each in record.get(key, "").split(", ")
    ]
    cities = [record.get("Location", ""), *record.get("Location (again)", "").split(" | ")]
    left, found = codes, []
    for city in filter(None, cities):
        name = city.split(",")[0].strip()
        of = next((code for code in left if read_gazetteer().cities(code, name)), left[0] if left else "")
        found.append(f"{city}, {of}")
        codes = [code for code in codes if code != of]
    return [*found, *codes]
