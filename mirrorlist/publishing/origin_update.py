"""Ask the origin for its repomd.xml files, image sizes and time files, and record what it publishes."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256, sha512
from pathlib import Path
from typing import NamedTuple

import requests

from mirrorlist.checks.fetching.result import shown
from mirrorlist.checks.probing.told_time import USUAL_FORMS, told_time
from mirrorlist.core.catalogue.catalogue import published_contents, published_images
from mirrorlist.core.catalogue.service import WEB_SCHEMES, Service
from mirrorlist.core.content import Content, ContentKind
from mirrorlist.core.errors import OriginError, UnreadableError
from mirrorlist.core.kinds.table import KINDS
from mirrorlist.core.model import MAIN, Checksummed
from mirrorlist.core.updates import UpdateOutcome, UpdateResult
from mirrorlist.sources.origin.repomd import (
    Fetch,
    KeptAnswers,
    Size,
    Written,
    directory_fetch,
    directory_size,
    directory_written,
    http_fetch,
    http_size,
    http_written,
    known_size,
    named_parts,
    summed_up,
)
from mirrorlist.sources.origin.web import origin_session
from mirrorlist.store.metadata import MetadataStore
from mirrorlist.store.origin_faults import FaultKind

AT_ONCE = 8
MISSING = "the origin has no such file"
OTHER_INDEXES: Mapping[str, Mapping[str, str]] = {
    "InRelease": {"Release": "index: Release"},
    "repodata/repomd.xml": {
        "InRelease": "suites: [./]",
        "Release": "{suites: [./], index: Release}",
        "APKINDEX.tar.gz": "kind: apk",
    },
}
"""What may be in place of an index that the origin lacks, and what to write then."""
UNFINISHED_SECONDS = 600.0
"""This long after it was written a repomd.xml may name files that the origin does not have yet: it is not finished.
Later it counts although files are missing, as mirrors have the same."""
MOST_AHEAD_SECONDS = 600.0
"""How far two clocks may differ."""


ORIGIN_OUTCOMES = (UpdateOutcome.CHANGED, UpdateOutcome.UNCHANGED, UpdateOutcome.MISSING, UpdateOutcome.FAILED)
"""What may come of asking the origin for a file."""


class RepositoryFile(NamedTuple):
    """An index, such as repomd.xml, that an origin should have; ``path`` is the repository's below the tree.

    ``key`` is the name under which the repository is recorded.
    """

    key: str
    path: str
    origin: str
    content: Content = Content(MAIN, "")

    @property
    def on_disk(self) -> Path | None:
        """The file, where the origin is a directory."""
        return None if self.origin.startswith(WEB_SCHEMES) else Path(self.origin) / self.path / self.content.index


def repository_files(service: Service) -> list[RepositoryFile]:
    """The index of everything that a module with an origin publishes and that has one."""
    return [
        RepositoryFile(each.key, each.path, service.origins[each.module], each)
        for each in published_contents(service.catalogue)
        if each.module in service.origins and each.index
    ]


@dataclass(slots=True)
class OriginMemory:
    """What somebody who follows the origin remembers between looks, so that only what changed is read and written."""

    kept: KeptAnswers = field(default_factory=KeptAnswers)
    said: dict[str, Checksummed | str | None] = field(default_factory=dict)
    """The version at a path, None where there is none, or why it cannot be used."""
    signs: dict[str, Hashable] = field(default_factory=dict)
    """The time, size and number of a file in a directory when it was read last."""
    unsettled: dict[str, Hashable] = field(default_factory=dict)
    """Signs that are new, so that the file may still be written."""

    def forget(self) -> None:
        """Forgets what was said, as where it could not be written down: it is new once more."""
        self.said.clear()
        self.signs.clear()

    def may_differ(self, file: RepositoryFile) -> bool:
        """Whether to read a file again: one in a directory when it has changed, and not since the look before."""
        if file.on_disk is None:
            return True
        sign = sign_of(file.on_disk)
        if sign == self.signs.get(file.key):
            self.unsettled.pop(file.key, None)
            return False
        settled = self.unsettled.get(file.key, self) == sign
        self.unsettled[file.key] = sign
        return settled


def sign_of(file: Path) -> Hashable:
    """A value that changes with the content of a file; None while there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def update_metadata(
    service: Service, store: MetadataStore, now: float, memory: OriginMemory | None = None
) -> Iterator[UpdateResult]:
    """Asks the origin of every module for every repository it publishes, one result a path.

    A failure is noted and reported; what was known of the path stays.
    """
    unreadable: dict[str, str] = {}
    for file, version, _ in _versions(repository_files(service), store, now, memory or OriginMemory()):
        if isinstance(version, UnreadableError):
            unreadable[file.key] = str(version)
        yield _noted(store, file, version, now)
    store.faults.note_all(FaultKind.UNREADABLE, unreadable, now)


def update_changed(
    files: Iterable[RepositoryFile], store: MetadataStore, now: float, memory: OriginMemory
) -> Iterator[UpdateResult]:
    """Looks at files again after ``update_metadata``, one result for each path that says something else by now."""
    for file, version, is_new in _versions(files, store, now, memory):
        if is_new:
            yield _noted(store, file, version, now)
            fault = str(version) if isinstance(version, UnreadableError) else None
            store.faults.note(FaultKind.UNREADABLE, file.key, fault, now)


