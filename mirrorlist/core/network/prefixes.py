"""IP networks: the ones that contain an address, and tables that find them with one bisection.

An address is packed: 4 bytes for IPv4, 16 for IPv6. A table holds disjoint intervals over the whole address
space, each with the number of what is there; 0 is nothing. IPv6 intervals are kept by the upper 64 bits;
the rare /64 that is divided further has an entry of its own in a second, finer level.
"""

from __future__ import annotations

import ipaddress
import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_address, ip_network

from mirrorlist.core.model import Prefix

DEEP = 0xFFFF_FFFF
"""In ``ids6``: this /64 is divided; look into the finer level."""

_MAY_HOLD_IPV4 = b"\x20\x00"
_NAT64 = (0x0064_FF9B << 64).to_bytes(12, "big")
_MAPPED = bytes(10) + b"\xff\xff"
_MAPPED_LENGTH = 8 * len(_MAPPED)
_LOW = (1 << 64) - 1


def packed(text: str) -> bytes | None:
    """The packed address, or None if the text is not one. IPv4-mapped addresses are IPv4."""
    try:
        return unmapped(ipaddress.ip_address(text.partition("%")[0]).packed)
    except ValueError:
        return None


def unmapped(address: bytes) -> bytes:
    """``::ffff:a.b.c.d`` as a.b.c.d; any other address as it is (RFC 4291, 2.5.5.2)."""
    return address[12:] if len(address) == 16 and address[:12] == _MAPPED else address


def unwrapped(address: bytes) -> bytes:
    """The IPv4 address inside a 6to4 (RFC 3056), Teredo (RFC 4380) or NAT64 (RFC 6052) address.

    It says where the client is; it is no proof of a network. Any other address is returned as it is.
    """
    if len(address) == 4 or address[0] not in _MAY_HOLD_IPV4:
        return address
    if address[:2] == b"\x20\x02":
        return address[2:6]
    if address[:4] == b"\x20\x01\x00\x00":
        return bytes(byte ^ 0xFF for byte in address[12:])
    if address[:12] == _NAT64:
        return address[12:]
    return address


def spelled(prefix: Prefix) -> str:
    """The prefix as people write it: ``192.0.2.0/24``."""
    return f"{ipaddress.ip_address(prefix.packed)}/{prefix.length}"


def parse_prefix(text: str) -> tuple[Prefix, bool]:
    """The prefix, and whether the text was exact (no host bits set).

    Raises:
        ValueError: the text is not an IPv4 or IPv6 network.
    """
    network = ipaddress.ip_network(text.strip(), strict=False)
    exact = ipaddress.ip_interface(text.strip()).ip == network.network_address
    return Prefix(network.network_address.packed, network.prefixlen), exact


GLOBAL_UNICAST = Prefix(b"\x20" + bytes(15), 3)
"""The only part of IPv6 that IANA has given out for global unicast (RFC 4291, 2.4)."""


def contains(prefix: Prefix, address: bytes) -> bool:
    """Whether the address lies in the prefix; addresses of the other family never do."""
    if len(address) != len(prefix.packed):
        return False
    shift = len(address) * 8 - prefix.length
    return int.from_bytes(address, "big") >> shift == int.from_bytes(prefix.packed, "big") >> shift


@dataclass(frozen=True, slots=True)
class IntervalTable:
    """Disjoint intervals: ``starts`` ascending from 0, ``ids`` what is from that start on.

    The arrays may be ``array`` or memory-mapped ``memoryview`` objects: ``starts4`` I, ``starts6`` Q (upper
    64 bits), ``ids`` I; ``deep_hi``, ``deep_lo`` Q and ``deep_ids`` I are the finer level.
    """

    starts4: Sequence[int]
    ids4: Sequence[int]
    starts6: Sequence[int]
    ids6: Sequence[int]
    deep_hi: Sequence[int]
    deep_lo: Sequence[int]
    deep_ids: Sequence[int]

    def at(self, address: bytes) -> int:
        """The id at an address; 0 where there is nothing."""
        if len(address) == 4:
            return self.ids4[bisect_right(self.starts4, int.from_bytes(address, "big")) - 1]
        high = int.from_bytes(address[:8], "big")
        found = self.ids6[bisect_right(self.starts6, high) - 1]
        if found != DEEP:
            return found
        first, last = bisect_left(self.deep_hi, high), bisect_right(self.deep_hi, high)
        return self.deep_ids[bisect_right(self.deep_lo, int.from_bytes(address[8:], "big"), first, last) - 1]


ARRAYS = {
    "starts4": "I", "ids4": "I", "starts6": "Q", "ids6": "I", "deep_hi": "Q", "deep_lo": "Q", "deep_ids": "I",
}  # fmt: skip
"""The arrays of a table with their type codes, in the order of its fields."""

Intervals = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class NetworkClass:
    """What an interval of addresses belongs to.

    ``subnets``: numbers of mirrors that claim it, with the prefix lengths; ``asn`` only where a mirror names
    it; ``cloud`` the provider and region. ``asn_proves`` and ``cloud_proves``: the operator named the source.
    """

    subnets: tuple[tuple[int, int], ...] = ()
    asn: int | None = None
    cloud: tuple[str, str] | None = None
    asn_proves: bool = True
    cloud_proves: bool = True


