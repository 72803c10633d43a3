"""Every code of a finding: proved by an example, and explained in docs/mirror-files.md."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mirrorlist.sources.mirrors.files import parse_mirror, read_mirror_files
from mirrorlist.sources.places.countries import read_countries
from mirrorlist.sources.places.locations import read_atlas
from mirrorlist.sources.yaml.documents import Code
from mirrorlist.sources.yaml.schemas import load_schema

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "mirror-files.md"
COUNTRIES = read_countries()
MODULES = ("main", "kitten")
HEAD = "name: a.example\naddress:\n  http: http://a.example/x/\n"

EXAMPLES: list[tuple[Code, str, str]] = [
    (Code.FILE_TOO_LARGE, "1:1: error", "#" * 65537),
    (Code.NOT_UTF8, "4:10: warning", HEAD + "sponsor: \udce4\n"),
    (Code.CONTROL_CHARACTER, "1:4: error", "a: \x07"),
    (Code.EMPTY_FILE, "1:1: error", "---\n"),
    (Code.YAML_SYNTAX, "1:5: error", "a: b: c"),
    (Code.YAML_ALIAS, "1:4: error", "a: *b"),
    (Code.YAML_TAG, "1:4: error", "a: !b c"),
    (Code.SEVERAL_DOCUMENTS, "4:1: error", HEAD + "---\nname: b.example\n"),
    (Code.TOO_DEEP, "1:23: error", "a: " + "[" * 20),
    (Code.COMPLEX_KEY, "1:3: error", "? [a]\n: b"),
    (Code.NOT_A_MAPPING, "1:1: error", "- a"),
    (Code.DUPLICATE_KEY, "4:1: warning", HEAD + "name: a.example\n"),
    (Code.UNKNOWN_KEY, "4:1: warning", HEAD + "address_options: {kitten: {http: http://a.example/}}\n"),
    (Code.MISSING_KEY, "1:1: error", "name: a.example\n"),
    (Code.WRONG_TYPE, "4:10: error", HEAD + "private: maybe\n"),
    (Code.BAD_VALUE, "4:9: error", HEAD + "status: off\n"),
    (Code.OUT_OF_RANGE, "4:17: error", HEAD + "countries_only: []\n"),
    (Code.KEY_CASE, "4:1: warning", HEAD + "Sponsor: x\n"),
    (Code.FILE_NAME, "1:7: warning", HEAD.replace("a.example", "b.example", 1)),
    (Code.UNKNOWN_MODULE, "5:3: warning", HEAD + "address_optional:\n  kiten: {http: http://a.example/}\n"),
    (Code.URL_SCHEME, "4:10: warning", HEAD + "  https: http://a.example/\n"),
    (Code.RSYNC_SPELLING, "4:10: warning", HEAD + "  rsync: a.example::linux\n"),
    (Code.BAD_URL, "4:10: warning", HEAD + "  https: https://u:p@a.example/\n"),
    (Code.SPONSOR_URL, "4:14: warning", HEAD + "sponsor_url: a.example\n"),
    (Code.COUNTRY_SPELLING, "4:24: warning", HEAD + "geolocation: {country: UK}\n"),
    (Code.CONTINENT_SPELLING, "4:26: warning", HEAD + "geolocation: {continent: Europe}\n"),
    (Code.WRONG_CONTINENT, "4:26: warning", HEAD + "geolocation: {continent: AF, country: DE}\n"),
    (Code.UNKNOWN_COUNTRY, "4:24: warning", HEAD + "geolocation: {country: Atlantis}\n"),
    (Code.UNQUOTED_WORD, "4:24: warning", HEAD + "geolocation: {country: NO}\n"),
    (Code.ASN_SPELLING, "4:6: warning", HEAD + "asn: AS64496\n"),
    (Code.HOST_BITS, "4:11: warning", HEAD + "subnets: [10.0.0.1/8]\n"),
    (Code.BAD_NETWORK, "4:11: warning", HEAD + "subnets: [10.0.0.0/33]\n"),
    (Code.BAD_DATE, "4:12: error", HEAD + "live_from: 2026-02-30\n"),
    (Code.UNKNOWN_REGION, "5:17: warning", HEAD + "cloud_type: aws\ncloud_regions: [eu-nort-1]\n"),
    (Code.PRIVATE_WITHOUT_NETWORKS, "4:10: warning", HEAD + "private: true\n"),
]


PLACES: list[tuple[Code, str, str]] = [
    (Code.NO_PLACE, "1:1: warning", HEAD),
    (Code.UNKNOWN_CITY, "4:34: warning", HEAD + "geolocation: {country: DE, city: Atlantis}\n"),
    (Code.UNKNOWN_STATE, "4:44: warning", HEAD + "geolocation: {country: DE, state_province: Atlantis}\n"),
    (
        Code.SWAPPED_PLACE,
        "4:34: warning",
        HEAD + "geolocation: {country: US, city: Virginia, state_province: Ashburn}\n",
    ),
    (Code.CITY_ELSEWHERE, "4:34: warning", HEAD + "geolocation: {country: US, city: Ashburn, state_province: DC}\n"),
    (
        Code.PLACE_CONTRADICTION,
        "4:53: warning",
        HEAD + "geolocation: {country: US, city: Ashburn, latitude: 39, longitude: 77.5}\n",
    ),
]


@pytest.mark.parametrize(("code", "start", "text"), EXAMPLES, ids=[str(row[0]) for row in EXAMPLES])
def test_each_finding_has_its_place_and_severity(code: Code, start: str, text: str) -> None:
    data = text.encode("utf-8", "surrogateescape")

    mirror, findings = parse_mirror(data, "a.example.yml", MODULES, COUNTRIES)

    assert [str(each).split("] ")[0] for each in findings] == [f"a.example.yml:{start} [{code}"]
    assert (mirror is None) == ("error" in start)


@pytest.mark.parametrize(("code", "start", "text"), PLACES, ids=[str(row[0]) for row in PLACES])
def test_each_finding_on_a_place_needs_an_atlas(code: Code, start: str, text: str) -> None:
    mirror, findings = parse_mirror(text.encode(), "a.example.yml", MODULES, COUNTRIES, read_atlas())

    assert [str(each).split("] ")[0] for each in findings] == [f"a.example.yml:{start} [{code}"]
    assert mirror is not None
    assert parse_mirror(text.encode(), "a.example.yml", MODULES, COUNTRIES) == (mirror, ())


def twins(directory: Path) -> None:
    (directory / "a.example.yml").write_text(HEAD)
    (directory / "b.example.yaml").write_text(HEAD.replace("/x/", "/y/"))


def link(directory: Path) -> None:
    (directory / "a.example.yml").write_text(HEAD)
    (directory / "b.yml").symlink_to("a.example.yml")


def misnamed(directory: Path) -> None:
    (directory / "a.example.yml").write_text(HEAD)
    (directory / "b.example").write_text(HEAD)


def nothing_there(directory: Path) -> None:
    directory.rmdir()


DIRECTORIES: dict[Code, tuple[Callable[[Path], None], str, list[str]]] = {
    Code.DUPLICATE_NAME: (twins, "b.example.yaml:1:7: error", ["a.example.yml"]),
    Code.NOT_A_REGULAR_FILE: (link, "b.yml:1:1: warning", ["a.example.yml"]),
    Code.UNREAD_FILE: (misnamed, "b.example:1:1: warning", ["a.example.yml"]),
    Code.UNREADABLE_FILE: (nothing_there, "mirrors.d:1:1: error", []),
}


@pytest.mark.parametrize("code", DIRECTORIES)
def test_each_finding_on_a_directory_leaves_the_rest_in_use(code: Code, tmp_path: Path) -> None:
    prepare, start, mirrors = DIRECTORIES[code]
    directory = tmp_path / "mirrors.d"
    directory.mkdir()
    prepare(directory)

    found = read_mirror_files(directory, MODULES, COUNTRIES)

    assert list(found.mirrors) == mirrors
    told = [each for each in found.findings if each.code == code]
    assert [f"{Path(each.path).name}:{each.line}:{each.column}: {each.severity}" for each in told] == [start]


def test_every_code_has_an_example() -> None:
    assert set(Code) - {row[0] for row in EXAMPLES + PLACES} - DIRECTORIES.keys() == set()


def table_rows(heading: str) -> list[list[str]]:
    section = DOCUMENTATION.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return [[re.sub(r"^`|`$", "", row[0]), *row[1:]] for row in rows]


def test_the_documentation_explains_every_code() -> None:
    rows = table_rows("What the findings mean")

    assert sorted(row[0] for row in rows) == sorted(Code)
    assert all(len(row) == 4 and all(row) for row in rows)


def test_the_documentation_tells_the_severity_of_every_code() -> None:
    severities = {row[0]: row[1] for row in table_rows("What the findings mean")}

    shown = {row[0]: row[1].split()[-1] for row in EXAMPLES + PLACES}
    shown |= {code: start.split()[-1] for code, (_, start, _) in DIRECTORIES.items()}
    assert severities == {str(code): severity for code, severity in shown.items()}


def test_the_documentation_explains_every_field() -> None:
    assert sorted(row[0] for row in table_rows("Every field")) == sorted(field_names(load_schema("mirror")))


def field_names(node: Any, path: str = "") -> list[str]:
    names = []
    for name, rule in node.get("properties", {}).items():
        nested = field_names(rule, f"{path}{name}.")
        names += nested or [path + name]
    return names


def test_the_examples_of_the_documentation_are_mirrors_without_a_finding() -> None:
    examples = re.findall(r"```yaml\n(.*?)```", DOCUMENTATION.read_text(encoding="utf-8"), re.DOTALL)

    whole = [text for text in examples if re.search(r"^name: ", text, re.MULTILINE)]
    assert len(whole) == 2
    for text in whole:
        mirror, findings = parse_mirror(text.encode(), "mirror.example.org.yml", MODULES, COUNTRIES)
        assert findings == ()
        assert mirror is not None
