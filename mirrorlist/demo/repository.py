"""Small real yum repositories: rpm packages and the repodata that dnf and zypper read.

The same description gives the same bytes each time, so an older and a newer state of one tree can be
compared and hashed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
    os.utime(path, (package.built, package.built))  # repodata tells the file's time
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
