"""Ask a mirror for files that metadata names, and find the first that it does not give as the origin has it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mirrorlist.checks.fetching.exchange import Method
from mirrorlist.checks.fetching.result import Failure, FailureKind, Fetched
from mirrorlist.core.content import NamedFile
from mirrorlist.core.health.whole import EACH_LOOK

Asked = Callable[[str, Method], Fetched | Failure | None]
"""What a path below the tree gives by a method; None where no time is left."""

_RANGE = re.compile(r"bytes\s+0-0/(\d{1,16}|\*)", re.IGNORECASE)
_NO_RANGE = re.compile(r"bytes\s+\*/(\d{1,16})", re.IGNORECASE)
_FOR_NOW = frozenset({408, 421, 425, 429, 503})
"""Statuses that say nothing of a file."""
_GONE = frozenset({404, 410})
_BY_FIRST_BYTE = (Method.FIRST_BYTE,)
_BY_HEAD = (Method.HEAD, Method.FIRST_BYTE)
_OF_THE_FILE = frozenset(
    {
        FailureKind.ELSEWHERE,
        FailureKind.CIRCLE,
        FailureKind.TOO_MANY_REDIRECTS,
        FailureKind.DOWNGRADE,
        FailureKind.ENCODED,
        FailureKind.FORBIDDEN_REDIRECT,
    }
)
"""Failures by which a client does not get the file; the others say nothing of it."""


@dataclass(frozen=True, slots=True)
class FilesSeen:
    """What asking came to.

    ``fault``: what is wrong with a file, whose path comes first; ``good``: how many were given before, None where that
    says nothing of the mirror. ``requests``: how often it was asked.
    """

    requests: int
    good: int | None = None
    fault: str = ""


def look_at_files(files: Sequence[NamedFile], asked: Asked) -> FilesSeen:
    """Asks for files, at most ``EACH_LOOK`` times, until one is at fault or cannot be judged now.

    The first is asked for by its first byte, which shows whether ranges work; the others by their heads, and by the
    first byte where a head does not say that all is well: servers refuse heads, or answer them wrongly.
    """
    requests = 0
    methods: tuple[Method, ...] = _BY_FIRST_BYTE
    for number, file in enumerate(files):
        said: str | None = None
        for method in methods:
            if requests == EACH_LOOK:
                return FilesSeen(requests, good=number)
            requests += 1
            said = _fault(file, asked(file.path, method), method)
            if said == "":
                # whose heads say nothing is asked for no more of them
                methods = _BY_HEAD if number == 0 or method is Method.HEAD else _BY_FIRST_BYTE
                break
        if said is None:
            return FilesSeen(requests)
        if said:
            return FilesSeen(requests, fault=f"{file.path}: {said}")
    return FilesSeen(requests, good=len(files))


def _fault(file: NamedFile, answer: Fetched | Failure | None, method: Method) -> str | None:
    """What is wrong with a file by an answer; nothing where all is well, None where the answer does not say."""
    if answer is None:
        return None
    if isinstance(answer, Failure):
        return str(answer) if answer.kind in _OF_THE_FILE else None
    if answer.status in _FOR_NOW:
        return None
    if answer.status == 206 and method is Method.FIRST_BYTE:
        return _of_range(file, answer)
    if answer.status == 416 and method is Method.FIRST_BYTE:
        empty = _NO_RANGE.fullmatch(answer.headers.get("content-range", "").strip())
        return (
            ""
            if empty and int(empty[1]) == 0 == (file.size or 0)
            else "status 416 for its first byte: ranges are broken"
        )
    if answer.status != 200:
        return "missing" if answer.status in _GONE else f"status {answer.status}"
    return _of_whole(file, answer, method)


def _of_range(file: NamedFile, answer: Fetched) -> str:
    found = _RANGE.fullmatch(answer.headers.get("content-range", "").strip())
    if not found or not answer.body:
        return "another range than the one that was asked for"
    return "" if found[1] == "*" else _of_size(file, int(found[1]), answer)


def _of_whole(file: NamedFile, answer: Fetched, method: Method) -> str | None:
    length = answer.headers.get("content-length", "")
    if length.isdecimal() and len(length) <= 16:
        return _of_size(file, int(length), answer)
    if method is Method.HEAD:
        return None
    if answer.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        return "compressed on the way, although identity was asked for"
    return "an HTML page" if _is_page(file, answer) else ""


def _of_size(file: NamedFile, size: int, answer: Fetched) -> str:
    """A label such as ``Content-Encoding: x-gzip`` on a file of the right size changes no byte."""
    if file.size is None or size == file.size:
        return "an HTML page" if file.size is None and _is_page(file, answer) else ""
    return "an HTML page" if _is_page(file, answer) else f"{size} bytes, but {file.size} at the origin"


def _is_page(file: NamedFile, answer: Fetched) -> bool:
    is_html = answer.headers.get("content-type", "").lower().startswith(("text/html", "application/xhtml"))
    return is_html and not file.path.endswith((".html", ".htm"))
