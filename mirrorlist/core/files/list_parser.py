"""Lists of files as text, from rsync, from a time list such as Fedora's, or from ``ls -lR``: lines to rows.

A list is a stranger's word: a path that could lead out of the tree, or not be printed on one line, is
refused, and so is a size that no file has.
"""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

LARGEST = 1 << 50
"""Bytes; no file is larger."""
LONGEST_PATH = 1024
LATEST = 1 << 36
"""Seconds since 1970, the year 4147: a later time is unknown."""
PARTIAL = b".~tmp~"
"""The directory into which rsync writes with ``--delay-updates``: it is never part of a tree."""


class Refusal(StrEnum):
    """Why a line is left out; the value is what people read."""

    PATH = "a path that is empty, absolute, leads upwards or has doubled slashes"
    CHARACTERS = "control characters, a backslash or no UTF-8 in the name"
    LENGTH = f"a path of more than {LONGEST_PATH} bytes"
    SIZE = f"a size that is no number up to {LARGEST}"
    FORMAT = "a line that is not of this format"
    UNREAD = "directories that the server could not read"


class ListedFile(NamedTuple):
    """One file of a list. ``path`` is below the tree; -1 is an unknown size or time (seconds since 1970)."""

    path: bytes
    size: int = -1
    mtime: int = -1


class SymbolicLink(NamedTuple):
    """A symbolic link, and what it leads to as it was written."""

    path: bytes
    target: bytes


class Directory(NamedTuple):
    """A directory, and whether its mode lets everybody look into it."""

    path: bytes
    is_open: bool


Line = ListedFile | SymbolicLink | Directory | Refusal | None
"""What a line says; None for what is none of these: headings, devices, partial files."""

UNREAD_LINE = b"\0"
"""A line that no list has: it shows the client that the server could not read all of the tree."""


def path_refusal(path: bytes) -> Refusal | None:
    """Why a path below a tree is not taken, None if it is."""
    if len(path) > LONGEST_PATH:
        return Refusal.LENGTH
    between = b"/%b/" % path
    if b"//" in between or b"/./" in between or b"/../" in between:
        return Refusal.PATH
    try:
        printable = path.decode().isprintable()
    except UnicodeDecodeError:
        return Refusal.CHARACTERS
    return None if printable and b"\\" not in path else Refusal.CHARACTERS


def row(path: bytes, size: bytes, mtime: int) -> Line:
    """A file's row, judged."""
    if PARTIAL in path and PARTIAL in path.split(b"/"):
        return None
    if reason := path_refusal(path):
        return reason
    if not size.isdigit() or len(size) > 16 or (number := int(size)) > LARGEST:
        return Refusal.SIZE
    return ListedFile(path, number, mtime if 0 <= mtime <= LATEST else -1)


def link(path: bytes, target: bytes) -> Line:
    """A link's row, judged; where it leads is judged by ``leads_to``."""
    if PARTIAL in path.split(b"/"):
        return None
    return path_refusal(path) or (Refusal.LENGTH if len(target) > LONGEST_PATH else SymbolicLink(path, target))


def leads_to(found: SymbolicLink) -> bytes | None:
    """The path below the tree that a link means; None where that is outside."""
    if found.target.startswith(b"/"):
        return None
    parts = found.path.split(b"/")[:-1]
    for part in found.target.split(b"/"):
        if part == b"..":
            if not parts:
                return None
            parts.pop()
        elif part not in (b"", b"."):
            parts.append(part)
    path = b"/".join(parts)
    return path if path and path_refusal(path) is None else None


_RSYNC = re.compile(rb"([-a-zA-Z?][-a-zA-Z]{9})[.+@]? +(\d+) (\d{4}/\d\d/\d\d) ([0-2]\d):([0-5]\d):([0-6]\d) (.+)")


def rsync_lines(lines: Iterable[bytes]) -> Iterator[Line]:
    """Of ``rsync --list-only --no-human-readable``, run in UTC."""
    for line in lines:
        if found := _RSYNC.fullmatch(line):
            yield _rsync_line(*found.groups())
        elif line == UNREAD_LINE:
            yield Refusal.UNREAD
        elif line.strip():
            yield Refusal.FORMAT


def _rsync_line(
    mode: bytes, size: bytes, day: bytes, hours: bytes, minutes: bytes, seconds: bytes, path: bytes
) -> Line:
    kind = mode[:1]
    if kind == b"-":
        midnight = _midnight(day.replace(b"/", b"-"))
        if midnight is None:
            return Refusal.FORMAT
        return row(path, size, midnight + 3600 * int(hours) + 60 * int(minutes) + int(seconds))
    if kind == b"d":
        if PARTIAL in path.split(b"/"):
            return None
        top = path == b"."
        return (None if top else path_refusal(path)) or Directory(
            b"" if top else path, mode[7:8] == b"r" and mode[9:] in b"xt"
        )
    if kind != b"l":
        return None
    name, arrow, target = path.partition(b" -> ")
    return link(name, target) if arrow else Refusal.FORMAT


