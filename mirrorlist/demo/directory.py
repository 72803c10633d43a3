"""The demo's directory: the trees, mirror files, service.yml and demo.repo in it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped]  # the package ships no types

from mirrorlist.core.errors import MirrorlistError
from mirrorlist.demo.network import (
    ASN,
    ASN_NETWORKS,
    CLOUD_NETWORKS,
    CLOUD_REGION,
    DOMAIN,
    MIRRORS,
    NAMES,
    NEW,
    OLD,
    DemoMirror,
    build_tree,
)


class DirectoryTaken(MirrorlistError):
    """The directory holds files that the demo did not make."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each file of the demo is. ``root`` is absolute."""

    root: Path

    @property
    def origin(self) -> Path:
        return self.root / "origin"

    @property
    def trees(self) -> Path:
        return self.root / "trees"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def mirrors_dir(self) -> Path:
        return self.root / "mirrors.d"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def dnf(self) -> Path:
        return self.root / "dnf"

    @property
    def asn_database(self) -> Path:
        return self.root / "asn.mmdb"

    @property
    def cloud_ranges(self) -> Path:
        return self.root / "aws-ip-ranges.json"

    @property
    def repo_file(self) -> Path:
        return self.root / "demo.repo"

    @property
    def service_file(self) -> Path:
        return self.root / "service.yml"

    def tree(self, name: str) -> Path:
        return self.trees / name

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"


def clear(root: Path) -> Layout:
    """An empty directory for the demo: made if absent, emptied of what an earlier demo left."""
    layout = Layout(root.resolve())
    made_here = layout.trees.is_dir() and layout.logs.is_dir()
    if layout.root.exists() and any(layout.root.iterdir()) and not made_here:
        raise DirectoryTaken(f"{layout.root} holds files that are not from the demo; name another one with --directory")
    for directory in (
        layout.origin,
        layout.trees,
        layout.logs,
        layout.mirrors_dir,
        layout.state,
        layout.dnf,
    ):
        shutil.rmtree(directory, ignore_errors=True)
    for directory in (layout.trees, layout.logs, layout.mirrors_dir):
        directory.mkdir(parents=True)
    return layout


def build_trees(layout: Layout, stale: Collection[str]) -> None:
    """Make the origin and a copy of it for every mirror; the stale ones keep an older state."""
    build_tree(layout.origin, (OLD,))
    copy_origin(layout, (name for name in NAMES if name in stale))
    build_tree(layout.origin, (NEW,))
    copy_origin(layout, (name for name in NAMES if name not in stale))


def copy_origin(layout: Layout, names: Iterable[str]) -> None:
    """Gives each of these mirrors a tree as the origin's is now."""
    for name in names:
        shutil.copytree(layout.origin, layout.tree(name))


def write_network(layout: Layout, service_url: str, mirror_urls: Mapping[str, str]) -> None:
    """Write all files that the service and dnf read. ``mirror_urls`` maps names to URLs of trees."""
    write_asn_database(layout.asn_database)
    layout.cloud_ranges.write_text(json.dumps(cloud_ranges(), indent=2), "utf-8")
    for mirror in MIRRORS:
        write_yaml(layout.mirrors_dir / f"{mirror.name}.yml", mirror_file(mirror, mirror_urls[mirror.name]))
    write_yaml(layout.service_file, service_file(layout))
    layout.repo_file.write_text(repo_file(service_url), "utf-8")


def write_yaml(path: Path, document: Mapping[str, object]) -> None:
    path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), "utf-8")


def mirror_file(mirror: DemoMirror, url: str) -> dict[str, object]:
    """The content of ``mirrors.d/<name>.yml``."""
    return {
        "name": mirror.name,
        "address": {"http": url},
        "update_frequency": "3h",
        "sponsor": f"The {mirror.label} example",
        "sponsor_url": f"https://{mirror.name}/",
        "email": f"mirror@{mirror.name}",
        "geolocation": {
            "continent": mirror.city.continent,
            "country": mirror.city.country,
            "city": mirror.city.name,
            "latitude": mirror.city.latitude,
            "longitude": mirror.city.longitude,
        },
        "bandwidth_mbps": mirror.bandwidth_mbps,
        **mirror.fields,
    }


def service_file(layout: Layout) -> dict[str, object]:
    """The content of ``service.yml``: AlmaLinux's keys first, then our own. Paths are relative to it."""
    return {
        "config_version": 3,
        "allowed_outdate": "12h",
        "mirrors_dir": layout.mirrors_dir.name,
        "versions": ["9", "9.8"],
        "duplicated_versions": {"9": "9.8"},
        "vault_versions": [],
        "vault_mirror": f"http://vault.{DOMAIN}/",
        "arches": {"9": list(NEW.arches)},
        "required_protocols": ["http", "https"],
        "repos": [
            {"name": "baseos", "path": "BaseOS/$basearch/os/"},
            {"name": "appstream", "path": "AppStream/$basearch/os/"},
        ],
        "name": "Demo Linux",
        "url": f"https://www.{DOMAIN}/",
        "origin": {"main": layout.origin.name},
        "trusted_proxies": ["127.0.0.0/8"],
        "profile": "intranet",
        "intranet_networks": ["127.0.0.0/8"],
        "state_dir": layout.state.name,
        "geo": {
            "databases": [layout.asn_database.name],
            "clouds": {"aws": layout.cloud_ranges.name},
        },
    }


def repo_file(service_url: str) -> str:
    """A file for dnf's reposdir: two repositories by metalink, one of them by mirrorlist too (disabled)."""
    metalink = f"{service_url}/metalink?repo={{repo}}-$releasever&arch=$basearch"
    mirrorlist = f"{service_url}/mirrorlist/$releasever/baseos?arch=$basearch"
    sections = (
        ("demo-baseos", 1, f"metalink={metalink.format(repo='baseos')}"),
        ("demo-appstream", 1, f"metalink={metalink.format(repo='appstream')}"),
        ("demo-baseos-mirrorlist", 0, f"mirrorlist={mirrorlist}"),
    )
    return "\n".join(
        f"[{name}]\nname=Demo Linux, {name}\nenabled={enabled}\ngpgcheck=0\n{source}\n"
        for name, enabled, source in sections
    )


def cloud_ranges() -> dict[str, object]:
    """One region in the layout of AWS's ip-ranges.json."""
    region = {"region": CLOUD_REGION, "service": "AMAZON", "network_border_group": CLOUD_REGION}
    v4, v6 = CLOUD_NETWORKS
    return {
        "syncToken": str(NEW.timestamp),
        "createDate": "2024-07-03-09-46-40",
        "prefixes": [{"ip_prefix": v4, **region}],
        "ipv6_prefixes": [{"ipv6_prefix": v6, **region}],
    }


def write_asn_database(path: Path) -> None:
    """One autonomous system in the layout of MaxMind's GeoLite2-ASN."""
    writer = MMDBWriter(6, "GeoLite2-ASN", ["en"], "The demo's autonomous system", ipv4_compatible=True)
    content = {"autonomous_system_number": ASN, "autonomous_system_organization": "Example Networks"}
    writer.insert_network(IPSet(ASN_NETWORKS), content)
    writer.to_db_file(str(path))
