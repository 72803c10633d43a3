"""Unpack downloaded databases: vendors send them as they are, gzipped, or in a gzipped tar archive."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, cast

from mirrorlist.core.errors import DownloadError

LARGEST = 2 << 30
"""Bytes of a download, and of what it holds unpacked."""
_READ_AT_ONCE = 1 << 20


def unpack(packed: Path, to: Path) -> None:
    """Writes the database that a download holds; its first bytes say how it is packed.

    Raises:
        DownloadError: the download ends early, is damaged or too large, or holds no database.
    """
    with packed.open("rb") as file:
        head = file.read(4)
        file.seek(0)
        if not head.startswith(b"\x1f\x8b"):
            _write(to, iter(partial(file.read, _READ_AT_ONCE), b""), packed)
            return
        inner = to.with_suffix(".unpacked")
        try:
            _write(inner, _gunzipped(file, packed), packed)
            if not _is_tar(inner):
                inner.replace(to)
                return
            _write_member(inner, to, packed)
        finally:
            inner.unlink(missing_ok=True)


def _write(to: Path, parts: Iterable[bytes], packed: Path) -> None:
    total = 0
    with to.open("wb") as file:
        for part in parts:
            total += len(part)
            if total > LARGEST:
                raise DownloadError(f"{packed.stem}: larger than {LARGEST} bytes unpacked; is it the right file?")
            file.write(part)


def _gunzipped(file: IO[bytes], packed: Path) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(31)
    try:
        while not unpacker.eof and (part := file.read(_READ_AT_ONCE)):
            while part and not unpacker.eof:
                yield unpacker.decompress(part, _READ_AT_ONCE)
                part = unpacker.unconsumed_tail
    except zlib.error as error:
        raise DownloadError(f"{packed.stem}: damaged ({error}); the former file stays, try again later") from None
    if not unpacker.eof:
        raise DownloadError(f"{packed.stem}: it ends early; the former file stays, try again later")


def _is_tar(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(257)
        return file.read(5) == b"ustar"


def _write_member(archive: Path, to: Path, packed: Path) -> None:
    """Writes the first database of a tar archive; nothing else of it touches the disk."""
    try:
        with tarfile.open(archive, "r:") as members:
            for member in members:
                if member.isfile() and member.name.endswith(".mmdb"):
                    found = cast("IO[bytes]", members.extractfile(member))
                    return _write(to, iter(partial(found.read, _READ_AT_ONCE), b""), packed)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise DownloadError(f"{packed.stem}: not a readable archive ({error})") from None
    raise DownloadError(f"{packed.stem}: an archive without a .mmdb file; is it the right file?")
