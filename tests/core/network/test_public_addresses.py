""""""

from __future__ import annotations

import ipaddress

import pytest

from mirrorlist.core.network.public_addresses import embedded, refusal
from tests.checks.asking import prefixes

GLOBAL = [
    "1.1.1.1", "8.8.8.8", "93.184.216.34", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0",
    "192.0.1.0", "192.167.255.255", "198.17.255.255", "198.20.0.0", "223.255.255.255", "168.63.129.15",
    "2001:200::1", "2400:cb00::1", "2606:4700::1111", "2a00:1450::1", "2001:67c:2e8::1", "2003::1", "3ffd::1",
    "2001:470:1::200:5efe:808:808",
]  # fmt: skip

REFUSED = {
    "0.0.0.0": "this host",
    "0.1.2.3": "this host",
    "10.0.0.1": "private",
    "100.64.0.1": "carrier-grade NAT",
    "100.100.100.200": "cloud metadata",
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "168.63.129.16": "cloud metadata",
    "169.254.0.1": "link-local",
    "169.254.169.254": "cloud metadata",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.1": "protocol assignments",
    "192.0.2.1": "documentation",
    "192.88.99.1": "6to4 relay",
    "192.168.1.1": "private",
    "198.18.0.1": "benchmarking",
    "198.51.100.1": "documentation",
    "203.0.113.1": "documentation",
    "224.0.0.1": "multicast",
    "239.255.255.250": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "broadcast",
    "::": "this host",
    "::1": "loopback",
    "::8.8.8.8": "IPv4-compatible",
    "::127.0.0.1": "which is loopback",
    "::ffff:8.8.8.8": "IPv4-mapped",
    "::ffff:127.0.0.1": "which is loopback",
    "::ffff:169.254.169.254": "which is cloud metadata",
    "::ffff:0:127.0.0.1": "which is loopback",
    "::ffff:0:8.8.8.8": "IPv4-translated",
    "64:ff9b::8.8.8.8": "NAT64",
    "64:ff9b::127.0.0.1": "which is loopback",
    "64:ff9b:1::8.8.8.8": "local NAT64",
    "64:ff9b:1::10.0.0.1": "which is private",
    "100::1": "discard-only",
    "2001::1": "carries",
    "2001:0:4136:e378:8000:63bf:80ff:fffe": "which is loopback",
    "2001:0:4136:e378:8000:63bf:f7f7:f7f7": "Teredo",
    "2001:2::1": "protocol assignments",
    "2001:db8::1": "documentation",
    "2002:7f00:1::1": "which is loopback",
    "2002:808:808::1": "6to4",
    "2001:470:1::5efe:a00:1": "which is private",
    "2001:470:1::200:5efe:7f00:1": "which is loopback",
    "3fff::1": "documentation",
    "3ffe::1": "6bone",
    "4000::1": "not global",
    "5f00::1": "segment routing",
    "fc00::1": "unique local",
    "fd00:ec2::254": "cloud metadata",
    "fd12:3456::1": "unique local",
    "fe80::1": "link-local",
    "fec0::1": "site-local",
    "ff02::1": "multicast",
    "ff0e::1": "multicast",
    "fe80::1%lo": "has a zone",
    "2606:4700::1111%eth0": "has a zone",
    "2130706433": "not an IP address",
    "0x7f.1": "not an IP address",
    "127.0.0.01": "not an IP address",
    "": "not an IP address",
    "mirror.test": "not an IP address",
}


@pytest.mark.parametrize("address", GLOBAL)
def test_global_addresses_may_be_reached(address: str) -> None:
    assert refusal(address, ()) is None


@pytest.mark.parametrize(("address", "word"), REFUSED.items())
def test_every_other_address_is_refused_by_its_name(address: str, word: str) -> None:
    assert word in (refusal(address, ()) or "")


def test_whatever_ipaddress_calls_special_is_refused() -> None:
    for first in range(0, 1 << 32, 0x0001_0007):
        address = ipaddress.IPv4Address(first)
        if not address.is_global or address.is_multicast:
            assert refusal(str(address), ()), address


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("10.1.2.3", "10.0.0.0/8"),
        ("127.0.0.1", "127.0.0.0/8"),
        ("::1", "::1/128"),
        ("fd12::1", "fd00::/8"),
        ("64:ff9b::8.8.8.8", "64:ff9b::/96"),
        ("64:ff9b:1::8.8.8.8", "64:ff9b:1::/96"),
    ],
)
def test_an_allowed_prefix_may_be_reached(address: str, allowed: str) -> None:
    assert refusal(address, prefixes(allowed)) is None


@pytest.mark.parametrize(
    ("address", "allowed", "word"),
    [
        ("10.1.2.3", "10.2.0.0/16", "private"),
        ("::ffff:10.1.2.3", "10.0.0.0/8", "IPv4-mapped"),
        ("64:ff9b::127.0.0.1", "64:ff9b::/96", "which is loopback"),
        ("169.254.169.254", "169.254.0.0/16", "cloud metadata"),
        ("100.100.100.200", "100.64.0.0/10", "cloud metadata"),
        ("fd00:ec2::254", "fd00::/8", "cloud metadata"),
        ("224.0.0.1", "0.0.0.0/0", "multicast"),
        ("0.0.0.0", "0.0.0.0/0", "this host"),
        ("::", "::/0", "this host"),
        ("fe80::1%lo", "fe80::/10", "zone"),
    ],
)
def test_an_allowed_prefix_opens_nothing_else(address: str, allowed: str, word: str) -> None:
    assert word in (refusal(address, prefixes(allowed)) or "")


def test_an_address_tells_what_it_carries() -> None:
    carried = {text: embedded(ipaddress.ip_address(text).packed) for text in ("2002:a00:1::", "::1", "10.0.0.1")}
    assert carried == {"2002:a00:1::": (b"\x0a\x00\x00\x01",), "::1": (), "10.0.0.1": ()}
