"""IP networks as people write them, and the prefixes that they mean."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from mirrorlist.core.model import Prefix


def canonical_network(text: str) -> str | None:
    """The network in its shortest spelling, without host bits; None when the text is no network.

    A single address is a network of its own, written without a length. A mask or an interface is refused.
    """
    _, slash, length = text.partition("/")
    if "%" in text or (slash and not (length.isascii() and length.isdecimal())):
        return None
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    return str(network) if slash else str(network.network_address)


def has_host_bits(text: str) -> bool:
    """Whether the address before the slash is one inside the network, and not its first."""
    address, _, length = text.partition("/")
    return bool(length) and ip_network(text, strict=False).network_address != ip_address(address)


def prefix(text: str) -> Prefix:
    """The prefix that a network's text means; raises ValueError for anything that is no network."""
    network = ip_network(text, strict=False)
    return Prefix(network.network_address.packed, network.prefixlen)
