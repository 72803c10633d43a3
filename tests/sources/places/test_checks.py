""""""

from __future__ import annotations

from pathlib import Path

import pytest

from mirrorlist.core.model import Location
from mirrorlist.sources.mirrors.files import parse_mirror, read_mirror_files
from mirrorlist.sources.places.checks import placed_by
from mirrorlist.sources.places.locations import located, read_atlas

ATLAS = read_atlas()
HEAD = "name: a.example\naddress: {http: http://a.example/x/}\n"


def messages(text: str) -> list[str]:
    _, findings = parse_mirror((HEAD + text).encode(), "a.example.yml", ("main",), ATLAS.countries, ATLAS)
    return [each.message for each in findings]


@pytest.mark.parametrize(
    ("geolocation", "said"),
    [
        pytest.param("country: US, state_province: GA, city: Atlanta", [], id="all is well"),
        pytest.param("country: DE, city: Berlin", [], id="a city alone"),
        pytest.param("country: NL, state_province: Randstad, city: Amsterdam", [], id="an unknown state, a known city"),
        pytest.param("country: DE", [], id="a country is enough"),
        pytest.param("continent: EU", [], id="a continent too"),
        pytest.param("latitude: 1, longitude: 2", [], id="coordinates too"),
        pytest.param("country: DE, city: Atlantis, latitude: 52, longitude: 13", [], id="coordinates need no names"),
        pytest.param(
            "country: TW, city: Shinchu",
            [
                "city 'Shinchu' is not known there, so the mirror is placed by its country (TW); "
                "correct it, write the nearest larger city, or give latitude and longitude"
            ],
            id="a slip of the pen",
        ),
        pytest.param(
            "country: DE, state_province: Bavaria, city: Atlantis",
            [
                "city 'Atlantis' is not known there, so the mirror is placed by its state (Bavaria, DE); "
                "correct it, write the nearest larger city, or give latitude and longitude"
            ],
            id="an unknown city in a known state",
        ),
        pytest.param(
            "country: US, state_province: Ashburn, city: Virginia",
            ["city 'Virginia' is a state and state_province 'Ashburn' a city; swap them"],
            id="swapped",
        ),
        pytest.param(
            "country: US, state_province: DC, city: Ashburn",
            [
                "city 'Ashburn' is not in 'DC'; the mirror is placed by its city, which is not in its state "
                "(Ashburn, US); correct one of the two"
            ],
            id="a city beside its state",
        ),
        pytest.param(
            "country: DE, state_province: Atlantis",
            ["state_province 'Atlantis' is not known, so the mirror is placed by its country (DE); correct it"],
            id="an unknown state alone",
        ),
        pytest.param(
            "country: BR, city: Curitiba, latitude: 25.43, longitude: -49.27",
            [
                "the coordinates are 5655 km from the names' place, placed by its city (Curitiba, BR); "
                "correct one of the two"
            ],
            id="a lost minus sign",
        ),
        pytest.param(
            "city: Berlin",
            [
                "geolocation names no known country, so its addresses place the mirror, or it comes last; "
                "write country, state_province and city, or latitude and longitude"
            ],
            id="a city without a country",
        ),
    ],
)
def test_a_remark_says_what_is_odd_which_place_counts_and_what_to_do(geolocation: str, said: list[str]) -> None:
    assert messages(f"geolocation: {{{geolocation}}}\n") == said


