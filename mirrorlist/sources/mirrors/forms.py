"""Accept other forms of a value that have one meaning: ``10 Gbit/s`` for a number, one country for a list.

They are tried only where the schema refuses what the file says. To add one: a function here and its row in FORMS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from mirrorlist.core.model import Status
from mirrorlist.core.network.prefixes import canonical_network
from mirrorlist.sources.mirrors.amounts import Refused, bandwidth_mbps, frequency, storage_gb
from mirrorlist.sources.mirrors.urls import SCHEMES, scheme_of
from mirrorlist.sources.yaml.documents import Value
from mirrorlist.sources.yaml.scalars import BOOLEAN_WORDS

Form = Callable[[Value], Value]
"""From what a file says to what it means; None where that is unknown."""
Field = tuple[str, ...]
"""The keys that lead to a value, with ``*`` for an index, a protocol or the name of a module."""

_TRUTHS: Mapping[str, bool] = {**BOOLEAN_WORDS, "true": True, "false": False, "y": True, "n": False}
_CLOUDS: Mapping[str, str] = {
    "amazon": "aws",
    "amazon web services": "aws",
    "microsoft": "azure",
    "microsoft azure": "azure",
    "google": "gcp",
    "google cloud": "gcp",
    "oracle": "oci",
    "oracle cloud": "oci",
}
_DATE_FORMS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d %B %Y", "%d %b %Y", "%B %d, %Y")
"""Forms in which day and month cannot be taken for each other."""
_DEGREES = re.compile(r"([NSEW])?\s*([-+]?[0-9]{1,3}(?:[.,][0-9]{1,12})?)\s*°?\s*([NSEW])?", re.IGNORECASE)


def text_of(value: Value) -> Value:
    """The text without blanks around it, that of a whole number, or the only entry of a list."""
    if isinstance(value, list):
        return value[0] if len(value) == 1 else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) else None


def only_entry(value: Value) -> Value:
    """The only entry of a list."""
    return value[0] if isinstance(value, list) and len(value) == 1 else None


def _read_by(read: Callable[[str], Value]) -> Form:
    """A form for texts. The only entry of a list is read like a text, or taken as it is."""

    def form(value: Value) -> Value:
        said = only_entry(value) if isinstance(value, list) else value
        try:
            return read(said.strip()) if isinstance(said, str) else said
        except Refused:
            return None

    return form


def book_of(value: Value) -> Value:
    """One URL, or several as a list, by protocol."""
    urls = value if isinstance(value, list) else [value]
    found: dict[str, Value] = {scheme_of(url) or "": url for url in urls if isinstance(url, str)}
    return found if len(found) == len(urls) and set(SCHEMES).issuperset(found) else None


def truth(value: Value) -> Value:
    """A boolean as a word or as 1 and 0."""
    if isinstance(value, list):
        return truth(only_entry(value))
    if isinstance(value, str):
        return _TRUTHS.get(value.strip().lower())
    return bool(value) if value in (0, 1) else None


def _small(text: str) -> Value:
    return text.lower()


def _host(text: str) -> Value:
    return text.lower().rstrip(".")


def _status(text: str) -> Value:
    return text.lower() if text.lower() in set(Status) else None


def _cloud(text: str) -> Value:
    return _CLOUDS.get(" ".join(text.lower().split()), text.lower())


def _date(text: str) -> Value:
    for form in _DATE_FORMS:
        try:
            return datetime.strptime(text, form).date().isoformat()
        except ValueError:
            continue
    return None


def _degrees(directions: str) -> Form:
    """Degrees as text; ``directions`` are the letters of the positive and the negative half."""

    def read(text: str) -> Value:
        found = _DEGREES.fullmatch(text)
        letter = ((found[1] or "") + (found[3] or "")).upper() if found else ""
        if not found or letter not in ("", *directions):
            return None
        number = float(found[2].replace(",", "."))
        return -abs(number) if letter == directions[1] else number

    return _read_by(read)


def _entries(between: str) -> Form:
    """Text, or one number, as a list; ``between`` is what may stand between its entries."""

    def form(value: Value) -> Value:
        if isinstance(value, str):
            return [word for word in re.split(between, value.strip()) if word] or None
        return [str(value)] if isinstance(value, int) and not isinstance(value, bool) else None

    return form


_COMMAS = _entries(r"\s*[,;]\s*")
_WORDS = _entries(r"[\s,;]+")


def networks(value: Value) -> Value:
    """Networks in one text as a list of them."""
    words = _WORDS(value) if isinstance(value, str) else None
    return words if isinstance(words, list) and all(canonical_network(str(word)) for word in words) else None


def _regions(value: Value) -> Value:
    return "all" if isinstance(value, str) and value.strip().lower() == "all" else _WORDS(value)


def _systems(value: Value) -> Value:
    words = _WORDS(re.sub(r"(?i)\bAS\s+(?=[0-9])", "AS", value)) if isinstance(value, str) else None
    return words if isinstance(words, list) and len(words) > 1 else None


def _sync(value: Value) -> Value:
    return {"source": value} if isinstance(value, str) and value.strip() else None


FORMS: Mapping[Field, Form] = {
    ("name",): _read_by(_host),
    ("address",): book_of,
    ("address", "*"): only_entry,
    ("address_optional", "*"): book_of,
    ("address_optional", "*", "*"): only_entry,
    ("update_frequency",): _read_by(frequency),
    ("sponsor",): text_of,
    ("sponsor_url",): only_entry,
    ("email",): only_entry,
    ("geolocation", "continent"): only_entry,
    ("geolocation", "country"): only_entry,
    ("geolocation", "state_province"): text_of,
    ("geolocation", "city"): text_of,
    ("geolocation", "latitude"): _degrees("NS"),
    ("geolocation", "longitude"): _degrees("EW"),
    ("geolocation", "time_zone"): text_of,
    ("private",): truth,
    ("monopoly",): truth,
    ("subnets",): networks,
    ("asn",): _systems,
    ("cloud_type",): _read_by(_cloud),
    ("cloud_regions",): _regions,
    ("status",): _read_by(_status),
    ("status_reason",): text_of,
    ("status_since",): _read_by(_date),
    ("status_until",): _read_by(_date),
    ("live_from",): _read_by(_date),
    ("bandwidth_mbps",): _read_by(bandwidth_mbps),
    ("storage_gb",): _read_by(storage_gb),
    ("countries_only",): _COMMAS,
    ("countries_never",): _COMMAS,
    ("logo",): text_of,
    ("sync",): _sync,
    ("sync", "source"): text_of,
    ("sync", "from"): text_of,
    ("contact_name",): text_of,
    ("peerings",): _COMMAS,
    ("peerings", "*"): text_of,
    ("agreement",): text_of,
}
"""The forms of each field."""
