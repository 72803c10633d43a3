"""Own subnets and cloud ranges together, against ``ipaddress``, which knows nothing of the tables."""

from __future__ import annotations

import ipaddress
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping

from mirrorlist.core.model import Prefix
from mirrorlist.core.network.prefixes import parse_prefix
from mirrorlist.core.selection.compile import cloud_table, network_classes
from tests.building import mirror, table

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Region = tuple[str, str]
ADDRESSES = 100_000


def _networks(chance: random.Random, count: int) -> list[Network]:
    """Networks of all lengths, many inside one another, some in the last and first corners of both spaces."""
    found: list[Network] = [
        ipaddress.ip_network(text) for text in ("0.0.0.0/3", "255.255.255.255/32", "ffff::/16", "::/127")
    ]
    for _ in range(count):
        if chance.random() < 0.6:
            start = chance.choice(
                [chance.getrandbits(32), 0xC0000200 | chance.getrandbits(8), 0x0A000000 | chance.getrandbits(16)]
            )
            found.append(ipaddress.IPv4Network((start, chance.randint(6, 32)), strict=False))
        else:
            start = chance.choice([chance.getrandbits(128), (0x20010DB8 << 96) | chance.getrandbits(70)])
            found.append(
                ipaddress.IPv6Network((start, chance.choice([20, 32, 48, 56, 63, 64, 65, 96, 127, 128])), strict=False)
            )
    return list(dict.fromkeys(found))


def _addresses(chance: random.Random, networks: Iterable[Network]) -> list[bytes]:
    """Edges of the networks and what lies beside them, then random ones inside and outside."""
    edges: set[bytes] = set()
    for network in networks:
        size, first, last = network.max_prefixlen, int(network.network_address), int(network.broadcast_address)
        numbers = (first - 1, first, first + 1, last - 1, last, last + 1, chance.randint(first, last))
        edges |= {number.to_bytes(size // 8, "big") for number in numbers if 0 <= number < 1 << size}
    found = sorted(edges)
    chance.shuffle(found)
    found = found[: ADDRESSES // 2]
    while len(found) < ADDRESSES:
        found.append(chance.randbytes(chance.choice([4, 16])))
    return found


def _by_length(owners: Mapping[Network, object]) -> dict[int, dict[int, dict[int, object]]]:
    found: dict[int, dict[int, dict[int, object]]] = {4: defaultdict(dict), 6: defaultdict(dict)}
    for network, owner in owners.items():
        found[network.version][network.prefixlen][int(network.network_address)] = owner
    return found


def _longest(by_length: dict[int, dict[int, dict[int, object]]], address: bytes) -> tuple[int, object] | None:
    """The longest network around an address: each length asked on its own, the longest first."""
    ip = ipaddress.ip_address(address)
    for length in sorted(by_length[ip.version], reverse=True):
        rest = ip.max_prefixlen - length
        owner = by_length[ip.version][length].get(int(ip) >> rest << rest)
        if owner is not None:
            return length, owner
    return None


def test_the_longest_prefix_is_found_for_100_000_random_and_edge_addresses() -> None:
    chance = random.Random(20)
    regions: list[Region] = [("aws", "a"), ("aws", "b"), ("gcp", "c"), ("azure", "d")]
    networks = _networks(chance, 12_000)
    clouds = {network: chance.choice(regions) for network in networks[:9000]}
    owned = networks[7000:]  # some of them cloud ranges too
    mirrors = [mirror(f"m{n}", subnets=[str(each) for each in owned[n::40]], asns=(64500,)) for n in range(40)]
    asns = {"192.0.2.0/25": 64500, "2001:db8::/40": 64500, "10.0.0.0/9": 64501}
    ranges: list[tuple[Prefix, Region]] = [
        (parse_prefix(str(network))[0], region) for network, region in clouds.items()
    ]
    found, classes = network_classes(mirrors, cloud_table(ranges), table(asns.items()))

    cloud_of, asn_of = _by_length(clouds), _by_length({ipaddress.ip_network(net): asn for net, asn in asns.items()})
    claims = _by_length({network: n % 40 for n, network in enumerate(owned)})
    wrong = []
    for address in _addresses(chance, networks):
        told = classes[found.at(address)]
        cloud, asn, own = (_longest(each, address) for each in (cloud_of, asn_of, claims))
        longest = max(((length, number) for number, length in told.subnets), default=None)
        expected_asn = 64500 if asn and asn[1] == 64500 else None
        if (told.cloud, told.asn, longest) != (cloud[1] if cloud else None, expected_asn, own):
            wrong.append(ipaddress.ip_address(address))
    assert wrong == []
