"""Records of address databases, layout by layout."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorlist.core.model import Location
from mirrorlist.core.network.geo import place_of
from mirrorlist.sources.geo.records import CITY_PRECISION_KM, GeoRecord, record_of

ULM = Location(country="DE", latitude=48.4, longitude=9.99, precision_km=CITY_PRECISION_KM)
LAYOUTS: dict[str, tuple[dict[str, Any], GeoRecord]] = {
    "MaxMind City": (
        {"country": {"iso_code": "DE"}, "location": {"latitude": 48.4, "longitude": 9.99, "accuracy_radius": 7}},
        GeoRecord(Location(country="DE", latitude=48.4, longitude=9.99, precision_km=7.0)),
    ),
    "MaxMind Country": (
        {"continent": {"code": "EU"}, "country": {"iso_code": "DE"}},
        GeoRecord(Location(country="DE")),
    ),
    "MaxMind, registered only": ({"registered_country": {"iso_code": "FR"}}, GeoRecord(Location(country="FR"))),
    "MaxMind, both": (
        {"country": {"iso_code": "DE"}, "registered_country": {"iso_code": "FR"}},
        GeoRecord(Location(country="DE")),
    ),
    "MaxMind Enterprise": (
        {"country": {"iso_code": "DE"}, "traits": {"autonomous_system_number": 64500}},
        GeoRecord(Location(country="DE"), 64500),
    ),
    "MaxMind ASN and ISP": ({"autonomous_system_number": 64500, "isp": "Example"}, GeoRecord(None, 64500)),
    "DB-IP City": (
        {"country": {"iso_code": "DE"}, "location": {"latitude": 48.4, "longitude": 9.99}},
        GeoRecord(ULM),
    ),
    "ip-location-db country": ({"country_code": "DE"}, GeoRecord(Location(country="DE"))),
    "ip-location-db city": (
        {"country_code": "DE", "latitude": 48.4, "longitude": 9.99, "city": "", "state2": ""},
        GeoRecord(ULM),
    ),
    "IPinfo lite": (
        {"country": "Germany", "country_code": "DE", "continent": "Europe", "asn": "AS64500"},
        GeoRecord(Location(country="DE"), 64500),
    ),
    "IPinfo location": (
        {"country": "Germany", "country_code": "DE", "latitude": 48.4, "longitude": 9.99},
        GeoRecord(ULM),
    ),
    "IPinfo location, old": ({"country": "DE", "lat": "48.40", "lng": "9.99", "geoname_id": "1"}, GeoRecord(ULM)),
    "IPinfo location with a radius": (
        {"country": "DE", "country_name": "Germany", "latitude": "48.4", "longitude": "9.99", "radius": "500"},
        GeoRecord(Location(country="DE", latitude=48.4, longitude=9.99, precision_km=500.0)),
    ),
    "IPinfo country and ASN": (
        {"country": "DE", "country_name": "Germany", "continent": "EU", "asn": "AS64500"},
        GeoRecord(Location(country="DE"), 64500),
    ),
    "IPinfo ASN": ({"asn": "AS64500", "name": "Example", "route": "192.0.2.0/24"}, GeoRecord(None, 64500)),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_is_understood(layout: str) -> None:
    fields, record = LAYOUTS[layout]
    assert record_of(fields) == record


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (64500, 64500),
        ("AS64500", 64500),
        ("as64500", 64500),
        ("64500", 64500),
        (4_294_967_294, 4_294_967_294),
        (4_294_967_295, None),
        (0, None),
        (-5, None),
        (True, None),
        (1.5, None),
        ("AS", None),
        ("AS-5", None),
        ("AS" + "9" * 5000, None),
        ("ASN64500", None),
        ("AS٣", None),
        ("", None),
        (None, None),
        ([64500], None),
    ],
)
def test_an_asn_is_a_number_with_or_without_as(value: Any, number: int | None) -> None:
    assert record_of({"asn": value}).asn == number
    assert record_of({"autonomous_system_number": value}).asn == number


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [(91, 0), (-90.1, 0), (0, 180.5), ("", ""), ("n", "e"), (None, 5), (float("nan"), 0), (0, float("inf")), ([1], {}),
     (10**400, 0)],
)  # fmt: skip
def test_coordinates_that_are_none_leave_the_country(latitude: Any, longitude: Any) -> None:
    flat = {"country_code": "DE", "latitude": latitude, "longitude": longitude}
    nested = {"country": {"iso_code": "DE"}, "location": {"latitude": latitude, "longitude": longitude}}
    assert record_of(flat) == record_of(nested) == GeoRecord(Location(country="DE"))


@pytest.mark.parametrize("radius", ["wide", -1, float("nan"), None, [5]])
def test_a_radius_that_is_none_is_a_citys(radius: Any) -> None:
    found = record_of({"country_code": "DE", "latitude": 48.4, "longitude": 9.99, "radius": radius})
    assert found.location == ULM


@pytest.mark.parametrize(("radius", "exact"), [(300, True), (301, False), ("1000", False), (None, True)])
def test_precision_decides_whether_a_place_is_more_than_its_country(radius: Any, exact: bool) -> None:
    found = record_of({"country_code": "US", "latitude": 37.751, "longitude": -97.822, "radius": radius})
    assert place_of(found.location).exact is exact


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
KEYS = ("country", "country_code", "registered_country", "continent", "location", "latitude", "longitude", "lat", "lng",
        "radius", "asn", "autonomous_system_number", "traits")  # fmt: skip
INNER = st.dictionaries(
    st.sampled_from(["iso_code", "latitude", "longitude", "accuracy_radius", "autonomous_system_number"]), ANYTHING
)


@given(st.dictionaries(st.sampled_from(KEYS), ANYTHING | INNER))
def test_any_record_gives_a_place_that_can_be_used_or_none(fields: dict[str, Any]) -> None:
    found = record_of(fields)
    place = place_of(found.location)
    assert place.country is None or (len(place.country) == 2 and place.country.isascii() and place.country.isupper())
    assert place.latitude is None or -90 <= place.latitude <= 90
    assert place.longitude is None or -180 < place.longitude <= 180
    assert found.asn is None or 0 < found.asn < 2**32 - 1
