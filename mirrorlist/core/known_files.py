"""What is known of a file as the origin has it, and where mirrors have it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mirrorlist.core.belonging import Belonging
from mirrorlist.core.file_index import SHA256_BYTES, FileIndex, FilePieces
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.core.trees import Place

APT_METADATA = frozenset({"InRelease", "Release", "Release.gpg"})
METADATA = APT_METADATA | {"repomd.xml", "repomd.xml.asc", "repomd.xml.key"}
METADATA_ENDS = (".db", ".db.sig", ".db.tar.gz", ".db.tar.gz.sig")
YEAR_10000 = 253_402_300_800
"""No calendar goes farther."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """The SHA-256 of each piece of a file; all but the last have this length in bytes."""

    length: int
    sha256: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a file as the origin has it; digests are in hexadecimal. ``changes``: in place, so that a
    mirror may give an older one that is still good."""

    size: int | None = None
    mtime: int | None = None
    sha256: str | None = None
    sha512: str | None = None
    pieces: Pieces | None = None
    changes: bool = False


def really(snapshot: Snapshot, place: Place) -> Place:
    """The place with its path free of symbolic links, as far as an index knows them."""
    index = snapshot.files.get(place.tree.module)
    real = place.path if index is None else real_path(index, place.path)
    return place if real == place.path else replace(place, real=real)


def real_path(index: FileIndex, path: str) -> str:
    """A path free of symbolic links, as far as the index knows them."""
    if not index.facts.links:
        return path
    number = index.find(path) if path and not path.endswith("/") else None
    return index.real_path(path) if number is None else index.file(number).path


def changes_in_place(path: str) -> bool:
    """Whether a file lists others and is written anew under the same name."""
    name = path.rpartition("/")[2]
    return name in METADATA or name.endswith(METADATA_ENDS)


def known_file(snapshot: Snapshot, belonging: Belonging, place: Place) -> Known | None:
    """What is known of the file: from the checksums of repository metadata, else from the index."""
    if place.is_directory:
        return None
    changes = changes_in_place(place.path)
    metadata = snapshot.facts.metadata.get(belonging.described(place.tree.module, place.path))
    if metadata is not None:
        current = metadata.current
        return Known(
            size=current.size, mtime=current.timestamp, sha256=current.sha256, sha512=current.sha512, changes=True
        )
    index = snapshot.files.get(place.tree.module)
    number = None if index is None else index.find(place.path)
    if index is None or number is None:
        return None
    file = index.file(number)
    sha256 = file.sha256.hex() if file.sha256 else None
    mtime = file.mtime if file.mtime is not None and 0 <= file.mtime < YEAR_10000 else None
    sha512 = file.sha512.hex() if file.sha512 else None
    return Known(
        size=file.size, mtime=mtime, sha256=sha256, sha512=sha512, pieces=_pieces(file.pieces), changes=changes
    )


def _pieces(found: FilePieces | None) -> Pieces | None:
    if found is None:
        return None
    digests = found.sha256.hex()
    each = 2 * SHA256_BYTES
    return Pieces(found.length, tuple(digests[at : at + each] for at in range(0, len(digests), each)))
