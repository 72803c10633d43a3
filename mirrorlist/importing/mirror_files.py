"""Write mirror files: existing ones stay, unless they may be replaced, or get the addresses of a further module."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mirrorlist.core.errors import ImportFault
from mirrorlist.core.model import MAIN
from mirrorlist.files_on_disk import write_whole
from mirrorlist.importing.documents import data_of, yaml_of
from mirrorlist.importing.imported_mirror import ImportedMirror
from mirrorlist.sources.submissions.hosts import name_fault
from mirrorlist.sources.yaml.documents import shown

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
        return "it has no address, or cannot be read"
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
