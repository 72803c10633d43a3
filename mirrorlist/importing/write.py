"""Writes mirror files out of what was carried over; what is there already stays, unless it may be replaced."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mirrorlist.importing.carried import Carried
from mirrorlist.store.whole_files import write_whole

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
    """Writes every value where it stands, never as an alias."""

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
