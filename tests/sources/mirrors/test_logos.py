"""Logos are told from their bytes: whole small pictures, and nothing behind them."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from mirrorlist.sources.mirrors.logos import MOST_BYTES, picture_fault


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int = 1, height: int = 1, between: bytes = b"", after: bytes = b"") -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"\0\0"))
    return b"\x89PNG\r\n\x1a\n" + head + between + data + chunk(b"IEND") + after


def webp(kind: bytes = b"VP8 ", body: bytes | None = None, after: bytes = b"") -> bytes:
    frame = b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 16, 16) if body is None else body
    frame += b"\0" * (len(frame) & 1)
    parts = b"WEBP" + kind + struct.pack("<I", len(frame)) + frame
    return b"RIFF" + struct.pack("<I", len(parts)) + parts + after


def frame(width: int, height: int) -> bytes:
    return b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height)


def riff(*parts: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP" + b"".join(kind + struct.pack("<I", len(each)) + each for kind, each in parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def canvas(width: int, height: int) -> bytes:
    return bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


LOSSLESS = b"\x2f" + struct.pack("<I", 511 | 511 << 14) + b"\0"

GOOD = {
    "a.png": png(),
    "b.png": png(512, 512, chunk(b"gAMA", b"\0\0\0\1")),
    "a.webp": webp(),
    "b.webp": webp(b"VP8L", LOSSLESS),
    "canvas.webp": riff((b"VP8X", canvas(10, 20)), (b"ALPH", b"\0\0"), (b"VP8 ", frame(10, 20))),
}
BAD = {
    "empty.png": b"",
    "text.png": b"just words",
    "page.png": b"<html><script>alert(1)</script></html>",
    "vectors.png": b"<svg xmlns='http://www.w3.org/2000/svg' onload='x'/>",
    "program.png": b"\x7fELF" + bytes(64),
    "webp.png": webp(),
    "png.webp": png(),
    "wide.png": png(513, 1),
    "high.png": png(1, 513),
    "huge.png": png(2**31 - 1, 2**31 - 1),
    "no-width.png": png(0, 1),
    "page-behind.png": png(after=b"<script>alert(1)</script>"),
    "text-inside.png": png(between=chunk(b"tEXt", b"Comment\0<script>")),
    "zipped-text.png": png(between=chunk(b"zTXt", zlib.compress(bytes(10_000)))),
    "profile.png": png(between=chunk(b"iCCP", b"x")),
    "animated.png": png(between=chunk(b"acTL", bytes(8))),
    "cut.png": png()[:-4],
    "cut-early.png": png()[:20],
    "checksum.png": png()[:-1] + b"x",
    "endless-chunk.png": b"\x89PNG\r\n\x1a\n" + b"\xff\xff\xff\xffIHDR",
    "no-data.png": b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(13)) + chunk(b"IEND"),
    "too-large.png": png(between=chunk(b"IDAT", bytes(MOST_BYTES))),
    "page-behind.webp": webp(after=b"<script>"),
    "wide.webp": webp(b"VP8L", b"\x2f" + struct.pack("<I", 600) + b"\0"),
    "animated.webp": webp(b"ANIM", bytes(6)),
    "metadata.webp": webp(b"XMP ", b"<x/>"),
    "mark.webp": webp(b"VP8 ", bytes(10)),
    "short.webp": webp(b"VP8 ", b""),
    "cut.webp": b"RIFF\x14\0\0\0WEBPVP8 \xff\xff\xff\xff1234",
    "two-pictures.webp": riff((b"VP8 ", frame(9999, 9999)), (b"VP8 ", frame(10, 10))),
    "two-kinds.webp": riff((b"VP8 ", frame(9999, 9999)), (b"VP8L", LOSSLESS)),
    "canvas-lies.webp": riff((b"VP8X", canvas(1 << 24, 1 << 24)), (b"VP8 ", frame(10, 10))),
    "canvas-is-cut.webp": riff((b"VP8X", bytes(4)), (b"VP8 ", frame(10, 10))),
    "name.gif": b"GIF89a",
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_a_small_picture_is_a_logo(name: str) -> None:
    assert picture_fault(name, GOOD[name]) is None


@pytest.mark.parametrize("name", BAD)
def test_anything_else_is_refused_with_a_remedy(name: str) -> None:
    fault = picture_fault(name, BAD[name])
    assert fault is not None
    assert "; save it" in fault
    assert fault.isprintable()
    assert "buffer" not in fault


def test_the_logo_of_the_example_is_one() -> None:
    for path in (Path(__file__).parents[3] / "mirrors.d").glob("*.png"):
        assert picture_fault(path.name, path.read_bytes()) is None
