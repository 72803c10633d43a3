"""SHA-256 from the files that publish it: coreutils' and BSD's lines, and a checksum alone in ``NAME.sha256``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mirrorlist.core.listed import path_refusal

LARGEST = 4 * 1024 * 1024
_NAME = re.compile(
    rb"(?i).+\.(?:sha256|sha256sum|sha)|(?:.*[-_.])?CHECKSUM(?:\.txt)?|SHA256(?:SUMS?)?(?:\.txt)?|sha256sums?(?:\.txt)?"
)
_COREUTILS = re.compile(rb"([0-9a-fA-F]{64}) [ *](.+)")
_BSD = re.compile(rb"SHA256 \((.+)\) = ([0-9a-fA-F]{64})")
_ALONE = re.compile(rb"\s*([0-9a-fA-F]{64})\s*")


def publishes_checksums(path: bytes) -> bool:
    """Whether a file's name says that it holds checksums of its neighbours."""
    return _NAME.fullmatch(path.rpartition(b"/")[2]) is not None


def checksums(path: bytes, data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Paths and their SHA-256, from the checksum file at ``path``; signatures and everything else are passed over.

    Names are below the checksum file's directory; ``./`` before one is dropped, and one that leads out is no name.
    """
    directory, slash, _ = path.rpartition(b"/")
    if alone := _ALONE.fullmatch(data):
        yield path.rpartition(b".")[0], bytes.fromhex(alone[1].decode())
        return
    for line in data.splitlines():
        found = _COREUTILS.fullmatch(line) or _BSD.fullmatch(line)
        if found is None:
            continue
        first, second = found.groups()
        text, digest = (second, first) if found.re is _COREUTILS else (first, second)
        text = text.removeprefix(b"./")
        if path_refusal(text) is None:
            yield directory + slash + text, bytes.fromhex(digest.decode())
