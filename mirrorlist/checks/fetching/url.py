"""Parse a URL once and strictly, so that the URL judged is the URL asked."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urljoin

from mirrorlist.checks.fetching.result import Failed, FailureKind, shown
from mirrorlist.core.model import Protocol
from mirrorlist.core.network.prefixes import is_address, is_number
from mirrorlist.core.network.public_addresses import DANGEROUS_PORTS, FIRST_FREE_PORT

LONGEST_URL = 2048
DEFAULT_PORTS = {Protocol.HTTP: 80, Protocol.HTTPS: 443}

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?(?P<path>[/?].*)?",
    re.IGNORECASE,
)
_SENDABLE = re.compile(r"[!-\[\]-~]*")


@dataclass(frozen=True, slots=True)
class FetchTarget:
    """A place to ask: ``host`` is a lower-case name without a final dot or an IP address; ``path`` has the query."""

    scheme: Protocol
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them; a default port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL in its one spelling."""
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def literal(self) -> bool:
        """Whether the host is an address, so that there is nothing to resolve."""
        return is_address(self.host)


def read_target(url: str, fault: FailureKind = FailureKind.FORBIDDEN_URL) -> FetchTarget:
    """The target of an absolute URL; a fragment is dropped.

    Raises:
        Failed: of the kind ``fault``, or FORBIDDEN_ADDRESS for an address in an unusual spelling.
    """
    if len(url) > LONGEST_URL:
        raise Failed(fault, f"longer than {LONGEST_URL} characters: {shown(url)}")
    if not _SENDABLE.fullmatch(url):
        raise Failed(fault, f"a character that no URL has: {shown(url)}")
    found = _URL.fullmatch(url.partition("#")[0])
    if not found:
        raise Failed(fault, f"{_fault_of(url)}: {shown(url)}")
    scheme = Protocol(found["scheme"].lower())
    port = int(found["port"]) if found["port"] else DEFAULT_PORTS[scheme]
    if reason := _port_refusal(port):
        raise Failed(fault, f"{reason}: {shown(url)}")
    path = found["path"] or "/"
    return FetchTarget(scheme, _host(found["host"], url, fault), port, path if path.startswith("/") else "/" + path)


def redirected(target: FetchTarget, location: str) -> FetchTarget:
    """The target of a Location header seen at ``target``.

    Raises:
        Failed: no fetch may go there.
    """
    if not _SENDABLE.fullmatch(location):
        raise Failed(FailureKind.FORBIDDEN_REDIRECT, f"a character that no URL has: {shown(location)}")
    try:
        joined = urljoin(target.url, location)
    except ValueError:
        raise Failed(FailureKind.FORBIDDEN_REDIRECT, f"not a URL: {shown(location)}") from None
    found = read_target(joined, FailureKind.FORBIDDEN_REDIRECT)
    if target.scheme is Protocol.HTTPS and found.scheme is Protocol.HTTP:
        raise Failed(FailureKind.DOWNGRADE, f"to {shown(found.url)}")
    return found


def _fault_of(url: str) -> str:
    scheme = _SCHEME.match(url)
    if not scheme or scheme[1].lower() not in DEFAULT_PORTS:
        return "neither http nor https"
    if "@" in re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]:
        return "credentials in the URL"
    return "not a URL with a plain host"


def _port_refusal(port: int) -> str | None:
    if port in DANGEROUS_PORTS:
        return f"port {port} belongs to {DANGEROUS_PORTS[port]}"
    if port in DEFAULT_PORTS.values() or FIRST_FREE_PORT <= port <= 0xFFFF:
        return None
    return f"port {port} is neither 80, 443 nor one from {FIRST_FREE_PORT} to 65535"


def _host(text: str, url: str, fault: FailureKind) -> str:
    """The host in its one spelling; ``inet_aton`` forms such as 0x7f.1 are refused, not understood."""
    host = text.lower().removesuffix(".")
    try:
        if host.startswith("["):
            return str(ipaddress.IPv6Address(host[1:-1]))
        if is_number(host.rpartition(".")[2]):
            return str(ipaddress.IPv4Address(host))
    except ValueError:
        raise Failed(FailureKind.FORBIDDEN_ADDRESS, f"{shown(text)} is no plain spelling of an address") from None
    if len(host) > 253 or not all(1 <= len(label) <= 63 for label in host.split(".")):
        raise Failed(fault, f"not a host name: {shown(url)}")
    return host
