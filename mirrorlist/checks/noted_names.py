"""Which addresses the names of mirrors led to while they were probed: no name is asked for a second time."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from mirrorlist.checks.resolve import Resolver
from mirrorlist.core.model import Mirror

MOST_ADDRESSES = 16
"""That are kept of one mirror."""


class NotedNames:
    """A resolver that remembers what another one told it. Threads may share it."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self.found: dict[str, tuple[str, ...]] = {}

    def __call__(self, name: str) -> Sequence[str]:
        found = tuple(self._resolver(name))
        self.found[name] = found
        return found


def addresses_of(mirror: Mirror, found: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The addresses of all hosts in a mirror's URLs, as far as they are known, each once and in its one spelling."""
    addresses: dict[str, None] = {}
    for url in (url for urls in mirror.urls.values() for url in urls.values()):
        host = _host(url)
        for text in found.get(host, (host,)):
            try:
                addresses[str(ipaddress.ip_address(text))] = None
            except ValueError:
                continue
    return tuple(addresses)[:MOST_ADDRESSES]


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removesuffix(".")
    except ValueError:
        return ""
