"""The gazetteer: names to places. The places are the ones that anybody finds on a map."""

from __future__ import annotations

import lzma
import subprocess
import sys
from collections.abc import Sequence
from importlib.resources import files
from math import hypot
from pathlib import Path

import msgspec
import pytest

from mirrorlist.sources.places.countries import read_countries
from mirrorlist.sources.places.gazetteer import NO_STATE, Block, Gazetteer, Index, Point, Province, read_gazetteer

LARGEST_BYTES = 2_000_000
KNOWN = read_gazetteer()


def column(values: Sequence[int]) -> bytes:
    return b"".join(value.to_bytes(2, "little", signed=True) for value in values)


LAND = Block(
    names=b"\na\nsaint b\nsaint b\nsaint b city\n",
    short_names=b"\n\n\n\n\tb city\tsaint b\t\n",
    alternates=b"\n\tb\tox\t\n\n\tb\tc\t\n\tox\t\n",
    states=bytes([1, 2, NO_STATE, 1]),
    latitudes=column([1000, 2000, -3000, 4000]),
    longitudes=column([-17999, 0, 1, 18000]),
    populations=bytes([100, 120, 110, 200]),
    state_names={"east": [1], "xx ea": [1], "ea": [1], "west": [2], "coast": [2, 1]},
    state_centres=[(1050, -17000), (2050, 50)],
)


def file_of(**blocks: Block) -> Gazetteer:
    body, places = b"", {}
    for country, block in blocks.items():
        packed = lzma.compress(msgspec.msgpack.encode(block))
        places[country] = (len(body), len(packed))
        body += packed
    index = msgspec.msgpack.encode(Index("a test", {"EU": (50.0, 10.0)}, places))
    return Gazetteer(len(index).to_bytes(4, "little") + index + body)


SMALL = file_of(XX=LAND, YY=LAND)


@pytest.mark.parametrize(
    ("text", "latitudes"),
    [
        pytest.param("A", [10.0], id="a main name"),
        pytest.param("Saint B", [40.0, 20.0, -30.0], id="main names and parts of names, the largest first"),
        pytest.param("St. B", [40.0, 20.0, -30.0], id="Saint may be St"),
        pytest.param("Saint B City", [40.0], id="the longest spelling first"),
        pytest.param("Saint-B (Old Town)", [40.0, 20.0, -30.0], id="what is added in brackets does not count"),
        pytest.param("Saint B, XX", [40.0, 20.0, -30.0], id="nor what stands behind a comma"),
        pytest.param("B", [-30.0, 10.0], id="further names, by population too"),
        pytest.param("ox", [40.0, 10.0], id="the last further name of a line"),
        pytest.param("Ox-shi", [40.0, 10.0], id="a word for city at the end"),
        pytest.param("int b", [], id="a part of a name is no name"),
        pytest.param("aint b\nsaint b", [], id="line breaks are blanks"),
        pytest.param("", [], id="nothing"),
        pytest.param("--", [], id="punctuation alone"),
        pytest.param("\n", [], id="a line break alone"),
        pytest.param("\t", [], id="a tab alone"),
    ],
)
def test_cities_are_found_by_whole_names(text: str, latitudes: list[float]) -> None:
    assert [city.place.latitude for city in SMALL.cities("XX", text)] == latitudes


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("East", [1]),
        ("EA", [1]),
        ("XX-EA", [1]),
        ("State of East", [1]),
        ("East Province", [1]),
        ("Coast", [2, 1]),
        ("E", []),
        ("", []),
        ("Province", []),
    ],
)
def test_states_are_found_by_names_and_codes(text: str, numbers: list[int]) -> None:
    assert [state.number for state in SMALL.states("XX", text)] == numbers


def test_degrees_populations_and_centres_are_those_of_the_table() -> None:
    (city,) = SMALL.cities("YY", "a")
    assert (city.state, city.place, city.population) == (1, Point(10.0, -179.99), 1024)
    assert SMALL.states("YY", "west") == (Province(2, Point(20.5, 0.5)),)
    assert SMALL.continents == {"EU": (50.0, 10.0)}
    assert SMALL.source == "a test"


@pytest.mark.parametrize("country", ["ZZ", "", "xx"])
def test_of_an_unknown_country_nothing_is_found(country: str) -> None:
    assert SMALL.cities(country, "a") == ()
    assert SMALL.states(country, "east") == ()
    assert SMALL.nearest(country, None, Point(0, 0)) is None


