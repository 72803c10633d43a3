"""Read what the origin's newest metadata names, so that mirrors can be asked for it, and record it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path

import requests

from mirrorlist.core.catalogue.service import WEB_SCHEMES, Service
from mirrorlist.core.content import NamedFile, NamedFiles
from mirrorlist.core.errors import OriginError
from mirrorlist.core.kinds.table import KINDS
from mirrorlist.core.updates import UpdateOutcome, UpdateResult
from mirrorlist.publishing.origin_update import (
    OriginAccess,
    RepositoryFile,
    origin_access,
    repository_files,
)
from mirrorlist.sources.origin.files import read_chunks
from mirrorlist.sources.origin.repomd import directory_size, known_size
from mirrorlist.sources.origin.web import origin_session
from mirrorlist.store.metadata import MetadataStore

AT_ONCE = 4
ASKED_FOR = 16
"""Of an origin on the web this many files are asked for their sizes; of a directory all."""
_Found = tuple[RepositoryFile, str, NamedFiles, tuple[str, ...]]
"""A version, what it names, and what its operator should know."""


def update_named_files(service: Service, store: MetadataStore, now: float) -> Iterator[UpdateResult]:
    """Reads what the current version of every repository names, where that is not known yet.

    Only what is worth a warning is reported: that of a repository no packages are known, or files are gone.
    """
    return name_files(repository_files(service), store)


def name_files(files: Iterable[RepositoryFile], store: MetadataStore) -> Iterator[UpdateResult]:
    """The same for some repositories."""
    current, known = store.current(), store.files.known()
    kept = store.files.named() if known else {}
    wanted = [
        (file, digest)
        for file in files
        if (digest := current.get(file.key)) is not None
        and ((file.key, digest) not in known or _has_lost(file, kept[file.key][digest]))
    ]
    if not wanted:
        return
    former = {key: [change.version.sha256 for change in changes][-2:-1] for key, changes in store.changes().items()}
    with origin_session() as session, ThreadPoolExecutor(AT_ONCE) as pool:
        for found in pool.map(partial(_named, session=session), wanted):
            if found is None:
                continue
            file, digest, named, remarks = found
            store.files.record(file.key, digest, named, next(iter(former.get(file.key, ())), None))
            for remark in remarks:
                yield UpdateResult(file.key, UpdateOutcome.WARNING, remark)


def _has_lost(file: RepositoryFile, named: NamedFiles) -> bool:
    """Whether a directory lacks a file that it had: then mirrors lack it too."""
    if file.origin.startswith(WEB_SCHEMES):
        return False
    size = directory_size(Path(file.origin))
    return any(size(each.path) != each.size for each in (*named.files, *named.pool))


def _named(wanted: tuple[RepositoryFile, str], session: requests.Session) -> _Found | None:
    """What a version names, as far as the origin has it; None where the origin has another version by now."""
    file, digest = wanted
    access = origin_access(file.origin, session)
    try:
        data = access.fetch(file.path + file.content.index)
        if data is None or sha256(data).hexdigest() != digest:
            return None
        kind = KINDS[file.content.kind]
        named, why = kind.named(data, file.content, lambda path: read_chunks(path, file.origin))
        most = ASKED_FOR if file.origin.startswith(WEB_SCHEMES) else None
        there = [each for number, each in enumerate(named.files) if _is_there(access, each, number, most)]
        # metadata gives most sizes; the others are the origin's to say
        files = tuple(
            each if each.size is not None else replace(each, size=known_size(access.size, each.path, None))
            for each in there
        )
        drawn = tuple(each for each in named.pool if most is not None or _is_there(access, each, 0, None))
        remarks = [f"mirrors are not asked for its packages: {why}"] if why else []
        if gone := {*named.files, *named.pool} - {*there, *drawn}:
            count = "a file" if len(gone) == 1 else f"{len(gone)} files"
            example = min(each.path for each in gone)
            remarks.append(f"the origin lacks {count} that it names, such as {example}; no mirror has to have them")
        return file, digest, replace(named, files=files, pool=drawn), tuple(remarks)
    except OriginError:
        return None


def _is_there(access: OriginAccess, file: NamedFile, number: int, most: int | None) -> bool:
    """Whether the origin has a file as its metadata says; nobody has to have what it lacks itself."""
    if most is not None and number >= most:
        return True
    size = known_size(access.size, file.path, -1 if file.size is None else file.size)
    return size is not None and file.size in (None, size)
