"""Builds file indexes for tests, and ties them to a snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from mirrorlist.core.files.build import IndexDraft, sort_key
from mirrorlist.core.files.folder import decode_index
from mirrorlist.core.files.index import File, Indexed, IndexFacts
from mirrorlist.core.files.mirror_listing import Holdings
from mirrorlist.core.model import MAIN
from mirrorlist.core.snapshot import Snapshot
from tests.building import NOW


@dataclass(frozen=True)
class Has:
    """A file at the origin: what is known of it, and which mirrors lack it, by their first name."""

    size: int | None = 10
    sha256: bytes | None = None
    lacking: tuple[str, ...] = ()
    mtime: int | None = 1_790_000_000


def indexed(
    snapshot: Snapshot,
    files: Mapping[str, Has],
    *,
    unknown: Iterable[str] = (),
    module: str = MAIN,
    listed_at: float = NOW - 600,
    links: Mapping[str, str] | None = None,
) -> Snapshot:
    """The snapshot with an index of these files; nothing is known of the mirrors named as ``unknown``."""
    paths = sorted(files, key=lambda path: sort_key(path.encode()))
    names = [mirror.name for mirror in snapshot.mirrors if mirror.name.partition(".")[0] not in set(unknown)]
    draft = IndexDraft(
        (File(path, files[path].size, files[path].mtime, files[path].sha256) for path in paths), len(names)
    )
    for number, name in enumerate(names):
        having = np.array([name.partition(".")[0] not in files[path].lacking for path in paths], np.bool_)
        draft.add(number, Holdings(having, np.ones(len(paths), np.bool_)))
    mirrors = tuple(Indexed(name, listed_at) for name in names)
    made = draft.sealed(IndexFacts(module, NOW, listed_at, "test", mirrors, links or {}))
    index = decode_index(memoryview(b"".join(made.parts)))
    return replace(snapshot, files={**snapshot.files, module: index.bound([each.name for each in snapshot.mirrors])})
