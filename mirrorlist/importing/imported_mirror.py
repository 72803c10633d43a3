"""An imported mirror: the fields of its file, and every value that the file does not have, with the reason.

A record is taken key by key. What nobody takes is lost, and named: so a new key of another service cannot vanish.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mirrorlist.core.model import MAIN, Status
from mirrorlist.core.network.prefixes import is_address
from mirrorlist.importing.documents import Loss
from mirrorlist.sources.mirrors.forms import Refused, truth
from mirrorlist.sources.mirrors.urls import SCHEMES
from mirrorlist.sources.places.countries import read_countries
from mirrorlist.sources.submissions.new_mirrors import ANSWERS, read_answer
from mirrorlist.sources.yaml.documents import shown

MOST_LISTED = 4096
WEB_FIRST = ("https", "http", "rsync", "ftp")
NO_FIELD = "mirror files have no field for it"
_CREDENTIAL = re.compile(r"passw|secret|token|credential|private_?key|_ssh_|^ssh", re.IGNORECASE)
_USER = re.compile(r"(?<=//)[^/?#\s]*@")
_SHOWN_ENTRIES = 5
_ON = frozenset({"enabled", "active", "available", "live", "online"})
"""Keys that say whether a mirror is in use, in services of which nobody knows them."""


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What is imported. ``categories`` are MirrorManager's by the module that they become; ``module`` is whose
    addresses another service's are; ``columns`` say what a table's mean."""

    source: Path
    modules: frozenset[str]
    categories: Mapping[str, str] = field(default_factory=dict)
    module: str = MAIN
    columns: tuple[str, ...] = ()
    encoding: str | None = None


@dataclass(slots=True)
class Export:
    """The mirrors of another service, and what of the service itself is not carried over, complete once the mirrors
    have been read."""

    mirrors: Iterable[ImportedMirror]
    lost: list[Loss] = field(default_factory=list)


class ImportedRow:
    """A record, whose keys are found in any case of letters. Its values are taken once each."""

    def __init__(self, values: Mapping[Any, Any]) -> None:
        self._left = {str(key).casefold(): (str(key), value) for key, value in values.items()}

    def take(self, key: str) -> Any:
        """The value of a key; None where there is none, or it was taken before."""
        return self._left.pop(key.casefold(), (key, None))[1]

    def drop(self, keys: Iterable[str]) -> None:
        """Takes what the other service only observed, such as the time of its last check."""
        for key in keys:
            self.take(key)

    def left(self) -> Iterator[tuple[str, Any]]:
        """What nobody took, in its order."""
        yield from self._left.values()


def is_blank(value: object) -> bool:
    """Whether a value says nothing."""
    return value is None or value in ("", [], {}) or (isinstance(value, str) and not value.strip())


