"""The addresses of accepted mirrors, which may sync, as ``hosts allow`` of rsyncd.conf."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from mirrorlist.core.model import Mirror, Status

Network = IPv4Network | IPv6Network

LET_IN = frozenset(
    {Status.ACCEPTED, Status.DEPLOYING, Status.SYNCING, Status.LIVE, Status.PAUSED, Status.RETIRING}
)  # fmt: skip
"""Those that are accepted and still copy. Nobody who is offered, at his paperwork, declined or retired."""


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """One address, network or host name that may sync, and the mirrors that are behind it."""

    pattern: str
    mirrors: tuple[str, ...]


def is_let_in(mirror: Mirror) -> bool:
    """Whether a mirror of this status may sync from the project's sources."""
    return mirror.status in LET_IN


def entries(allowed: Iterable[tuple[str, str]]) -> tuple[AccessEntry, ...]:
    """Patterns (addresses, networks, host names) with their mirrors as few and sorted entries.

    Networks inside each other and neighbours that make a whole one become one. IPv4 comes first, names last.
    """
    networks: list[tuple[Network, str]] = []
    names: dict[str, set[str]] = {}
    for pattern, mirror in allowed:
        try:
            networks.append((ip_network(pattern), mirror))
        except ValueError:
            names.setdefault(pattern.lower(), set()).add(mirror)
    v4 = [(network, mirror) for network, mirror in networks if isinstance(network, IPv4Network)]
    v6 = [(network, mirror) for network, mirror in networks if isinstance(network, IPv6Network)]
    by_name = [AccessEntry(name, tuple(sorted(found))) for name, found in sorted(names.items())]
    together4, together6 = collapse_addresses(each for each, _ in v4), collapse_addresses(each for each, _ in v6)
    return (
        *(AccessEntry(_shortest(each), _inside(m for n, m in v4 if n.subnet_of(each))) for each in together4),
        *(AccessEntry(_shortest(each), _inside(m for n, m in v6 if n.subnet_of(each))) for each in together6),
        *by_name,
    )


def rsyncd_lines(found: Iterable[AccessEntry]) -> str:
    """The parameters of rsyncd.conf. Without any entry nobody is let in: an empty list would let in everybody."""
    known = tuple(found)
    comments = [f"# {each.pattern}: {', '.join(map(_comment, each.mirrors))}" for each in known]
    allow = " \\\n".join(["hosts allow =", *(f"    {each.pattern}" for each in known)])
    return "\n".join([*comments, *([allow] if known else ()), "hosts deny = *", ""])


def _inside(mirrors: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(mirrors)))


def _shortest(network: Network) -> str:
    """A single address without its length."""
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def _comment(name: str) -> str:
    """A name inside a comment: nothing that ends the line, and nothing that continues it."""
    return "".join(each if each.isalnum() or each in ".-_" else "?" for each in name)
