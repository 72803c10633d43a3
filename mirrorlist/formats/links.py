"""The headers of RFC 6249 on a redirect: other URLs of the same file, its metalink, its checksum."""

from __future__ import annotations

import re
from array import array
from binascii import b2a_base64
from collections.abc import Sequence
from itertools import accumulate

from mirrorlist.core.container import Values
from mirrorlist.formats import file_metalink4

MOST_DUPLICATES = 10
MOST_BYTES = 2048
"""Of all Link headers of an answer together, each on a line of its own. Proxies have little room for headers: nginx
takes 4 or 8 KiB of them by default, and answers 502 to more."""
_OF_A_LINE = len("Link: \r\n")
_BETWEEN = ", <"
_COUNTRY = re.compile(r"[A-Za-z]{2}", re.ASCII)


def links(trees: Sequence[tuple[str, str | None]], front: str) -> tuple[tuple[str, str], ...]:
    """The parts of each Link header before and after the file's path, best first.

    ``trees`` are the other URLs up to where the path begins, each with its country; ``front`` is what comes before
    the path in this service's own address. Each link is a header of its own: aria2 reads no lists (seen with 1.36).
    """
    duplicates = []
    for pri, (tree, country) in enumerate(trees[:MOST_DUPLICATES], start=1):
        # what is no country's code could end the header
        geo = f"; geo={country.lower()}" if country and _COUNTRY.fullmatch(country) else ""
        duplicates.append((f"<{tree}", f">; rel=duplicate; pri={pri}{geo}"))
    return (*duplicates, (f"<{front}", f'.meta4>; rel=describedby; type="{file_metalink4.CONTENT_TYPE}"'))


def fitting(found: Sequence[tuple[str, str]], path: str) -> Sequence[tuple[str, str]]:
    """The links that there is room for with this path: the metalink comes first, then the best duplicates."""
    *duplicates, metalink = found
    room = MOST_BYTES - _size(metalink, path)
    if room < 0:
        return ()
    kept = []
    for each in duplicates:
        room -= _size(each, path)
        if room < 0:
            break
        kept.append(each)
    return (*kept, metalink)


def sizes(found: Sequence[tuple[str, str]]) -> array[int]:
    """How many bytes the metalink takes without its path, then with the first duplicate, the first two, and so on."""
    *duplicates, metalink = found
    return array("H", accumulate(_size(each, "") for each in (metalink, *duplicates)))


def longest_path(taken: array[int]) -> int:
    """How long a path may be for all links of these sizes to fit."""
    return (MOST_BYTES - taken[-1]) // len(taken)


def _size(link: tuple[str, str], path: str) -> int:
    return _OF_A_LINE + len(link[0]) + len(path) + len(link[1])


def joined(found: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The same links as one header (RFC 9110, 5.3), in pieces that the file's path joins."""
    befores, afters = [before for before, _ in found], [after for _, after in found]
    between = [f"{after}, {before}" for after, before in zip(afters[:-1], befores[1:], strict=True)]
    return (befores[0], *between, afters[-1])


def shortened(pieces: Sequence[str], taken: array[int], path: str) -> str:
    """One header of the links that fit, as ``fitting`` says; empty if none fits.

    ``pieces`` are those of ``joined``, and ``taken`` what ``sizes`` says of the same links.
    """
    length, kept = len(path), len(taken) - 1
    while kept >= 0 and taken[kept] + (kept + 1) * length > MOST_BYTES:
        kept -= 1
    if kept < 0:
        return ""
    metalink = f"{pieces[-2][pieces[-2].rindex('<') :]}{path}{pieces[-1]}"
    if not kept:
        return metalink
    last = pieces[kept]
    return f"{path.join(pieces[:kept])}{path}{last[: last.index(_BETWEEN)]}, {metalink}"


def digest(sha256: Values | bytes) -> str:
    """The value of a Digest header (RFC 3230) for a checksum."""
    return f"SHA-256={b2a_base64(sha256, newline=False).decode()}"
