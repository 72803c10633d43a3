"""Build a new mirror file from people's answers: each answer in the file's form, or the reason it is left out.

A further answer is a row in ANSWERS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import yaml

from mirrorlist.core.network.prefixes import canonical_network, is_address
from mirrorlist.sources.mirrors.forms import Refused, bandwidth_mbps, frequency, storage_gb
from mirrorlist.sources.mirrors.urls import page_url, rsync_url, tree_url, url_fault
from mirrorlist.sources.places.countries import read_countries
from mirrorlist.sources.places.gazetteer import read_gazetteer
from mirrorlist.sources.submissions.hosts import email_fault, name_fault
from mirrorlist.sources.yaml.schema_messages import did_you_mean

LONGEST = 1024
WIDTH = 100_000
"""Lines are never broken: a value stays on its key's line."""

MOST_PEERINGS = 256

Value = str | int | float | list[str]


@dataclass(frozen=True, slots=True)
class FieldQuestion:
    """One thing that a mirror file can say: how it is asked for, where it is, and how an answer is read."""

    question: str
    keys: tuple[str, ...]
    read: Callable[[str], Value]


def _tree(scheme: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        url = (rsync_url(text) or text) if scheme == "rsync" else text
        if "://" not in url and "." in url:
            url = f"{scheme}://{url}"
        if fault := url_fault(url):
            raise Refused(fault)
        if not tree_url(url).startswith(f"{scheme}://"):
            raise Refused(f"is no {scheme} address; write one that begins with {scheme}://")
        return tree_url(url)

    return read


def host_name(text: str) -> str:
    """The name of a mirror: a host name in small letters."""
    name = text.strip().lower().rstrip(".")
    if fault := name_fault(name):
        raise Refused(fault)
    return name


def country_code(text: str) -> str:
    """The code of a country that is written as a code or a name."""
    code = read_countries().normalise(text)
    if code is None:
        near = did_you_mean(text, [each.name.lower() for each in read_countries().by_code.values()], 0.75)
        name = near and next(each.name for each in read_countries().by_code.values() if each.name.lower() == near)
        remedy = f"did you mean {name}?" if name else "write its ISO 3166 code or its English name"
        raise Refused(f"is no country; {remedy}")
    return code


def sync_source(text: str) -> str:
    """An address of rsync, or the name of a mirror."""
    return _tree("rsync")(text) if "/" in text or "::" in text else host_name(text)


def sync_from(text: str) -> str:
    """An address, a network, or a host name."""
    return canonical_network(text) or host_name(text)


def sponsor_page(text: str) -> str:
    """A web page; raises Refused for anything else."""
    url = page_url(text)
    if url is None:
        raise Refused("is no web page; write it with https://")
    return url


def _degrees(most: int) -> Callable[[str], float]:
    def read(text: str) -> float:
        if not re.fullmatch(r"[-+]?[0-9]{1,3}(\.[0-9]{1,10})?", text) or abs(float(text)) > most:
            raise Refused(f"is not between -{most} and {most}; write degrees as in 52.52")
        return float(text)

    return read


def system_number(text: str) -> int:
    """The number of an autonomous system, with or without AS."""
    found = re.fullmatch(r"(?:ASN?)?\s*([1-9][0-9]{0,9})", text, re.IGNORECASE)
    if not found:
        raise Refused("is no number of an autonomous system; write it as in 64496")
    return int(found[1])


def email_address(text: str) -> str:
    """An e-mail address, also one that is spelled so that robots do not see it."""
    said = re.sub(r"\s*[\[({<]\s*(?:at|@)\s*[\])}>]\s*", "@", text, flags=re.IGNORECASE)
    said = re.sub(r"\s*[\[({<]\s*(?:dot|\.)\s*[\])}>]\s*", ".", said, flags=re.IGNORECASE)
    if fault := email_fault(said, public=False):
        raise Refused(fault)
    return said


def _peerings(text: str) -> list[str]:
    found = [each.strip() for each in re.split(r"[,;]", text) if each.strip()]
    if not found or len(found) > MOST_PEERINGS:
        raise Refused(f"names no peering, or more than {MOST_PEERINGS}; write their names with commas")
    return found


ANSWERS: Mapping[str, FieldQuestion] = {
    "https": FieldQuestion(
        "Its https address, as in https://mirror.example.org/linux/", ("address", "https"), _tree("https")
    ),
    "http": FieldQuestion("Its address over http", ("address", "http"), _tree("http")),
    "rsync": FieldQuestion("Its address over rsync, for other mirrors", ("address", "rsync"), _tree("rsync")),
    "ftp": FieldQuestion("Its address over ftp", ("address", "ftp"), _tree("ftp")),
    "name": FieldQuestion("The mirror's host name", ("name",), host_name),
    "update_frequency": FieldQuestion("How often it syncs, as in 3h or every 15 min", ("update_frequency",), frequency),
    "country": FieldQuestion("Country, as a code or a name", ("geolocation", "country"), country_code),
    "state": FieldQuestion("State or province", ("geolocation", "state_province"), str),
    "city": FieldQuestion("City", ("geolocation", "city"), str),
    "latitude": FieldQuestion("Latitude", ("geolocation", "latitude"), _degrees(90)),
    "longitude": FieldQuestion("Longitude", ("geolocation", "longitude"), _degrees(180)),
    "sponsor": FieldQuestion("Who pays for it", ("sponsor",), str),
    "sponsor_url": FieldQuestion("The sponsor's web page", ("sponsor_url",), sponsor_page),
    "email": FieldQuestion("Where its administrators are reached by e-mail (not published)", ("email",), email_address),
    "contact_name": FieldQuestion("Who answers for it (not published)", ("contact_name",), str),
    "bandwidth": FieldQuestion("Its bandwidth, as in 10 Gbit/s", ("bandwidth_mbps",), bandwidth_mbps),
    "storage_gb": FieldQuestion("The disk space set aside, in GB", ("storage_gb",), storage_gb),
    "asn": FieldQuestion("The number of its autonomous system", ("asn",), system_number),
    "sync_source": FieldQuestion(
        "What it copies: an rsync address or a mirror's name", ("sync", "source"), sync_source
    ),
    "sync_from": FieldQuestion("The address from which it connects to that", ("sync", "from"), sync_from),
    "peerings": FieldQuestion("Exchanges and networks to which it is connected", ("peerings",), _peerings),
    "agreement": FieldQuestion("The version of the mirror agreement that the sponsor accepted", ("agreement",), str),
}
"""All answers, in the order in which they are asked for."""

FIRST = ("update_frequency", "country", "city", "sponsor", "sponsor_url", "email")
"""What a person is asked for after the addresses, before anything else."""

ORDER = (
    "name", "address", "update_frequency", "sponsor", "sponsor_url", "email", "contact_name", "geolocation", "asn",
    "bandwidth_mbps", "storage_gb", "peerings", "agreement", "sync", "status",
)  # fmt: skip


WITH_STATES = ("US", "CA", "AU")
"""Countries whose people write a state in the place of the country."""
_BETWEEN = re.compile(r"[,;()|]|\s[-\u2013\u2014/]\s")


def place_answers(text: str) -> dict[str, str]:
    """The answers ``country``, ``state`` and ``city`` of a place on one line: ``Paris, France``, ``Austin, TX``.

    They are empty where no country is known in it. Of a name alone that is a state's and a city's, such as Virginia,
    the state counts, unless the city lies in it.
    """
    parts = [part.strip() for part in _BETWEEN.split(text) if part.strip()]
    if not parts or len(text) > LONGEST:
        return {}
    country, rest = _country_first_or_last(parts)
    cities, states = read_gazetteer().cities, read_gazetteer().states
    if len(parts) > 1 and not (country and cities(country, rest[0])):
        found = (code for code in WITH_STATES if states(code, parts[-1]) and cities(code, parts[0]))
        if with_state := next(found, None):
            country, rest = with_state, parts
    if country is None:
        return {}
    of_this_name = {state.number for state in states(country, rest[0])} if len(rest) == 1 else set()
    if of_this_name and not any(city.state in of_this_name for city in cities(country, rest[0])):
        return {"country": country, "state": rest[0]}
    names = dict(zip(("city", "state"), (rest[0], rest[-1]) if len(rest) > 1 else rest, strict=False))
    return {"country": country, **names}


def _country_first_or_last(parts: list[str]) -> tuple[str | None, list[str]]:
    """The code of the country, and the other parts."""
    for at in (len(parts) - 1, 0):
        if code := read_countries().normalise(parts[at]):
            return code, parts[:at] + parts[at + 1 :]
    return None, parts


def read_answer(key: str, text: str) -> Value:
    """An answer as the file wants it.

    Raises:
        Refused: it is none.
    """
    said = " ".join(text.split())
    if not said:
        raise Refused("is empty")
    if len(said) > LONGEST:
        raise Refused(f"is too long; write at most {LONGEST} characters")
    if not said.isprintable():
        raise Refused("has characters that cannot be seen; type it again, without copying")
    return ANSWERS[key].read(said)


def understood(answers: Mapping[str, str]) -> tuple[dict[str, Value], tuple[str, ...]]:
    """The answers as the file wants them, and a line for each that is left out. Never raises."""
    values: dict[str, Value] = {}
    refused = []
    for key, text in answers.items():
        try:
            values[key] = read_answer(key, text)
        except Refused as fault:
            refused.append(f"{key} {' '.join(text.split())[:80]!a} {fault}")
    if "name" not in values and (host := host_of(values)):
        values["name"] = host
    return values, tuple(refused)


def host_of(values: Mapping[str, Value]) -> str | None:
    """The host by whose name the mirror is known where nobody says one."""
    hosts = [urlsplit(str(values[key])).hostname for key in ("https", "http") if key in values]
    return next((host for host in hosts if host and not is_address(host) and name_fault(host) is None), None)


def mirror_file(values: Mapping[str, Value], status: str | None = None) -> str:
    """The text of the mirror file. Whatever the values hold, it is read back as exactly these."""
    root: dict[str, Any] = {}
    for key, value in values.items():
        where = root
        *above, last = ANSWERS[key].keys
        for each in above:
            where = where.setdefault(each, {})
        where[last] = value
    if status:
        root["status"] = status
    ordered = {key: root[key] for key in ORDER if key in root}
    return yaml.safe_dump(ordered, allow_unicode=True, sort_keys=False, width=WIDTH, explicit_start=True)