@lru_cache(4096)  # a list has few days
def _midnight(day: bytes) -> int | None:
    """Seconds at the beginning of ``2024-01-02``."""
    if not re.fullmatch(rb"\d{4}-[01]\d-[0-3]\d", day):
        return None
    year, month, date = map(int, day.split(b"-"))
    if not (year and 1 <= month <= 12 and date):
        return None
    return timegm((year, month, date, 0, 0, 0))


def time_list_lines(lines: Iterable[bytes]) -> Iterator[Line]:
    """Of a list such as Fedora's ``fullfiletimelist``: time, type, size and path between tabs, below ``[Files]``."""
    within = True
    for line in lines:
        if line.startswith(b"["):
            within = line.strip() == b"[Files]"
        elif within and line.strip():
            yield _time_list_line(line.rstrip(b"\r\n"))


def _time_list_line(line: bytes) -> Line:
    parts = line.split(b"\t", 3)
    if len(parts) < 4 or not parts[0].isdigit() or len(parts[0]) > 12:
        return None if line.isdigit() else Refusal.FORMAT  # the version of the format, above the files
    mtime, kind, size, path = parts
    if kind != b"f":  # f- and f* are files that not everybody may read
        return None
    return row(path.removeprefix(b"./"), size, int(mtime))


_LS = re.compile(
    rb"(?P<mode>[-a-zA-Z][-a-zA-Z]{9}[.+@]?)\s+\d+\s+\S+\s+\S+\s+(?P<size>\d+)\s+"
    rb"(?:(?P<day>\d{4}-\d\d-\d\d) (?P<clock>\d\d:\d\d)(?::(?P<second>\d\d)(?:\.\d+)?(?: [+-]\d{4})?)?"
    rb"|[A-Z][a-z]{2}\s+\d{1,2}\s+[\d:]{4,5}) (?P<name>.+)"
)


def ls_lines(lines: Iterable[bytes]) -> Iterator[Line]:
    """Of ``ls -lR`` in the tree's directory, in UTC. Times need ``--time-style=long-iso`` or ``full-iso``."""
    directory = b""
    for raw in lines:
        line = raw.rstrip(b"\r\n")
        if line.endswith(b":") and not _LS.fullmatch(line):
            heading = line[:-1]
            path = heading.removeprefix(b".").lstrip(b"/")
            directory = path + b"/" if path else b""
        elif line and not line.startswith(b"total "):
            yield _ls_line(line, directory)


def _ls_line(line: bytes, directory: bytes) -> Line:
    found = _LS.fullmatch(line)
    if found is None:
        return Refusal.FORMAT
    mode, path = found["mode"][:1], directory + found["name"]
    if mode == b"l":
        name, arrow, target = path.partition(b" -> ")
        return link(name, target) if arrow else Refusal.FORMAT
    if mode != b"-":
        return None
    return row(path, found["size"], _ls_time(found))


def _ls_time(found: re.Match[bytes]) -> int:
    """-1 where the list gives no year or no seconds; the time zone counts as UTC."""
    midnight = _midnight(found["day"]) if found["day"] else None
    if midnight is None:
        return -1
    hour, minute = found["clock"].split(b":")
    return midnight + 3600 * int(hour) + 60 * int(minute) + int(found["second"] or 0)


# SHA-256 and SHA-512 from the files that publish them: coreutils' and BSD's lines, one alone in ``NAME.sha256``.

LARGEST_SIZE = 4 * 1024 * 1024
_NAME = re.compile(
    rb"(?i).+\.sha(?:(?:256|512)(?:sum)?)?|(?:.*[-_.])?CHECKSUM(?:\.txt)?|SHA(?:256|512)(?:SUMS?)?(?:\.txt)?"
)
_COREUTILS = re.compile(rb"([0-9a-fA-F]{64}|[0-9a-fA-F]{128}) [ *](.+)")
_BSD = re.compile(rb"SHA(256|512) \((.+)\) = ([0-9a-fA-F]+)")
_ALONE = re.compile(rb"\s*([0-9a-fA-F]{64}|[0-9a-fA-F]{128})\s*")


def publishes_checksums(path: bytes) -> bool:
    """Whether a file's name says that it holds checksums of its neighbours."""
    return _NAME.fullmatch(path.rpartition(b"/")[2]) is not None


def checksums(path: bytes, data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Paths and their digests, 32 bytes of SHA-256 or 64 of SHA-512, from the checksum file at ``path``.

    Signatures and everything else are passed over. Names are below the checksum file's directory; ``./`` before one is
    dropped, and one that leads out is no name.
    """
    directory, slash, _ = path.rpartition(b"/")
    if alone := _ALONE.fullmatch(data):
        yield path.rpartition(b".")[0], bytes.fromhex(alone[1].decode())
        return
    for line in data.splitlines():
        text, digest = _read(line)
        text = text.removeprefix(b"./")
        if digest and path_refusal(text) is None:
            yield directory + slash + text, bytes.fromhex(digest.decode())


def _read(line: bytes) -> tuple[bytes, bytes]:
    """The name and the digest of a line; an empty digest where there is none."""
    if found := _COREUTILS.fullmatch(line):
        return found[2], found[1]
    found = _BSD.fullmatch(line)
    return (found[2], found[3]) if found and 4 * len(found[3]) == int(found[1]) else (b"", b"")