def text(value: object) -> str | None:
    """A value as one line of text; None for what is no text or number, and for blanks."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return " ".join(str(value).split()) or None
    except ValueError:  # thousands of digits
        return None


def number(value: object) -> float | None:
    """A finite number, also one that is written as text."""
    try:
        found = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def rows(value: object) -> list[Mapping[Any, Any]]:
    """The mappings of a list, or of the values of a mapping, whose keys then are their names."""
    if isinstance(value, Mapping):
        return [{"Name": key, **each} for key, each in value.items() if isinstance(each, Mapping)]
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def strays(value: object, kind: str = "entry") -> list[Loss]:
    """What ``rows`` passes over: the entries that are no mappings."""
    beside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else []
    return [Loss(kind, masked(each), "it is no mapping") for each in beside if not isinstance(each, Mapping)]


def entries(value: object, key: str = "") -> list[Any]:
    """The entries of a list, of mappings what is under ``key``; the words of a text; anything else alone."""
    if isinstance(value, str):
        return [each for each in re.split(r"[\s,;]+", value) if each]
    listed = value if isinstance(value, list) else [] if is_blank(value) else [value]
    return [each.get(key, each) if isinstance(each, Mapping) else each for each in listed[:MOST_LISTED]]


def masked(value: object) -> str:
    """A value as people may see it: short, on one line, and without what comes before the host in a URL."""
    if isinstance(value, list) and not any(isinstance(each, list | Mapping) for each in value):
        found = [masked(each) for each in value[:_SHOWN_ENTRIES]]
        return ", ".join([*found, *(["..."] if len(value) > _SHOWN_ENTRIES else [])])
    return shown(_USER.sub("", value) if isinstance(value, str) else value)


@dataclass(slots=True)
class ImportedMirror:
    """A mirror on its way. ``said`` is what the other service calls it."""

    said: str
    fields: dict[str, Any] = field(default_factory=dict)
    lost: list[Loss] = field(default_factory=list)
    paused: str = ""

    @property
    def name(self) -> str:
        """The mirror's name, which is its host; "" where there is none."""
        name = self.fields.get("name")
        return name if isinstance(name, str) else ""

    def lose(self, key: str, value: object, why: str) -> None:
        """Notes a value that is not carried over; credentials are not shown."""
        if _CREDENTIAL.search(key):
            value, why = None, "credentials are never copied"
        loss = Loss(key, "" if value is None else masked(value), why)
        if loss not in self.lost:
            self.lost.append(loss)

    def put(self, key: str, value: Any) -> None:
        """Sets a field, unless there is nothing to set."""
        if not is_blank(value):
            self.fields[key] = value

    def place(self, key: str, value: Any) -> None:
        """Sets a field of ``geolocation``, unless there is nothing to set or it is set."""
        if not is_blank(value):
            self.fields.setdefault("geolocation", {}).setdefault(key, value)

    def pause(self, reason: str) -> None:
        """Writes the mirror as paused, since the file cannot say for whom it is; of two reasons the first counts."""
        self.paused = self.paused or reason
        self.fields.update(status=Status.PAUSED.value, status_reason=self.paused)

    def disable(self, reason: str) -> None:
        """Writes the mirror as paused, as it was at the other service."""
        if not self.paused:
            self.fields.update(status=Status.PAUSED.value, status_reason=reason)

    def answer(self, row: ImportedRow, key: str, answer: str) -> None:
        """Takes a value that is read as an answer of ``mirrorlist new``, unless it was answered before."""
        value = row.take(key)
        if not is_blank(value):
            self.read(key, value, answer)

    def read(self, key: str, value: object, answer: str) -> None:
        """Reads a value as an answer of ``mirrorlist new``; loses what is none, or says something else than before."""
        said = text(value)
        try:
            if said is None:
                raise Refused("is neither text nor a number")
            found = read_answer(answer, said)
        except Refused as fault:
            self.lose(key, value, f"it {fault}")
            return
        *above, last = ANSWERS[answer].keys
        where = self.fields
        for each in above:
            where = where.setdefault(each, {})
        if where.setdefault(last, found) != found:
            self.lose(key, value, f"{last} is {shown(where[last])} already")

    def coordinates(self, row: ImportedRow, latitude: str = "latitude", longitude: str = "longitude") -> None:
        """Both or none; 0 and 0 is how others write that they do not know."""
        given = {latitude: row.take(latitude), longitude: row.take(longitude)}
        if all(number(value) == 0 or is_blank(value) for value in given.values()):
            return
        found = [number(value) for value in given.values()]
        if None in found or abs(found[0] or 0) > 90 or abs(found[1] or 0) > 180:
            for key, value in given.items():
                if not is_blank(value):
                    self.lose(key, value, "the two are no coordinates in degrees")
            return
        self.place("latitude", found[0])
        self.place("longitude", found[1])

    def countries(self, key: str, values: Iterable[object], target: str) -> None:
        """Fills ``countries_only`` or ``countries_never``; pauses the mirror where that would widen who gets it."""
        found: list[str] = []
        unread: list[object] = []
        for each in values:
            said = text(each)
            code = read_countries().normalise(said) if said else None
            if code is None:
                unread.append(each)
            else:
                found.append(code)
        for each in unread:
            self.lose(key, each, "it is no country; write its ISO 3166 code")
        if unread and not (found and target == "countries_only"):
            self.pause(f"{key} cannot be carried over.")
        self.put(target, list(dict.fromkeys(found)))

    def flag(self, key: str, value: object) -> bool:
        """Whether a restriction is on; one that cannot be read pauses the mirror, and counts as on."""
        if is_blank(value):
            return False
        found = {"t": True, "f": False, "1": True, "0": False}.get(str(value).strip().lower(), truth(value))  # type: ignore[arg-type]  # any value is looked at
        if isinstance(found, bool):
            return found
        self.lose(key, value, "it is neither yes nor no")
        self.pause(f"{key} cannot be read.")
        return True

    def addresses(self, urls: Iterable[object], module: str = MAIN) -> None:
        """Adds to the addresses of a module, and sets the name if there is none yet. A URL without a scheme is http
        and https; of two over one scheme the first counts."""
        book: dict[str, str] = {}
        for url in urls:
            for each in () if is_blank(url) else _spelled(url):
                self._address(each, url, book)
        ordered = {scheme: book[scheme] for scheme in WEB_FIRST if scheme in book}
        if not ordered:
            return
        if module == MAIN:
            self.fields["address"] = ordered
        else:
            self.fields.setdefault("address_optional", {})[module] = ordered
        if not self.name and (host := host_of(next(iter(ordered.values())))):
            self.fields = {"name": host, **self.fields}

    def _address(self, each: str, url: object, book: dict[str, str]) -> None:
        scheme = each.partition(":")[0].lower()
        try:
            if scheme not in SCHEMES:
                raise Refused(f"has another scheme than {', '.join(SCHEMES)}")
            found = str(read_answer(scheme, each))
        except Refused as fault:
            self.lose("address", url, f"it {fault}")
            return
        if book.setdefault(scheme, found) != found:
            self.lose("address", each, f"it is a second one over {scheme}")

    def leave(self, row: ImportedRow, remedies: Mapping[str, str]) -> None:
        """Loses what nobody took of a row, with what to do about it; false and 0 say nothing, but that it is off."""
        for key, value in row.left():
            if key.casefold() in _ON:
                if not is_blank(value) and not self.flag(key, value):
                    self.disable("It was off where it comes from.")
            elif not is_blank(value) and value is not False and value != 0:
                self.lose(key, value, remedies.get(key.casefold(), NO_FIELD))


def _spelled(url: object) -> list[str]:
    said = text(url) if isinstance(url, str) else None
    if said is None:
        return ["?"]
    if "://" in said or "::" in said:
        return [said if "://" in said else f"rsync://{said}"]
    bare = said.strip("/")
    return [f"{scheme}://{bare}/" for scheme in WEB_FIRST[:2]]


def host_of(url: str) -> str:
    """The host of a URL in small letters; "" where it has no name."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""
    return "" if is_address(host) else host
