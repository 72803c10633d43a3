""""""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorlist.core.model import NOWHERE, ClientPlace, Location
from mirrorlist.core.network.geo import (
    CELL_PRECISION_KM,
    EARTH_RADIUS_KM,
    HEIGHT,
    SQUARED_CHORDS,
    WIDTH,
    distance_km,
    place_of,
    point,
    vector,
)

_LATITUDES = st.floats(-90, 90)
_LONGITUDES = st.floats(-180, 180)
_FARTHEST_KM = 20_015


def _haversine_km(a: tuple[float, float], b: tuple[float, float]) -> float:
    """The great-circle distance by another formula than the one under test."""
    phi_a, phi_b = math.radians(a[0]), math.radians(b[0])
    lam = math.radians(b[1] - a[1])
    h = math.sin((phi_b - phi_a) / 2) ** 2 + math.cos(phi_a) * math.cos(phi_b) * math.sin(lam / 2) ** 2
    return 2 * 6371.0088 * math.asin(min(1.0, math.sqrt(h)))


@given(_LATITUDES, _LONGITUDES, _LATITUDES, _LONGITUDES)
def test_a_distance_is_the_haversine_one_floored(lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> None:
    expected = _haversine_km((lat_a, lon_a), (lat_b, lon_b))
    assert -1 < expected - distance_km(vector(lat_a, lon_a), vector(lat_b, lon_b)) <= 1 + 1e-6


@given(_LATITUDES, _LONGITUDES, _LATITUDES, _LONGITUDES)
def test_a_distance_is_the_same_both_ways(lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> None:
    a, b = vector(lat_a, lon_a), vector(lat_b, lon_b)
    assert distance_km(a, b) == distance_km(b, a)


@pytest.mark.parametrize(
    ("a", "b", "km"),
    [
        ((52.52, 13.40), (52.52, 13.40), 0),
        ((52.52, 13.40), (48.14, 11.58), 503),
        ((0.0, 179.5), (0.0, -179.5), 111),  # over the date line
        ((0.0, 180.0), (0.0, -180.0), 0),
        ((90.0, 0.0), (90.0, 123.0), 0),  # one pole, two longitudes
        ((90.0, 0.0), (-90.0, 0.0), _FARTHEST_KM),
        ((0.0, 0.0), (0.0, 180.0), _FARTHEST_KM),
        ((40.0, -3.0), (-40.0, 177.0), _FARTHEST_KM),
        ((89.0, 0.0), (89.0, 180.0), 222),  # over the pole
    ],
)
def test_distances_of_known_pairs(a: tuple[float, float], b: tuple[float, float], km: int) -> None:
    assert distance_km(vector(*a), vector(*b)) == km


@given(_LATITUDES, _LONGITUDES)
def test_a_vector_has_length_one(latitude: float, longitude: float) -> None:
    assert math.hypot(*vector(latitude, longitude)) == pytest.approx(1, abs=1e-15)


def test_the_table_has_a_larger_chord_for_each_kilometre_of_half_the_globe() -> None:
    assert len(SQUARED_CHORDS) == _FARTHEST_KM == int(math.pi * EARTH_RADIUS_KM)
    assert all(before < after for before, after in pairwise(SQUARED_CHORDS))
    assert 0 < SQUARED_CHORDS[0] < SQUARED_CHORDS[-1] < 4


@pytest.mark.parametrize("km", [1, 100, 250, 500, 1000, 2000, 4000, 8000, _FARTHEST_KM])
def test_a_kilometre_begins_where_its_chord_is_reached(km: int) -> None:
    degrees = math.degrees(km / EARTH_RADIUS_KM)
    here = vector(0.0, 0.0)
    step = 1e-5 if km < 20_000 else 1e-4  # near the antipode a chord hardly grows
    assert distance_km(here, vector(0.0, degrees - step)) == km - 1
    assert distance_km(here, vector(0.0, degrees + step)) == km


@pytest.mark.parametrize("km", [1, 100, 500, 8000])
def test_at_its_very_chord_a_kilometre_counts(km: int) -> None:
    chord = math.sqrt(SQUARED_CHORDS[km - 1])
    found = distance_km((0.0, 0.0, 0.0), (chord, 0.0, 0.0))
    assert found == km if chord * chord >= SQUARED_CHORDS[km - 1] else km - 1


@pytest.mark.parametrize(
    ("location", "place"),
    [
        (None, NOWHERE),
        (Location(), NOWHERE),
        (Location(continent="EU"), NOWHERE),
        (Location(country="DE"), ClientPlace("DE")),
        (Location(country="DE", latitude=51.0), ClientPlace("DE")),
        (Location(country="DE", longitude=10.0), ClientPlace("DE")),
        (Location(country="DE", latitude=52.52, longitude=13.4), ClientPlace("DE", 53.0, 13.0, True)),
        (Location(latitude=52.4, longitude=13.6), ClientPlace(None, 52.0, 14.0, True)),
        (
            Location(country="DE", latitude=52.4, longitude=13.4, precision_km=CELL_PRECISION_KM),
            ClientPlace("DE", 52.0, 13.0, True),
        ),
        (Location(country="US", latitude=37.751, longitude=-97.822, precision_km=1000.0), ClientPlace("US")),
        (Location(latitude=37.751, longitude=-97.822, precision_km=1000.0), NOWHERE),
        (Location(country="FJ", latitude=-17.0, longitude=-179.9), ClientPlace("FJ", -17.0, 180.0, True)),
        (Location(country="FJ", latitude=-17.0, longitude=179.9), ClientPlace("FJ", -17.0, 180.0, True)),
        (Location(country="FJ", latitude=-17.0, longitude=-180.0), ClientPlace("FJ", -17.0, 180.0, True)),
        (Location(country="GH", latitude=-0.2, longitude=-0.2), ClientPlace("GH", 0.0, 0.0, True)),
        (Location(country="AQ", latitude=-89.9, longitude=0.0), ClientPlace("AQ", -90.0, 0.0, True)),
    ],
)
def test_a_location_becomes_a_cell_a_country_or_nowhere(location: Location | None, place: ClientPlace) -> None:
    assert place_of(location) == place


@given(_LATITUDES, _LONGITUDES)
def test_a_cell_is_near_its_location_and_has_one_spelling(latitude: float, longitude: float) -> None:
    place = place_of(Location(country="DE", latitude=latitude, longitude=longitude))
    assert place.latitude is not None
    assert place.longitude is not None
    assert distance_km(vector(latitude, longitude), vector(place.latitude, place.longitude)) <= 79
    assert -180 < place.longitude <= 180
    assert str(place.latitude) != "-0.0" != str(place.longitude)


def test_the_map_ends_at_the_date_line_and_where_nobody_lives() -> None:
    assert [point(latitude, 0.0) for latitude in (90.0, 84.0, -58.0, -90.0)] == [
        (WIDTH / 2, 0.0), (WIDTH / 2, 0.0), (WIDTH / 2, HEIGHT), (WIDTH / 2, HEIGHT),
    ]  # fmt: skip
    assert [point(0.0, longitude)[0] for longitude in (-999.0, -180.0, 180.0, 999.0)] == [0.0, 0.0, WIDTH, WIDTH]


@pytest.mark.parametrize("latitude", [-57.0, -30.0, 15.0, 45.0, 60.0, 75.0, 83.0])
def test_the_map_keeps_areas_as_they_are(latitude: float) -> None:
    """A narrow belt around the Earth has the share of the map's area that it has of the Earth's."""

    def shown(at: float) -> float:
        low, high = at - 0.001, at + 0.001
        width, height = point(at, 180.0)[0] - point(at, -180.0)[0], point(low, 0.0)[1] - point(high, 0.0)[1]
        return width * height / (math.sin(math.radians(high)) - math.sin(math.radians(low)))

    assert shown(latitude) == pytest.approx(shown(0.0), rel=1e-6)
