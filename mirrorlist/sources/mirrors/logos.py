"""Logos: small PNG and WebP pictures and nothing else, recognised by their bytes without decoding them.

A picture is walked from its first byte to its last, so that nothing follows it: a file that is a picture to
one program and a page to another has no place beside mirror files.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from mirrorlist.core.model import Mirror
from mirrorlist.core.public.types import OWN_LOGO, Logo

MOST_BYTES = 20 * 1024
MOST_PIXELS = 512

Size = tuple[int, int]

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_CHUNKS = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"pHYs"}
)
"""What a picture is made of. Texts, profiles and private chunks are left out: nobody needs them."""


class NoPicture(ValueError):
    """The bytes are no such picture; the message says why."""


def picture_fault(name: str, data: bytes) -> str | None:
    """Why a file cannot be a logo, with a remedy; None when it can."""
    if len(data) > MOST_BYTES:
        return f"is larger than {MOST_BYTES // 1024} KiB; save it smaller"
    reader = READERS.get(name.rpartition(".")[2].lower())
    if reader is None:
        return "is neither .png nor .webp; save it as one of them"
    try:
        width, height = reader(data)
    except (NoPicture, struct.error) as error:
        why = error if isinstance(error, NoPicture) else "it ends early"
        return f"is no {name.rpartition('.')[2]} picture ({why}); save it again, without text or profiles"
    if not (0 < width <= MOST_PIXELS and 0 < height <= MOST_PIXELS):
        return f"is {width} x {height} pixels; save it with at most {MOST_PIXELS} x {MOST_PIXELS}"
    return None


def png_size(data: bytes) -> Size:
    """The width and height of a whole PNG picture (ISO/IEC 15948).

    Raises:
        NoPicture: a chunk is broken, unusual or missing, or something follows the last.
    """
    if not data.startswith(_PNG):
        raise NoPicture("it does not begin like one")
    kinds = []
    header = b""
    for kind, body in _png_chunks(data):
        kinds.append(kind)
        header = header or body
    if kinds[:1] != [b"IHDR"] or kinds[-1:] != [b"IEND"] or b"IDAT" not in kinds or kinds.count(b"IHDR") > 1:
        raise NoPicture("its parts are not those of a picture")
    width, height = struct.unpack_from(">II", header)
    return width, height


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_PNG)
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        (checksum,) = struct.unpack_from(">I", data, end)
        if zlib.crc32(data[at + 4 : end]) != checksum:
            raise NoPicture("a checksum is wrong")
        if kind not in _PNG_CHUNKS:
            raise NoPicture(f"it has a part {kind!r}")
        yield kind, data[at + 8 : end]
        at = end + 4
        if kind == b"IEND" and at != len(data):
            raise NoPicture("something follows it")


def webp_size(data: bytes) -> Size:
    """The width and height of a whole WebP picture (RFC 9649) without animation.

    Raises:
        NoPicture: a chunk is broken or unusual, or something follows the last.
    """
    riff, length, webp = struct.unpack_from("<4sI4s", data)
    if riff != b"RIFF" or webp != b"WEBP" or length != len(data) - 8:
        raise NoPicture("it does not begin like one, or something follows it")
    chunks = list(_webp_chunks(data))
    kinds = dict(chunks)
    if unusual := kinds.keys() - {b"VP8 ", b"VP8L", b"VP8X", b"ALPH"}:
        raise NoPicture(f"it has a part {min(unusual)!r}")
    if len(kinds) != len(chunks) or {b"VP8 ", b"VP8L"} <= kinds.keys():
        raise NoPicture("it has two pictures")
    size = _webp_picture_size(kinds)
    if (canvas := kinds.get(b"VP8X")) is not None:
        if len(canvas) != 10:
            raise NoPicture("its header is broken")
        if size != (int.from_bytes(canvas[4:7], "little") + 1, int.from_bytes(canvas[7:10], "little") + 1):
            raise NoPicture("its canvas has another size than its picture")
    return size


def _webp_picture_size(kinds: Mapping[bytes, bytes]) -> Size:
    if b"VP8L" in kinds:
        mark, bits = struct.unpack_from("<BI", kinds[b"VP8L"])
        if mark != 0x2F:
            raise NoPicture("its mark is wrong")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    mark, width, height = struct.unpack_from("<3sHH", kinds.get(b"VP8 ", b""), 3)
    if mark != b"\x9d\x01\x2a":
        raise NoPicture("its mark is wrong")
    return width & 0x3FFF, height & 0x3FFF


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at < len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        end = at + 8 + length
        if end > len(data):
            raise NoPicture("it ends early")
        yield kind, data[at + 8 : end]
        at = end + (length & 1)


READERS: dict[str, Callable[[bytes], Size]] = {"png": png_size, "webp": webp_size}


# Sponsors' logos beside the mirror files.

MOST_LOGO_BYTES = 64 * 1024


def read_logos(directory: Path, mirrors: Iterable[Mirror], own: str | None = None) -> dict[str, Logo]:
    """The logo of each mirror that has one, and that of the service itself under ``OWN_LOGO``.

    What is no PNG or WebP picture, or too big, is left out.
    """
    found = {mirror.name: read_logo(directory / mirror.logo) for mirror in mirrors if mirror.logo}
    if own:
        found[OWN_LOGO] = read_logo(Path(own))
    return {name: logo for name, logo in found.items() if logo}


def read_logo(path: Path) -> Logo | None:
    """The picture in a file, or None; its first bytes tell what it is, not its name."""
    try:
        if not path.is_file():  # a pipe would keep the publisher waiting
            return None
        with path.open("rb") as file:
            data = file.read(MOST_LOGO_BYTES + 1)
    except OSError:
        return None
    if len(data) > MOST_LOGO_BYTES:
        return None
    if data.startswith(_PNG):
        return Logo("image/png", data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Logo("image/webp", data)
    return None
