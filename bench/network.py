"""A made-up network of any size, compiled into a state directory for servers under measurement."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

from mirrorlist.core.catalogue.catalogue import Catalogue
from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.catalogue.service import GeoSources, Module, Service
from mirrorlist.core.catalogue.trees import RedirectTree
from mirrorlist.core.container import Sealed
from mirrorlist.core.files.build import IndexDraft
from mirrorlist.core.files.index import File, Indexed, IndexFacts
from mirrorlist.core.files.mirror_listing import Holdings
from mirrorlist.core.health.columns import HealthTable, SyncState, reach_key
from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.model import (
    MAIN,
    WEB_PROTOCOLS,
    Checksummed,
    Location,
    Mirror,
    Prefix,
    Protocol,
    RepoMetadata,
    Repository,
)
from mirrorlist.core.selection.compile import cloud_table, network_classes, place_orders
from mirrorlist.core.snapshot import Facts, Snapshot, encode
from mirrorlist.sources.geo.sources import AddressSources
from mirrorlist.sources.geo.tables import GeoTables
from mirrorlist.sources.places.countries import read_countries
from mirrorlist.store.index_files import write_index
from mirrorlist.store.snapshot_files import write_snapshot

ARCHES = ("x86_64", "aarch64", "ppc64le", "s390x")
REPOSITORIES = ("baseos", "appstream", "crb", "extras", "highavailability", "plus")
CATALOGUE = Catalogue(
    versions=("9", "9.8", "10", "10.2"),
    latest={"9": "9.8", "10": "10.2"},
    arches={"9": ARCHES, "10": ARCHES},
    repositories={name: Repository(name, f"{name.title()}/$basearch/os/") for name in REPOSITORIES},
)


def mirrors(count: int, generator: random.Random) -> list[Mirror]:
    """Mirrors over the countries as people are, most of them with both web protocols."""
    countries = sorted(read_countries().by_code.values(), key=lambda country: country.code)
    found = []
    for number in range(count):
        country = generator.choice(countries)
        host = f"mirror{number}.example.org"
        urls = {Protocol.HTTP: f"http://{host}/pub/linux/"}
        if generator.random() < 0.93:
            urls[Protocol.HTTPS] = f"https://{host}/pub/linux/"
        place = Location(
            continent=country.continent,
            country=country.code,
            latitude=country.latitude + generator.uniform(-2, 2),
            longitude=max(-180.0, min(180.0, country.longitude + generator.uniform(-2, 2))),
        )
        found.append(
            Mirror(name=host, urls={MAIN: urls}, location=place, bandwidth_mbps=generator.choice([100, 1000, 10_000]))
        )
    return found


def prefixes(count: int, generator: random.Random) -> list[tuple[Prefix, tuple[str, str]]]:
    """Cloud ranges, four fifths of them IPv4."""
    rows = []
    for number in range(count):
        region = ("aws", f"region-{number % 150}")
        if number % 5:
            length = generator.randint(16, 28)
            address = generator.getrandbits(32) >> (32 - length) << (32 - length)
            rows.append((Prefix(address.to_bytes(4, "big"), length), region))
        else:
            length = generator.randint(32, 56)
            address = (0x2 << 125 | generator.getrandbits(125)) >> (128 - length) << (128 - length)
            rows.append((Prefix(address.to_bytes(16, "big"), length), region))
    return rows


@dataclass(frozen=True)
class Size:
    """How large a network is, and what is known of it.

    ``ill`` is the share of mirrors whose health differs per repository, protocol and family; ``databases`` are
    files of places and ASNs (without them what comes with the program is used); ``cache`` keeps what was compiled. With
    ``files`` it redirects to so many files.
    """

    mirrors: int = 530
    prefixes: int = 11_000
    ill: float = 0.0
    databases: tuple[str, ...] = ()
    cache: str = ""
    files: int = 0


def make(size: Size, generation: int = 1) -> Snapshot:
    """A snapshot of this size; the same for the same numbers."""
    generator = random.Random(size.mirrors)
    listed = mirrors(size.mirrors, generator)
    geo, numbers = _geo(size)
    networks, classes = network_classes(listed, cloud_table(prefixes(size.prefixes, generator)), geo.asns)
    policy = Policy()
    key = bytes(32)
    digit = f"{generation % 16:x}"
    metadata = {
        path: RepoMetadata(path, Checksummed(5000, 1_790_000_000, digit * 64, digit * 128), 0.0) for path in paths()
    }
    facts = Facts(
        generation=generation,
        built_at=0.0,
        key=key,
        service=Service(
            name="Bench", url=None, catalogue=CATALOGUE, mirrors_dir="m", state_dir="s", policy=policy,
            modules={MAIN: Module(title="Main")}, trusted_proxies=("127.0.0.0/8",), origins={MAIN: "o"},
        ),
        mirrors=tuple(listed),
        places=geo.places,
        country_places=numbers,
        classes=classes,
        metadata=metadata,
        health=health(size, generator),
    )  # fmt: skip
    orders = place_orders(listed, MAIN, geo.places, policy, key)
    return Snapshot(facts, networks, geo.located, geo.asns, {MAIN: orders})


def paths() -> list[str]:
    """The repositories for each arch."""
    found = product(REPOSITORIES, ("9.8", "10.2"), ARCHES)
    return [f"{version}/{name.title()}/{arch}/os/" for name, version, arch in found]


def health(size: Size, generator: random.Random) -> HealthTable:
    """Of each ill mirror half of the repositories are stale and one protocol of one family is out of reach."""
    ill = generator.sample(range(size.mirrors), round(size.ill * size.mirrors))
    if not ill:
        return HealthTable()
    holds = {path: bytearray(size.mirrors) for path in paths()}
    reach = {reach_key(MAIN, p, f): bytearray(size.mirrors) for p in WEB_PROTOCOLS for f in Family}
    for number in ill:
        for column in generator.sample(list(holds.values()), len(holds) // 2):
            column[number] = SyncState.STALE
        generator.choice(list(reach.values()))[number] = 1
    return HealthTable(
        {path: bytes(column) for path, column in holds.items()}, {name: bytes(column) for name, column in reach.items()}
    )


def _geo(size: Size) -> tuple[GeoTables, Mapping[str, int]]:
    """As a publisher reads them: the databases, or else what comes with the program."""
    with tempfile.TemporaryDirectory() as beside:
        found = AddressSources(Path(size.cache or beside)).read(GeoSources(databases=size.databases))
    if found.refusals:
        raise SystemExit("\n".join(found.refusals))
    return found.geo, found.country_places


def index(snapshot: Snapshot, count: int) -> Sealed:
    """An index of so many files of one repository. Every tenth is missing on some of the mirrors."""
    files = sorted(
        (f"9.8/Baseos/x86_64/os/Packages/{number % 300:03}/package-{number:06}-1.0.x86_64.rpm", number)
        for number in range(count)
    )
    draft = IndexDraft(
        (File(path, 1000 + n, 1_790_000_000, n.to_bytes(32, "big")) for path, n in files), len(snapshot.mirrors)
    )
    numbers = np.array([number for _, number in files])
    known = np.ones(count, np.bool_)
    for mirror in range(len(snapshot.mirrors)):
        lacking = (numbers % 10 == 0) & ((numbers // 10 + mirror) % 20 == 0)
        draft.add(mirror, Holdings(~lacking, known))
    named = tuple(Indexed(mirror.name, 0.0) for mirror in snapshot.mirrors)
    return draft.sealed(IndexFacts(MAIN, 0.0, 0.0, "bench", named))


def write(state_dir: Path, size: Size, generation: int = 1) -> None:
    """Puts such a snapshot into a state directory."""
    made = make(size, generation)
    if size.files:
        found = index(made, size.files)
        (state_dir / "files").mkdir(exist_ok=True)
        write_index(state_dir, MAIN, found)
        service = replace(made.facts.service, trees=(RedirectTree(prefix="/dl/", module=MAIN),))
        made = replace(made, facts=replace(made.facts, service=service, file_indexes={MAIN: found.digest}))
    write_snapshot(state_dir, encode(made))
