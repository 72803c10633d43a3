"""Read the exports of other services: untrusted data, limited in size, never code."""

from __future__ import annotations

import math
import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import yaml

from mirrorlist.core.errors import ImportFault, Severity
from mirrorlist.files_on_disk import write_whole
from mirrorlist.sources.yaml.documents import shown
from mirrorlist.sources.yaml.reader import read_yaml

LARGEST_FILE = 64 * 1024 * 1024
LARGEST_YAML = 2 * 1024 * 1024


def data_of(path: Path) -> bytes:
    """The bytes of a regular file.

    Raises:
        ImportFault: there is none, or it is too large.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ImportFault(f"{path} is not a file; name the file that was exported")
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ImportFault(f"{path}: {error.strerror}; name a file that can be read") from None
    if len(data) > LARGEST_FILE:
        raise ImportFault(f"{path} has more than {LARGEST_FILE} bytes; export less")
    return data


def json_of(data: bytes, path: Path) -> Any:
    """What JSON says.

    Raises:
        ImportFault: it is none.
    """
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise ImportFault(f"{path} is no JSON that can be read ({error}); export it again") from None


def yaml_of(data: bytes, path: Path) -> dict[str, Any]:
    """The mapping that YAML says.

    Raises:
        ImportFault: it cannot be read; aliases and tags are refused.
    """
    document = read_yaml(data, str(path), LARGEST_YAML)
    if document.root is None:
        told = next((str(each) for each in document.findings if each.severity is Severity.ERROR), str(path))
        raise ImportFault(told)
    return dict(document.root)


# An imported mirror: the fields of its file, and the values that could not be carried over.

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


# Existing files stay, unless they may be replaced.

ORDER = (
    "name", "address", "address_optional", "update_frequency", "sponsor", "sponsor_url", "email", "contact_name",
    "geolocation", "private", "monopoly", "subnets", "asn",
)  # fmt: skip
_NAME = re.compile(r"[a-z0-9]+((\.|-+)[a-z0-9]+)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one mirror: the file, or why there is none."""

    carried: Carried
    path: Path | None
    why: str = ""


class _Plain(yaml.SafeDumper):
    """Writes every value where it is, never as an alias."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def as_yaml(fields: dict[str, Any]) -> bytes:
    """A mirror file: the fields in the order in which people read them."""
    first = {key: fields[key] for key in ORDER if key in fields}
    text = yaml.dump(
        {**first, **fields}, Dumper=_Plain, sort_keys=False, allow_unicode=True, default_flow_style=False, width=110
    )
    return f"---\n{text}...\n".encode("utf-8", "backslashreplace")


def write(carried: Carried, out: Path, taken: set[str], replace: bool) -> Written:
    """Writes one file; ``taken`` are the names that this run has written, and gets this one."""
    name = carried.name
    if not carried.fields:
        return Written(carried, None, "it cannot be read")
    if not name or len(name) > 250 or not _NAME.fullmatch(name):
        return Written(
            carried, None, "it has no address over http, https or rsync" if not name else "it has no plain name"
        )
    path = out / f"{name}.yml"
    if name in taken:
        return Written(carried, None, f"{path.name} is another one's; give one of the two another name")
    taken.add(name)
    if os.path.lexists(path) and not replace:
        return Written(carried, None, f"{path} is there already; --force replaces it")
    try:
        write_whole(path, [as_yaml(carried.fields)])
    except OSError as error:
        return Written(carried, None, f"{path}: {error.strerror}")
    return Written(carried, path)
