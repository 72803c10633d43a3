"""When two URLs lead to the same tree, however they are spelled."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote

from mirrorlist.sources.mirror_urls import MOST_KEPT, tree_url

DEFAULT_PORTS = {"http": 80, "https": 443, "rsync": 873, "ftp": 21}


class Parts(NamedTuple):
    """A usable URL in parts: the host in small letters, without brackets and final dot; the path as it is written."""

    scheme: str
    host: str
    port: int
    path: str


@lru_cache(MOST_KEPT)
def url_parts(url: str) -> Parts:
    """The parts of a URL in which ``url_fault`` finds nothing."""
    scheme, _, rest = tree_url(url).partition("://")
    authority, _, path = rest.partition("/")
    end = authority.find("]") + 1
    host, _, port = authority[end:].partition(":")
    name = (authority[:end] + host).strip("[]").lower()
    return Parts(scheme, name, int(port) if port else DEFAULT_PORTS[scheme], f"/{path}")


def url_key(url: str) -> str:
    """The same text for all URLs of one tree: scheme and spelling do not matter, a port of its own does."""
    scheme, host, port, path = url_parts(url)
    where = "" if port == DEFAULT_PORTS[scheme] else f":{port}"
    kind = "web" if scheme in ("http", "https") else scheme
    return f"{kind}://{host.removesuffix('.')}{where}{plain_path(path)}"


def plain_path(path: str) -> str:
    """The path with every character that needs no encoding as itself."""
    return quote(unquote(path, "latin-1"), safe="/~!$&'()*+,;=:@", encoding="latin-1")
