"""Read the exports of other services, untrusted data that is limited in size and never code; write mirror files."""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml

from mirrorlist.core.errors import ImportFault, Severity
from mirrorlist.core.model import MAIN
from mirrorlist.files_on_disk import write_whole
from mirrorlist.importing.imported_mirror import ImportedMirror, Loss
from mirrorlist.sources.submissions.hosts import name_fault
from mirrorlist.sources.yaml.documents import shown
from mirrorlist.sources.yaml.reader import read_yaml

LARGEST_FILE = 64 * 1024 * 1024
LARGEST_YAML = 2 * 1024 * 1024
_BINARY = {b"PK\x03\x04": "a spreadsheet or an archive", b"SQLite f": "a database", b"PGDMP": "a dump of PostgreSQL",
           b"\x1f\x8b": "compressed"}  # fmt: skip
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
          codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}  # fmt: skip
"""Byte order marks, the longer ones first where one begins with another."""


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


def text_of(data: bytes, path: Path, encoding: str | None = None) -> str:
    """The text of a file in an encoding, or in that of its byte order mark, or else in UTF-8.

    Raises:
        ImportFault: it is no text in this encoding.
    """
    for start, what in _BINARY.items():
        if data.startswith(start):
            raise ImportFault(f"{path} is {what}; export text, such as CSV in UTF-8 or JSON")
    found = encoding or next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        return data.decode(found)
    except (LookupError, ValueError) as error:
        place = f" at byte {error.start + 1}" if isinstance(error, UnicodeDecodeError) else f" ({error})"
        raise ImportFault(
            f"{path} is not {found}{place}; save it as UTF-8, or say what it is with --encoding"
        ) from None


def json_of(data: bytes, path: Path) -> Any:
    """What JSON says.

    Raises:
        ImportFault: it is none.
    """
    try:
        return msgspec.json.decode(data.removeprefix(codecs.BOM_UTF8))
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise ImportFault(f"{path} is no JSON that can be read ({error}); export it again") from None


def yaml_of(data: bytes, path: Path, lost: list[Loss] | None = None) -> dict[str, Any]:
    """The mapping that YAML says; of a key given twice the later value counts, and the other is noted as lost.

    Raises:
        ImportFault: it cannot be read; aliases and tags are refused.
    """
    document = read_yaml(data, str(path), LARGEST_YAML)
    if lost is not None:
        lost += [Loss(each.code, f"in line {each.line}", each.message) for each in document.findings]
    if document.root is None:
        told = next((str(each) for each in document.findings if each.severity is Severity.ERROR), str(path))
        raise ImportFault(told)
    return dict(document.root)


# Existing files stay, unless they may be replaced, or get the addresses of a further module.

ORDER = (
    "name", "address", "address_optional", "update_frequency", "sponsor", "sponsor_url", "email", "contact_name",
    "geolocation", "places", "global", "private", "monopoly", "subnets", "asn",
)  # fmt: skip


PLACE_FIELDS = ("geolocation", "places")


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one mirror: the file, or why there is none."""

    mirror: ImportedMirror
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


def in_their_places(mirrors: Iterable[ImportedMirror]) -> list[ImportedMirror]:
    """The mirrors; rows that say the same but for their place are one mirror in many places."""
    found: list[ImportedMirror] = []
    by_name: dict[str, list[ImportedMirror]] = {}
    for each in mirrors:
        own, home, same = _without_place(each), each.fields.get("geolocation"), by_name.setdefault(each.name, [])
        first = next((other for other in same if _without_place(other) == own), None) if own and home else None
        known = [first.fields.get("geolocation"), *first.fields.get("places", [])] if first else []
        if first is None or known[0] is None or home in known:
            found.append(each)
            same.append(each)
            continue
        first.fields.setdefault("places", []).append(home)
        first.said += f", {each.said}" if each.said != first.said else ""
        first.lost += [loss for loss in each.lost if loss not in first.lost]
    return found


def _without_place(mirror: ImportedMirror) -> dict[str, Any]:
    """What says that two rows are one mirror: everything but where it is; nothing where it has no name."""
    return {key: value for key, value in mirror.fields.items() if key not in PLACE_FIELDS} if mirror.name else {}


def write(mirror: ImportedMirror, out: Path, taken: set[str], replace: bool, module: str = MAIN) -> Written:
    """Writes one file; ``taken`` are the names that this run has written, and gets this one."""
    if why := _refusal(mirror):
        return Written(mirror, None, why)
    path = out / f"{mirror.name}.yml"
    if mirror.name in taken:
        return Written(mirror, None, f"{path.name} is another one's; give one of the two another name")
    taken.add(mirror.name)
    fields, there = mirror.fields, os.path.lexists(path) and not replace
    if there and module == MAIN:
        return Written(mirror, None, f"{path} is there already; --force replaces it")
    try:
        if there:
            fields = _joined(mirror, yaml_of(data_of(path), path), module)
        write_whole(path, [as_yaml(fields)])
    except ImportFault as fault:
        return Written(mirror, None, str(fault))
    except OSError as error:
        return Written(mirror, None, f"{path}: {error.strerror}")
    return Written(mirror, path)


def _refusal(mirror: ImportedMirror) -> str:
    """Why there is no file of a mirror; "" where there may be one."""
    if not mirror.fields and not any(each.key == "address" for each in mirror.lost):
        return "it cannot be read"
    books = [mirror.fields.get("address", {}), *mirror.fields.get("address_optional", {}).values()]
    if not any(isinstance(book, dict) and {"http", "https"} & book.keys() for book in books):
        return "it has no address over http or https"
    if not mirror.name:
        return "its host has no name; write its file by hand"
    fault = name_fault(mirror.name)
    return f"its name {shown(mirror.name)} {fault}" if fault else ""


def _joined(mirror: ImportedMirror, fields: dict[str, Any], module: str) -> dict[str, Any]:
    """The fields of a file that is there, with the addresses of a further module; the others' values stay.

    Raises:
        ImportFault: the file has other addresses for the module.
    """
    if mirror.paused:
        raise ImportFault(f"its file is there, and the mirror has to be paused for this: {mirror.paused}")
    books = fields.setdefault("address_optional", {})
    new = mirror.fields.get("address_optional", {}).get(module)
    if not isinstance(books, dict) or books.setdefault(module, new) != new:
        raise ImportFault(f"its file has other addresses of {module}; --force replaces the file")
    for key, value in mirror.fields.items():
        if key not in ("name", "address_optional") and fields.setdefault(key, value) != value:
            mirror.lose(key, value, "its file, which was there, says something else")
    return fields
