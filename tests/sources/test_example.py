"""The example distribution of this repository: what a newcomer copies has to be without a fault."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mirrorlist.core.catalogue.catalogue import repo_names, target
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.model import SERVED_STATUSES, Mirror
from mirrorlist.sources.mirrors.files import MirrorFiles, read_mirror_files
from mirrorlist.sources.places.countries import read_countries
from mirrorlist.sources.service.file import read_service
from mirrorlist.sources.yaml.reader import read_yaml

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTATION = [
    ipaddress.ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]


@pytest.fixture(scope="module")
def service() -> Service:
    service, findings = read_service(ROOT / "service.yml")
    assert findings == ()
    return service


@pytest.fixture(scope="module")
def files(service: Service) -> MirrorFiles:
    return read_mirror_files(Path(service.mirrors_dir), tuple(service.modules), read_countries())


@pytest.fixture(scope="module")
def mirrors(files: MirrorFiles) -> tuple[Mirror, ...]:
    return tuple(files.mirrors.values())


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    """What each file says, before anything is made of it."""
    paths = sorted((ROOT / "mirrors.d").glob("*.yml"))
    return {path.name: read_yaml(path.read_bytes(), path.name).root for path in paths}


def test_the_mirror_files_load_without_a_finding(files: MirrorFiles) -> None:
    assert files.findings == ()
    assert len(files.mirrors) >= 24


def test_a_file_is_named_after_its_mirror(files: MirrorFiles) -> None:
    assert {f"{mirror.name}.yml" for mirror in files.mirrors.values()} == set(files.mirrors)


def test_there_are_mirrors_on_all_continents(mirrors: tuple[Mirror, ...]) -> None:
    found = {mirror.location.continent for mirror in mirrors if mirror.location}
    assert found == {"AF", "AN", "AS", "EU", "NA", "OC", "SA"}


def test_mirrors_of_the_public_serve_all_continents_but_antarctica(mirrors: tuple[Mirror, ...]) -> None:
    found = {
        mirror.location.continent
        for mirror in mirrors
        if mirror.location
        and mirror.status in SERVED_STATUSES
        and not (mirror.private or mirror.cloud or mirror.countries_only)
    }
    assert found == {"AF", "AS", "EU", "NA", "OC", "SA"}


def test_every_mirror_is_somewhere(mirrors: tuple[Mirror, ...]) -> None:
    for mirror in mirrors:
        assert mirror.location is not None, mirror.name
        assert mirror.location.country is not None, mirror.name


def test_every_field_of_a_mirror_file_is_used_somewhere(written: dict[str, Any]) -> None:
    schema = json.loads((ROOT / "schemas" / "mirror.json").read_text(encoding="utf-8"))
    known = set(_fields(schema, schema))
    used = {field for root in written.values() for field in _used(schema, schema, root)}
    assert known - used == set()


def _resolved(node: Any, schema: Any) -> Any:
    return schema["$defs"][node["$ref"].removeprefix("#/$defs/")] if "$ref" in node else node


def _fields(node: Any, schema: Any, where: str = "") -> Iterator[str]:
    for key, inner in node.get("properties", {}).items():
        yield f"{where}{key}"
        yield from _fields(_resolved(inner, schema), schema, f"{where}{key}.")
    if isinstance(node.get("additionalProperties"), dict):
        yield from _fields(_resolved(node["additionalProperties"], schema), schema, f"{where}*.")


def _used(node: Any, schema: Any, value: Any, where: str = "") -> Iterator[str]:
    """The fields that a file uses; the names of modules are written as ``*``."""
    properties = node.get("properties", {})
    for key, each in value.items():
        step, inner = (key, properties[key]) if key in properties else ("*", node.get("additionalProperties"))
        yield f"{where}{step}"
        if isinstance(each, dict):
            yield from _used(_resolved(inner, schema), schema, each, f"{where}{step}.")


def test_several_statuses_and_kinds_of_mirrors_are_shown(mirrors: tuple[Mirror, ...], written: dict[str, Any]) -> None:
    assert len({mirror.status for mirror in mirrors}) >= 5
    assert any(mirror.monopoly for mirror in mirrors)
    assert any(mirror.private and mirror.subnets and not mirror.monopoly for mirror in mirrors)
    assert any(mirror.private and mirror.asns for mirror in mirrors)
    assert {mirror.cloud.regions is None for mirror in mirrors if mirror.cloud} == {True, False}
    assert any(len(mirror.asns) > 1 for mirror in mirrors)
    assert any("main" not in mirror.urls for mirror in mirrors)
    assert any("latitude" not in root["geolocation"] for root in written.values())


def test_networks_are_those_for_documentation(mirrors: tuple[Mirror, ...]) -> None:
    for mirror in mirrors:
        assert all(64496 <= asn <= 64511 for asn in mirror.asns), mirror.name
        for prefix in mirror.subnets:
            address = ipaddress.ip_address(prefix.packed)
            assert any(address in network for network in DOCUMENTATION), mirror.name


def test_host_names_are_those_for_examples(service: Service, mirrors: tuple[Mirror, ...]) -> None:
    urls = [url for mirror in mirrors for of in mirror.urls.values() for url in of.values()]
    urls += [mirror.sponsor_url for mirror in mirrors if mirror.sponsor_url]
    urls += [*service.catalogue.vault_urls, *(url for of in service.fallbacks.values() for url in of)]
    for url in urls:
        assert (urlsplit(url).hostname or "").endswith(("example.org", "example.net")), url


def test_a_mirrors_addresses_carry_its_name(mirrors: tuple[Mirror, ...]) -> None:
    for mirror in mirrors:
        hosts = {urlsplit(url).hostname for of in mirror.urls.values() for url in of.values()}
        assert hosts == {mirror.name}


def test_logos_lie_beside_the_files(mirrors: tuple[Mirror, ...]) -> None:
    logos = {mirror.logo for mirror in mirrors if mirror.logo}
    assert logos == {path.name for path in (ROOT / "mirrors.d").iterdir() if path.suffix != ".yml"}
    for logo in logos:
        assert (ROOT / "mirrors.d" / logo).read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_maintainers_weigh_and_approve_mirrors_that_exist(service: Service, mirrors: tuple[Mirror, ...]) -> None:
    names = {mirror.name for mirror in mirrors}
    assert {*service.policy.weights, *service.approved} <= names


def test_the_example_has_no_origin_because_it_has_no_packages(service: Service) -> None:
    assert service.origins == {}


@pytest.mark.parametrize(
    ("version", "repository", "path"),
    [
        ("9", "baseos", "9.8/BaseOS/$basearch/os/"),
        ("10", "crb", "10.2/CRB/$basearch/os/"),
        ("10-kitten", "extras-common", "10-kitten/extras-common/$basearch/os/"),
        ("9.5", "appstream", "9.5/AppStream/$basearch/os/"),
        ("9", "baseos-source", "9.8/BaseOS/Source/"),
    ],
)
def test_the_example_publishes(service: Service, version: str, repository: str, path: str) -> None:
    assert target(service.catalogue, version, repository).path == path


def test_the_examples_alias_works(service: Service) -> None:
    assert repo_names(service.catalogue)["os-9"] == ("9", "baseos")
