"""Builds the few objects that a test needs: mirrors, a service, a snapshot of them."""

from __future__ import annotations

import io
import tarfile
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from mirrorlist.core.catalogue.catalogue import Catalogue
from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.catalogue.query import Spellings
from mirrorlist.core.catalogue.service import Module, Service
from mirrorlist.core.mirror import systems_of, with_pairs
from mirrorlist.core.model import (
    MAIN,
    NOWHERE,
    Checksummed,
    Client,
    ClientPlace,
    Location,
    Mirror,
    Prefix,
    Protocol,
    Query,
    RepoMetadata,
    Repository,
)
from mirrorlist.core.network.intervals import places_in_systems
from mirrorlist.core.network.prefixes import DEEP, IntervalTable, flatten, packed, parse_prefix
from mirrorlist.core.selection.columns import PreparedColumn
from mirrorlist.core.selection.compile import Proof, cloud_table, country_places, network_classes, place_orders
from mirrorlist.core.selection.prepared import PreparedModule
from mirrorlist.core.selection.spread import ClientHash, identity_of
from mirrorlist.core.snapshot import Facts, Snapshot

KEY = bytes(range(32))
NOW = 1_795_000_000.0
CENTRES = {
    "DE": (51.0, 10.0), "AT": (48.0, 14.0), "CZ": (50.0, 15.0), "FR": (47.0, 2.0), "US": (39.0, -95.0),
    "BR": (-15.0, -48.0), "JP": (36.0, 138.0), "ZA": (-29.0, 25.0), "AU": (-33.0, 147.0),
}  # fmt: skip
CITIES = {
    "berlin": ("DE", 52.52, 13.40), "munich": ("DE", 48.14, 11.58), "prague": ("CZ", 50.08, 14.44),
    "vienna": ("AT", 48.21, 16.37), "paris": ("FR", 48.86, 2.35), "chicago": ("US", 41.88, -87.63),
    "saopaulo": ("BR", -23.55, -46.63), "tokyo": ("JP", 35.68, 139.69), "capetown": ("ZA", -33.92, 18.42),
    "sydney": ("AU", -33.87, 151.21),
}  # fmt: skip


def mirror(name: str, city: str | None = None, **fields: Any) -> Mirror:
    """A mirror called ``<name>.example.org``, offering https and http unless ``urls`` says otherwise.

    ``subnets`` may be texts; ``city`` is one of ``CITIES``.
    """
    host = f"{name}.example.org"
    urls = fields.pop(
        "urls", {MAIN: {Protocol.HTTPS: f"https://{host}/linux/", Protocol.HTTP: f"http://{host}/linux/"}}
    )
    if city:
        country, latitude, longitude = CITIES[city]
        fields.setdefault("location", Location(country=country, latitude=latitude, longitude=longitude))
    fields["subnets"] = tuple(parse_prefix(text)[0] for text in fields.get("subnets", ()))
    return Mirror(name=host, urls=urls, **fields)


CATALOGUE = Catalogue(
    versions=("9", "9.8", "10", "10.2"),
    latest={"9": "9.8", "10": "10.2"},
    arches={"9": ("x86_64", "aarch64"), "10": ("x86_64", "aarch64"), "10-kitten": ("x86_64",)},
    repositories={
        "baseos": Repository("baseos", "BaseOS/$basearch/os/"),
        "appstream": Repository("appstream", "AppStream/$basearch/os/"),
        "powertools": Repository("powertools", "PowerTools/$basearch/os/", versions=("10.2",)),
        "baseos-source": Repository("baseos-source", "BaseOS/Source/", vault=True),
    },
    module_versions={"kitten": ("10",)},
    vault_versions=("9.2", "9.2-beta"),
    vault_urls=("http://vault.example.org/",),
)


def service(**fields: Any) -> Service:
    """A service with ``CATALOGUE`` and the modules main and kitten."""
    fields.setdefault("modules", {MAIN: Module(title="Main"), "kitten": Module(title="Kitten")})
    return Service(
        **{"name": "Example", "url": None, "catalogue": CATALOGUE, "mirrors_dir": "m", "state_dir": "s", **fields}
    )


@cache
def _prefix(text: str) -> Prefix:
    return parse_prefix(text)[0]


