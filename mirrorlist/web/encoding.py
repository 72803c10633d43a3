"""Compress answers, only for clients that ask for it: dnf fails on gzip that it did not ask for."""

from __future__ import annotations

import gzip
from functools import lru_cache

from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

LEAST_BYTES = 1024
_MOST_CHARACTERS = 1000
_LEVEL = 1  # 13 us for a metalink of 50 URLs, level 6 takes 26 for a tenth less


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header names gzip with a quality above 0 (RFC 9110, 12.5.3)."""
    return _accepts_gzip(accept_encoding[:_MOST_CHARACTERS])


@lru_cache(maxsize=256)
def _accepts_gzip(accept_encoding: str) -> bool:
    accepted: Accept = parse_accept_header(accept_encoding)
    return any(name.lower() == "gzip" and quality > 0 for name, quality in accepted)


def compressed(body: bytes, accept_encoding: str) -> bytes | None:
    """The body in gzip, or None if it is to go as it is."""
    if len(body) < LEAST_BYTES or not accepts_gzip(accept_encoding):
        return None
    return gzip.compress(body, _LEVEL, mtime=0)
