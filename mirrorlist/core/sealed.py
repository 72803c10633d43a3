"""A sealed file: a fixed preamble with a checksum, a MessagePack header, and flat arrays that a reader maps.

It holds data only. The bytes are verified once, as a whole, before anything in them is believed.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from struct import Struct
from typing import TypeAlias

import msgspec

from mirrorlist.core.errors import SnapshotError

_PREAMBLE = Struct("<8sIIQ32s")  # magic, format, header length, total length, SHA-256 of what follows
_LITTLE = array("H", (1,)).tobytes()[0] == 1

Values: TypeAlias = "array[int] | memoryview[int]"
"""Numbers of one array, or a view of them in the mapped file."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Which files these are: eight bytes at the beginning, the format's number, and what people call one."""

    magic: bytes
    format: int
    title: str


@dataclass(frozen=True, slots=True)
class _Section:
    offset: int
    length: int
    typecode: str


@dataclass(frozen=True, slots=True)
class _Header:
    facts: bytes
    sections: Mapping[str, _Section]


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


def sealed(kind: Kind, facts: bytes, arrays: Mapping[str, array[int]]) -> Sealed:
    """The file of these arrays; ``facts`` is MessagePack."""
    sections: dict[str, _Section] = {}
    body: list[bytes | memoryview] = []
    at = 0
    for name, values in arrays.items():
        data = memoryview(_little_endian(values)).cast("B")
        gap = bytes(-at % 8)
        sections[name] = _Section(at + len(gap), len(data), values.typecode)
        body += [gap, data]
        at += len(gap) + len(data)
    header = msgspec.msgpack.encode(_Header(facts, sections))
    padding = bytes(_padding(len(header)))
    digest = sha256()
    for part in (header, padding, *body):
        digest.update(part)
    total = _PREAMBLE.size + len(header) + len(padding) + at
    preamble = _PREAMBLE.pack(kind.magic, kind.format, len(header), total, digest.digest())
    return Sealed((preamble, header, padding, *body), digest.hexdigest())


def opened(kind: Kind, data: memoryview) -> Opened:
    """What a sealed file holds; the arrays are views of ``data``, so keep the mapping open.

    Raises:
        SnapshotError: it is truncated, altered, or of another kind or format.
    """
    header_length = _verified_header_length(kind, data)
    end = _PREAMBLE.size + header_length
    body = data[end + _padding(header_length) :]
    try:
        header = msgspec.msgpack.decode(data[_PREAMBLE.size : end], type=_Header)
        arrays = {name: _view(body, section) for name, section in header.sections.items()}
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, TypeError) as error:
        raise SnapshotError(f"the header of the {kind.title} cannot be read: {error}") from None
    return Opened(header.facts, arrays, bytes(_PREAMBLE.unpack_from(data)[4]).hex())


def _padding(header_length: int) -> int:
    """The bytes after a header that put the arrays on a multiple of 8."""
    return -(header_length + _PREAMBLE.size) % 8


def _verified_header_length(kind: Kind, data: memoryview) -> int:
    if len(data) < _PREAMBLE.size:
        raise SnapshotError(f"the file has {len(data)} bytes; a {kind.title} has at least {_PREAMBLE.size}")
    magic, number, header_length, total, digest = _PREAMBLE.unpack_from(data)
    if magic != kind.magic:
        raise SnapshotError(f"the file is no {kind.title}")
    if number != kind.format:
        raise SnapshotError(f"the {kind.title} has format {number}; this release reads {kind.format}")
    if total != len(data):
        raise SnapshotError(f"the {kind.title} should have {total} bytes and has {len(data)}")
    if sha256(data[_PREAMBLE.size :]).digest() != digest:
        raise SnapshotError(f"the checksum of the {kind.title} is wrong: it was altered or written in part")
    return int(header_length)


def _little_endian(values: array[int]) -> array[int]:
    if not _LITTLE:
        values = values[:]
        values.byteswap()
    return values


def _view(body: memoryview, section: _Section) -> Values:
    if not 0 <= section.offset <= section.offset + section.length <= len(body):
        raise ValueError(f"bytes {section.offset} to {section.offset + section.length} of {len(body)}")
    raw = body[section.offset : section.offset + section.length]
    if _LITTLE:
        return raw.cast("B").cast(section.typecode)  # type: ignore[call-overload,no-any-return]
    values = array(section.typecode, raw.tobytes())
    values.byteswap()
    return values
