"""SHA-256 and SHA-512 from the files that publish them: coreutils' and BSD's lines, one alone in ``NAME.sha256``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mirrorlist.core.listed import path_refusal

LARGEST = 4 * 1024 * 1024
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