@pytest.mark.parametrize(
    ("state", "point", "nearest"),
    [
        pytest.param(None, Point(19, 1), Point(20.0, 0.0), id="of the whole country"),
        pytest.param(Province(1, Point(0, 0)), Point(9, 170), Point(10.0, -179.99), id="of a state"),
        pytest.param(None, Point(9, 179.9), Point(10.0, -179.99), id="across the date line"),
        pytest.param(Province(2, Point(0, 0)), Point(9, 170), Point(20.0, 0.0), id="of another state"),
        pytest.param(Province(9, Point(0, 0)), Point(0, 0), None, id="of a state without cities"),
    ],
)
def test_the_nearest_city_is_found(state: Province | None, point: Point, nearest: Point | None) -> None:
    assert SMALL.nearest("XX", state, point) == nearest


@pytest.mark.parametrize(
    ("country", "text", "latitude", "longitude"),
    [
        pytest.param("US", "Atlanta", 33.7, -84.4, id="the largest of several"),
        pytest.param("US", "New York", 40.7, -74.0, id="short for New York City"),
        pytest.param("US", "St. Louis", 38.6, -90.2, id="St. is Saint"),
        pytest.param("US", "Washington", 38.9, -77.0, id="the capital, not one of the towns"),
        pytest.param("PR", "San Juan", 18.5, -66.1, id="San Juan in Puerto Rico"),
        pytest.param("CA", "Montreal", 45.5, -73.6, id="without the accent"),
        pytest.param("CA", "Montréal", 45.5, -73.6, id="with the accent"),
        pytest.param("CA", "MONTREAL", 45.5, -73.6, id="in capitals"),
        pytest.param("DE", "Frankfurt", 50.1, 8.7, id="Frankfurt am Main"),
        pytest.param("DE", "Frankfurt/Main", 50.1, 8.7, id="with its river"),
        pytest.param("DE", "Nürnberg", 49.5, 11.1, id="its own language"),
        pytest.param("DE", "Nuernberg", 49.5, 11.1, id="umlauts written out"),
        pytest.param("DE", "Munich", 48.1, 11.6, id="in English"),
        pytest.param("GB", "Newcastle", 55.0, -1.6, id="short for Newcastle upon Tyne"),
        pytest.param("TR", "Istanbul", 41.0, 29.0, id="dotted I"),
        pytest.param("RS", "Belgrade", 44.8, 20.5, id="Belgrade"),
        pytest.param("RS", "Beograd", 44.8, 20.5, id="Beograd"),
        pytest.param("UA", "Kiev", 50.5, 30.5, id="the former English name"),
        pytest.param("RU", "St Petersburg", 59.9, 30.3, id="St without a full stop"),
        pytest.param("KR", "Suwon-si", 37.3, 127.0, id="-si"),
        pytest.param("JP", "Shinjuku-ku", 35.7, 139.7, id="-ku"),
        pytest.param("TW", "Taipei City", 25.0, 121.5, id="City"),
        pytest.param("MX", "Mexico City", 19.4, -99.1, id="City as a part of the name"),
        pytest.param("BR", "Sao Paulo", -23.5, -46.6, id="a tilde left out"),
        pytest.param("DK", "Kobenhavn", 55.7, 12.6, id="letters that do not decompose"),
        pytest.param("PL", "Lodz", 51.8, 19.5, id="letters that do not decompose either"),
        pytest.param("IN", "Bangalore", 13.0, 77.6, id="an older name"),
        pytest.param("VN", "Saigon", 10.8, 106.7, id="another older name"),
        pytest.param("HK", "Hong Kong", 22.3, 114.2, id="a city that is a country to GeoNames"),
    ],
)
def test_a_name_leads_to_the_city_that_people_mean(country: str, text: str, latitude: float, longitude: float) -> None:
    found = KNOWN.cities(country, text)[0].place
    assert hypot(found.latitude - latitude, found.longitude - longitude) < 0.15


