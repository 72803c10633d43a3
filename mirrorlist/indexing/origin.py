"""List the origin of a module: its files, with their checksums where it publishes these."""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256, sha512
from pathlib import Path

from mirrorlist.checks.probing.rsync import Bounds, NotListed
from mirrorlist.core.catalogue.service import WEB_SCHEMES, Service
from mirrorlist.core.errors import OriginError, SnapshotError
from mirrorlist.core.files.build import (
    Digests,
    Read,
    beside_former,
    changed_checksums,
    in_order,
    with_checksums,
    worth_reading,
)
from mirrorlist.core.files.index import File, FilePieces
from mirrorlist.core.files.list_parser import (
    LARGEST_SIZE,
    Line,
    ListedFile,
    Refusal,
    SymbolicLink,
    checksums,
    leads_to,
    rsync_lines,
)
from mirrorlist.sources.origin.files import read_list, walked
from mirrorlist.sources.origin.repomd import Fetch, directory_fetch, http_fetch
from mirrorlist.sources.origin.web import origin_session
from mirrorlist.store.listings import Listings, OriginFacts

MOST_BYTES = 16 << 30
"""Read in one run, a minute or two of one core; the rest in the next ones. One file is always read."""
LEAST_PIECE = 4 << 20
MOST_PIECES = 1024


def read_large(tree: Path, rows: Iterable[ListedFile], most_bytes: int = MOST_BYTES) -> Iterator[tuple[bytes, Read]]:
    """Paths and digests of these files, in their order; those that cannot be read, or changed since they were listed,
    are left for the next run."""
    left = most_bytes
    for row in rows:
        if left <= 0:
            return
        found = _digests_of(tree / os.fsdecode(row.path), row)
        if found is not None:
            left -= row.size
            yield row.path, found


def piece_length(size: int) -> int:
    """Bytes: a power of two, so large that a document names at most 1,024 pieces."""
    length = LEAST_PIECE
    while length * MOST_PIECES < size:
        length *= 2
    return length


def _digests_of(path: Path, row: ListedFile) -> Read | None:
    whole, long, pieces = sha256(), sha512(), bytearray()
    length = piece_length(row.size)
    try:
        with path.open("rb", buffering=0) as file:
            before = _stamp(file.fileno())
            while piece := _piece(file.fileno(), length):
                whole.update(piece)
                long.update(piece)
                pieces += sha256(piece).digest()
            if before != _stamp(file.fileno()) or before != (row.size, row.mtime):
                return None
    except OSError:
        return None
    return Read(whole.digest(), long.digest(), FilePieces(length, bytes(pieces)))


def _stamp(file: int) -> tuple[int, int]:
    found = os.fstat(file)
    return found.st_size, int(found.st_mtime)


def _piece(file: int, length: int) -> bytes:
    """This many bytes; fewer only at the end of the file."""
    parts: list[bytes] = []
    while length and (part := os.read(file, length)):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


MOST_CHECKSUM_FILES = 2000
"""Read in one run; more are read in the next ones."""
MOST_LINKS = 100_000
LEAST_SHARE = 0.5
"""A list with fewer of the former's files is taken for a tree that was not mounted, or a list that broke off."""
GUARDED_ABOVE = 20

Rsync = Callable[[str, Bounds], Iterator[bytes]]
"""The lines of an rsync server that the operator named; raises NotListed."""


@dataclass(frozen=True, slots=True)
class OriginFiles:
    """Where a module's files are listed: what people read, and what reads it."""

    name: str
    lines: Callable[[], Iterable[Line]]


def place_of(service: Service, module: str, rsync: Rsync) -> OriginFiles | None:
    """The published list first, then the origin's directory, then its rsync server; None where nothing is named."""
    origin = service.origins.get(module)
    if published := service.file_lists.get(module):
        return OriginFiles(published, lambda: read_list(published, origin))
    if (tree := directory_of(service, module)) is not None:
        return OriginFiles(str(tree), lambda: walked(tree))
    known = service.modules.get(module)
    if known is not None and known.rsync:
        url = known.rsync.rstrip("/") + "/"  # without it rsync lists the directory itself
        return OriginFiles(url, lambda: rsync_lines(rsync(url, Bounds())))
    return None


