"""A sealed file: a fixed preamble with a checksum, a MessagePack header, and flat arrays that a reader maps.

It holds data only. The bytes are verified once, as a whole, before anything in them is believed.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from struct import Struct
from typing import TypeAlias

import msgspec

from mirrorlist.core.errors import SnapshotError

PREAMBLE = Struct("<8sIIQ32s")
"""Magic, format, length of the header, length in all, and the SHA-256 of what follows."""
_LITTLE = array("H", (1,)).tobytes()[0] == 1

Values: TypeAlias = "array[int] | memoryview[int]"
"""Numbers of one array, or a view of them in the mapped file."""
Pause: TypeAlias = "Callable[[], None]"
"""Is called between the pieces of a file that is read beside other threads."""
_PIECE = 1 << 19
"""Bytes that are hashed at a stretch: 0.3 ms on a processor that has instructions for it (measured), more elsewhere."""


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of file: its first eight bytes, the number of the format that is written, and its name for people.

    ``oldest`` is the oldest format that is read, None if that is the one that is written. A release reads what the
    release before it wrote, so a change that raises ``format`` keeps ``oldest`` for one release, and gives new fields
    defaults.
    """

    magic: bytes
    format: int
    title: str
    oldest: int | None = None

    def reads(self, number: int) -> bool:
        """Whether files of a format are read."""
        return (self.format if self.oldest is None else self.oldest) <= number <= self.format


@dataclass(frozen=True, slots=True)
class Section:
    """Where an array lies behind the header: bytes, and the typecode of ``array``."""

    offset: int
    length: int
    typecode: str


@dataclass(frozen=True, slots=True)
class _Header:
    facts: bytes
    sections: Mapping[str, Section]


@dataclass(frozen=True, slots=True)
class Opened:
    """A verified file: its facts, still packed, its arrays by name, and the digest that names it."""

    facts: bytes
    arrays: Mapping[str, Values]
    digest: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """A file to be written: its parts in order, which are not copied together, and its digest in hexadecimal."""

    parts: tuple[bytes | memoryview, ...]
    digest: str


def at_once() -> None:
    """Does not pause."""


def sealed(kind: FileKind, facts: bytes, arrays: Mapping[str, array[int]]) -> Sealed:
    """The file of these arrays; ``facts`` is MessagePack."""
    sections, body = laid_out(arrays.items())
    return sealed_parts(kind, msgspec.msgpack.encode(_Header(facts, sections)), body)


def laid_out(arrays: Iterable[tuple[str, array[int]]]) -> tuple[dict[str, Section], list[bytes | memoryview]]:
    """Where each array lies behind the header, on a multiple of 8, and the bytes of all of them in order."""
    sections: dict[str, Section] = {}
    body: list[bytes | memoryview] = []
    at = 0
    for name, values in arrays:
        # The values as files have them; those given stay as they are.
        if not _LITTLE:
            values = values[:]
            values.byteswap()
        data = memoryview(values).cast("B")
        gap = bytes(-at % 8)
        sections[name] = Section(at + len(gap), len(data), values.typecode)
        body += [gap, data]
        at += len(gap) + len(data)
    return sections, body


def sealed_parts(kind: FileKind, header: bytes, body: Sequence[bytes | memoryview]) -> Sealed:
    """The file of a packed header and what follows it."""
    rest = (header, bytes(padding(len(header))), *body)
    digest = sha256()
    for part in rest:
        digest.update(part)
    total = PREAMBLE.size + sum(map(len, rest))
    preamble = PREAMBLE.pack(kind.magic, kind.format, len(header), total, digest.digest())
    return Sealed((preamble, *rest), digest.hexdigest())


def opened(kind: FileKind, data: memoryview, pause: Pause = at_once) -> Opened:
    """What a sealed file holds; the arrays are views of ``data``, so keep the mapping open.

    Raises:
        SnapshotError: it is truncated, altered, or of another kind or format.
    """
    packed, body = verified(kind, data, pause)
    try:
        header = msgspec.msgpack.decode(packed, type=_Header)
        arrays = {name: view(body, section) for name, section in header.sections.items()}
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, TypeError) as error:
        raise SnapshotError(f"the header of the {kind.title} cannot be read: {error}") from None
    return Opened(header.facts, arrays, bytes(PREAMBLE.unpack_from(data)[4]).hex())


def padding(header_length: int) -> int:
    """The bytes after a header that put the arrays on a multiple of 8."""
    return -(header_length + PREAMBLE.size) % 8


def verified(kind: FileKind, data: memoryview, pause: Pause = at_once) -> tuple[memoryview, memoryview]:
    """The packed header and what follows it, whose bytes are whole.

    Raises:
        SnapshotError: they are not, or the file is of another kind or format.
    """
    if len(data) < PREAMBLE.size:
        raise SnapshotError(f"the file has {len(data)} bytes; a {kind.title} has at least {PREAMBLE.size}")
    magic, number, header_length, total, digest = PREAMBLE.unpack_from(data)
    if magic != kind.magic:
        raise SnapshotError(f"the file is no {kind.title}")
    if not kind.reads(number):
        raise SnapshotError(f"the {kind.title} has format {number}; this release reads {kind.format}")
    if total != len(data):
        raise SnapshotError(f"the {kind.title} should have {total} bytes and has {len(data)}")
    found = sha256()
    for start in range(PREAMBLE.size, len(data), _PIECE):
        found.update(data[start : start + _PIECE])
        pause()
    if found.digest() != digest:
        raise SnapshotError(f"the checksum of the {kind.title} is wrong: it was altered or written in part")
    end = PREAMBLE.size + header_length
    return data[PREAMBLE.size : end], data[end + padding(header_length) :]


def view(body: memoryview, section: Section) -> Values:
    """The array of a section; raises ValueError or TypeError where there is none such."""
    if not 0 <= section.offset <= section.offset + section.length <= len(body):
        raise ValueError(f"bytes {section.offset} to {section.offset + section.length} of {len(body)}")
    raw = body[section.offset : section.offset + section.length]
    if _LITTLE:
        return raw.cast("B").cast(section.typecode)  # type: ignore[call-overload,no-any-return]
    values = array(section.typecode, raw.tobytes())
    values.byteswap()
    return values