@pytest.mark.parametrize(
    ("country", "texts"),
    [
        ("US", ["Georgia", "GA", "ga", "US-GA", "State of Georgia"]),
        ("US", ["District of Columbia", "DC", "Washington, D.C.", "Washington DC"]),
        ("CA", ["Quebec", "Québec", "QC", "CA-QC"]),
        ("AU", ["New South Wales", "NSW", "AU-NSW"]),
        ("NL", ["North Holland", "Noord-Holland", "Noord Holland", "NL-NH", "NH"]),
        ("DE", ["Bavaria", "Bayern", "DE-BY", "BY"]),
        ("DE", ["North Rhine-Westphalia", "Nordrhein-Westfalen", "DE-NW"]),
        ("DE", ["Baden-Württemberg", "Baden-Wuerttemberg", "DE-BW"]),
        ("FR", ["Île-de-France", "Ile de France", "FR-IDF", "FR-75C"]),
        ("FR", ["Auvergne-Rhône-Alpes", "FR-ARA", "Rhone"]),
        ("IT", ["Veneto", "IT-34", "Vicenza", "Provincia di Vicenza"]),
        ("GB", ["England", "GB-ENG", "Kent", "GB-KEN"]),
        ("BR", ["São Paulo", "SP", "BR-SP"]),
        ("IN", ["Karnataka", "IN-KA", "KA"]),
        ("ID", ["Jakarta", "DKI Jakarta", "ID-JK"]),
        ("KR", ["Gyeonggi-do", "Gyeonggi Province", "KR-41"]),
        ("PL", ["Mazovia", "Mazowieckie", "PL-14"]),
        ("CZ", ["South Moravian", "Jihomoravský kraj", "CZ-64"]),
        ("SE", ["Skåne", "Skane County", "SE-M"]),
        ("JP", ["Tokyo", "Tokyo-to", "JP-13"]),
        ("ES", ["Madrid", "Comunidad de Madrid", "ES-MD"]),
    ],
)
def test_all_ways_of_writing_a_state_mean_the_same(country: str, texts: list[str]) -> None:
    numbers = {text: [state.number for state in KNOWN.states(country, text)][:1] for text in texts}
    assert numbers == dict.fromkeys(texts, numbers[texts[0]])
    assert numbers[texts[0]] != []


@pytest.mark.parametrize(
    ("country", "text"), [("US", "G"), ("US", "Geor"), ("US", "orgia"), ("US", "QC"), ("DE", "GA"), ("US", "13")]
)
def test_a_code_is_no_part_of_a_name_and_means_nothing_elsewhere(country: str, text: str) -> None:
    assert KNOWN.states(country, text) == ()


def test_a_capital_may_be_told_as_the_region_around_it() -> None:
    kyiv = KNOWN.cities("UA", "Kyiv")[0]
    assert kyiv.state in {state.number for state in KNOWN.states("UA", "Kyiv")}
    assert len(KNOWN.states("UA", "Kyiv")) == 2


def test_the_continents_are_those_of_the_schema() -> None:
    assert sorted(KNOWN.continents) == ["AF", "AN", "AS", "EU", "NA", "OC", "SA"]
    assert {country.continent for country in read_countries().by_code.values()} == KNOWN.continents.keys()


def test_the_file_is_small_and_names_its_sources() -> None:
    file = files("mirrorlist").joinpath("data", "gazetteer.bin")
    assert len(file.read_bytes()) <= LARGEST_BYTES
    assert "GeoNames (CC BY 4.0)" in KNOWN.source


@pytest.mark.slow
def test_a_web_worker_reads_no_gazetteer() -> None:
    program = (
        "import sys, mirrorlist.app, mirrorlist.web.lists.hot\n"
        "from mirrorlist.sources.places.gazetteer import read_gazetteer\n"
        "print('mirrorlist.sources.places.locations' in sys.modules, read_gazetteer.cache_info().currsize)\n"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "False 0\n"


@pytest.mark.parametrize(
    ("country", "text", "city"),
    [("DE", "Mnuich", "Munich"), ("DE", "Berlin", "Berlin"), ("NL", "Amsterdm", "Amsterdam"), ("DE", "Xyzzy", None),
     ("DE", "", None), ("QQ", "Berlin", None), ("DE", "x" * 5000, None)],
)  # fmt: skip
def test_the_city_that_a_mistyped_name_is_nearest_to(country: str, text: str, city: str | None) -> None:
    assert read_gazetteer().near_city(country, text) == city


@pytest.mark.parametrize(
    ("country", "place", "city"),
    [
        ("DE", (52.5, 13.4), "Berlin"),
        ("DE", (48.0, 11.0), "Munich"),
        ("DE", (0.0, 0.0), None),
        ("QQ", (52.5, 13.4), None),
    ],
)
def test_the_largest_city_near_a_point(country: str, place: tuple[float, float], city: str | None) -> None:
    assert read_gazetteer().city_near(country, Point(*place), 0.75) == city
