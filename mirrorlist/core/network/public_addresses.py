"""Addresses that a fetch may connect to and a mirror may have: global unicast ones, and those that the operator allows.

``ipaddress.is_global`` differs between Python versions and misses several ways to write a private address, so
the tables here decide together with it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from mirrorlist.core.model import Prefix
from mirrorlist.core.network.prefixes import GLOBAL_UNICAST, contains, parse_prefix

Named = tuple[tuple[Prefix, str], ...]


def _named(*rows: tuple[str, str]) -> Named:
    return tuple((parse_prefix(text)[0], name) for text, name in rows)


NEVER = _named(
    ("0.0.0.0/8", "this host"),
    ("::/128", "this host"),
    ("224.0.0.0/4", "multicast"),
    ("ff00::/8", "multicast"),
    ("255.255.255.255/32", "broadcast"),
    ("169.254.169.254/32", "cloud metadata"),
    ("169.254.170.2/32", "cloud metadata"),
    ("100.100.100.200/32", "cloud metadata"),
    ("168.63.129.16/32", "cloud metadata"),
    ("192.0.0.192/32", "cloud metadata"),
    ("fd00:ec2::254/128", "cloud metadata"),
    ("fd20:ce::254/128", "cloud metadata"),
)
"""Refused even inside an allowed prefix."""

SPECIAL = _named(
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "carrier-grade NAT"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "protocol assignments"),
    ("192.0.2.0/24", "documentation"),
    ("192.88.99.0/24", "6to4 relay"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("240.0.0.0/4", "reserved"),
    ("::1/128", "loopback"),
    ("::/96", "IPv4-compatible"),
    ("::ffff:0:0/96", "IPv4-mapped"),
    ("::ffff:0:0:0/96", "IPv4-translated"),
    ("64:ff9b::/96", "NAT64"),
    ("64:ff9b:1::/48", "local NAT64"),
    ("100::/64", "discard-only"),
    ("2001::/32", "Teredo"),
    ("2001::/23", "protocol assignments"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "6to4"),
    ("3fff::/20", "documentation"),
    ("3ffe::/16", "6bone"),
    ("5f00::/16", "segment routing"),
    ("fc00::/7", "unique local"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "site-local"),
)
"""IANA's special-purpose registries and what grew beside them; the first row that matches names the address."""

LOCAL = tuple(row for row in SPECIAL if row[1] in ("loopback", "link-local"))
"""They lead a client to itself, or to whatever is on its own link."""

_EMBEDDINGS: tuple[tuple[Prefix, Callable[[bytes], bytes]], ...] = (
    (parse_prefix("::/96")[0], lambda packed: packed[12:]),
    (parse_prefix("::ffff:0:0/96")[0], lambda packed: packed[12:]),
    (parse_prefix("::ffff:0:0:0/96")[0], lambda packed: packed[12:]),
    (parse_prefix("64:ff9b::/96")[0], lambda packed: packed[12:]),
    (parse_prefix("64:ff9b:1::/48")[0], lambda packed: packed[12:]),
    (parse_prefix("2001::/32")[0], lambda packed: bytes(byte ^ 0xFF for byte in packed[12:])),
    (parse_prefix("2002::/16")[0], lambda packed: packed[2:6]),
)
"""Where IPv6 addresses carry IPv4 ones: RFC 4291 2.5.5, RFC 2765, RFC 6052 2.2, RFC 4380, RFC 3056."""

_ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")
"""The third quarter of an ISATAP address in any /64 (RFC 5214, 6.1); an IPv4 address follows."""

_WITHOUT_EMBEDDED = parse_prefix("::/127")[0]
"""``::`` and ``::1`` lie in the IPv4-compatible prefix but carry nothing."""


