"""Judge whether a commit may replace the one in force: it is usable, and nothing usable is lost."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.errors import PullError, ServiceFileError
from mirrorlist.sources.mirrors.files import read_mirror_files
from mirrorlist.sources.places.countries import read_countries
from mirrorlist.sources.service.file import read_service

LEAST_SHARE = 0.7
GUARDED_ABOVE = 10
"""Mirrors; a network this small may lose as many as it likes, but not all."""
MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Usable:
    """What can be used of a checkout. ``mirrors`` are the names of files that give a mirror, ``files`` of all."""

    service: Service
    mirrors: frozenset[str]
    files: frozenset[str]


def usable(config: Path) -> Usable:
    """What can be used of the files as they lie there.

    Raises:
        PullError: the service file is broken.
    """
    service = service_of(config)
    found = read_mirror_files(Path(service.mirrors_dir), frozenset(service.modules), read_countries())
    return Usable(service, frozenset(found.mirrors), frozenset(found.files))


def service_of(config: Path) -> Service:
    """The service of a file.

    Raises:
        PullError: it is broken; the message has every finding.
    """
    try:
        return read_service(config)[0]
    except ServiceFileError as error:
        told = "; ".join(str(each).replace(str(config), config.name) for each in error.findings[:MOST_NAMED])
        raise PullError(f"the service file is broken: {told}") from None


def refuse_worse(old: Usable | None, new: Usable, left_out: Collection[str]) -> None:
    """Raises PullError where a commit is worse than the one in force; ``left_out`` are files that git alone has."""
    if not new.mirrors:
        raise PullError("no mirror file can be used; correct them")
    if old is None:
        return
    broken = sorted((old.mirrors - new.mirrors) & (new.files | set(left_out)))
    if broken:
        files, remedy = ("file", "correct it") if len(broken) == 1 else ("files", "correct them")
        raise PullError(
            f"{len(broken)} mirror {files} could be used before and cannot any more: {_first(broken)}; {remedy}"
        )
    if len(old.mirrors) > GUARDED_ABOVE and len(new.mirrors) < LEAST_SHARE * len(old.mirrors):
        gone = sorted(old.mirrors - new.mirrors)
        raise PullError(
            f"of {len(old.mirrors)} mirror files only {len(new.mirrors)} are left; the first that are gone are "
            f"{_first(gone)}; put them back, or accept the commit"
        )


def _first(names: Collection[str]) -> str:
    return ", ".join(list(names)[:MOST_NAMED])
