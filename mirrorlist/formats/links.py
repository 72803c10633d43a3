"""The headers of RFC 6249 on a redirect: other URLs of the same file, its metalink, its checksum."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from itertools import pairwise

from mirrorlist.formats import file_metalink4

MOST_DUPLICATES = 10


def link_pieces(trees: Sequence[tuple[str, str | None]], front: str) -> tuple[str, ...]:
    """A Link header in pieces, to be joined by the file's path.

    ``trees`` are the other URLs, best first, up to where the path begins, each with its country; ``front`` is what
    stands before the path in this service's own address.
    """
    heads = [tree for tree, _ in trees[:MOST_DUPLICATES]] + [front]
    tails = [
        f">; rel=duplicate; pri={pri}{_geo(country)}" for pri, (_, country) in enumerate(trees[:MOST_DUPLICATES], 1)
    ]
    last = f'.meta4>; rel=describedby; type="{file_metalink4.CONTENT_TYPE}"'
    between = [f"{tail}, <{head}" for tail, (_, head) in zip(tails, pairwise(heads), strict=True)]
    return (f"<{heads[0]}", *between, last)


def _geo(country: str | None) -> str:
    return f"; geo={country.lower()}" if country else ""


def digest(sha256: str) -> str:
    """The value of a Digest header (RFC 3230) for a checksum in hexadecimal."""
    return f"SHA-256={b64encode(bytes.fromhex(sha256)).decode()}"
