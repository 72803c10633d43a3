"""Lists of packages in tar archives: databases of pacman and indexes of apk."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import IO, cast

from mirrorlist.core.content import Content, NamedFile, NamedFiles
from mirrorlist.core.errors import OriginError
from mirrorlist.core.kinds.rpm import ChunkFile, Read, is_page, sampled, unpacked

LARGEST_ENTRY = 64 * 1024 * 1024
MOST_TIMES, AT_LEAST, AT_MOST = 32, 1 << 20, 1 << 28
"""An unpacked archive may be this many times as large as it came, but any may have the least and none over the most, in
bytes. Real ones grow 3 to 8 times; a mirror may send a few bytes that unpack to gigabytes."""
_MAGIC = {b"\x1f\x8b": "gz", b"\xfd7zXZ": "xz", b"(\xb5/\xfd": "zst", b"BZh": "bz2"}


def fault(body: bytes) -> str:
    """What is wrong with the bytes of a list; nothing where it is a whole archive."""
    if not body:
        return "an empty file"
    if is_page(body):
        return "an HTML page"
    if packing(body) is None:
        return "not a list of packages"
    try:
        for _ in members(body, ()):
            pass
    except OriginError:
        return "a list of packages that ends early"
    return ""


def packing(body: bytes) -> str | None:
    """How an archive is packed, by its first bytes."""
    return next((name for magic, name in _MAGIC.items() if body.startswith(magic)), None)


def written(body: bytes) -> int:
    """The newest time of its members; 0 where it has none."""
    return max((at for _, at, _ in members(body, ())), default=0)


def pacman(body: bytes, content: Content, read: Read) -> tuple[NamedFiles, str]:
    """The list of files beside a database, and the newest packages; sizes of other files are asked of the origin."""
    name, found, packed = content.index.rpartition(".db")
    beside = content.path + (f"{name}.files{packed}" if found else f"{content.index}.files")
    try:
        newest, pool = sampled(_of_pacman(body), content.path)
    except OriginError as error:
        return NamedFiles((NamedFile(beside),)), str(error)
    return NamedFiles((NamedFile(beside), *newest), tuple(pool)), ""


def apk(body: bytes, content: Content, read: Read) -> tuple[NamedFiles, str]:
    """The newest packages."""
    try:
        newest, pool = sampled(_of_apk(body), content.path)
    except OriginError as error:
        return NamedFiles(), str(error)
    return NamedFiles(tuple(newest), tuple(pool)), ""


def members(body: bytes, wanted: tuple[str, ...]) -> Iterator[tuple[str, int, bytes]]:
    """Name, time and, of those whose last name is wanted, the bytes of each file of an archive.

    Raises:
        OriginError: it is no whole archive.
    """
    packed = packing(body)
    try:
        most = min(AT_LEAST + MOST_TIMES * len(body), AT_MOST)
        chunks = unpacked([body], f"list.{packed}", most) if packed else [body]
        with tarfile.open(mode="r|", fileobj=cast(IO[bytes], ChunkFile(chunks))) as archive:
            for each in archive:
                name = each.name.rpartition("/")[2]
                if each.isfile():
                    opened = archive.extractfile(each) if name in wanted and each.size <= LARGEST_ENTRY else None
                    yield each.name, int(each.mtime), opened.read() if opened else b""
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise OriginError(f"no whole archive: {error}") from None


def _of_pacman(body: bytes) -> Iterator[tuple[str, int, int]]:
    for _, _, desc in members(body, ("desc",)):
        fields: dict[str, str] = {}
        for block in desc.decode("utf-8", "replace").split("\n\n"):
            name, _, value = block.strip().partition("\n")
            fields[name.strip("%")] = value.strip()
        yield from _package(fields.get("FILENAME", ""), fields.get("CSIZE", ""), fields.get("BUILDDATE", ""))


def _of_apk(body: bytes) -> Iterator[tuple[str, int, int]]:
    for _, _, text in members(body, ("APKINDEX",)):
        for block in text.decode("utf-8", "replace").split("\n\n"):
            fields = {line[:1]: line[2:] for line in block.splitlines() if line[1:2] == ":"}
            if "P" in fields and "V" in fields:
                yield from _package(f"{fields['P']}-{fields['V']}.apk", fields.get("S", ""), fields.get("t", ""))


def _package(name: str, size: str, at: str) -> Iterator[tuple[str, int, int]]:
    if name and "/" not in name and name.isprintable() and size.isdecimal():
        yield name, int(size), int(at) if at.isdecimal() else 0
