"""Asks the origin for its repomd.xml files and the sizes of its images, and notes what it publishes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import requests

from mirrorlist.core.catalogue import published
from mirrorlist.core.errors import OriginError
from mirrorlist.core.images import published_images
from mirrorlist.core.metadata import REPOMD
from mirrorlist.core.model import Checksummed
from mirrorlist.core.service import WEB_SCHEMES, Service
from mirrorlist.sources.repomd import (
    Fetch,
    Size,
    directory_fetch,
    directory_size,
    http_fetch,
    http_size,
    summed_up,
)
from mirrorlist.store.metadata import MetadataStore

AT_ONCE = 8
MISSING = "the origin has no such file"


class Outcome(StrEnum):
    """What came of asking for one repository's repomd.xml."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    MISSING = "missing"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Update:
    """The outcome for one path, with the reason of a failure."""

    path: str
    outcome: Outcome
    reason: str = ""


def update_metadata(service: Service, store: MetadataStore, now: float) -> Iterator[Update]:
    """Asks the origin of every module for every repository it publishes, one result a path.

    A failure is noted and told; what was known of the path stays.
    """
    with requests.Session() as session, ThreadPoolExecutor(AT_ONCE) as pool:
        fetches = {module: _fetch(origin, session) for module, origin in service.origins.items()}
        wanted = [
            (found.path.replace("$basearch", arch or ""), fetches[found.module])
            for found, arch in published(service.catalogue)
            if found.module in fetches
        ]
        for path, version in pool.map(_ask, wanted):
            yield _noted(store, path, version, now)


def update_images(service: Service, store: MetadataStore, now: float) -> Iterator[Update]:
    """Asks the origin of every module for the size of every image it publishes, one result a path."""
    with requests.Session() as session, ThreadPoolExecutor(AT_ONCE) as pool:
        sizes = {module: _size(origin, session) for module, origin in service.origins.items()}
        images = published_images(service.catalogue)
        wanted = [(path, sizes[module]) for module, path in images if module in sizes]
        for path, size in pool.map(_ask_size, wanted):
            if isinstance(size, OriginError):
                yield Update(path, Outcome.FAILED, str(size))
                continue
            changed = store.record_size(path, size, now)
            known = Outcome.CHANGED if changed else Outcome.UNCHANGED
            yield Update(path, Outcome.MISSING, MISSING) if size is None else Update(path, known)


def _size(origin: str, session: requests.Session) -> Size:
    if origin.startswith(WEB_SCHEMES):
        return http_size(origin, session)
    return directory_size(Path(origin))


def _ask_size(wanted: tuple[str, Size]) -> tuple[str, int | OriginError | None]:
    path, size = wanted
    try:
        return path, size(path)
    except OriginError as error:
        return path, error


def _fetch(origin: str, session: requests.Session) -> Fetch:
    if origin.startswith(WEB_SCHEMES):
        return http_fetch(origin, session)
    return directory_fetch(Path(origin))


def _ask(wanted: tuple[str, Fetch]) -> tuple[str, Checksummed | OriginError | None]:
    path, fetch = wanted
    try:
        data = fetch(path + REPOMD)
        return path, None if data is None else summed_up(data, path + REPOMD)
    except OriginError as error:
        return path, error


def _noted(store: MetadataStore, path: str, version: Checksummed | OriginError | None, now: float) -> Update:
    if isinstance(version, Checksummed):
        changed = store.record(path, version, now)
        return Update(path, Outcome.CHANGED if changed else Outcome.UNCHANGED)
    outcome = Outcome.MISSING if version is None else Outcome.FAILED
    reason = MISSING if version is None else str(version)
    store.failed(path, reason, now)
    return Update(path, outcome, reason)
