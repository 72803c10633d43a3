"""Meanings that a column of a table may have, by its heading or as the admin says, and how values are carried over.

To add a meaning: a function and its row in MEANINGS. To add a heading: a row in HEADINGS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from mirrorlist.core.network.prefixes import canonical_network
from mirrorlist.importing.imported_mirror import NO_FIELD, ImportedMirror, entries, host_of, text
from mirrorlist.sources.mirrors.urls import SCHEMES
from mirrorlist.sources.places.countries import continents
from mirrorlist.sources.submissions.applications import LABELS
from mirrorlist.sources.submissions.new_mirrors import ANSWERS, place_answers

Meaning = Callable[[ImportedMirror, str, Any], None]


def _answer(answer: str) -> Meaning:
    return lambda mirror, column, value: mirror.read(
        column, ", ".join(map(str, value)) if isinstance(value, list) else value, answer
    )


def carry_name(mirror: ImportedMirror, column: str, value: Any) -> None:
    """A host name; the title of a mirror is only what it is called here."""
    said = text(value) or ""
    if "." in said and " " not in said:
        mirror.fields.pop("name", None)
        mirror.read(column, value, "name")
        books = [mirror.fields.get("address", {}), *mirror.fields.get("address_optional", {}).values()]
        hosts = [host for book in books for url in book.values() if (host := host_of(url))]
        mirror.fields = {"name": mirror.fields.pop("name", None) or next(iter(hosts), ""), **mirror.fields}
    elif said.casefold() != mirror.name:
        mirror.lose(column, value, "it is no host name; call the column sponsor if it is that")


_EVERYWHERE = re.compile(r"\b(?:global|worldwide|world|anycast|cdn|everywhere)\b", re.IGNORECASE)


def carry_location(mirror: ImportedMirror, column: str, value: Any) -> None:
    """``City, Country``, or one of the two; several of them as a list; or everywhere."""
    if isinstance(value, list):
        carry_places(mirror, column, value)
        return
    said = text(value)
    found = place_answers(said) if said else {}
    if said and not found and "country" in mirror.fields.get("geolocation", {}):
        found = {"city": said}
    if not found and said and _EVERYWHERE.search(said):
        mirror.put("global", True)
    elif not found:
        mirror.lose(column, value, "no country is known in it; write country, and city if it is known")
    for answer, each in found.items():
        mirror.read(column, each, answer)


def carry_places(mirror: ImportedMirror, column: str, values: list[Any]) -> None:
    """The places of one mirror that is in several: the first one is its own, the others become ``places``."""
    keys = {"country": "country", "state": "state_province", "city": "city"}
    found = []
    for value in values:
        said = text(value)
        answers = place_answers(said) if said else {}
        if answers:
            found.append({keys[answer]: each for answer, each in answers.items()})
        else:
            mirror.lose(column, value, "no country is known in it; write country, and city if it is known")
    for key, each in found[0].items() if found else ():
        mirror.place(key, each)
    mirror.put("places", found[1:])


def carry_continent(mirror: ImportedMirror, column: str, value: Any) -> None:
    """A continent, or a smaller region that is a country or a part of one."""
    codes = continents(str(value))
    if len(codes) == 1:
        if "country" not in mirror.fields.get("geolocation", {}):
            mirror.place("continent", codes[0])
    elif _EVERYWHERE.fullmatch(str(value).strip()):
        mirror.put("global", True)
    elif found := place_answers(str(value)):
        for answer, each in found.items():
            mirror.read(column, each, answer)
    else:
        mirror.lose(column, value, "it is no continent")


def carry_time_zone(mirror: ImportedMirror, column: str, value: Any) -> None:
    """A name of the IANA database."""
    said = text(value) or ""
    if re.fullmatch(r"[A-Za-z_+-]+(/[A-Za-z0-9_+-]+)+|UTC", said, re.ASCII):
        mirror.place("time_zone", said)
    else:
        mirror.lose(column, value, "it is no name of the IANA database, such as Europe/Oslo")


def carry_subnets(mirror: ImportedMirror, column: str, value: Any) -> None:
    """Networks, with blanks or commas between them."""
    found = {each: canonical_network(str(each)) for each in entries(value, column)}
    for each, network in found.items():
        if network is None:
            mirror.lose(column, each, "it is no network")
    mirror.put("subnets", [network for network in found.values() if network])


def carry_countries(target: str) -> Meaning:
    """Countries, as ``countries_only`` or ``countries_never``."""
    return lambda mirror, column, value: mirror.countries(column, entries(value, column), target)


def carry_private(mirror: ImportedMirror, column: str, value: Any) -> None:
    """Yes or no."""
    if mirror.flag(column, value):
        mirror.put("private", True)


def carry_active(mirror: ImportedMirror, column: str, value: Any) -> None:
    """Yes or no; a mirror that is not active is paused."""
    if not mirror.flag(column, value):
        mirror.disable("Not active in the table that it comes from.")


def carry_file(mirror: ImportedMirror, _: str, value: Any) -> None:
    """The name of the file that a mirror stood in, which is its host or what it is called."""
    mirror.said = text(value) or mirror.said


def carry_remark(mirror: ImportedMirror, column: str, value: Any) -> None:
    """``Mirror by somebody, hosted in a country``."""
    found = re.fullmatch(r"Mirror (?:hosted |provided )?by (.+?)(?:,? hosted in (.+?))?\.?", str(value), re.IGNORECASE)
    if found is None:
        mirror.lose(column, value, NO_FIELD)
        return
    mirror.read(column, found[1], "sponsor")
    if found[2]:
        carry_location(mirror, column, found[2])


ADDRESSES = ("url", *SCHEMES)
MEANINGS: Mapping[str, Meaning] = {
    **dict.fromkeys(ADDRESSES, lambda *_: None),  # they are taken first
    **{answer: _answer(answer) for answer in ANSWERS if answer not in SCHEMES},
    "name": carry_name,
    "location": carry_location,
    "continent": carry_continent,
    "time_zone": carry_time_zone,
    "subnets": carry_subnets,
    "countries_only": carry_countries("countries_only"),
    "countries_never": carry_countries("countries_never"),
    "private": carry_private,
    "active": carry_active,
    "file": carry_file,
    "remark": carry_remark,
    "peerings": _answer("peerings"),
}
"""What a column may mean, and how a value of it is carried over. To add one: a function above and its row here."""

HEADINGS: Mapping[str, str] = {
    **LABELS,
    "base url": "url", "baseurl": "url", "site": "name", "main": "url", "archive http": "http",
    "archive https": "https", "archive rsync": "rsync", "archive ftp": "ftp", "country name": "country",
    "flag country": "country",
    "lat": "latitude", "latitude": "latitude", "lon": "longitude", "lng": "longitude", "long": "longitude",
    "longitude": "longitude", "location": "location", "place": "location", "where": "location",
    "continent": "continent", "region": "continent", "directory": "continent", "time zone": "time_zone",
    "timezone": "time_zone", "active": "active", "enabled": "active", "private": "private", "speed mbps": "bandwidth",
    "bandwidth mbps": "bandwidth", "file": "file", "subnets": "subnets", "netblocks": "subnets", "remark": "remark",
}  # fmt: skip
"""What a heading means, in small letters with blanks between its words."""
