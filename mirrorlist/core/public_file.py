"""The public record as bytes, in parts that are unpacked only when a page wants them.

A worker maps the bytes with the snapshot; the whole network is one part, the detail and the logo of each mirror
are parts of their own, so that a worker holds an index and what it shows just now.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct, error
from typing import TypeVar

import msgspec

from mirrorlist.core.errors import SnapshotError
from mirrorlist.core.public import Logo, PublicDetail, PublicNetwork
from mirrorlist.core.public_record import Record

T = TypeVar("T")
_LENGTH = Struct("<I")
_LEVEL = 6
MOST_BYTES = 64 * 1024 * 1024
"""No part is larger when unpacked."""

Part = tuple[int, int]
"""Where a part begins behind the index, and its length."""


@dataclass(frozen=True, slots=True)
class _Index:
    network: Part
    details: Mapping[str, Part]
    logos: Mapping[str, Part]


def encode_record(record: Record) -> bytes:
    """The record as one run of bytes: the length of the index, the index, the parts."""
    body = bytearray()

    def put(value: object) -> Part:
        packed = zlib.compress(msgspec.msgpack.encode(value), _LEVEL)
        start = len(body)
        body.extend(packed)
        return start, len(packed)

    index = _Index(
        put(record.network),
        {name: put(detail) for name, detail in record.details.items()},
        {name: put(logo) for name, logo in record.logos.items()},
    )
    head = msgspec.msgpack.encode(index)
    return _LENGTH.pack(len(head)) + head + bytes(body)


class PublicFile:
    """Reads a record's parts; keeps its index and nothing else. Without bytes everything is empty.

    Raises:
        SnapshotError: the bytes are no record.
    """

    def __init__(self, data: memoryview | bytes) -> None:
        self._data = memoryview(data)
        self._index = _Index((0, 0), {}, {})
        self._start = 0
        if len(self._data):
            try:
                (length,) = _LENGTH.unpack_from(self._data)
                self._start = _LENGTH.size + length
                self._index = msgspec.msgpack.decode(self._data[_LENGTH.size : self._start], type=_Index)
            except (msgspec.MsgspecError, error) as fault:
                raise SnapshotError(f"the public record cannot be read: {fault}") from None

    def network(self) -> PublicNetwork:
        """What the pages of the whole network need; unpacked anew at each call."""
        return self._part(self._index.network, PublicNetwork) or PublicNetwork()

    def detail(self, name: str) -> PublicDetail | None:
        """The health of a mirror, or None if there is no such public mirror."""
        return self._part(self._index.details.get(name), PublicDetail)

    def logo(self, name: str) -> Logo | None:
        """The logo of a mirror's sponsor."""
        return self._part(self._index.logos.get(name), Logo)

    def _part(self, part: Part | None, kind: type[T]) -> T | None:
        if not part or not part[1]:
            return None
        begin = self._start + part[0]
        try:
            unpacked = zlib.decompressobj().decompress(self._data[begin : begin + part[1]], MOST_BYTES)
            return msgspec.msgpack.decode(unpacked, type=kind)
        except (zlib.error, msgspec.MsgspecError) as fault:
            raise SnapshotError(f"a part of the public record cannot be read: {fault}") from None
