"""The files of the origin's tree: from walking its directory, or from a list that it publishes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mirrorlist.core.catalogue.service import WEB_SCHEMES
from mirrorlist.core.errors import OriginError
from mirrorlist.core.files.list_parser import PARTIAL, Line, link, ls_lines, row, time_list_lines
from mirrorlist.core.kinds.rpm import OPENERS, unpacked
from mirrorlist.sources.origin.web import AS_IT_IS, WebExchange, origin_session

LARGEST_LIST = 1 << 30
"""Bytes of a list, unpacked."""
LONGEST_LINE = 65_536
DEADLINE_SECONDS = 600.0
READ_SECONDS = 60.0
_READ_AT_ONCE = 1 << 20


def walked(tree: Path) -> Iterator[Line]:
    """Every file and symbolic link below a directory.

    Raises:
        OriginError: the directory, or one below it, cannot be read: a list without it would be no whole list.
    """
    root = os.fsencode(tree) + b"/"
    waiting = [b""]
    while waiting:
        below = waiting.pop()
        try:
            for path, entry in _entries(root, below):
                if entry.is_dir(follow_symlinks=False):
                    waiting += [path + b"/"] if entry.name != PARTIAL else []
                elif (line := _line(entry, path)) is not None:
                    yield line
        except OSError as error:
            where = os.fsdecode(root + below)
            raise OriginError(f"{where}: {error.strerror}; let mirrorlist read the whole tree") from None


def _entries(root: bytes, below: bytes) -> Iterator[tuple[bytes, os.DirEntry[bytes]]]:
    """What a directory holds; nothing where it has vanished since its parent was read."""
    try:
        with os.scandir(root + below) as entries:
            yield from ((below + entry.name, entry) for entry in entries)
    except FileNotFoundError:
        if not below:
            raise


def _line(entry: os.DirEntry[bytes], path: bytes) -> Line:
    """None for what is not a file, or has vanished."""
    try:
        if entry.is_symlink():
            return link(path, os.fsencode(Path(os.fsdecode(entry.path)).readlink()))
        if not entry.is_file(follow_symlinks=False):
            return None
        found = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    return row(path, str(found.st_size).encode(), int(found.st_mtime))


def read_list(place: str, origin: str | None) -> Iterator[Line]:
    """The rows of a list that the origin publishes: an address, or a path below ``origin``, perhaps packed.

    One whose name holds ``ls-lR`` is what ``ls -lR`` prints, any other a time list such as ``fullfiletimelist``.

    Raises:
        OriginError: it cannot be read, is too large or takes too long.
    """
    parse: Callable[[Iterator[bytes]], Iterator[Line]] = ls_lines if "ls-lr" in place.lower() else time_list_lines
    chunks = read_chunks(place, origin)
    is_packed = place.rpartition(".")[2] in OPENERS
    return parse(_lines(unpacked(chunks, place, LARGEST_LIST) if is_packed else chunks, place))


def read_chunks(place: str, origin: str | None) -> Iterator[bytes]:
    """The bytes at an address, or at a path below ``origin``, piece by piece within ``DEADLINE_SECONDS``.

    Raises:
        OriginError: they cannot be read.
    """
    if place.startswith(WEB_SCHEMES):
        return _fetched(place)
    if origin is None:
        raise OriginError(f"{place}: the module has no origin that it could lie in; write the whole address")
    return _fetched(origin.rstrip("/") + "/" + place) if origin.startswith(WEB_SCHEMES) else _read(Path(origin) / place)


def _read(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(_READ_AT_ONCE):
                yield chunk
    except OSError as error:
        raise OriginError(f"{path}: {error.strerror}") from None


def _fetched(url: str, clock: Callable[[], float] = time.monotonic) -> Iterator[bytes]:
    with (
        origin_session() as session,
        WebExchange(url, DEADLINE_SECONDS, clock, READ_SECONDS) as exchange,
        exchange.answer(session, headers=AS_IT_IS) as answer,
    ):
        if answer.status_code != 200:
            raise OriginError(f"{url}: status {answer.status_code}")
        while chunk := answer.raw.read1(_READ_AT_ONCE, decode_content=not url.endswith(".gz")):
            exchange.check()
            yield chunk


def _lines(chunks: Iterator[bytes], place: str) -> Iterator[bytes]:
    rest, total = b"", 0
    for chunk in chunks:
        total += len(chunk)
        if total > LARGEST_LIST:
            raise OriginError(f"{place}: larger than {LARGEST_LIST} bytes")
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > LONGEST_LINE:
            raise OriginError(f"{place}: a line of more than {LONGEST_LINE} bytes; is it a list of files?")
        yield from whole
    if rest:
        yield rest
