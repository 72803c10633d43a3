"""Validate the URLs of mirrors and normalise them to the one spelling that the service uses.

A further rule is a pair in RULES: what the URL must not be, and what is said about it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address
from typing import NamedTuple
from urllib.parse import quote, unquote

MAX_LENGTH = 1024
MOST_KEPT = 65_536
"""Answers on URLs, which the same files ask for at each generation."""
SCHEMES = ("http", "https", "rsync", "ftp")

_PARTS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(.*)", re.DOTALL)
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*", re.ASCII)
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
_PORT_AT_END = re.compile(r":[0-9]{1,5}$", re.ASCII)
_UNUSUAL = re.compile(r"[^!%-;=@-Z_a-z~]")
_USER_AND_HOST = r"(?:[A-Za-z0-9._-]+@)?([A-Za-z0-9][A-Za-z0-9._-]*)"
_RSYNC_MODULE = re.compile(rf"(?:rsync://)?{_USER_AND_HOST}::([^?#]*)", re.ASCII)
_RSYNC_USER = re.compile(rf"rsync://{_USER_AND_HOST}:?/([^?#]*)", re.ASCII)
_WEB_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*(\.[A-Za-z0-9-]+)+(:[0-9]{1,5})?(/[^\s\"<>]*)?", re.ASCII)
_WEB_PAGE = re.compile(r"https?://[^\s\"<>/?#@\[\]\\]+([/?#][^\s\"<>]*)?", re.IGNORECASE)


def scheme_of(url: str) -> str | None:
    """The scheme in small letters; None when the text does not begin with one and ``://``."""
    found = _PARTS.match(url)
    return found[1].lower() if found else None


def with_small_scheme(url: str) -> str:
    """The same URL with its scheme in small letters; other text stays as it is."""
    scheme = scheme_of(url)
    return scheme + url[len(scheme) :] if scheme else url


@lru_cache(MOST_KEPT)
def url_fault(url: str) -> str | None:
    """Why the URL cannot be handed out, with a remedy; None when it can."""
    return next((said for refuses, said in RULES if refuses(url)), None)


DEFAULT_PORTS = {"http": 80, "https": 443, "rsync": 873, "ftp": 21}


def tree_url(url: str) -> str:
    """The one spelling of a usable URL: scheme and host in small letters, no port that goes without saying, single
    slashes, and one at the end. Dot segments stay, for the check of submissions to refuse."""
    scheme, authority, path, _ = _split(with_small_scheme(url))
    host, _, port = authority.lower().rpartition(":") if _PORT_AT_END.search(authority) else (authority.lower(), "", "")
    where = f":{int(port)}" if port and int(port) != DEFAULT_PORTS.get(scheme) else ""
    return f"{scheme}://{host}{where}{re.sub('/+', '/', path + '/')}"


def rsync_url(text: str) -> str | None:
    """The plain URL for what rsync's command line takes as well; None for any other text.

    That is ``host::module``, also after rsync://, and a user without a password, which rsync ignores for
    a module that is open to all.
    """
    found = _RSYNC_MODULE.fullmatch(text) or _RSYNC_USER.fullmatch(text)
    if not found or text.startswith(f"rsync://{found[1]}/"):
        return None
    return f"rsync://{found[1]}/{found[2].strip('/')}/"


def spelled_url(text: str, scheme: str) -> str:
    """The URL without what is around it, and with a scheme where it begins with a host; other text as it is."""
    said = text.strip().removeprefix("<").removesuffix(">")
    bare = said.removeprefix("//")
    if scheme in SCHEMES and _WEB_HOST.fullmatch(bare):
        return f"{scheme}://{bare}"
    return said.rstrip("?#") if "://" in said else text


def page_url(text: str) -> str | None:
    """The web page that a text names, with https:// where it begins with a host; None if it names none."""
    if not text.isprintable():
        return None
    text = text.strip().removeprefix("<").removesuffix(">")
    if _WEB_PAGE.fullmatch(text):
        return with_small_scheme(text)
    return f"https://{text}" if _WEB_HOST.fullmatch(text) else None


def _split(url: str) -> tuple[str, str, str, str]:
    """Scheme, authority, path, and the rest from ``?`` or ``#`` on; all empty for text that is no URL."""
    found = _PARTS.match(url)
    return (found[1], found[2], found[3], found[4]) if found else ("", "", "", "")


def _host_and_port(url: str) -> tuple[str, str | None]:
    authority = _split(url)[1].rpartition("@")[2]
    end = authority.find("]") + 1
    host, colon, port = authority[end:].partition(":")
    return authority[:end] + host, port if colon else None


def _has_no_host(url: str) -> bool:
    host, _ = _host_and_port(url)
    if host.startswith("[") and host.endswith("]"):
        try:
            return IPv6Address(host[1:-1]).scope_id is not None
        except ValueError:
            return True
    return not _HOST.fullmatch(host)


def _has_bad_port(url: str) -> bool:
    _, port = _host_and_port(url)
    return port is not None and not (_PORT.fullmatch(port) and 1 <= int(port) <= 65535)


RULES: tuple[tuple[Callable[[str], bool], str], ...] = (
    (lambda url: len(url) > MAX_LENGTH, f"is too long; write at most {MAX_LENGTH} characters"),
    (lambda url: any(c.isspace() for c in url), "has a blank in it; remove it, or write %20"),
    (lambda url: not (url.isascii() and url.isprintable()), "has characters that are not ASCII; encode them"),
    (lambda url: "$" in url, "has a '$', which clients would replace; write the plain URL of the tree"),
    (
        lambda url: scheme_of(url) not in SCHEMES,
        f"does not begin with one of {', '.join(SCHEMES)} and ://; write the whole URL",
    ),
    (lambda url: "@" in _split(url)[1], "has a user name or password; write a URL that everybody can use"),
    (_has_no_host, "names no host; write scheme://host/path/"),
    (_has_bad_port, "has a port outside 1 to 65535; correct it or leave it out"),
    (lambda url: _split(url)[3].startswith("?"), "has a query; write the URL up to the '?'"),
    (lambda url: _split(url)[3].startswith("#"), "has a fragment; write the URL up to the '#'"),
    (lambda url: bool(_UNUSUAL.search(_split(url)[2])), 'has one of "<>[\\]^`{|} in its path; encode it'),
)
"""What a URL must not be, the plainest fault first, and how that is said."""


# Comparison of URLs: two spellings may lead to the same tree.


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
    name = (authority[:end] + host).strip("[]")
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
