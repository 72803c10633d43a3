"""Several sources that know one address."""

from __future__ import annotations

from pathlib import Path

import pytest

from mirrorlist.core.catalogue.service import NetworkOverride
from mirrorlist.core.model import NOWHERE, ClientPlace, Location, Prefix
from mirrorlist.core.network.prefixes import packed, parse_prefix
from mirrorlist.core.selection.compile import country_places
from mirrorlist.sources.geo.mmdb import read_geo_database
from mirrorlist.sources.geo.sources import override_tables
from mirrorlist.sources.geo.tables import GeoTables, completed, merged
from tests.building import CENTRES
from tests.sources.databases import asn, city, write_database

PLACES, NUMBERS = country_places(CENTRES)
DE, FR = ClientPlace("DE"), ClientPlace("FR")
BERLIN, PARIS, UNNAMED = (
    ClientPlace("DE", 53.0, 13.0, True),
    ClientPlace("FR", 49.0, 2.0, True),
    ClientPlace(None, 53.0, 13.0, True),
)


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        (NOWHERE, NOWHERE, NOWHERE),
        (NOWHERE, BERLIN, BERLIN),
        (DE, NOWHERE, DE),
        (DE, FR, DE),
        (DE, BERLIN, BERLIN),  # coordinates complete a country
        (FR, BERLIN, FR),  # but not those of another one
        (DE, UNNAMED, BERLIN),
        (BERLIN, PARIS, BERLIN),
        (BERLIN, FR, BERLIN),
        (UNNAMED, DE, BERLIN),
        (UNNAMED, PARIS, ClientPlace("FR", 53.0, 13.0, True)),
    ],
)
def test_the_first_place_is_completed_by_the_second(first: ClientPlace, second: ClientPlace, both: ClientPlace) -> None:
    assert completed(first, second) == both


def at(found: GeoTables, text: str) -> tuple[ClientPlace, int]:
    address = packed(text)
    assert address is not None
    return found.places[found.located.at(address)], found.asns.at(address)


def test_field_by_field_the_first_file_that_has_a_value_counts(tmp_path: Path) -> None:
    countries = {"192.0.2.0/24": {"country": {"iso_code": "DE"}}, "198.51.100.0/24": {"country": {"iso_code": "FR"}}}
    lite = {net: {"country_code": "JP", "country": "Japan", "asn": "AS64501"} for net in ("0.0.0.0/1", "128.0.0.0/1")}
    files = [
        write_database(tmp_path / "country.mmdb", "GeoLite2-Country", countries),
        write_database(tmp_path / "city.mmdb", "city ipv4", {
            "192.0.2.0/25": {"country_code": "DE", "latitude": 52.52, "longitude": 13.4, "city": ""},
            "198.51.100.0/25": {"country_code": "DE", "latitude": 52.52, "longitude": 13.4, "city": ""},
        }, 4),
        write_database(tmp_path / "asn.mmdb", "GeoLite2-ASN", {"192.0.2.0/26": asn(64500)}),
        write_database(tmp_path / "lite.mmdb", "ipinfo bundle_location_lite.mmdb", lite, 4),
    ]  # fmt: skip
    found = merged(map(read_geo_database, files), PLACES, NUMBERS)
    assert at(found, "192.0.2.1") == (BERLIN, 64500)
    assert at(found, "192.0.2.100") == (BERLIN, 64501)
    assert at(found, "192.0.2.200") == (ClientPlace("DE", *CENTRES["DE"]), 64501)
    assert at(found, "198.51.100.1") == (ClientPlace("FR", *CENTRES["FR"]), 64501)
    assert at(found, "203.0.113.1") == (ClientPlace("JP", *CENTRES["JP"]), 64501)
    assert found.places[: len(PLACES)] == PLACES


def test_a_country_that_is_none_is_no_place(tmp_path: Path) -> None:
    rows = {"192.0.2.0/24": {"country_code": "ZZ"}, "198.51.100.0/24": {"country_code": "EU"}, **EXACT}
    found = merged([read_geo_database(write_database(tmp_path / "c.mmdb", "city ipv4", rows, 4))], PLACES, NUMBERS)
    assert at(found, "192.0.2.1") == at(found, "198.51.100.1") == (NOWHERE, 0)
    assert at(found, "203.0.113.1")[0] == ClientPlace("ZZ", 1.0, 2.0, True)


EXACT = {"203.0.113.0/24": {"country_code": "ZZ", "latitude": 1.0, "longitude": 2.0}}


def test_the_country_of_an_asns_holder_is_no_place(tmp_path: Path) -> None:
    rows = {"192.0.2.0/24": {"asn": "AS64500", "country": "US", "type": "hosting"}}
    found = read_geo_database(write_database(tmp_path / "a.mmdb", "ipinfo standard_asn_new.mmdb", rows))
    assert at(found, "192.0.2.1") == (NOWHERE, 64500)


def override(text: str, asn: int | None = None, **place: object) -> NetworkOverride:
    prefix: Prefix = parse_prefix(text)[0]
    return NetworkOverride(prefix=prefix, location=Location(**place) if place else None, asn=asn)  # type: ignore[arg-type]


def test_an_override_wins_for_exactly_the_fields_that_it_gives(tmp_path: Path) -> None:
    data = {"192.0.2.0/24": {**city("DE", 52.52, 13.4), "traits": {"autonomous_system_number": 64500}},
            "2001:db8::/32": city("FR", 48.86, 2.35)}  # fmt: skip
    file = read_geo_database(write_database(tmp_path / "e.mmdb", "GeoIP2-Enterprise", data))
    overrides = [
        override("192.0.2.0/26", asn=64501),
        override("192.0.2.64/26", country="FR"),
        override("192.0.2.128/26", country="DE"),
        override("192.0.2.192/26", latitude=48.86, longitude=2.35),
        override("2001:db8::/48", asn=64502),
        override("2001:db8:0:1::/64", country="DE", latitude=52.52, longitude=13.4),
        override("203.0.113.0/24", country="AU"),
    ]
    found = merged([override_tables(overrides), file], PLACES, NUMBERS)
    assert at(found, "192.0.2.1") == (BERLIN, 64501)
    assert at(found, "192.0.2.65") == (ClientPlace("FR", *CENTRES["FR"]), 64500)
    assert at(found, "192.0.2.129") == (BERLIN, 64500)
    assert at(found, "192.0.2.193") == (ClientPlace("DE", 49.0, 2.0, True), 64500)
    assert at(found, "2001:db8::1") == (PARIS, 64502)
    assert at(found, "2001:db8:0:1::1") == (BERLIN, 64502)
    assert at(found, "2001:db8:1::1") == (PARIS, 0)
    assert at(found, "203.0.113.1") == (ClientPlace("AU", *CENTRES["AU"]), 0)
    assert at(found, "203.0.114.1") == (NOWHERE, 0)


def test_of_nested_overrides_the_narrower_one_wins_field_by_field() -> None:
    found = merged(
        [override_tables([
            override("192.0.2.0/28", latitude=48.86, longitude=2.35),
            override("192.0.2.0/24", asn=64500, country="FR"),
            override("192.0.2.0/30", country="DE"),
        ])], PLACES, NUMBERS,
    )  # fmt: skip
    assert at(found, "192.0.2.100") == (ClientPlace("FR", *CENTRES["FR"]), 64500)
    assert at(found, "192.0.2.9") == (PARIS, 64500)
    assert at(found, "192.0.2.1") == (ClientPlace("DE", 49.0, 2.0, True), 64500)
