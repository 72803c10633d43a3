"""Repositories of rpm: repomd.xml, its data files, and the packages that its primary lists."""

from __future__ import annotations

import bz2
import gzip
import heapq
import lzma
import re
import zlib
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import IO, NamedTuple, cast
from xml.parsers.expat import ExpatError, ParserCreate, errors

import zstandard
from lxml import etree

from mirrorlist.core.content import Content, NamedFile, NamedFiles
from mirrorlist.core.errors import OriginError

LARGEST_PRIMARY = 1 << 30
"""Bytes of a primary.xml, unpacked."""
NEWEST = 8
POOL = 24
_AT_ONCE = 1 << 20
_FIRST = ("primary", "filelists", "updateinfo", "group", "modules", "other")
"""What clients fetch, in the order in which they cannot do without."""
_HREF = re.compile(r"(?!/)(?!.*(?:^|/)\.\.?(?:/|$))(?!.*://)[ -~]{1,500}")
_NUMBER = re.compile(r"[0-9]{1,15}")


class DataFile(NamedTuple):
    """A file that a repomd.xml names: what it is, its path below the repository, and its size where that is given."""

    kind: str
    path: str
    size: int | None


class ChunkFile:
    """Chunks as a file that is read once, from its beginning to its end."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self._left = iter(chunks), memoryview(b"")

    def read(self, size: int) -> bytes:
        """At most this many bytes; nothing at the end."""
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._left = memoryview(chunk)
        found, self._left = self._left[:size], self._left[size:]
        return bytes(found)


OPENERS: dict[str, Callable[[IO[bytes]], IO[bytes]]] = {
    "gz": lambda packed: cast(IO[bytes], gzip.GzipFile(fileobj=packed, mode="rb")),
    "xz": lzma.LZMAFile,
    "bz2": bz2.BZ2File,
    "zst": lambda packed: zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(
        packed, read_across_frames=True
    ),
}
"""How lists are packed, by the ending; several packed files in a row are one, as apk's are and what pigz writes. A list
in any other form is not read: then no package is looked at."""
PLAIN_ENDINGS = frozenset({"xml", "txt"})
Read = Callable[[str], Iterable[bytes]]
"""The bytes at a path below a tree."""


def data_files(repomd: bytes) -> tuple[DataFile, ...]:
    """The data files that a repomd.xml names, those first that clients need first; none where it cannot be read."""
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True)
        root = etree.fromstring(repomd, parser)
    except (etree.XMLSyntaxError, ValueError):
        return ()
    found = []
    for data in root.iterfind("{*}data"):
        location, size = data.find("{*}location"), (data.findtext("{*}size") or "").strip()
        path = "" if location is None or _has_base(location) else location.get("href", "").removeprefix("./")
        if _HREF.fullmatch(path):
            found.append(DataFile(data.get("type", ""), path, int(size) if _NUMBER.fullmatch(size) else None))
    return tuple(sorted(found, key=lambda each: _FIRST.index(each.kind) if each.kind in _FIRST else len(_FIRST)))


def named(body: bytes, content: Content, read: Read) -> tuple[NamedFiles, str]:
    """What a repomd.xml names: six data files and two packages, which one look asks for; then the others."""
    data = data_files(body)
    files = [NamedFile(content.path + each.path, each.size) for each in data]
    primary = next((each.path for each in data if each.kind == "primary"), None)
    if primary is None:
        return NamedFiles(tuple(files)), "it names no primary"
    try:
        newest, pool = sampled(_listed(unpacked(read(content.path + primary), primary)), content.path)
    except OriginError as error:
        return NamedFiles(tuple(files)), str(error)
    return NamedFiles((*files[:6], *newest[:2], *files[6:], *newest[2:]), tuple(pool)), ""


def unpacked(chunks: Iterable[bytes], path: str, most_bytes: int = LARGEST_PRIMARY) -> Iterator[bytes]:
    """The bytes of a file that is packed as its name says, in pieces that stay small whatever is in it.

    Raises:
        OriginError: it is damaged, ends early, is too large, or packed in a way that is not read here.
    """
    ending = path.rpartition("/")[2].rpartition(".")[2]
    if ending in PLAIN_ENDINGS or ending == path.rpartition("/")[2]:
        yield from chunks
        return
    if ending not in OPENERS:
        raise OriginError(f"{path}: packed in a way that is not read here; use {', '.join(OPENERS)}")
    total = 0
    try:
        with OPENERS[ending](cast(IO[bytes], ChunkFile(chunks))) as opened:
            while piece := opened.read(_AT_ONCE):
                total += len(piece)
                if total > most_bytes:
                    raise OriginError(f"{path}: larger than {most_bytes} bytes")
                yield piece
    except EOFError:
        raise OriginError(f"{path}: it ends early") from None
    except (zlib.error, lzma.LZMAError, OSError, zstandard.ZstdError) as error:
        raise OriginError(f"{path}: {error}") from None


def sampled(packages: Iterable[tuple[str, int, int]], root: str) -> tuple[list[NamedFile], list[NamedFile]]:
    """The newest packages, and a sample of all: those whose paths have the smallest digests.

    ``packages`` are paths below ``root``, sizes in bytes, and times in seconds since 1970.
    """
    newest: list[tuple[int, str, int]] = []
    pool: list[tuple[int, str, int]] = []
    for path, size, at in packages:
        digest = int.from_bytes(sha256(path.encode()).digest()[:8], "big")
        _keep(newest, (at, path, size), NEWEST)
        _keep(pool, (-digest, path, size), POOL)
    return (
        [NamedFile(root + path, size) for _, path, size in sorted(newest, reverse=True)],
        [NamedFile(root + path, size) for _, path, size in sorted(pool, reverse=True)],
    )


def _keep(heap: list[tuple[int, str, int]], item: tuple[int, str, int], most: int) -> None:
    """Keeps an item among the largest ones."""
    if len(heap) < most:
        heapq.heappush(heap, item)
    elif item > heap[0]:
        heapq.heapreplace(heap, item)


def _listed(chunks: Iterator[bytes]) -> Iterator[tuple[str, int, int]]:
    """Path, size in bytes and time of each package of a primary; of all that was read nothing is kept."""
    parser = etree.XMLPullParser(
        events=("end",), tag="{*}package", resolve_entities=False, no_network=True, remove_comments=True
    )
    try:
        for chunk in chunks:
            parser.feed(chunk)
            yield from _taken(parser)
        parser.close()
        yield from _taken(parser)
    except etree.XMLSyntaxError as error:
        raise OriginError(f"primary: not XML: {error.msg}") from None


def _taken(parser: etree.XMLPullParser) -> Iterator[tuple[str, int, int]]:
    for _, element in parser.read_events():
        location, size, time = element.find("{*}location"), element.find("{*}size"), element.find("{*}time")
        if location is not None and size is not None and not _has_base(location):
            path, length = location.get("href", ""), size.get("package", "")
            written = "" if time is None else time.get("file", "")
            if _HREF.fullmatch(path) and _NUMBER.fullmatch(length):
                yield path, int(length), int(written) if _NUMBER.fullmatch(written) else 0
        element.clear()
        while (before := element.getprevious()) is not None and (parent := element.getparent()) is not None:
            parent.remove(before)


def _has_base(location: etree._Element) -> bool:
    """Whether a file lies in another tree."""
    return location.get("{http://www.w3.org/XML/1998/namespace}base") is not None


# What a repomd.xml looks like.

_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_TIMESTAMP = re.compile(rb"<(?:[\w.-]{1,40}:)?timestamp>\s*([0-9]{1,12})(?:\.[0-9]*)?\s*</")
MOST_DEEP = 64
_BROKEN_OFF = frozenset(
    {errors.codes[each] for each in (errors.XML_ERROR_NO_ELEMENTS, errors.XML_ERROR_UNCLOSED_TOKEN,
                                     errors.XML_ERROR_UNCLOSED_CDATA_SECTION, errors.XML_ERROR_PARTIAL_CHAR)}
)  # fmt: skip


def fault(body: bytes) -> str:
    """What is wrong with the bytes of a repomd.xml; nothing where it is one. No tree of them is built."""
    if not body:
        return "an empty file"
    if is_page(body):
        return "an HTML page"
    parser, around, roots = ParserCreate(namespace_separator=" "), list[str](), list[str]()

    def begun(name: str, _: dict[str, str]) -> None:
        if len(around) == MOST_DEEP:
            raise ValueError("elements in elements without end")
        roots.extend([] if roots else [name])
        around.append(name)

    parser.StartElementHandler, parser.EndElementHandler = begun, lambda _: around.pop()
    said = ""
    try:
        parser.Parse(body, True)
    except ExpatError as error:
        said = "a repomd.xml that ends early" if error.code in _BROKEN_OFF else f"a repomd.xml that is no XML: {error}"
    except (ValueError, LookupError) as error:  # the latter: an encoding that is unknown here
        said = f"a repomd.xml that is no XML: {error}"
    return said if roots and roots[0].rpartition(" ")[2] == "repomd" else "not a repomd.xml"


def is_page(body: bytes) -> bool:
    """Whether bytes begin as an HTML page does."""
    return _HTML.search(body[:1024]) is not None


def written(body: bytes) -> int:
    """The newest of its timestamps; 0 where it has none."""
    if body.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        body = body.decode("utf-16", "replace").encode()
    return max((int(stamp) for stamp in _TIMESTAMP.findall(body)), default=0)
