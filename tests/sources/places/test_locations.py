"""The places of mirrors: which step finds them, and where. The traps are those of real mirror networks."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from mirrorlist.core.model import Location, Mirror, PlaceSource
from mirrorlist.core.network.geo import distance_km, vector
from mirrorlist.sources.mirrors.files import read_mirror_files
from mirrorlist.sources.places.countries import Countries, Country, read_countries
from mirrorlist.sources.places.gazetteer import read_gazetteer
from mirrorlist.sources.places.locations import (
    CITY_KM,
    CONTINENT_KM,
    COUNTRY_KM,
    STATE_KM,
    STEPS,
    TEXT_STEPS,
    Atlas,
    contradiction,
    located,
    placed,
    read_atlas,
    text_location,
)
from tests.building import mirror

REAL = Path(__file__).parents[4] / "shared" / "data" / "almalinux" / "mirrors.d"
ONLY_GERMANY = Atlas(Countries({"DE": Country("DE", "Germany", "EU", 51.26, 9.64)}), read_gazetteer())
KNOWN = read_atlas()
CITIES = (PlaceSource.CITY_AND_STATE, PlaceSource.SWAPPED, PlaceSource.CITY, PlaceSource.CITY_ELSEWHERE)
PRECISIONS = {
    PlaceSource.CITY_AND_STATE: CITY_KM,
    PlaceSource.SWAPPED: CITY_KM,
    PlaceSource.CITY: CITY_KM,
    PlaceSource.CITY_ELSEWHERE: STATE_KM,
    PlaceSource.STATE: STATE_KM,
    PlaceSource.COUNTRY: COUNTRY_KM,
    PlaceSource.CONTINENT: CONTINENT_KM,
}


@pytest.mark.parametrize(
    ("said", "found"),
    [
        pytest.param(
            Location(country="DE", city="Berlin", latitude=52.52, longitude=13.4),
            Location(None, "DE", None, "Berlin", 52.52, 13.4, None, PlaceSource.COORDINATES),
            id="coordinates",
        ),
        pytest.param(
            Location(latitude=0.0, longitude=0.0),
            Location(latitude=0.0, longitude=0.0, source=PlaceSource.COORDINATES),
            id="coordinates of zero",
        ),
        pytest.param(
            Location(country="DE", latitude=-33.0, longitude=147.0),
            Location(country="DE", latitude=-33.0, longitude=147.0, source=PlaceSource.COORDINATES),
            id="coordinates win over the country",
        ),
        pytest.param(
            Location("EU", "DE"),
            Location("EU", "DE", None, None, 51.26, 9.64, COUNTRY_KM, PlaceSource.COUNTRY),
            id="a country",
        ),
        pytest.param(
            Location(country="DE", latitude=52.5),
            Location(None, "DE", None, None, 51.26, 9.64, COUNTRY_KM, PlaceSource.COUNTRY),
            id="half a pair of coordinates",
        ),
        pytest.param(
            Location(country="ZZ", city="Berlin"), Location(country="ZZ", city="Berlin"), id="no such country"
        ),
        pytest.param(Location(city="Berlin"), Location(city="Berlin"), id="a city alone"),
        pytest.param(Location(region="Bavaria"), Location(region="Bavaria"), id="a state alone"),
        pytest.param(Location(continent="XX"), Location(continent="XX"), id="no such continent"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_a_mirror_is_placed_by_the_first_step_that_finds_something(
    said: Location | None, found: Location | None
) -> None:
    given: Mirror = mirror("a", location=said, sponsor="s", asns=(64500,))
    assert placed(given, ONLY_GERMANY) == replace(given, location=found)


@pytest.mark.parametrize(
    ("country", "state", "city", "source", "latitude", "longitude"),
    [
        # The state decides between cities of one name; codes are codes, not parts of names.
        ("US", "GA", "Atlanta", PlaceSource.CITY_AND_STATE, 33.7, -84.4),
        ("US", "Georgia", "Atlanta", PlaceSource.CITY_AND_STATE, 33.7, -84.4),
        ("US", "US-GA", "Atlanta", PlaceSource.CITY_AND_STATE, 33.7, -84.4),
        ("US", "Michigan", "Detroit", PlaceSource.CITY_AND_STATE, 42.3, -83.0),
        ("US", "TX", "Atlanta", PlaceSource.CITY_AND_STATE, 33.1, -94.2),
        ("US", "OR", "Portland", PlaceSource.CITY_AND_STATE, 45.5, -122.7),
        ("US", "ME", "Portland", PlaceSource.CITY_AND_STATE, 43.7, -70.3),
        ("US", "Missouri", "Springfield", PlaceSource.CITY_AND_STATE, 37.2, -93.3),
        ("US", "IL", "Springfield", PlaceSource.CITY_AND_STATE, 39.8, -89.6),
        ("US", "NY", "New York", PlaceSource.CITY_AND_STATE, 40.7, -74.0),
        ("US", "New York", "New York", PlaceSource.CITY_AND_STATE, 40.7, -74.0),
        ("US", "DC", "Washington", PlaceSource.CITY_AND_STATE, 38.9, -77.0),
        ("NL", "NL-NH", "Amsterdam", PlaceSource.CITY_AND_STATE, 52.4, 4.9),
        ("NL", "Noord Holland", "Amsterdam", PlaceSource.CITY_AND_STATE, 52.4, 4.9),
        ("CA", "ON", "London", PlaceSource.CITY_AND_STATE, 43.0, -81.2),
        ("CA", "QC", "Montreal", PlaceSource.CITY_AND_STATE, 45.5, -73.6),
        ("CA", "Québec", "Montréal", PlaceSource.CITY_AND_STATE, 45.5, -73.6),
        ("AU", "NSW", "Sydney", PlaceSource.CITY_AND_STATE, -33.9, 151.2),
        ("DE", "Hessen", "Frankfurt", PlaceSource.CITY_AND_STATE, 50.1, 8.7),
        ("DE", "Brandenburg", "Frankfurt", PlaceSource.CITY_AND_STATE, 52.3, 14.5),
        ("UA", "Kyiv", "Kyiv", PlaceSource.CITY_AND_STATE, 50.5, 30.5),
        ("BY", "Minsk", "Minsk", PlaceSource.CITY_AND_STATE, 53.9, 27.6),
        ("MX", "Querétaro", "Querétaro", PlaceSource.CITY_AND_STATE, 20.6, -100.4),
        ("KR", "Gyeonggi Province", "Suwon-si", PlaceSource.CITY_AND_STATE, 37.3, 127.0),
        ("TR", "İstanbul", "Istanbul", PlaceSource.CITY_AND_STATE, 41.0, 29.0),
        # What people take for a state may be a country to GeoNames.
        ("US", "Puerto Rico", "San Juan", PlaceSource.CITY_AND_STATE, 18.5, -66.1),
        ("US", "PR", "San Juan", PlaceSource.CITY_AND_STATE, 18.5, -66.1),
        ("US", "US-PR", "San Juan", PlaceSource.CITY_AND_STATE, 18.5, -66.1),
        ("US", "TX", "San Juan", PlaceSource.CITY_AND_STATE, 26.2, -98.2),
        ("US", "Puerto Rico", None, PlaceSource.STATE, 18.3, -66.4),
        ("FR", "La Réunion", "Saint-Denis", PlaceSource.CITY_AND_STATE, -20.9, 55.5),
        ("CN", None, "Hong Kong", PlaceSource.CITY, 22.3, 114.2),
        # City and state are swapped.
        ("US", "Ashburn", "Virginia", PlaceSource.SWAPPED, 39.0, -77.5),
        ("CA", "Toronto", "ON", PlaceSource.SWAPPED, 43.7, -79.4),
        # No state, or none that is known: the largest city of the name.
        ("US", None, "Atlanta", PlaceSource.CITY, 33.7, -84.4),
        ("US", "Atlantis", "Atlanta", PlaceSource.CITY, 33.7, -84.4),
        ("US", None, "St. Louis", PlaceSource.CITY, 38.6, -90.2),
        ("GB", None, "Newcastle", PlaceSource.CITY, 55.0, -1.6),
        ("NL", "Amsterdam", "Amsterdam", PlaceSource.CITY, 52.4, 4.9),
        ("RS", None, "Belgrade", PlaceSource.CITY, 44.8, 20.5),
        # The state speaks against the city: one near the state, or one that everybody means, else the state.
        ("US", "DC", "Ashburn", PlaceSource.CITY_ELSEWHERE, 39.0, -77.5),
        ("IN", "Delhi", "Noida", PlaceSource.CITY_ELSEWHERE, 28.6, 77.3),
        ("US", "Delaware", "Los Angeles", PlaceSource.CITY_ELSEWHERE, 34.1, -118.2),
        ("CA", "Quebec", "LaSalle", PlaceSource.STATE, 46.0, -73.1),
        # The city is not known.
        ("TW", "Taiwan", "Shinchu", PlaceSource.STATE, 24.5, 121.1),
        ("TW", None, "Shinchu", PlaceSource.COUNTRY, 24.5, 121.1),
        ("ID", "DKI Jakarta", "South Jakarta", PlaceSource.STATE, -6.2, 106.8),
        ("ID", "JABODETABEK", "South Jakarta", PlaceSource.COUNTRY, -4.8, 109.5),
        ("KR", "Gyeonggi-do", "Yongin-si", PlaceSource.STATE, 37.4, 127.0),
        ("US", "GA", None, PlaceSource.STATE, 33.3, -83.9),
        ("US", "GA", "Ga", PlaceSource.STATE, 33.3, -83.9),
        ("HU", "Debrecen", None, PlaceSource.STATE, 47.5, 21.6),
        ("US", None, None, PlaceSource.COUNTRY, 38.8, -93.5),
    ],
)
def test_names_lead_to_the_place_that_people_mean(
    country: str, state: str | None, city: str | None, source: PlaceSource, latitude: float, longitude: float
) -> None:
    said = Location(country=country, region=state, city=city)
    found = located(said, KNOWN)
    assert found and found.latitude is not None and found.longitude is not None
    assert (found.source, found.precision_km) == (source, PRECISIONS[source])
    tolerance_km = 20 if source in CITIES else 150
    assert distance_km(vector(found.latitude, found.longitude), vector(latitude, longitude)) <= tolerance_km
    assert replace(found, latitude=None, longitude=None, precision_km=None, source=None) == said


def test_a_continent_is_better_than_nothing() -> None:
    found = located(Location(continent="EU"), KNOWN)
    assert found == Location("EU", None, None, None, 51.05, 16.27, CONTINENT_KM, PlaceSource.CONTINENT)


def test_placing_a_mirror_twice_changes_nothing_but_the_way_it_was_found() -> None:
    once = placed(mirror("a", location=Location(country="DE")), KNOWN)
    twice = placed(once, KNOWN)
    assert once.location
    assert twice == replace(once, location=replace(once.location, source=PlaceSource.COORDINATES))


def test_every_country_of_the_table_places_a_mirror() -> None:
    for code, country in read_countries().by_code.items():
        location = placed(mirror("a", location=Location(country=code)), KNOWN).location
        assert location
        assert (location.latitude, location.longitude) == (country.latitude, country.longitude)


def test_every_step_is_named_by_a_source() -> None:
    examples = [
        Location(latitude=1.0, longitude=1.0),
        Location(country="US", region="GA", city="Atlanta"),
        Location(country="US", region="Ashburn", city="Virginia"),
        Location(country="US", city="Atlanta"),
        Location(country="US", region="DC", city="Ashburn"),
        Location(country="US", region="GA"),
        Location(country="DE"),
        Location(continent="EU"),
    ]
    sources = [step(said, KNOWN) for step, said in zip(STEPS, examples, strict=True)]
    by_name = [source for source in PlaceSource if source is not PlaceSource.ADDRESS]  # that one needs no names
    assert [found.source for found in sources if found] == by_name
    assert STEPS[1:] == TEXT_STEPS


@pytest.mark.parametrize(
    ("names", "latitude", "longitude", "apart"),
    [
        pytest.param(Location(country="DE", city="Berlin"), 52.5, 13.4, None, id="the same place"),
        pytest.param(Location(country="DE", city="Berlin"), 48.1, 11.6, 504, id="another city, just too far"),
        pytest.param(Location(country="DE", city="Berlin"), 50.1, 8.7, None, id="another city, near enough"),
        pytest.param(Location(country="US", region="GA", city="Atlanta"), 33.7, 84.4, 12_000, id="a lost minus sign"),
        pytest.param(Location(country="US"), 47.6, -122.3, None, id="anywhere in a large country"),
        pytest.param(Location(country="US"), 21.3, -157.9, None, id="on an island of it"),
        pytest.param(Location(country="US"), 47.6, 122.3, 4_560, id="a lost minus sign of a country"),
        pytest.param(Location(country="US", region="TX"), 31.8, -106.5, None, id="at the edge of a large state"),
        pytest.param(Location(country="US", region="TX"), 47.6, -122.3, 2_200, id="in another state"),
        pytest.param(Location(country="US", region="PR"), 18.4, -66.1, None, id="in a territory"),
        pytest.param(Location(country="US"), 18.4, -66.1, None, id="in a territory of the country"),
        pytest.param(Location(country="DE", city="Atlantis"), 48.1, 11.6, None, id="an unknown city"),
        pytest.param(Location(continent="EU"), -33.0, 147.0, None, id="a continent says too little"),
        pytest.param(Location(), 0.0, 0.0, None, id="no names"),
        pytest.param(Location(country="AQ"), 0.0, 0.0, 11_300, id="a country without cities"),
    ],
)
def test_names_contradict_coordinates_that_are_far_from_all_that_they_may_mean(
    names: Location, latitude: float, longitude: float, apart: int | None
) -> None:
    other = replace(names, latitude=latitude, longitude=longitude)
    found = contradiction(text_location(other, other, KNOWN), other)
    assert (found is None) == (apart is None)
    assert found is None or apart is None or abs(found - apart) < 0.1 * apart


def test_an_unknown_location_contradicts_nothing() -> None:
    berlin = Location(latitude=52.5, longitude=13.4)
    assert contradiction(None, berlin) is None
    assert contradiction(berlin, None) is None
    assert contradiction(berlin, Location(country="US")) is None
    assert contradiction(berlin, Location(latitude=-33.0, longitude=147.0)) == 15_750


def real_locations(remainder: int) -> list[Location]:
    """Half of AlmaLinux's mirrors with a geolocation: rules were made while looking at half 0 only."""
    mirrors = read_mirror_files(REAL, ("main", "kitten"), KNOWN.countries).mirrors.values()
    halved = [each for each in mirrors if hashlib.sha256(each.name.encode()).digest()[-1] % 2 == remainder]
    return [each.location for each in halved if each.location]


