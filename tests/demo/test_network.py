"""The demo's mirrors, clients and files fit together and fit the schemas."""

from __future__ import annotations

import configparser
import ipaddress
import json
from pathlib import Path

import iptocc
import jsonschema
import maxminddb
import pytest
import yaml

from mirrorlist.demo.directory import DirectoryTaken, Layout, build_trees, clear, write_network
from mirrorlist.demo.network import (
    ASN,
    CAMPUS_NETWORKS,
    CLIENTS,
    CLOUD_NETWORKS,
    CLOUD_REGION,
    FACTORY_NETWORKS,
    MIRRORS,
    NAMES,
    public,
)

SCHEMAS = Path(__file__).parents[2] / "schemas"
SERVICE_URL = "http://127.0.0.1:8080"
MIRROR_URLS = {name: f"http://127.0.0.1:{20000 + number}/" for number, name in enumerate(NAMES)}
STALE = "tokyo.example.org"
COUNTRIES = {"Germany": "DE", "Brazil": "BR", "Japan": "JP", "South Africa": "ZA"}


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    made = clear(tmp_path_factory.mktemp("demo") / "state")
    build_trees(made, {STALE})
    write_network(made, SERVICE_URL, MIRROR_URLS)
    return made


def repomd(tree: Path) -> bytes:
    return (tree / "9.8" / "BaseOS" / "x86_64" / "os" / "repodata" / "repomd.xml").read_bytes()


def address_of(who: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    (address,) = (client.address for client in CLIENTS if client.who == who)
    assert address
    return ipaddress.ip_address(address)


def test_there_are_nine_mirrors_for_everyone_on_six_continents() -> None:
    for_everyone = [mirror for mirror in MIRRORS if mirror.serves == "everyone"]
    assert len(for_everyone) >= 9
    assert {mirror.city.continent for mirror in for_everyone} == {"EU", "NA", "SA", "AS", "AF", "OC"}


def test_names_are_different() -> None:
    assert len(set(NAMES)) == len(MIRRORS)


@pytest.mark.parametrize(("who", "country"), COUNTRIES.items())
def test_clients_of_countries_have_addresses_there(who: str, country: str) -> None:
    assert iptocc.country_code(str(address_of(who))) == country


@pytest.mark.parametrize(
    ("who", "network"),
    [
        ("the private subnet", CAMPUS_NETWORKS[0]),
        ("the same by IPv6", CAMPUS_NETWORKS[1]),
        ("the monopoly subnet", FACTORY_NETWORKS[0]),
        (f"aws {CLOUD_REGION}", CLOUD_NETWORKS[0]),
    ],
)
def test_clients_of_networks_have_addresses_there(who: str, network: str) -> None:
    assert address_of(who) in ipaddress.ip_network(network)


def test_every_client_expects_mirrors_that_exist() -> None:
    for client in CLIENTS:
        assert client.first
        assert client.first <= set(NAMES)


def test_public_leaves_out_mirrors_that_open_to_some_only() -> None:
    opened = {client.opens for client in CLIENTS if client.opens}
    assert public() == set(NAMES) - opened


@pytest.mark.parametrize("name", NAMES)
def test_every_mirror_file_keeps_to_the_schema(layout: Layout, name: str) -> None:
    document = yaml.safe_load((layout.mirrors_dir / f"{name}.yml").read_text("utf-8"))
    schema = json.loads((SCHEMAS / "mirror.json").read_text("utf-8"))
    jsonschema.validate(document, schema, jsonschema.Draft202012Validator)
    assert (document["name"], document["address"]) == (name, {"http": MIRROR_URLS[name]})


def test_service_file_keeps_to_the_schema_and_names_files_that_exist(layout: Layout) -> None:
    document = yaml.safe_load(layout.service_file.read_text("utf-8"))
    schema = json.loads((SCHEMAS / "service.json").read_text("utf-8"))
    jsonschema.validate(document, schema, jsonschema.Draft202012Validator)
    named = (
        document["mirrors_dir"],
        document["origin"]["main"],
        *document["geo"]["databases"],
        *document["geo"]["clouds"].values(),
    )
    assert all((layout.root / path).exists() for path in named)


def test_asn_database_has_the_mirror_of_that_client(layout: Layout) -> None:
    with maxminddb.open_database(layout.asn_database) as database:
        assert database.metadata().database_type == "GeoLite2-ASN"
        found = database.get(str(address_of(f"AS{ASN}")))
        assert isinstance(found, dict)
        assert found["autonomous_system_number"] == ASN
        assert database.get(str(address_of(f"aws {CLOUD_REGION}"))) is None


def test_cloud_file_has_the_layout_of_aws(layout: Layout) -> None:
    document = json.loads(layout.cloud_ranges.read_text("utf-8"))
    assert [(p["ip_prefix"], p["region"]) for p in document["prefixes"]] == [(CLOUD_NETWORKS[0], CLOUD_REGION)]
    assert [(p["ipv6_prefix"], p["region"]) for p in document["ipv6_prefixes"]] == [(CLOUD_NETWORKS[1], CLOUD_REGION)]


def test_repo_file_has_metalinks_and_a_disabled_mirrorlist(layout: Layout) -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(layout.repo_file)
    assert {name: (parser[name]["enabled"], parser[name].get("metalink")) for name in parser.sections()} == {
        "demo-baseos": ("1", f"{SERVICE_URL}/metalink?repo=baseos-$releasever&arch=$basearch"),
        "demo-appstream": ("1", f"{SERVICE_URL}/metalink?repo=appstream-$releasever&arch=$basearch"),
        "demo-baseos-mirrorlist": ("0", None),
    }
    assert parser["demo-baseos-mirrorlist"]["mirrorlist"] == (
        f"{SERVICE_URL}/mirrorlist/$releasever/baseos?arch=$basearch"
    )


def test_only_a_stale_mirror_differs_from_the_origin(layout: Layout) -> None:
    differing = {name for name in NAMES if repomd(layout.tree(name)) != repomd(layout.origin)}
    assert differing == {STALE}


def test_a_directory_of_an_earlier_demo_is_used_again(tmp_path: Path) -> None:
    first = clear(tmp_path)
    build_trees(first, ())
    first.log(STALE).write_text("GET\n")
    again = clear(tmp_path)
    assert not again.origin.exists()
    assert not again.log(STALE).exists()


def test_a_directory_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")
    with pytest.raises(DirectoryTaken, match="--directory"):
        clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
