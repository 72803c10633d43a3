"""Choose files that stand for plain content: those that service.yml names, else some of the origin's list."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256, sha512
from pathlib import Path

from mirrorlist.core.catalogue.catalogue import published_contents
from mirrorlist.core.catalogue.service import WEB_SCHEMES, Service
from mirrorlist.core.content import Content, ContentKind, NamedFile, NamedFiles
from mirrorlist.core.errors import OriginError
from mirrorlist.core.files.list_parser import ListedFile
from mirrorlist.core.files.metadata_files import lists_others
from mirrorlist.core.model import Checksummed
from mirrorlist.core.updates import UpdateOutcome, UpdateResult
from mirrorlist.publishing.origin_update import origin_access
from mirrorlist.sources.origin.files import read_list, walked
from mirrorlist.sources.origin.web import origin_session
from mirrorlist.store.metadata import MetadataStore

LISTED_SECONDS = 3600.0
"""How often a list is read for this; it may be of millions of files."""
POOL = 24
MOST_NAMED = 8
NO_CANARY = (
    "unchecked: mirrors are asked only whether they answer; name canaries in service.yml, or an origin that is a "
    "directory, or file_lists"
)


@dataclass(frozen=True, slots=True)
class Canaries:
    """The files that stand for a tree, and the time of the newest, in seconds since 1970."""

    named: NamedFiles
    newest: int = 0

    @property
    def version(self) -> Checksummed:
        """Changes with the files: what a mirror has to have by now."""
        text = "\n".join(f"{each.size} {each.path}" for each in sorted(self.named.files, key=lambda each: each.path))
        data = text.encode(errors="surrogateescape")
        return Checksummed(len(data), self.newest, sha256(data).hexdigest(), sha512(data).hexdigest())


def update_canaries(service: Service, store: MetadataStore, now: float) -> Iterator[UpdateResult]:
    """Chooses the files of all plain content again, one result for each."""
    checks, known = store.checks(), store.files.known()
    for content in published_contents(service.catalogue):
        if content.kind is not ContentKind.PLAIN:
            continue
        check = checks.get(content.key)
        is_recent = check and check.confirmed_at and now - check.confirmed_at < LISTED_SECONDS
        if is_recent and not content.canaries and any(key == content.key for key, _ in known):
            continue
        try:
            found = _named(service, content) if content.canaries else _listed(service, content, now)
        except OriginError as error:
            store.failed(content.key, str(error), now)
            yield UpdateResult(content.key, UpdateOutcome.FAILED, str(error))
            continue
        if not found.named.files:
            yield UpdateResult(content.key, UpdateOutcome.WARNING, NO_CANARY)
            continue
        former, version = store.current().get(content.key), found.version
        store.files.record(content.key, version.sha256, found.named, former if former != version.sha256 else None)
        changed = store.record(content.key, version, now)
        yield UpdateResult(content.key, UpdateOutcome.CHANGED if changed else UpdateOutcome.UNCHANGED)


def _named(service: Service, content: Content) -> Canaries:
    """The files that service.yml names, as the origin has them; all of them where there is no origin to ask."""
    paths = [content.path + path for path in content.canaries][:MOST_NAMED]
    origin = service.origins.get(content.module)
    if origin is None:
        return Canaries(NamedFiles(tuple(NamedFile(path) for path in paths)))
    with origin_session() as session:
        access = origin_access(origin, session)
        sizes = {path: access.size(path) for path in paths}
    if missing := [path for path, size in sizes.items() if size is None]:
        raise OriginError(f"{', '.join(missing)}: the origin has no such file; correct canaries in service.yml")
    return Canaries(NamedFiles(tuple(NamedFile(path, size) for path, size in sizes.items())))


def _listed(service: Service, content: Content, now: float) -> Canaries:
    """The newest and the largest file of the origin's list, and a sample of all."""
    origin = service.origins.get(content.module)
    if listed := service.file_lists.get(content.module):
        lines: Iterable[object] = read_list(listed, origin)
    elif origin and not origin.startswith(WEB_SCHEMES):
        lines = walked(Path(origin))
    else:
        return Canaries(NamedFiles())
    beginning = content.path.encode()
    files = (each for each in lines if isinstance(each, ListedFile) and each.path.startswith(beginning))
    return chosen(files, service.time_file, now - service.allowed_outdate_seconds)


def chosen(files: Iterable[ListedFile], time_file: str | None, settled_at: float) -> Canaries:
    """The canaries among files. Mirrors may still lack what was written after ``settled_at``: but for the newest it
    does not stand for others, nor does what is written again in place."""
    newest: ListedFile | None = None
    largest: ListedFile | None = None
    pool: list[tuple[int, bytes, int]] = []
    for each in files:
        name = each.path.decode("utf-8", "surrogateescape")
        if each.size < 0 or name == time_file or lists_others(name) or name.rpartition("/")[2].startswith("."):
            continue
        if newest is None or (each.mtime, each.path) > (newest.mtime, newest.path):
            newest = each
        if each.mtime > settled_at:
            continue
        if largest is None or (each.size, each.path) > (largest.size, largest.path):
            largest = each
        digest = int.from_bytes(sha256(each.path).digest()[:8], "big")
        item = (-digest, each.path, each.size)
        if len(pool) < POOL:
            heapq.heappush(pool, item)
        elif item > pool[0]:
            heapq.heapreplace(pool, item)
    best = _files([(each.path, each.size) for each in (newest, largest) if each is not None])
    drawn = _files([(path, size) for _, path, size in sorted(pool)])
    return Canaries(NamedFiles(best, drawn), max(newest.mtime, 0) if newest else 0)


def _files(found: Sequence[tuple[bytes, int]]) -> tuple[NamedFile, ...]:
    return tuple(NamedFile(path.decode("utf-8", "surrogateescape"), size) for path, size in dict.fromkeys(found))
