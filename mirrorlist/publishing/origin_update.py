"""Ask the origin for its repomd.xml files, image sizes and time files, and record what it publishes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from mirrorlist.checks.fetching.result import shown
from mirrorlist.checks.probing.judge import USUAL_FORMS, told_time
from mirrorlist.core.catalogue.catalogue import published, published_images
from mirrorlist.core.catalogue.metadata import REPOMD
from mirrorlist.core.catalogue.service import WEB_SCHEMES, Service
from mirrorlist.core.errors import OriginError, UnreadableError
from mirrorlist.core.model import MAIN, Checksummed
from mirrorlist.core.updates import UpdateOutcome, UpdateResult
from mirrorlist.sources.origin.repomd import (
    Fetch,
    Size,
    Written,
    directory_fetch,
    directory_size,
    directory_written,
    http_fetch,
    http_size,
    http_written,
    summed_up,
)
from mirrorlist.sources.origin.web import origin_session
from mirrorlist.store.metadata import MetadataStore
from mirrorlist.store.origin_faults import FaultKind

AT_ONCE = 8
MISSING = "the origin has no such file"
MOST_AHEAD_SECONDS = 600.0
"""How far two clocks may differ."""


ORIGIN_OUTCOMES = (UpdateOutcome.CHANGED, UpdateOutcome.UNCHANGED, UpdateOutcome.MISSING, UpdateOutcome.FAILED)
"""What may come of asking the origin for a file."""


def update_metadata(service: Service, store: MetadataStore, now: float) -> Iterator[UpdateResult]:
    """Asks the origin of every module for every repository it publishes, one result a path.

    A failure is noted and told; what was known of the path stays.
    """
    with origin_session() as session, ThreadPoolExecutor(AT_ONCE) as pool:
        fetches: dict[str, tuple[Fetch, Written]] = {}
        for module, origin in service.origins.items():
            web = origin.startswith(WEB_SCHEMES)
            written = http_written(origin, session) if web else directory_written(Path(origin))
            fetches[module] = _fetch(origin, session), written
        wanted = [
            (found.path.replace("$basearch", arch or ""), *fetches[found.module])
            for found, arch in published(service.catalogue)
            if found.module in fetches
        ]
        unreadable: dict[str, str] = {}
        for path, version in pool.map(_ask, wanted):
            if isinstance(version, UnreadableError):
                unreadable[path] = str(version)
            yield _noted(store, path, version, now)
    store.faults.note_all(FaultKind.UNREADABLE, unreadable, now)


def update_images(service: Service, store: MetadataStore, now: float) -> Iterator[UpdateResult]:
    """Asks the origin of every module for the size of every image it publishes, one result a path."""
    with origin_session() as session, ThreadPoolExecutor(AT_ONCE) as pool:
        sizes = {
            module: http_size(origin, session) if origin.startswith(WEB_SCHEMES) else directory_size(Path(origin))
            for module, origin in service.origins.items()
        }
        images = published_images(service.catalogue)
        wanted = [(path, sizes[module]) for module, path in images if module in sizes]
        for path, size in pool.map(_ask_size, wanted):
            if isinstance(size, OriginError):
                yield UpdateResult(path, UpdateOutcome.FAILED, str(size))
                continue
            changed = store.record_size(path, size, now)
            known = UpdateOutcome.CHANGED if changed else UpdateOutcome.UNCHANGED
            yield UpdateResult(path, UpdateOutcome.MISSING, MISSING) if size is None else UpdateResult(path, known)


def update_time_files(service: Service, store: MetadataStore, now: float) -> Iterator[UpdateResult]:
    """Asks the origin of every module for its time file, one result for each that has one to be told of.

    One that mirrors cannot be held against is noted, so that the prober does not blame them for it.
    """
    file, faults = service.time_file or "", dict[str, str]()
    with origin_session() as session:
        for module, origin in service.origins.items() if file else ():
            name = file if module == MAIN else f"{file} of {module}"
            try:
                data = _fetch(origin, session)(file)
            except OriginError as error:
                fault, outcome = str(error).rpartition(": ")[2], UpdateOutcome.FAILED  # no place: pages show it
            else:
                fault = MISSING if data is None else _time_fault(data, service.allowed_outdate_seconds, now)
                outcome = (
                    UpdateOutcome.MISSING
                    if data is None
                    else UpdateOutcome.FAILED
                    if fault
                    else UpdateOutcome.UNCHANGED
                )
            if fault:
                faults[module] = fault
            yield UpdateResult(name, outcome, f"{fault}; no mirror is judged by it" if fault else "")
    store.faults.note_all(FaultKind.TIME_FILE, faults, now)


def _time_fault(data: bytes, allowed_seconds: float, now: float) -> str:
    """Why no mirror can be held against the origin's own time file; an empty text where it is fine."""
    told = told_time(data)
    if told is None or not math.isfinite(told):
        return f"not a time: {shown(data[:40].decode('latin-1').strip())!r}; write {USUAL_FORMS}"
    if told > now + MOST_AHEAD_SECONDS:
        return f"its time lies {(told - now) / 3600:.1f} hours in the future; write the time in UTC, or with its zone"
    if now - told > allowed_seconds:
        return f"its time lies {(now - told) / 3600:.1f} hours back, longer than allowed_outdate; write it anew"
    return ""


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


def _ask(wanted: tuple[str, Fetch, Written]) -> tuple[str, Checksummed | OriginError | None]:
    path, fetch, written = wanted
    try:
        data = fetch(path + REPOMD)
        return path, None if data is None else summed_up(data, path + REPOMD, lambda: written(path + REPOMD))
    except OriginError as error:
        return path, error


def _noted(store: MetadataStore, path: str, version: Checksummed | OriginError | None, now: float) -> UpdateResult:
    if isinstance(version, Checksummed):
        changed = store.record(path, version, now)
        return UpdateResult(path, UpdateOutcome.CHANGED if changed else UpdateOutcome.UNCHANGED)
    outcome = UpdateOutcome.MISSING if version is None else UpdateOutcome.FAILED
    reason = MISSING if version is None else str(version)
    store.failed(path, reason, now)
    return UpdateResult(path, outcome, reason)
