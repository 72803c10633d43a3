"""What one mirror of another service becomes: the fields of a mirror file, and what could not be carried over."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from mirrorlist.sources.documents import shown

Row = Mapping[str, Any]
MOST_LISTED = 4096
LONGEST_TEXT = 1024
PROTOCOLS = ("https", "http", "rsync", "ftp")
_COUNTRY = re.compile(r"[A-Za-z]{2}", re.ASCII)


@dataclass(slots=True)
class Carried:
    """A mirror on its way. ``said`` is what the other service calls it; ``lost`` is told to people."""

    said: str
    fields: dict[str, Any] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The mirror's name, which is its host; "" where there is none."""
        name = self.fields.get("name")
        return name if isinstance(name, str) else ""

    def put(self, key: str, value: Any) -> None:
        """Sets a field, unless there is nothing to set."""
        if value not in (None, "", [], {}):
            self.fields[key] = value

    def place(self, key: str, value: Any) -> None:
        """Sets a field of ``geolocation``."""
        if value not in (None, ""):
            self.fields.setdefault("geolocation", {})[key] = value

    def coordinates(self, row: Row, latitude: str, longitude: str) -> None:
        """Both or none; 0 and 0 is how others write that they do not know."""
        north, east = number(row.get(latitude)), number(row.get(longitude))
        if north is not None and east is not None and (north, east) != (0, 0):
            self.place("latitude", north)
            self.place("longitude", east)

    def lose(self, row: Row, keys: Mapping[str, str]) -> None:
        """Notes the values of these keys that say something, each with what to do about it."""
        for key, remedy in keys.items():
            if row.get(key) not in (None, "", 0, False, [], {}):
                self.lost.append(f"{key} {shown(row[key])}: {remedy}")

    def addresses(self, urls: Iterable[object], module: str | None = None) -> None:
        """The address book of a module, and the name if there is none yet. A URL without a scheme is http and https."""
        book: dict[str, str] = {}
        for url in urls:
            for each in _spelled(url):
                scheme = each.partition(":")[0].lower()
                if scheme not in PROTOCOLS:
                    self.lost.append(f"address {shown(each)}: only {', '.join(PROTOCOLS)} can be carried")
                elif book.setdefault(scheme, each) != each:
                    self.lost.append(f"address {shown(each)}: a second one over {scheme}")
        ordered = {scheme: book[scheme] for scheme in PROTOCOLS if scheme in book}
        if module is None:
            self.put("address", ordered)
        elif ordered:
            self.fields.setdefault("address_optional", {})[module] = ordered
        if not self.name:
            web = next(iter(ordered.values()), "")
            self.fields = {"name": host_of(web), **self.fields} if host_of(web) else self.fields


def _spelled(url: object) -> list[str]:
    said = text(url)
    if not said:
        return []
    if "://" in said:
        return [said if said.endswith("/") else f"{said}/"]
    bare = said.strip("/")
    return [f"{scheme}://{bare}/" for scheme in ("https", "http")]


def host_of(url: str) -> str:
    """The host of a URL in small letters; "" where it has none."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def text(value: object) -> str | None:
    """A text of one line and a bearable length; None for anything else."""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        return None
    return " ".join(value.split()) or None


def number(value: object) -> float | None:
    """A finite number, also one that is written as text."""
    try:
        found = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def whole(value: object) -> int | None:
    """A whole number above 0."""
    found = number(value)
    return int(found) if found is not None and 1 <= found < 2**53 else None


def rows(value: object) -> list[Row]:
    """The mappings of a list, or of the values of a mapping, whose keys then are their names."""
    if isinstance(value, Mapping):
        return [{"Name": key, **each} for key, each in value.items() if isinstance(each, Mapping)]
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def texts(value: object) -> list[str]:
    """The texts of a list, or the words of a text."""
    said = re.split(r"[\s,]+", value) if isinstance(value, str) else value if isinstance(value, list) else []
    return [each for each in map(text, said[:MOST_LISTED]) if each]


def countries(value: object) -> list[str]:
    """The codes of countries among the words of a value, in capitals, each once."""
    return list(dict.fromkeys(each.upper() for each in texts(value) if _COUNTRY.fullmatch(each)))
