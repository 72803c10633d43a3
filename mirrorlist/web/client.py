"""Whose request it is: the peer, or the client that trusted proxies name in X-Forwarded-For."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mirrorlist.core.model import Prefix
from mirrorlist.core.prefixes import contains, packed, parse_prefix

UNIX = "unix"
_BLANKS = " \t"  # RFC 9110, 5.6.3; str.strip() alone would drop bytes above 0x7f as well


class TrustedProxies:
    """The proxies of service.yml: networks, and ``unix`` for peers without an address."""

    def __init__(self, names: Iterable[str]) -> None:
        listed = list(names)
        self._unix = UNIX in listed
        self._prefixes: tuple[Prefix, ...] = tuple(parse_prefix(name)[0] for name in listed if name != UNIX)

    def trusts(self, address: bytes | None) -> bool:
        """Whether an address, or None for a Unix socket, is a trusted proxy's."""
        if address is None:
            return self._unix
        return any(contains(prefix, address) for prefix in self._prefixes)


def client_address(peer: str, forwarded: str | None, proxies: TrustedProxies) -> bytes | None:
    """The packed address of the client, or None if it is not known.

    The header counts only when the peer is a trusted proxy. Then it is read from the right, and the first
    entry that is not itself a trusted proxy is the client; if all are, the left-most. A trusted peer whose
    header is missing, empty or not readable leaves the client unknown: the proxy's own address says nothing.
    """
    address = parsed(peer)
    if peer and address is None:
        return None
    if not proxies.trusts(address):
        return address
    found: bytes | None = None
    for entry in _from_the_right(forwarded or ""):
        found = parsed(entry)
        if found is None or not proxies.trusts(found):
            return found
    return found


def _from_the_right(header: str) -> Iterator[str]:
    end = len(header)
    while end >= 0:
        comma = header.rfind(",", 0, end)
        yield header[comma + 1 : end].strip(_BLANKS)
        end = comma if comma >= 0 else -1


def parsed(text: str) -> bytes | None:
    """The packed address of ``1.2.3.4``, ``1.2.3.4:4711``, ``2001:db8::1`` or ``[2001:db8::1]:443``."""
    if text.startswith("["):
        text, bracket, port = text[1:].partition("]")
        return packed(text) if bracket and (not port or (port[0] == ":" and _is_port(port[1:]))) else None
    if text.count(":") == 1:
        text, _, port = text.partition(":")
        return packed(text) if _is_port(port) else None
    return packed(text)


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal()
