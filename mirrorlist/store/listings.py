"""File lists from which indexes are made: ``files/<module>/`` in the state directory, the last good ones.

The origin's is text, for people too (``zcat origin.gz``); a mirror's is as in ``core/files/mirror_listing.py``.
"""

from __future__ import annotations

import gzip
import re
import zlib
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from mirrorlist.core.container import FileKind, opened, sealed
from mirrorlist.core.errors import SnapshotError
from mirrorlist.core.files.index import File, FilePieces
from mirrorlist.core.files.mirror_listing import Listing
from mirrorlist.files_on_disk import write_whole

DIRECTORY = "files"
_LISTING = FileKind(b"MIRRLST2", 1, "list of a mirror's files")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", re.ASCII)
T = TypeVar("T")
_LEVEL = 1  # keys cannot be compressed, and the rest is fast this way


@dataclass(frozen=True, slots=True)
class OriginFacts:
    """Facts about the origin's list: from where and when it came, its links, and what was left out.

    ``refused`` counts lines by reason; ``unread`` are files with checksums that are to be read next time.
    """

    source: str
    listed_at: float
    files: int = 0
    links: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """How the last try to list a mirror went; an empty ``error`` is a success."""

    at: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class FileObservation:
    """What one mirror said when it was asked for one file; ``size`` is -2 where it has no such file, and ``why`` then
    what it answered, where that is not just that."""

    at: float
    size: int
    mtime: int = -1
    why: str = ""


@dataclass(frozen=True, slots=True)
class _ListingFacts:
    source: str
    listed_at: float
    complete: bool
    refused: int
    unseen: tuple[bytes, ...] = ()


class Listings:
    """The lists of one module."""

    def __init__(self, state_dir: Path, module: str) -> None:
        self.directory = state_dir / DIRECTORY / module

    def write_origin(self, facts: OriginFacts, files: Iterable[File]) -> None:
        """Replaces the origin's list; ``files`` are in the order of the index."""
        write_whole(self.directory / "origin.gz", _packed(files))
        write_whole(self.directory / "origin.json", [msgspec.json.encode(facts)])

    def origin_facts(self) -> OriginFacts | None:
        """The facts about the origin's list; None if there is none, or none that can be read."""
        try:
            return msgspec.json.decode((self.directory / "origin.json").read_bytes(), type=OriginFacts)
        except (OSError, msgspec.MsgspecError):
            return None

    def origin_files(self) -> Iterator[File]:
        """The origin's files, one after another.

        Raises:
            SnapshotError: there is no list, or it is not whole.
        """
        path = self.directory / "origin.gz"
        try:
            if path.stat().st_size == 0:  # which gzip takes for a list without files
                raise EOFError("the file is empty")
            with gzip.open(path, "rb") as lines:
                for line in lines:
                    yield _file(line)
        except (OSError, EOFError, ValueError, zlib.error) as error:
            raise SnapshotError(f"{path}: {error}; run mirrorlist update files") from None

    def write(self, mirror: str, found: Listing) -> None:
        """Replaces the list of a mirror."""
        facts = _ListingFacts(found.source, found.listed_at, found.complete, found.refused, found.unseen)
        columns = {"keys": ("Q", found.keys), "sizes": ("q", found.sizes), "mtimes": ("q", found.mtimes)}
        arrays = {name: array(typecode, values.tobytes()) for name, (typecode, values) in columns.items()}
        parts = sealed(_LISTING, msgspec.msgpack.encode(facts), arrays).parts
        packer = zlib.compressobj(_LEVEL)
        write_whole(self._path(mirror), [*map(packer.compress, parts), packer.flush()])

    def read(self, mirror: str) -> Listing | None:
        """The last good list of a mirror; None if there is none, or none that can be read."""
        try:
            found = opened(_LISTING, memoryview(zlib.decompress(self._path(mirror).read_bytes())))
            facts = msgspec.msgpack.decode(found.facts, type=_ListingFacts)
            keys = np.frombuffer(found.arrays["keys"], np.uint64)
            sizes, mtimes = (np.frombuffer(found.arrays[name], np.int64) for name in ("sizes", "mtimes"))
        except (OSError, zlib.error, SnapshotError, msgspec.MsgspecError, KeyError, ValueError):
            return None
        columns = keys, sizes, mtimes
        return Listing(facts.source, facts.listed_at, facts.complete, *columns, facts.refused, facts.unseen)

    def asked(self, mirror: str) -> dict[str, FileObservation]:
        """What a mirror without a list said of single files, by their paths."""
        return self._json(self._path(mirror).with_name(f"{self._path(mirror).name}.asked"), dict[str, FileObservation])

    def write_asked(self, mirror: str, found: Mapping[str, FileObservation]) -> None:
        """Replaces what a mirror said of single files."""
        write_whole(self._path(mirror).with_name(f"{self._path(mirror).name}.asked"), [msgspec.json.encode(found)])

    def attempts(self) -> dict[str, Attempt]:
        """How the last try went, by mirror."""
        return self._json(self.directory / "attempts.json", dict[str, Attempt])

    def write_attempts(self, found: Mapping[str, Attempt]) -> None:
        """Replaces how the last tries went."""
        write_whole(self.directory / "attempts.json", [msgspec.json.encode(found)])

    def forget(self, mirrors: Collection[str], before: float) -> None:
        """Removes what others than these mirrors listed, unless it was written since."""
        kept = {self._path(mirror).name for mirror in mirrors}
        for path in (*self.directory.glob("*.list"), *self.directory.glob("*.asked")):
            if path.name.removesuffix(".asked") not in kept and path.stat().st_mtime < before:
                path.unlink(missing_ok=True)

    def _json(self, path: Path, kind: type[dict[str, T]]) -> dict[str, T]:
        """What a file holds; nothing if there is none or it cannot be read: then it is asked for again."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except (OSError, msgspec.MsgspecError):
            return {}

    def _path(self, mirror: str) -> Path:
        """A mirror's name is a stranger's word: what is not a plain name is a digest here."""
        plain = _PLAIN_NAME.fullmatch(mirror)
        return self.directory / f"{mirror if plain else sha256(mirror.encode()).hexdigest()[:32]}.list"


def _packed(files: Iterable[File]) -> Iterator[bytes]:
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)  # 31: as gzip writes it
    for file in files:
        size, mtime = ("-" if value is None else str(value) for value in (file.size, file.mtime))
        fields = [file.path, size, mtime, file.sha256.hex() if file.sha256 else "-"]
        if file.sha512 or file.pieces:
            fields.append(file.sha512.hex() if file.sha512 else "-")
            fields.append(f"{file.pieces.length}:{file.pieces.sha256.hex()}" if file.pieces else "-")
        yield packer.compress(("\t".join(fields) + "\n").encode())
    yield packer.flush()


def _file(line: bytes) -> File:
    path, size, mtime, checksum, *more = line.decode().rstrip("\n").split("\t")
    sha512, pieces = more or ("-", "-")
    length, _, digests = pieces.partition(":")
    return File(
        path,
        None if size == "-" else int(size),
        None if mtime == "-" else int(mtime),
        None if checksum == "-" else bytes.fromhex(checksum),
        None if sha512 == "-" else bytes.fromhex(sha512),
        None if pieces == "-" else FilePieces(int(length), bytes.fromhex(digests)),
    )