@pytest.mark.parametrize(
    ("country", "city", "state", "place"),
    [
        *(
            ("TW", city, state, (25.05, 121.53))
            for city in ("Taipei", "Taipei City", "TaipeiCity", "taipei")
            for state in ("Taipei", "Taipei City", "TAIPEI", "")
        ),
        ("VN", "Hanoi", "Ha Noi", (21.02, 105.84)),
        ("DO", "Santo Domingo", "Santo Domingo", (18.47, -69.89)),
        ("US", "NewYork", "New York", (40.71, -74.01)),
        ("US", "Los-Angeles", "CA", (34.05, -118.24)),
        ("US", "LosAngeles", "california", (34.05, -118.24)),
        ("US", "Coeur d Alene", "Idaho", (47.68, -116.78)),
        ("US", "OFallon", "MO", (38.81, -90.7)),
        ("DE", "Frankfurt-am-Main", "Hessen", (50.12, 8.68)),
        ("DE", "FrankfurtamMain", "Hesse", (50.12, 8.68)),
        ("DE", "Stuttgart", "BadenWürttemberg", (48.78, 9.18)),
        ("FR", "SaintEtienne", "Auvergne Rhone-Alpes", (45.43, 4.39)),
        ("IT", "L Aquila", "Abruzzo", (42.35, 13.4)),
        ("CH", "St.Gallen", "Sankt Gallen", (47.42, 9.37)),
        ("CH", "StGallen", "", (47.42, 9.37)),
        ("RU", "St.Petersburg", "St Petersburg", (59.94, 30.31)),
        ("BR", "SaoPaulo", "Sao Paulo", (-23.55, -46.64)),
        ("CA", "TroisRivières", "QC", (46.35, -72.55)),
        ("ZA", "CapeTown", "WesternCape", (-33.93, 18.42)),
        ("CR", "SanJosé", "", (9.93, -84.08)),
    ],
)
def test_a_place_is_the_same_however_its_names_are_written(
    country: str, city: str, state: str, place: tuple[float, float]
) -> None:
    said = Location(country=country, city=city, region=state or None)

    found = located(said, ATLAS)

    assert found is not None
    assert (found.latitude, found.longitude) == pytest.approx(place, abs=0.02)
    assert messages(f"geolocation: {{country: {country}, city: '{city}', state_province: '{state}'}}\n") == []


def test_a_city_is_not_meant_by_a_state_of_its_name_that_is_far_from_it() -> None:
    found = located(Location(country="US", city="Washington", region="Washington"), ATLAS)

    assert found is not None
    assert placed_by(found) == "placed by its state (Washington, US)"


@pytest.mark.parametrize("text", ["", "sponsor: x\n", "geolocation: {}\n"])
def test_a_public_mirror_without_a_place_is_told(text: str) -> None:
    assert messages(text) == [
        "geolocation is not given, so its addresses place the mirror, or it comes last; "
        "write country, state_province and city, or latitude and longitude"
    ]


@pytest.mark.parametrize("text", ["private: true\nasn: 64500\n", "cloud_type: aws\ncloud_regions: [eu-west-1]\n"])
def test_a_mirror_that_serves_its_own_networks_only_needs_no_place(text: str) -> None:
    assert messages(text) == []


def test_a_refused_file_has_no_remark_on_its_place() -> None:
    assert [each for each in messages("private: [x]\n") if "place" in each] == []


def test_a_directory_is_judged_like_its_files(tmp_path: Path) -> None:
    (tmp_path / "a.example.yml").write_text(HEAD)
    (tmp_path / "b.example.yml").write_text(HEAD.replace("a.example", "b.example") + "geolocation: {country: DE}\n")

    with_atlas = read_mirror_files(tmp_path, ("main",), ATLAS.countries, ATLAS)
    without = read_mirror_files(tmp_path, ("main",), ATLAS.countries)

    assert [f"{Path(each.path).name} {each.code}" for each in with_atlas.findings] == ["a.example.yml no-place"]
    assert (without.mirrors, without.findings) == (with_atlas.mirrors, ())


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (Location(country="US", city="Suva", latitude=-18.1, longitude=178.4), "its coordinates (-18.10, 178.40)"),
        (Location(country="US", region="Virginia", city="Ashburn"), "its city and state (Ashburn, Virginia, US)"),
        (
            Location(country="US", region="Ashburn", city="Virginia"),
            "its city and state, which are swapped (Ashburn, Virginia, US)",
        ),
        (Location(country="FJ", city="Suva"), "its city (Suva, FJ)"),
        (Location(country="US", region="DC", city="Ashburn"), "its city, which is not in its state (Ashburn, US)"),
        (Location(country="US", region="GA", city="Nowhere"), "its state (GA, US)"),
        (Location("EU", "PL", city="Nowhere"), "its country (PL)"),
        (Location("EU"), "its continent (EU)"),
    ],
)
def test_every_way_of_placing_a_mirror_is_told_in_words(said: Location, words: str) -> None:
    assert placed_by(located(said, ATLAS)) == f"placed by {words}"


def test_a_mirror_that_is_not_placed_is_told_so() -> None:
    assert placed_by(None) == placed_by(Location(country="US", city="Ashburn")) == "not placed"
