"""Compare the answers of two services to one question: which mirrors, over which URLs, in which order.

An answer is read as clients read it: a text list by its lines, a metalink by its URLs, JSON by its texts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lxml import etree

MOST_URLS = 5000
LONGEST_URL = 2000
_WEB = re.compile(r"https?://\S+", re.IGNORECASE)
_METADATA = "repodata/repomd.xml"
NO_FILE = "no mirror file names this host"


@dataclass(frozen=True, slots=True)
class Served:
    """What one service answers: its status, the URLs in their order, and what is wrong with the answer."""

    status: int
    urls: tuple[str, ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingMirror:
    """A mirror that the other service lists and this one does not, with the reason."""

    host: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherUrl:
    """A mirror that both list, by different URLs."""

    host: str
    there: str
    here: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How two answers differ. ``order_from`` is the first rank, from 1, at which the mirrors that both list are in
    another order; None where the order is the same."""

    path: str
    client: str | None
    status_there: int
    status_here: int
    fault: str = ""
    missing: tuple[MissingMirror, ...] = ()
    only_here: tuple[str, ...] = ()
    other_urls: tuple[OtherUrl, ...] = ()
    order_from: int | None = None

    @property
    def is_bad(self) -> bool:
        """Whether clients lose something: an answer, or a mirror."""
        return bool(self.fault or self.missing) or self.status_there != self.status_here

    @property
    def is_none(self) -> bool:
        """Whether both answer the same."""
        return not (self.is_bad or self.only_here or self.other_urls or self.order_from)


def served(status: int, body: bytes) -> Served:
    """An answer as its client reads it; of an error only the status counts."""
    if status != 200:
        return Served(status)
    try:
        urls = [url for url in _urls(body.strip()) if len(url) <= LONGEST_URL][:MOST_URLS]
    except ValueError as error:
        return Served(status, fault=f"the answer cannot be read: {error}")
    return Served(status, tuple(dict.fromkeys(url.removesuffix(_METADATA) for url in urls)))


def _urls(body: bytes) -> Iterator[str]:
    """Every http(s) URL of an answer; raises ValueError for one that cannot be read."""
    if body.startswith((b"<?xml", b"<metalink")):
        yield from _of_metalink(body)
    elif body.startswith((b"[", b"{")):
        yield from _of_json(json.loads(body))
    else:
        for line in body.decode("utf-8", "replace").splitlines():
            words = line.partition("#")[0].removeprefix("Server = ").split()
            if words and _WEB.fullmatch(words[0]):
                yield words[0]


def _of_metalink(body: bytes) -> Iterator[str]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"it is no XML ({error.msg})") from None
    for element in root.iter("{*}url"):
        text = (element.text or "").strip()
        if _WEB.fullmatch(text):
            yield text


def _of_json(value: Any) -> Iterator[str]:
    """The URLs of a document: of its key ``urls`` where there is one, so that none comes twice."""
    if isinstance(value, str):
        if _WEB.fullmatch(value):
            yield value
        return
    if isinstance(value, dict):
        value = value["urls"] if "urls" in value else list(value.values())
    for each in value if isinstance(value, list) else ():
        yield from _of_json(each)


def compared(path: str, client: str | None, there: Served, here: Served, reasons: Mapping[str, str]) -> Difference:
    """How the answer ``here`` differs from that ``there``; ``reasons`` say why this service leaves out a host."""
    theirs, ours = _by_host(there.urls), _by_host(here.urls)
    common, same = [host for host in theirs if host in ours], [host for host in ours if host in theirs]
    return Difference(
        path=path,
        client=client,
        status_there=there.status,
        status_here=here.status,
        fault=there.fault or here.fault,
        missing=tuple(
            MissingMirror(host=host, reason=reasons.get(host, NO_FILE)) for host in theirs if host not in ours
        ),
        only_here=tuple(host for host in ours if host not in theirs),
        other_urls=tuple(
            OtherUrl(host=host, there=theirs[host], here=ours[host])
            for host in common
            if theirs[host].rstrip("/") != ours[host].rstrip("/")
        ),
        order_from=next((rank for rank, (a, b) in enumerate(zip(common, same, strict=True), 1) if a != b), None),
    )


def _by_host(urls: Sequence[str]) -> dict[str, str]:
    """The first URL of each host, in the order of the list."""
    found: dict[str, str] = {}
    for url in urls:
        if host := host_of(url):
            found.setdefault(host, url)
    return found


def host_of(url: str) -> str | None:
    """The host of a URL in lower case, with its port unless that is the usual one; None for what has none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    return host if host is None or port in (None, 80, 443) else f"{host}:{port}"
