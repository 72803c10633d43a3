"""The headers of RFC 6249 on a redirect: other URLs of the same file, its metalink, its checksum."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Sequence

from mirrorlist.core.sealed import Values
from mirrorlist.formats import file_metalink4

MOST_DUPLICATES = 10


def links(trees: Sequence[tuple[str, str | None]], front: str) -> tuple[tuple[str, str], ...]:
    """What stands before and after the file's path in each Link header, best first.

    ``trees`` are the other URLs up to where the path begins, each with its country; ``front`` is what stands before
    the path in this service's own address. Each link is a header of its own: aria2 reads no lists (seen with 1.36).
    """
    duplicates = [
        (f"<{tree}", f">; rel=duplicate; pri={pri}{_geo(country)}")
        for pri, (tree, country) in enumerate(trees[:MOST_DUPLICATES], start=1)
    ]
    return (*duplicates, (f"<{front}", f'.meta4>; rel=describedby; type="{file_metalink4.CONTENT_TYPE}"'))


def joined(found: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The same links as one header (RFC 9110, 5.3), in pieces that the file's path joins."""
    befores, afters = [before for before, _ in found], [after for _, after in found]
    between = [f"{after}, {before}" for after, before in zip(afters[:-1], befores[1:], strict=True)]
    return (befores[0], *between, afters[-1])


def _geo(country: str | None) -> str:
    return f"; geo={country.lower()}" if country else ""


def digest(sha256: Values | bytes) -> str:
    """The value of a Digest header (RFC 3230) for a checksum."""
    return f"SHA-256={b2a_base64(sha256, newline=False).decode()}"