def directory_of(service: Service, module: str) -> Path | None:
    """The directory that is the module's origin, where it is one."""
    origin = service.origins.get(module)
    return None if origin is None or origin.startswith(WEB_SCHEMES) else Path(origin)


def list_origin(listings: Listings, service: Service, module: str, place: OriginFiles, now: float, force: bool) -> str:
    """Lists the origin and keeps the list; what people read of it.

    Raises:
        OriginError: it cannot be listed, or lost most of its files; the former list stays.
    """
    try:
        lines, links, refused = _sorted_lines(place.lines())
    except NotListed as error:
        raise OriginError(f"{place.name}: {error}") from None
    facts = listings.origin_facts()
    if not force:
        count = len(lines)
        before = facts.files if facts else 0
        if count == 0:
            raise OriginError(
                f"{place.name} lists no file; see that the tree is there. If it is empty on purpose, use --force"
            )
        if before > GUARDED_ABOVE and count < LEAST_SHARE * before:
            raise OriginError(
                f"{place.name} lists {count} files after {before}; the former list stays. If this is meant, use --force"
            )
    with origin_session() as session:
        fetch: Fetch | None = None
        if (origin := service.origins.get(module)) is not None:
            web = origin.startswith(WEB_SCHEMES)
            fetch = http_fetch(origin, session) if web else directory_fetch(Path(origin))
        found, unread = _checksums(lines, _former(listings), facts.unread if facts else (), fetch)
    if (tree := directory_of(service, module)) is not None:
        found.read.update(read_large(tree, worth_reading(beside_former(lines, _former(listings)))))
    said = OriginFacts(place.name, now, len(lines), links, refused, unread)
    listings.write_origin(said, with_checksums(beside_former(lines, _former(listings)), found))
    lines.clear()
    gc.collect()
    published = len(found.sha256) + len(found.sha512)
    parts = [f"{said.files} files from {said.source}"]
    parts += [f"{published} checksums read"] if published else []
    parts += [f"{len(found.read)} large files read"] if found.read else []
    parts += [f"{len(said.unread)} files with checksums left for later"] if said.unread else []
    parts += [f"{count} left out: {reason}" for reason, count in said.refused.items()]
    return "; ".join(parts)


def _sorted_lines(lines: Iterable[Line]) -> tuple[list[bytes], dict[str, str], dict[str, int]]:
    links: dict[str, str] = {}
    refused: Counter[str] = Counter()

    def rows() -> Iterator[ListedFile]:
        for line in lines:
            if isinstance(line, ListedFile):
                yield line
            elif isinstance(line, Refusal):
                refused[line.value] += 1
            elif isinstance(line, SymbolicLink) and (real := leads_to(line)) is not None and len(links) < MOST_LINKS:
                links[line.path.decode()] = real.decode()

    return in_order(rows()), links, dict(refused)


def _former(listings: Listings) -> Iterator[File]:
    """The files of the former list; none if it cannot be read: then the checksums are read again."""
    try:
        yield from listings.origin_files()
    except SnapshotError:
        return


def _checksums(
    lines: list[bytes], former: Iterable[File], unread: Iterable[str], fetch: Fetch | None
) -> tuple[Digests, tuple[str, ...]]:
    """What the changed files with checksums say, and the paths of those that could not be read this time."""
    wanted = dict.fromkeys(path.encode() for path in unread)
    wanted.update(dict.fromkeys(changed_checksums(beside_former(lines, former))))
    found = Digests()
    later: list[str] = []
    for number, path in enumerate(wanted):
        data = _file(fetch, path.decode()) if fetch is not None and number < MOST_CHECKSUM_FILES else None
        if data is None:
            later.append(path.decode())
        else:
            found.add(checksums(path, data))
    return found, tuple(later) if fetch is not None else ()


def _file(fetch: Fetch, path: str) -> bytes | None:
    """None where it could not be read; empty where it is too large, or there is none any more."""
    try:
        data = fetch(path)
    except OriginError:
        return None
    return data if data is not None and len(data) <= LARGEST_SIZE else b""
