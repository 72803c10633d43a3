"""The cast of the demo: its mirrors, its clients, and the two states of their repositories.

To add a mirror, add a line to MIRRORS; to add a client, one to CLIENTS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mirrorlist.demo.repository import DemoRelease, Package

DOMAIN = "example.org"
ASN = 64500
ASN_NETWORKS = ("203.0.113.0/25", "2001:db8:64::/48")
CLOUD_REGION = "eu-central-1"
CLOUD_NETWORKS = ("203.0.113.128/25", "2001:db8:c::/48")
CAMPUS_NETWORKS = ("192.0.2.0/24", "2001:db8:1::/48")
FACTORY_NETWORKS = ("198.51.100.0/24",)


@dataclass(frozen=True, slots=True)
class DemoCity:
    """A city, the codes of its country and continent, and its coordinates in degrees."""

    name: str
    country: str
    continent: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class DemoMirror:
    """A mirror of the demo. ``serves`` is for people, ``fields`` go into its file as they are."""

    label: str
    city: DemoCity
    bandwidth_mbps: int
    serves: str = "everyone"
    fields: Mapping[str, object] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.label}.{DOMAIN}"


@dataclass(frozen=True, slots=True)
class DemoClient:
    """A client to play: its address (None is not known) and the mirrors of which one must stand first.

    ``opens``: a mirror in its list of which other clients must not hear. ``alone``: the list holds no other.
    """

    who: str
    address: str | None
    first: frozenset[str]
    opens: str | None = None
    alone: bool = False


FRANKFURT = DemoCity("Frankfurt", "DE", "EU", 50.11, 8.68)

MIRRORS = (
    DemoMirror("frankfurt", FRANKFURT, 10_000),
    DemoMirror("amsterdam", DemoCity("Amsterdam", "NL", "EU", 52.37, 4.90), 4_000),
    DemoMirror("warsaw", DemoCity("Warsaw", "PL", "EU", 52.23, 21.01), 1_000),
    DemoMirror("new-york", DemoCity("New York", "US", "NA", 40.71, -74.01), 10_000),
    DemoMirror("vancouver", DemoCity("Vancouver", "CA", "NA", 49.28, -123.12), 2_000),
    DemoMirror("tokyo", DemoCity("Tokyo", "JP", "AS", 35.68, 139.69), 10_000),
    DemoMirror("sao-paulo", DemoCity("São Paulo", "BR", "SA", -23.55, -46.63), 1_000),
    DemoMirror("cape-town", DemoCity("Cape Town", "ZA", "AF", -33.92, 18.42), 500),
    DemoMirror("sydney", DemoCity("Sydney", "AU", "OC", -33.87, 151.21), 2_000),
    DemoMirror(
        "isp",
        DemoCity("Lisbon", "PT", "EU", 38.72, -9.14),
        1_000,
        serves=f"all; AS{ASN} first",
        fields={"asn": ASN},
    ),
    DemoMirror(
        "cloud",
        FRANKFURT,
        10_000,
        serves=f"aws {CLOUD_REGION}",
        fields={"cloud_type": "aws", "cloud_regions": [CLOUD_REGION]},
    ),
    DemoMirror(
        "campus",
        DemoCity("Lyon", "FR", "EU", 45.76, 4.84),
        1_000,
        serves=CAMPUS_NETWORKS[0],
        fields={"private": True, "subnets": list(CAMPUS_NETWORKS)},
    ),
    DemoMirror(
        "factory",
        DemoCity("Vienna", "AT", "EU", 48.21, 16.37),
        1_000,
        serves=f"{FACTORY_NETWORKS[0]}, alone",
        fields={"private": True, "monopoly": True, "subnets": list(FACTORY_NETWORKS)},
    ),
)

NAMES = tuple(mirror.name for mirror in MIRRORS)


def public(continent: str | None = None) -> frozenset[str]:
    """The names of the mirrors that serve everyone, there or anywhere."""
    return frozenset(
        mirror.name
        for mirror in MIRRORS
        if not {"private", "cloud_type"} & mirror.fields.keys() and continent in {None, mirror.city.continent}
    )


def guest(who: str, address: str, label: str, *, alone: bool = False) -> DemoClient:
    """A client to which a mirror opens that others must not see."""
    name = f"{label}.{DOMAIN}"
    return DemoClient(who, address, frozenset({name}), opens=name, alone=alone)


CLIENTS = (
    DemoClient("Germany", "194.25.0.60", public("EU")),
    DemoClient("Brazil", "200.160.2.3", public("SA")),
    DemoClient("Japan", "203.178.141.194", public("AS")),
    DemoClient("South Africa", "137.158.0.1", public("AF")),
    guest("the private subnet", "192.0.2.7", "campus"),
    guest("the same by IPv6", "2001:db8:1::7", "campus"),
    guest("the monopoly subnet", "198.51.100.7", "factory", alone=True),
    DemoClient(f"AS{ASN}", "203.0.113.5", frozenset({f"isp.{DOMAIN}"})),
    guest(f"aws {CLOUD_REGION}", "203.0.113.200", "cloud"),
    DemoClient("nobody knows where", None, public()),
)

BASEOS = "BaseOS/$basearch/os"
APPSTREAM = "AppStream/$basearch/os"


def release(timestamp: int, *versions: str) -> DemoRelease:
    """Demo Linux 9.8 with these versions of its packages."""
    hello = [(Package("hello", v), Package("hello-tools", v, "$basearch")) for v in versions]
    return DemoRelease(
        version="9.8",
        repositories={
            BASEOS: tuple(package for pair in hello for package in pair),
            APPSTREAM: tuple(Package("hello-web", v) for v in versions),
        },
        arches=("x86_64", "aarch64"),
        timestamp=timestamp,
    )


OLD = release(1_710_000_000, "1.0")
NEW = release(1_720_000_000, "1.0", "2.0")