def place_at(
    located: IntervalTable,
    address: bytes,
    country_places: Mapping[str, int],
    system_places: Mapping[int, Mapping[str, int]],
    country_of: Callable[[bytes], str | None],
) -> int:
    """The number of the place of an address from the tables, else its country's; 0 is nowhere.

    IPv4 addresses inside 6to4, Teredo and NAT64 ones tell the place.
    """
    inner = unwrapped(address)
    found = located.at(inner)
    countries = system_places.get(found) if found else country_places
    return found if countries is None else countries.get(country_of(inner) or "", found)


def flatten(prefixes: Iterable[tuple[Prefix, Hashable]]) -> tuple[IntervalTable, list[tuple[Hashable, ...]]]:
    """A table of what covers each address, and the meaning of its ids.

    ``meanings[id]`` holds the labels of all prefixes that cover the interval, the widest prefix first;
    ``meanings[0]`` is empty. Prefixes may nest and repeat; a label that does counts where it is most specific.
    """
    meanings: dict[tuple[Hashable, ...], int] = {(): 0}

    def number(labels: tuple[Hashable, ...]) -> int:
        return meanings.setdefault(labels, len(meanings))

    given = list(prefixes)
    v4 = _intervals([row for row in given if len(row[0].packed) == 4], 32, number)
    v6 = _intervals([row for row in given if len(row[0].packed) == 16], 128, number)
    return table(v4, v6), list(meanings)


def _intervals(
    prefixes: list[tuple[Prefix, Hashable]], bits: int, number: Callable[[tuple[Hashable, ...]], int]
) -> Intervals:
    """Sweeps nested prefixes from left to right with a stack of those open at that point."""
    out: Intervals = [(0, 0)]
    open_now: list[tuple[int, Hashable]] = []

    def emit(start: int) -> None:
        found = number(tuple(reversed(dict.fromkeys(label for _, label in reversed(open_now)))))
        if out[-1][0] == start:
            out.pop()
        if not out or out[-1][1] != found:
            out.append((start, found))

    def close_before(start: int) -> None:
        while open_now and open_now[-1][0] < start:
            end = open_now.pop()[0]
            emit(end + 1)

    rows = [(int.from_bytes(prefix.packed, "big"), prefix.length, label) for prefix, label in prefixes]
    for start, length, label in sorted(rows, key=lambda row: row[:2]):
        close_before(start)
        open_now.append((start + (1 << (bits - length)) - 1, label))
        emit(start)
    close_before(1 << bits)
    return [row for row in out if row[0] < 1 << bits]


def table(v4: Intervals, v6: Intervals) -> IntervalTable:
    """A table from ascending (start, id) rows; ``v6`` starts are 128-bit numbers."""
    starts6, ids6, deep = _split_deep(v6)
    return IntervalTable(
        array("I", [start for start, _ in v4]),
        array("I", [found for _, found in v4]),
        array("Q", starts6),
        array("I", ids6),
        array("Q", [high for high, _, _ in deep]),
        array("Q", [low for _, low, _ in deep]),
        array("I", [found for _, _, found in deep]),
    )


def _split_deep(v6: Intervals) -> tuple[list[int], list[int], list[tuple[int, int, int]]]:
    starts: list[int] = []
    ids: list[int] = []
    deep: list[tuple[int, int, int]] = []

    def put(high: int, found: int) -> None:
        if starts and starts[-1] == high:
            ids[-1] = found
        elif not ids or ids[-1] != found:
            starts.append(high)
            ids.append(found)

    before = 0
    for start, found in v6:
        high, low = start >> 64, start & _LOW
        if low == 0:
            put(high, found)
        elif deep and deep[-1][0] == high:
            deep.append((high, low, found))
        else:
            deep += [(high, 0, before), (high, low, found)]
            put(high, DEEP)
        if low and high < _LOW:
            # What holds after a divided /64, until its last interval is known.
            if starts[-1] == high + 1:
                ids[-1] = found
            else:
                starts.append(high + 1)
                ids.append(found)
        before = found
    return starts, ids, deep


# Hosts of URLs: which are addresses, whatever they look like.

_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def is_number(label: str) -> bool:
    """Whether a label in small letters is a number to programs; a host that ends with one is read as an address."""
    return _NUMBER.fullmatch(label) is not None


def is_address(host: str) -> bool:
    """Whether a host is an address in any spelling that programs understand: ``[::1]``, ``127.1``, ``0x7f000001``."""
    return ":" in host or is_number(host.rpartition(".")[2])


# IP networks as people write them, and the prefixes that they mean.


def canonical_network(text: str) -> str | None:
    """The network in its shortest spelling, without host bits; None when the text is no network.

    A single address is a network of its own, written without a length. A mask or an interface is refused. What lies in
    the IPv4-mapped addresses is a network of IPv4, as clients there are known by these.
    """
    _, slash, length = text.partition("/")
    if "%" in text or (slash and not (length.isascii() and length.isdecimal())):
        return None
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    if network.version == 6 and network.prefixlen > _MAPPED_LENGTH and (inner := network.network_address.ipv4_mapped):
        network = IPv4Network((inner, network.prefixlen - _MAPPED_LENGTH))
    return str(network) if slash else str(network.network_address)


def has_host_bits(text: str) -> bool:
    """Whether the address before the slash is one inside the network, and not its first."""
    address, _, length = text.partition("/")
    return bool(length) and ip_network(text, strict=False).network_address != ip_address(address)


def prefix(text: str) -> Prefix:
    """The prefix that a network's text means; raises ValueError for anything that is no network."""
    network = ip_network(text, strict=False)
    return Prefix(network.network_address.packed, network.prefixlen)
