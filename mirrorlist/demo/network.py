"""The cast of the demo: its mirrors, its clients, and the two states of their repositories.

The repositories are small, real, and the same bytes each time, so that two states of a tree can be compared.
To add a mirror, add a line to MIRRORS; to add a client, one to CLIENTS.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import rpm_rs  # type: ignore[import-untyped]  # the package ships no types
import rpmrepo_metadata  # type: ignore[import-untyped]  # the package ships no types
from lxml import etree

BASEARCH = "$basearch"
REPO = "{http://linux.duke.edu/metadata/repo}"


@dataclass(frozen=True, slots=True)
class Package:
    """A package with one text file. The arch ``$basearch`` means the arch of its repository.

    ``built`` (seconds since 1970) is in the rpm, so a package is the same file in every state of a tree.
    """

    name: str
    version: str
    arch: str = "noarch"
    release: str = "1"
    built: int = 1_700_000_000


@dataclass(frozen=True, slots=True)
class DemoRelease:
    """One version of a distribution: what its repositories hold, and when they were made.

    ``repositories`` maps a path below the version's directory (``BaseOS/$basearch/os``) to its packages.
    ``timestamp`` counts seconds since 1970 and is in every repomd.xml.
    """

    version: str
    repositories: Mapping[str, tuple[Package, ...]]
    arches: tuple[str, ...]
    timestamp: int


def build_tree(directory: Path, releases: Iterable[DemoRelease]) -> None:
    """Make ``<directory>/<version>/<repository path>/{Packages,repodata}`` for every release and arch.

    A repository that exists already is replaced whole; anything else below ``directory`` stays.
    """
    for release in releases:
        for path, packages in release.repositories.items():
            for arch in release.arches:
                target = directory / release.version / path.replace(BASEARCH, arch)
                build_repository(target, packages, arch, release.timestamp)


def build_repository(directory: Path, packages: Iterable[Package], arch: str, timestamp: int) -> None:
    """Make one repository of one arch, beside its place first, so that no reader meets half of it."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    draft = directory.with_name(f".{directory.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    write_repodata(draft, [write_package(draft, package, arch) for package in packages])
    settle_repodata(draft / "repodata", timestamp)
    shutil.rmtree(directory, ignore_errors=True)
    draft.rename(directory)


def write_package(directory: Path, package: Package, arch: str) -> Path:
    """Write ``Packages/<name>-<version>-<release>.<arch>.rpm`` and return its path."""
    package_arch = arch if package.arch == BASEARCH else package.arch
    path = directory / "Packages" / f"{package.name}-{package.version}-{package.release}.{package_arch}.rpm"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(rpm_bytes(package, package_arch))
    os.utime(path, (package.built, package.built))  # repodata holds the file's time
    return path


def rpm_bytes(package: Package, arch: str) -> bytes:
    """An unsigned rpm in format 4 with gzip, which every rpm since 2010 installs."""
    label = f"{package.name} {package.version}"
    builder = rpm_rs.PackageBuilder(package.name, package.version, "CC0-1.0", arch, f"An example: {label}")
    builder.using_config(
        rpm_rs.BuildConfig(
            format=rpm_rs.RpmFormat.V4,
            compression=rpm_rs.CompressionType.Gzip,
            source_date=package.built,
            reserved_space=0,
        )
    )
    builder.release(package.release)
    builder.description(f"{label} holds one text file. It shows which state of a repository a mirror has.")
    builder.build_host("build.example.org")
    builder.with_file_contents(f"{label}\n".encode(), rpm_rs.FileOptions.new(f"/usr/share/{package.name}/version.txt"))
    return bytes(builder.build().to_bytes())


def write_repodata(directory: Path, rpms: list[Path]) -> None:
    """Write ``repodata/`` for the packages, whose paths are relative to ``directory``."""
    writer = rpmrepo_metadata.RepositoryWriter(str(directory), len(rpms))
    for rpm in rpms:
        href = rpm.relative_to(directory).as_posix()
        writer.add_package(rpmrepo_metadata.Package.from_file(str(rpm), location_href=href))
    writer.finish()


def settle_repodata(repodata: Path, timestamp: int) -> None:
    """Put the given time into repomd.xml and each file's checksum into its name.

    The writer uses the clock and one name for all states. With checksums in the names a stale mirror has no
    file of the new state, as on real networks.
    """
    repomd = repodata / "repomd.xml"
    tree = etree.parse(repomd)
    for revision in tree.iter(f"{REPO}revision", f"{REPO}timestamp"):
        revision.text = str(timestamp)
    for location in tree.iter(f"{REPO}location"):
        file = name_by_checksum(repodata / Path(location.attrib["href"]).name)
        location.set("href", f"repodata/{file.name}")
    tree.write(repomd, xml_declaration=True, encoding="UTF-8")
    for path in repodata.iterdir():
        os.utime(path, (timestamp, timestamp))


def name_by_checksum(path: Path) -> Path:
    """Rename a file to ``<sha256>-<name>`` and return its new path."""
    return path.rename(path.with_name(f"{sha256(path.read_bytes()).hexdigest()}-{path.name}"))


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
    """A client to play: its address (None is not known) and the mirrors of which one must come first.

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
