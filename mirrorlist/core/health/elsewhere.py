"""Detect redirects that lead elsewhere: to this service, the origin or another mirror, so the file is not its own."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mirrorlist.core.mirror import is_public
from mirrorlist.core.model import Mirror
from mirrorlist.core.network.prefixes import is_address

if TYPE_CHECKING:
    from mirrorlist.core.catalogue.service import Service

THIS_SERVICE = "this service"
THE_ORIGIN = "the origin"
A_FALLBACK = "a fallback of the project"

_USUAL_PORTS = frozenset({80, 443, 873})


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Hosts that do not belong to the mirror that is asked, each with the one it belongs to."""

    owners: Mapping[str, str] = field(default_factory=dict)
    own: frozenset[str] = frozenset()

    def but_for(self, mirror: Mirror) -> Elsewhere:
        """The same, while the hosts in a mirror's own URLs are its own, whoever else has them."""
        return Elsewhere(self.owners, frozenset(hosts_of(mirror)))

    def of(self, owner: str) -> Elsewhere:
        """The hosts of one owner only."""
        return Elsewhere({host: each for host, each in self.owners.items() if each == owner})

    def owner_of(self, url: str) -> str | None:
        """Whose host a URL has; None for a host of the mirror itself, and for one that nobody is known to have."""
        host = host_key(url)
        return None if host is None or host in self.own else self.owners.get(host)


NOWHERE = Elsewhere()
"""For those whose redirects count wherever they lead."""


def elsewhere(service: Service, mirrors: Iterable[Mirror]) -> Elsewhere:
    """The hosts of a service: its own, those of the project's trees, and those of all mirrors."""
    mirrored = {
        key: f"the mirror {mirror.name}" if is_public(mirror) else "another mirror"
        for mirror in mirrors
        for key in hosts_of(mirror)
    }
    fallbacks = [url for urls in service.fallbacks.values() for url in urls] + [*service.catalogue.vault_urls]
    origins = [*service.origins.values(), *(module.rsync for module in service.modules.values() if module.rsync)]
    sources = [url for source in service.sync.sources for url in (*source.rsync.values(), *source.web.values())]
    hosts = [f"https://{tree.host}/" for tree in service.trees if tree.host]
    own = [*([service.site.url] if service.site.url else []), *hosts]
    copied = _keys(sources, THE_ORIGIN)
    trees = _keys(fallbacks, A_FALLBACK) | _keys(origins, THE_ORIGIN)
    return Elsewhere(copied | mirrored | trees | _keys(own, THIS_SERVICE))


def hosts_of(mirror: Mirror) -> set[str]:
    """The hosts in the URLs of a mirror, over any protocol."""
    return {key for urls in mirror.urls.values() for url in urls.values() if (key := host_key(url))}


def _keys(urls: Iterable[str], owner: str) -> dict[str, str]:
    return {key: owner for url in urls if (key := host_key(url))}


def host_key(url: str) -> str | None:
    """The host of a URL in one spelling, with its port unless that is the usual one of some protocol of mirrors.

    http and https of one host are one, and so is rsync: who redirects from one to the other stays on his host. None
    for what is no URL with a host, such as a directory.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    host = (parts.hostname or "").removesuffix(".")
    if not parts.scheme or not host:
        return None
    with suppress(ValueError):  # UnicodeError is one
        host = str(ipaddress.ip_address(host)) if is_address(host) else host.encode("idna").decode()
    return host if port is None or port in _USUAL_PORTS else f"{host}:{port}"