Version = Checksummed | OriginError | None


def _versions(
    files: Iterable[RepositoryFile], store: MetadataStore, now: float, memory: OriginMemory
) -> Iterator[tuple[RepositoryFile, Version, bool]]:
    """What the origin says of each file, and whether that is something else than it said to this memory before."""
    current = store.current()
    with origin_session() as session, ThreadPoolExecutor(AT_ONCE) as pool:

        def ask(file: RepositoryFile) -> tuple[RepositoryFile, Version, Hashable]:
            sign = sign_of(file.on_disk) if file.on_disk else None  # before it is read: a later change is seen later
            tree = origin_access(file.origin, session, memory.kept)
            try:
                return file, _version(file, tree, current.get(file.key), now), sign
            except OriginError as error:
                return file, error, sign

        for file, version, sign in pool.map(ask, files):
            said = str(version) if isinstance(version, OriginError) else version
            is_new = file.key not in memory.said or memory.said[file.key] != said
            memory.said[file.key], memory.signs[file.key] = said, sign
            if isinstance(version, OriginError):
                del memory.signs[file.key]  # it may become usable without a change of this file
            memory.unsettled.pop(file.key, None)
            yield file, version, is_new


class OriginAccess(NamedTuple):
    """The ways to ask for the files of an origin."""

    fetch: Fetch
    size: Size
    written: Written


def origin_access(origin: str, session: requests.Session, kept: KeptAnswers | None = None) -> OriginAccess:
    """The ways to ask an origin; ``kept`` remembers answers."""
    if origin.startswith(WEB_SCHEMES):
        return OriginAccess(
            http_fetch(origin, session, kept=kept), http_size(origin, session), http_written(origin, session)
        )
    tree = Path(origin)
    return OriginAccess(directory_fetch(tree), directory_size(tree), directory_written(tree))


def _version(of: RepositoryFile, tree: OriginAccess, current: str | None, now: float) -> Checksummed | None:
    """The version that the origin publishes. A new one counts when the origin has the files that it names."""
    file = of.path + of.content.index
    data = tree.fetch(file)
    if data is None:
        for other, remedy in OTHER_INDEXES.get(of.content.index, {}).items():
            if tree.size(of.path + other) is not None:
                raise UnreadableError(f"{file}: the origin has {other} there; write `{remedy}` for it in service.yml")
        return None
    if of.content.kind is not ContentKind.RPM:
        kind = KINDS[of.content.kind]
        if fault := kind.fault(data):
            raise UnreadableError(f"{file}: {fault}")
        digests = sha256(data).hexdigest(), sha512(data).hexdigest()
        return Checksummed(len(data), kind.written(data) or tree.written(file), *digests)
    found = summed_up(data, file, lambda: tree.written(file))
    if found.sha256 != current and now - (tree.written(file) or found.timestamp) < UNFINISHED_SECONDS:
        for part in named_parts(data):
            if (size := known_size(tree.size, of.path + part.path, part.size)) != part.size:
                has = "lacks" if size is None else f"has with {size} bytes instead of {part.size}"
                raise UnreadableError(f"{file}: it names {part.path}, which the origin {has}; the former version stays")
    return found


def update_images(service: Service, store: MetadataStore, now: float) -> Iterator[UpdateResult]:
    """Asks the origin of every module for the size of every image it publishes, one result a path."""
    with origin_session() as session, ThreadPoolExecutor(AT_ONCE) as pool:
        sizes = {module: origin_access(origin, session).size for module, origin in service.origins.items()}
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
                data = origin_access(origin, session).fetch(file)
            except OriginError as error:
                fault, outcome = str(error).rpartition(": ")[2], UpdateOutcome.FAILED  # no place: pages show it
            else:
                fault = MISSING if data is None else _time_fault(data, service.allowed_outdate_seconds, now)
                outcome = UpdateOutcome.FAILED if fault else UpdateOutcome.UNCHANGED
                outcome = UpdateOutcome.MISSING if data is None else outcome
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
        return f"its time lies {(now - told) / 3600:.1f} hours back, longer than allowed_outdate; update it"
    return ""


def _ask_size(wanted: tuple[str, Size]) -> tuple[str, int | OriginError | None]:
    path, size = wanted
    try:
        return path, size(path)
    except OriginError as error:
        return path, error


def _noted(store: MetadataStore, file: RepositoryFile, version: Version, now: float) -> UpdateResult:
    if isinstance(version, Checksummed):
        changed = store.record(file.key, version, now)
        return UpdateResult(file.key, UpdateOutcome.CHANGED if changed else UpdateOutcome.UNCHANGED)
    outcome, reason = UpdateOutcome.FAILED, str(version)
    if version is None:
        remedy = "" if file.content.part_of is None else "; `suites` in service.yml names its parts"
        outcome, reason = UpdateOutcome.MISSING, f"the origin has no {file.content.index} there{remedy}"
    store.failed(file.key, reason, now)
    return UpdateResult(file.key, outcome, reason)
