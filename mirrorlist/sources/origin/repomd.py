"""Fetch the origin's repomd.xml within limits and summarise it; of other files take the size or the time.

The origin is a directory or an http(s) URL that the operator names in service.yml; it is trusted, but a slow,
endless or broken answer must not hold the publisher up.
"""

from __future__ import annotations

import hashlib
import re
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import requests
from lxml import etree

from mirrorlist.core.content import written_at
from mirrorlist.core.errors import OriginError, UnreadableError, UnsizedError
from mirrorlist.core.kinds.rpm import data_files
from mirrorlist.core.model import Checksummed
from mirrorlist.sources.origin.web import AS_IT_IS, WebExchange

LARGEST = 32 * 1024 * 1024
DEADLINE_SECONDS = 30.0
"""For one file, from the request to the last byte."""
LARGEST_KEPT = 65_536
"""Bytes of an answer that is kept, to be asked for by its ETag."""
_ETAG = re.compile(r'(?:W/)?"[!#-~]{1,256}"')
_MOST_TIMESTAMP = 2**40

Fetch = Callable[[str], bytes | None]
"""A file of the origin by its path below the tree, or None where there is none."""


def directory_fetch(tree: Path) -> Fetch:
    """Reads from a directory."""

    def fetch(path: str) -> bytes | None:
        file = tree / path
        try:
            with file.open("rb") as opened:
                data = opened.read(LARGEST + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise OriginError(f"{file}: {error.strerror}") from None
        return _bounded(data, str(file))

    return fetch


@dataclass(slots=True)
class KeptAnswers:
    """What a web server said last of each URL, so that it need not send again what is still the same.

    Only an ETag counts: by a date a server may call an older file unchanged (RFC 9110, 13.1.3), and rsync keeps dates.
    """

    found: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    def headers(self, url: str) -> dict[str, str]:
        """What makes a request conditional; nothing for a URL of which nothing is kept."""
        return {"If-None-Match": self.found[url][0]} if url in self.found else {}

    def keep(self, url: str, etag: str | None, data: bytes) -> None:
        """Keeps an answer that may be asked for by its ETag, and is not large."""
        self.found.pop(url, None)
        if etag and _ETAG.fullmatch(etag) and len(data) <= LARGEST_KEPT:
            self.found[url] = etag, data


def http_fetch(
    tree: str,
    session: requests.Session,
    clock: Callable[[], float] = time.monotonic,
    kept: KeptAnswers | None = None,
) -> Fetch:
    """Reads over http or https, each file within ``DEADLINE_SECONDS`` and ``LARGEST`` bytes.

    404 and 410 mean that there is no such file; everything else but 200 is an OriginError. ``kept`` remembers answers.
    """

    def fetch(path: str) -> bytes | None:
        url = tree.rstrip("/") + "/" + path
        known = kept.headers(url) if kept else {}
        with WebExchange(url, DEADLINE_SECONDS, clock) as exchange, exchange.answer(session, headers=known) as answer:
            if answer.status_code in (404, 410):
                return None
            if answer.status_code == 304 and kept and known:
                return kept.found[url][1]
            if answer.status_code != 200:
                raise OriginError(f"{url}: status {answer.status_code}")
            read = bytearray()  # by what each packet brings, so that nothing more is read when the time is over
            while len(read) <= LARGEST and (chunk := answer.raw.read1(65_536, decode_content=True)):
                read += chunk
                exchange.check()
            data = _bounded(bytes(read), url)
        if kept:
            kept.keep(url, answer.headers.get("ETag"), data)
        return data

    return fetch


def _bounded(data: bytes, where: str) -> bytes:
    if len(data) > LARGEST:
        raise OriginError(f"{where}: larger than {LARGEST} bytes")
    return data


Size = Callable[[str], int | None]
"""The size in bytes of a file of the origin by its path below the tree, or None where there is none."""


def directory_size(tree: Path) -> Size:
    """Looks into a directory."""

    def size(path: str) -> int | None:
        try:
            found = (tree / path).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise OriginError(f"{tree / path}: {error.strerror}") from None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    return size


def _headers(
    url: str, session: requests.Session, telling: Callable[[Mapping[str, str]], float | None]
) -> tuple[int, Mapping[str, str]]:
    """Status and headers of a file: of its head where these are telling, else of a GET whose body is not read.

    Servers refuse heads in every way, or answer them with other headers.
    """
    for method in ("HEAD", "GET"):
        try:
            with WebExchange(url, DEADLINE_SECONDS) as exchange, exchange.answer(session, method, AS_IT_IS) as answer:
                found = answer.status_code, answer.headers
        except OriginError:
            if method == "GET":
                raise
            continue
        if found[0] == 200 and telling(found[1]):
            break
    return found


def http_size(tree: str, session: requests.Session) -> Size:
    """Asks for the headers of a file. An answer without a size is an UnsizedError."""

    def size(path: str) -> int | None:
        def told(headers: Mapping[str, str]) -> int | None:
            length = headers.get("Content-Length", "")
            is_whole = headers.get("Content-Encoding", "identity") in ("", "identity") or path.endswith((".gz", ".tgz"))
            return int(length) if length.isdecimal() and is_whole else None

        url = tree.rstrip("/") + "/" + path
        status, headers = _headers(url, session, told)
        if status in (404, 410):
            return None
        if status != 200:
            raise OriginError(f"{url}: status {status}")
        if (found := told(headers)) is None:
            raise UnsizedError(f"{url}: status {status} without a size")
        return found

    return size


def known_size(size: Size, path: str, said: int | None) -> int | None:
    """The size of a file in bytes, None where there is none; what metadata said, where its web server does not say."""
    try:
        return size(path)
    except UnsizedError:
        return said


Written = Callable[[str], int]
"""When a file of the origin was last written, by its path below the tree, in seconds since 1970; 0 if unknown."""


def directory_written(tree: Path) -> Written:
    """Looks into a directory."""

    def written(path: str) -> int:
        try:
            return _sane((tree / path).stat().st_mtime)
        except OSError:
            return 0

    return written


def http_written(tree: str, session: requests.Session) -> Written:
    """Asks for the headers of a file; its Last-Modified counts."""

    def told(headers: Mapping[str, str]) -> float | None:
        return written_at(headers.get("Last-Modified", ""))

    def written(path: str) -> int:
        try:
            status, headers = _headers(tree.rstrip("/") + "/" + path, session, told)
        except OriginError:
            return 0
        return _sane(told(headers) or 0) if status == 200 else 0

    return written


def summed_up(data: bytes, where: str, written: Callable[[], int] = lambda: 0) -> Checksummed:
    """Size, timestamp and digests of a repomd.xml.

    The timestamp is the latest of its parts, as MirrorManager takes it. No client needs one: where there is none, the
    time at which the file was ``written`` stands for it.

    Raises:
        UnreadableError: the bytes are not a repomd.xml.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise UnreadableError(f"{where}: not XML: {error.msg}") from None
    if etree.QName(root).localname != "repomd":
        raise UnreadableError(f"{where}: the root element is not repomd")
    if root.find("{*}data") is None:
        raise UnreadableError(f"{where}: it names no data")
    stamps = [_timestamp(element.text) for element in root.iterfind("{*}data/{*}timestamp")]
    return Checksummed(
        size=len(data),
        timestamp=max(stamps, default=0) or written(),
        sha256=hashlib.sha256(data).hexdigest(),
        sha512=hashlib.sha512(data).hexdigest(),
    )


def _timestamp(text: str | None) -> int:
    """Seconds; createrepo_c may write a fraction. What is no sane number counts as 0."""
    try:
        return _sane(float((text or "").strip()))
    except ValueError:
        return 0


def _sane(seconds: float) -> int:
    return int(seconds) if 0 <= seconds < _MOST_TIMESTAMP else 0


# The files that a repomd.xml names; by the largest a mirror's speed is measured.

LARGEST_PART = 32 * 1024 * 1024
MOST_PARTS = 100
_HREF = re.compile(r"repodata/[A-Za-z0-9][A-Za-z0-9._-]{0,200}")


class Part(NamedTuple):
    """A file below the repository, and its bytes."""

    path: str
    size: int


def named_parts(repomd: bytes) -> tuple[Part, ...]:
    """The files below ``repodata/`` that a repomd.xml names with their sizes; nothing where it cannot be read."""
    named = (Part(each.path, each.size) for each in data_files(repomd) if each.size and _HREF.fullmatch(each.path))
    return tuple(islice(named, MOST_PARTS))


def largest_part(repomd: bytes) -> Part | None:
    """The largest file that a stranger's repomd.xml names, up to ``LARGEST_PART``; None where it names none."""
    parts = (part for part in named_parts(repomd) if part.size <= LARGEST_PART)
    return max(parts, key=lambda part: part.size, default=None)
