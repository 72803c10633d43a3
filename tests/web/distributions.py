"""Two whole services that tests ask as their users would: one laid out as Fedora's, one as AlmaLinux's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mirrorlist.core.catalogue.catalogue import Catalogue
from mirrorlist.core.model import MAIN, CloudRegions, Mirror, Protocol, Repository
from mirrorlist.core.snapshot import Snapshot
from tests.building import metadata, mirror, snapshot
from tests.web.asking import Answer, Both, both

FEDORA = Catalogue(
    versions=("42", "43", "44"),
    latest={},
    arches={"40": ("x86_64",), **dict.fromkeys(("42", "43", "44"), ("x86_64", "aarch64"))},
    repositories={
        "fedora": Repository("fedora", "/releases/{version}/Everything/$basearch/os/"),
        "updates": Repository("updates", "/updates/{version}/Everything/$basearch/"),
        "fedora-source": Repository("fedora-source", "/releases/{version}/Everything/source/tree/"),
        "spins": Repository("spins", "/alt/f{version}/$basearch/"),
        "keys": Repository("keys", "/keys/"),
    },
    vault_versions=("40",),
    vault_urls=("https://archive.example.org/fedora/",),
    aliases={
        "updates-released-f{version}": "updates",
        "updates-released-source-f{version}": "fedora-source",
        "rawhide": "fedora",
        "everything": "fedora",
    },
)
ALMALINUX = Catalogue(
    versions=("8", "8.10", "9", "9.8", "10", "10.2"),
    latest={"8": "8.10", "9": "9.8", "10": "10.2"},
    arches={
        "8": ("x86_64", "aarch64", "ppc64le", "s390x"),
        "9": ("x86_64", "aarch64", "ppc64le", "s390x"),
        "10": ("x86_64", "x86_64_v2", "aarch64"),
        "10-kitten": ("x86_64", "aarch64"),
    },
    repositories={
        "baseos": Repository("baseos", "BaseOS/$basearch/os/"),
        "appstream": Repository("appstream", "AppStream/$basearch/os/"),
        "powertools": Repository("powertools", "PowerTools/$basearch/os/", versions=("8.10",)),
        "crb": Repository("crb", "CRB/$basearch/os/", versions=("9.8", "10.2")),
        "rt": Repository("rt", "RT/$basearch/os/", versions=("8.10", "9.8", "10.2"), arches=("x86_64",)),
        "baseos-source": Repository("baseos-source", "BaseOS/Source/", vault=True),
        "baseos-debug": Repository("baseos-debug", "BaseOS/debug/$basearch/", vault=True),
    },
    module_versions={"kitten": ("10",)},
    vault_versions=("8.5", "9.2", "9.2-beta"),
    vault_urls=("http://vault.example.org/",),
)

AT = {
    "192.0.2.0/24": "berlin", "198.51.100.0/24": "berlin", "203.0.113.0/24": "tokyo", "100.64.0.0/16": "DE",
    "2001:db8:1::/48": "berlin", "2001:db8:2::/48": "tokyo",
}  # fmt: skip
ASNS = {"203.0.113.128/25": 64500}
CLOUDS = {"203.0.113.64/26": ("aws", "eu-1")}
PROXIES = ("10.0.0.0/8",)
NEAR_BERLIN = ("munich", "prague", "vienna", "paris")
CITIES = ("berlin", *NEAR_BERLIN, "chicago", "tokyo", "sydney")
HIDDEN = ("lab", "monopoly", "carrier", "cloud")


def mirrors(tree: str, kitten: str | None = None) -> list[Mirror]:
    """One mirror in each of ``CITIES``, named after it, and the four that strangers never get."""

    def urls(host: str) -> Mapping[str, Mapping[Protocol, str]]:
        trees = {MAIN: tree} if kitten is None else {MAIN: tree, "kitten": kitten}
        return {
            module: {protocol: f"{protocol}://{host}.example.org/{below}/" for protocol in ("https", "http")}
            for module, below in trees.items()
        }  # type: ignore[return-value]  # the members of Protocol are these texts

    public = [mirror(city, city, urls=urls(city)) for city in CITIES]
    hidden: Mapping[str, Mapping[str, Any]] = {
        "lab": {"private": True, "subnets": ["198.51.100.0/24", "2001:db8:1:1::/64"]},
        "monopoly": {"private": True, "monopoly": True, "subnets": ["198.51.100.16/29"]},
        "carrier": {"private": True, "asns": (64500,)},
        "cloud": {"cloud": CloudRegions("aws", ("eu-1",))},
    }
    assert tuple(hidden) == HIDDEN
    return public + [mirror(name, "berlin", urls=urls(name), **fields) for name, fields in hidden.items()]


def service(catalogue: Catalogue, tree: str, kitten: str | None = None, **fields: Any) -> Snapshot:
    """The snapshot of such a service; ``fields`` as for ``tests.building.snapshot``."""
    known, given = fields.pop("paths", ()), fields.pop("mirrors", None)
    return snapshot(
        mirrors(tree, kitten) if given is None else given,
        at=AT, asns=ASNS, clouds=CLOUDS, catalogue=catalogue, trusted_proxies=PROXIES, origins={MAIN: "/srv/tree"},
        metadata={path: metadata(path, alternates="bc") for path in known}, **fields,
    )  # fmt: skip


def fedora(**fields: Any) -> Both:
    """A service whose tree begins with ``releases`` and ``updates``."""
    paths = [f"releases/{version}/Everything/{arch}/os/" for version in ("43", "44") for arch in ("x86_64", "aarch64")]
    paths.append("updates/43/Everything/x86_64/")
    return both(service(FEDORA, "pub/fedora/linux", paths=paths, **fields))


def almalinux(**fields: Any) -> Both:
    """A service whose tree begins with versions, with a module in a tree of its own."""
    paths = [f"{version}/BaseOS/x86_64/os/" for version in ("8.10", "9.8", "10.2")]
    given = {"catalogue": ALMALINUX, **fields}
    return both(service(given.pop("catalogue"), "almalinux", "almalinux-kitten", paths=paths, **given))


def lines(answer: Answer) -> list[str]:
    """The lines of a text list without its comments."""
    assert answer.status == 200, answer.body
    return [line for line in answer.body.decode().splitlines() if not line.startswith("#")]


def comments(answer: Answer) -> list[str]:
    return [line for line in answer.body.decode().splitlines() if line.startswith("#")]


def names(urls: list[str]) -> list[str]:
    """``berlin`` of ``https://berlin.example.org/...``, once for each URL."""
    return [url.split("/")[2].partition(".")[0] for url in urls]