def table(rows: Iterable[tuple[str, int]]) -> IntervalTable:
    """A table with these numbers at these networks."""
    found, meanings = flatten((_prefix(text), number) for text, number in rows)
    last: dict[int, Any] = {number: meaning[-1] if meaning else 0 for number, meaning in enumerate(meanings)}
    last[DEEP] = DEEP
    return replace(
        found,
        ids4=array("I", [last[number] for number in found.ids4]),
        ids6=array("I", [last[number] for number in found.ids6]),
        deep_ids=array("I", [last[number] for number in found.deep_ids]),
    )


def snapshot(
    mirrors: Sequence[Mirror],
    *,
    at: Mapping[str, str] | None = None,
    asns: Mapping[str, int] | None = None,
    clouds: Mapping[str, tuple[str, str]] | None = None,
    cells: Sequence[ClientPlace] = (),
    metadata: Mapping[str, RepoMetadata] | None = None,
    facts: Mapping[str, Any] | None = None,
    proof: Proof | None = None,
    **service_fields: Any,
) -> Snapshot:
    """A snapshot of these mirrors.

    ``at`` puts networks into countries or ``CITIES``; ``asns`` and ``clouds`` give them an ASN or a provider's
    region; ``cells`` are further places, so that ``at`` may name them by number as ``#12``. Without ``proof`` every
    source proves. ``policy.reach`` counts as it does for a published snapshot.
    """
    of = service(**service_fields)
    mirrors = with_pairs(mirrors, of.policy.reach) if of.policy.reach else mirrors
    places, country_numbers = country_places(CENTRES)
    spots = {city: ClientPlace(c, float(round(la)), float(round(lo)), True) for city, (c, la, lo) in CITIES.items()}
    places = (*places, *spots.values(), *cells)
    numbers = {**country_numbers, **{city: places.index(spot) for city, spot in spots.items()}}
    located = table((net, int(name[1:]) if name[0] == "#" else numbers[name]) for net, name in (at or {}).items())
    asn_table = table((asns or {}).items())
    split = places_in_systems(located, places, country_numbers, asn_table, systems_of(of.policy.reach))
    located, places = split.located, split.places
    ranges: list[tuple[Prefix, tuple[str, str]]] = [(_prefix(net), to) for net, to in (clouds or {}).items()]
    networks, classes = network_classes(mirrors, cloud_table(ranges), asn_table, proof or Proof())
    made = Facts(
        **{
            "generation": 1, "built_at": NOW, "key": KEY, "service": of, "mirrors": tuple(mirrors), "places": places,
            "country_places": country_numbers, "system_places": split.countries, "classes": classes, "metadata": metadata or {}, **(facts or {}),
        }
    )  # fmt: skip
    orders = {module: place_orders(mirrors, module, places, of.policy, KEY, made.weights) for module in of.modules}
    return Snapshot(made, networks, located, asn_table, orders)


def query(text: str = "", version: str = "9", repository: str = "baseos", policy: Policy | None = None) -> Query:
    """The query of a version and a repository with parameters, as ``protocol=https&country=DE``."""
    given = dict(pair.split("=") for pair in text.split("&") if pair)
    return Spellings(CATALOGUE, policy or Policy()).by_path(version, repository, given)


def client(address: str | None = "192.0.2.1", place: ClientPlace = NOWHERE, **fields: Any) -> Client:
    """A client; without an address it is unknown."""
    if address is None:
        return Client(None, b"unknown", place, **fields)
    found = packed(address)
    assert found is not None
    return Client(found, identity_of(found), place, **fields)


def place(city: str) -> ClientPlace:
    """The cell of one of ``CITIES``."""
    country, latitude, longitude = CITIES[city]
    return ClientPlace(country, float(round(latitude)), float(round(longitude)), True)


def nobody(address: bytes) -> str | None:
    """Knows no address's country."""
    return None


def metadata(path: str = "9.8/BaseOS/x86_64/os/", digit: str = "a", alternates: str = "") -> RepoMetadata:
    """Metadata whose digests consist of one digit each."""
    current, *older = [
        Checksummed(1000 + number, 1_790_000_000 - number, mark * 64, mark * 128)
        for number, mark in enumerate(digit + alternates)
    ]
    return RepoMetadata(path, current, NOW - 3600, tuple(older))


def listed(module: PreparedModule, place: int, lot: ClientHash, column: PreparedColumn) -> list[int]:
    """The numbers of the mirrors for a client outside all networks, best first."""
    key = module.any_key(place, 0, lot, column)
    return [] if key is None else module.listed(key, column)[0]


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """An archive of these files, not packed."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, body in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(body), 1_790_000_000
            tar.addfile(entry, io.BytesIO(body))
    return data.getvalue()