def refusal(text: str, allowed: tuple[Prefix, ...]) -> str | None:
    """Why a fetch may not connect to this address, or None if it may.

    ``allowed`` adds prefixes that are not global. An address that carries another one is judged by both.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return f"{text[:60]!a} is not an IP address"
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        return f"{text[:60]!a} has a zone"
    for carried in embedded(address.packed):
        if name := _kind(carried, allowed):
            return f"{address} carries {ipaddress.ip_address(carried)}, which is {name}"
    name = _kind(address.packed, allowed)
    return f"{address} is {name}" if name else None


def local_refusal(text: str, allowed: tuple[Prefix, ...]) -> str | None:
    """Why no other machine is at this address, or None if one may be; not even a private mirror can have such a one.

    ``allowed`` are loopback and link-local prefixes that are used all the same. What is no address is not judged.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    for packed in (*embedded(address.packed), address.packed):
        name = _first(NEVER, packed)
        if name is None and not any(contains(prefix, packed) for prefix in allowed):
            name = _first(LOCAL, packed)
        if name:
            return f"{address} is {name}"
    return None


def embedded(packed: bytes) -> tuple[bytes, ...]:
    """The IPv4 addresses that an IPv6 address carries, packed; none in an IPv4 address."""
    if len(packed) == 4 or contains(_WITHOUT_EMBEDDED, packed):
        return ()
    found = [inner(packed) for prefix, inner in _EMBEDDINGS if contains(prefix, packed)]
    return (*found, packed[12:]) if packed[8:12] in _ISATAP else tuple(found)


def _kind(packed: bytes, allowed: tuple[Prefix, ...]) -> str | None:
    """What kind of address it is, if that kind is refused."""
    if name := _first(NEVER, packed):
        return name
    if any(contains(prefix, packed) for prefix in allowed):
        return None
    if name := _first(SPECIAL, packed):
        return name
    address = ipaddress.ip_address(packed)
    outside = address.version == 6 and not contains(GLOBAL_UNICAST, packed)
    return "not global" if outside or not address.is_global else None


def _first(rows: Named, packed: bytes) -> str | None:
    return next((name for prefix, name in rows if contains(prefix, packed)), None)


# Ports that no mirror may have, whoever asks for them.

FIRST_FREE_PORT = 1024

DANGEROUS_PORTS = {
    1080: "SOCKS", 1099: "RMI", 1433: "SQL Server", 1521: "Oracle", 1719: "H.323", 1720: "H.323", 1723: "PPTP",
    1883: "MQTT", 1900: "SSDP", 2049: "NFS", 2181: "ZooKeeper", 2375: "Docker", 2376: "Docker", 2377: "Docker",
    2379: "etcd", 2380: "etcd", 3128: "a proxy", 3260: "iSCSI", 3306: "MySQL", 3389: "RDP", 3659: "SASL",
    3690: "Subversion", 4045: "lockd", 4190: "Sieve", 4369: "Erlang", 4646: "Nomad", 5060: "SIP", 5061: "SIP",
    5353: "mDNS", 5432: "PostgreSQL", 5555: "adb", 5672: "AMQP", 5900: "VNC", 5901: "VNC", 5984: "CouchDB",
    5985: "WinRM", 5986: "WinRM", 6000: "X11", 6001: "X11", 6379: "Redis", 6443: "Kubernetes", 6566: "SANE",
    6660: "IRC", 6661: "IRC", 6662: "IRC", 6663: "IRC", 6664: "IRC", 6665: "IRC", 6666: "IRC", 6667: "IRC",
    6668: "IRC", 6669: "IRC", 6679: "IRC", 6697: "IRC", 7000: "Cassandra", 7001: "WebLogic", 8086: "InfluxDB",
    8200: "Vault", 8500: "Consul", 9042: "Cassandra", 9092: "Kafka", 9100: "a printer", 9200: "Elasticsearch",
    9300: "Elasticsearch", 10080: "Amanda", 10250: "Kubernetes", 10255: "Kubernetes", 11211: "memcached",
    27017: "MongoDB", 27018: "MongoDB",
}  # fmt: skip
"""Services that can be made to act by an HTTP request, or are never meant to meet one."""
