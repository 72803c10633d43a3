"""File indexes on disk: beside the snapshots, named by digest, kept as long as a kept snapshot names them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import msgspec

from mirrorlist.core.container import Pause, Sealed, at_once
from mirrorlist.core.errors import SnapshotError
from mirrorlist.core.files.folder import decode_index
from mirrorlist.core.files.index import FileIndex, IndexFacts
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.files_on_disk import read_mapped, remove_left_overs, write_whole
from mirrorlist.store.snapshot_files import FORMER, NAME, read_snapshot

CURRENT = "files/current.json"
"""Module to the digest of its newest index, in the state directory: what the next snapshot will name."""
SPARED_SECONDS = 3600.0
"""An index that no snapshot names yet may be about to be: a younger one stays."""
_INDEX = re.compile(r"files\.([0-9a-f]{64})\.bin")

Told = Callable[[str, str], None]
"""Takes a module and why its index cannot be used."""


def index_path(state_dir: Path, digest: str) -> Path:
    """Where the index of this digest lies."""
    return state_dir / f"files.{digest}.bin"


def write_index(state_dir: Path, module: str, index: Sealed) -> None:
    """Writes an index, and makes it the module's current one."""
    path = index_path(state_dir, index.digest)
    if not path.exists():
        write_whole(path, index.parts)
    put_current(state_dir, {**current_indexes(state_dir), module: index.digest})


def put_current(state_dir: Path, digests: Mapping[str, str]) -> None:
    """Makes these the current indexes of their modules; there is no other."""
    write_whole(state_dir / CURRENT, [msgspec.json.encode(digests)])


def current_indexes(state_dir: Path) -> dict[str, str]:
    """Module to the digest of its newest index, of those whose file is there."""
    try:
        found = msgspec.json.decode((state_dir / CURRENT).read_bytes(), type=dict[str, str])
    except (OSError, msgspec.MsgspecError):
        return {}
    return {module: digest for module, digest in found.items() if index_path(state_dir, digest).is_file()}


def read_index(path: Path, pause: Pause = at_once) -> FileIndex:
    """The index in a file, mapped, not yet bound to a snapshot.

    Raises:
        SnapshotError: there is none, or it is not whole.
    """
    return read_mapped(path, partial(decode_index, pause=pause))


def with_indexes(
    snapshot: Snapshot, state_dir: Path, former: Mapping[str, FileIndex], told: Told, pause: Pause = at_once
) -> Snapshot:
    """The snapshot with the indexes it names; those mapped already are taken from ``former``.

    One that cannot be read is reported and left out: lists need none, and redirects then go to any good mirror.
    """
    mapped = {index.digest: index for index in former.values()}
    names = [mirror.name for mirror in snapshot.mirrors]
    files: dict[str, FileIndex] = {}
    for module, digest in snapshot.facts.file_indexes.items():
        try:
            index = mapped.get(digest) or _named(state_dir, digest, pause)
        except SnapshotError as error:
            told(module, str(error))
        else:
            files[module] = index.bound(names)
    return replace(snapshot, files=files)


def _named(state_dir: Path, digest: str, pause: Pause) -> FileIndex:
    path = index_path(state_dir, digest)
    if not _INDEX.fullmatch(path.name):
        raise SnapshotError(f"{digest!r} is no digest of a file index")
    index = read_index(path, pause)
    if index.digest != digest:
        raise SnapshotError(f"{path}: its digest is {index.digest}")
    return index


@lru_cache(4)  # an index never changes, and reading one costs its checksum
def read_facts(state_dir: Path, digests: tuple[tuple[str, str], ...]) -> dict[str, IndexFacts]:
    """What the indexes of modules say of themselves; those that cannot be read are left out."""
    found: dict[str, IndexFacts] = {}
    for module, digest in digests:
        with suppress(SnapshotError):
            found[module] = _named(state_dir, digest, at_once).facts
    return found


def prune_indexes(state_dir: Path, now: float) -> None:
    """Removes the indexes that neither a kept snapshot nor the next one names."""
    remove_left_overs(state_dir)
    named = set(current_indexes(state_dir).values())
    for name in (NAME, *FORMER):
        try:
            named |= set(read_snapshot(state_dir / name).facts.file_indexes.values())
        except SnapshotError:
            continue
    for path in state_dir.glob("files.*.bin"):
        found = _INDEX.fullmatch(path.name)
        if found and found[1] not in named and now - path.stat().st_mtime > SPARED_SECONDS:
            path.unlink(missing_ok=True)