@pytest.mark.skipif(not REAL.is_dir(), reason=f"{REAL} is not there")
@pytest.mark.parametrize("half", [0, 1])
def test_at_least_95_of_100_real_places_are_cities_and_the_others_states_or_countries(half: int) -> None:
    said = real_locations(half)
    found = [location for each in said if (location := located(each, KNOWN))]
    sources = Counter(location.source for location in found)
    assert len(found) == len(said) > 150
    assert sum(sources[source] for source in CITIES) >= 0.95 * len(said)
    assert sources.keys() <= {*CITIES, PlaceSource.STATE, PlaceSource.COUNTRY}


@pytest.mark.skipif(not REAL.is_dir(), reason=f"{REAL} is not there")
def test_placing_all_real_mirrors_takes_little_time() -> None:
    said = [*real_locations(0), *real_locations(1)]
    fresh = Atlas(KNOWN.countries, type(KNOWN.gazetteer)(gazetteer_file()))
    started = time.process_time()
    for each in said:
        located(each, fresh)
    assert time.process_time() - started < 2, "0.2 s are usual, unpacking included"


def gazetteer_file() -> bytes:
    return (Path(__file__).parents[3] / "mirrorlist" / "data" / "gazetteer.bin").read_bytes()


@pytest.mark.parametrize(
    ("country", "city", "latitude", "longitude"),
    [
        ("US", "Portland, ME", 43.7, -70.3), ("US", "Portland ME", 43.7, -70.3), ("US", "Portland (OR)", 45.5, -122.7),
        ("US", "Columbia, Missouri, USA", 39.0, -92.3), ("US", "Springfield - MA", 42.1, -72.6),
        ("BR", "São Paulo - SP", -23.6, -46.6), ("CA", "London, ON", 43.0, -81.2), ("US", "Ashburn VA", 39.0, -77.5),
        ("US", "Ashburn, ZZ", 39.0, -77.5), ("DE", "Frankfurt a. M.", 50.1, 8.7), ("DE", "Frankfurt a/M", 50.1, 8.7),
        ("DE", "Frankfurt/Oder", 52.4, 14.6), ("US", "NYC", 40.7, -74.0), ("VN", "HCMC", 10.8, 106.6),
        ("NL", "'s-Gravenhage", 52.1, 4.3), ("IE", "Dublin 15", 53.3, -6.2), ("DE", "10115 Berlin", 52.5, 13.4),
        ("RU", "Москва", 55.8, 37.6), ("UA", "Київ", 50.5, 30.5), ("GR", "Θεσσαλονίκη", 40.6, 22.9),
        ("BG", "София", 42.7, 23.3), ("RS", "Београд", 44.8, 20.5),
    ],
)  # fmt: skip
def test_a_state_behind_a_city_and_other_spellings_are_understood(
    country: str, city: str, latitude: float, longitude: float
) -> None:
    found = located(Location(country=country, city=city), read_atlas())
    assert found is not None
    assert (round(found.latitude or 0, 1), round(found.longitude or 0, 1)) == (latitude, longitude)
