"""What validate and explain say of a mirror's place."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mirrorlist.cli.main import main

SERVICE = """\
versions: ["9"]
arches: {"9": [x86_64]}
repos: [{name: baseos, path: BaseOS/$basearch/os/}]
origin: origin
"""
PLACES = {
    "ashburn.example.org": "{country: US, state_province: Virginia, city: Ashburn}",
    "swapped.example.org": "{country: US, state_province: Ashburn, city: Virginia}",
    "juan.example.org": "{country: US, state_province: PR, city: San Juan}",
    "shinchu.example.org": "{country: TW, city: Shinchu}",
    "exact.example.org": "{country: DE, latitude: 52.52, longitude: 13.40}",
    "nowhere.example.org": "{}",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "service.yml").write_text(SERVICE)
    directory = tmp_path / "mirrors.d"
    directory.mkdir()
    for name, place in PLACES.items():
        text = f"name: {name}\naddress: {{https: https://{name}/linux/}}\ngeolocation: {place}\nupdate_frequency: 3h\n"
        (directory / f"{name}.yml").write_text(text)
    return tmp_path


def invoked(checkout: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--config", str(checkout / "service.yml"), *arguments], env={"COLUMNS": "80"})


def run(checkout: Path, *arguments: str) -> str:
    result = invoked(checkout, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout.replace(f"{checkout}/", "")


def test_validate_tells_the_place_of_every_file_and_what_is_odd_about_it(checkout: Path) -> None:
    told = invoked(checkout, "validate", "--verbose")
    assert told.exit_code == 1
    assert told.stderr.splitlines()[-1] == "6 files: 5 accepted, 1 refused; 1 error, 2 warnings"
    lines = told.stdout.replace(f"{checkout}/", "").splitlines()
    assert sorted(lines) == sorted(
        [
            "mirrors.d/ashburn.example.org.yml: placed by its city and state (Ashburn, Virginia, US)",
            "mirrors.d/exact.example.org.yml: placed by its coordinates (52.52, 13.40)",
            "mirrors.d/juan.example.org.yml: placed by its city and state (San Juan, PR, US)",
            "mirrors.d/nowhere.example.org.yml: not placed",
            "mirrors.d/shinchu.example.org.yml: placed by its country (TW)",
            "mirrors.d/swapped.example.org.yml: placed by its city and state, which are swapped (Ashburn, Virginia, US)",
            "mirrors.d/nowhere.example.org.yml:3:14: warning [no-place] geolocation is not given, so its addresses "
            "place the mirror, or it comes last; write country, state_province and city, or latitude and longitude",
            "mirrors.d/shinchu.example.org.yml:3:14: error [unresolvable-place] 'Shinchu' cannot be found, so the mirror "
            "would be placed by its country (TW); did you mean Hsinchu? If not, write the nearest "
            "larger city, or give latitude and longitude",
            "mirrors.d/swapped.example.org.yml:3:59: warning [swapped-place] city 'Virginia' is a state and "
            "state_province 'Ashburn' a city; swap them",
        ]
    )
    assert lines[0].startswith("mirrors.d/shinchu.example.org.yml:3:14: error")


def test_validate_tells_the_place_of_one_file(checkout: Path) -> None:
    told = run(checkout, "validate", str(checkout / "mirrors.d" / "ashburn.example.org.yml"))
    assert told == "mirrors.d/ashburn.example.org.yml: placed by its city and state (Ashburn, Virginia, US)\n"


def test_explain_tells_how_the_place_of_every_chosen_mirror_was_found(checkout: Path) -> None:
    told = run(checkout, "explain", "--all", "--ip", "192.0.2.1", "--version", "9", "--repo", "baseos")
    sections = {part.partition(":\n")[0]: part.partition(":\n")[2].split() for part in told.split("\n\n")}
    assert {heading: sorted(name.strip(",") for name in names) for heading, names in sections.items() if names} == {
        "placed by its coordinates (1)": ["exact.example.org"],
        "placed by its city and state (2)": ["ashburn.example.org", "juan.example.org"],
        "placed by its city and state, which are swapped (1)": ["swapped.example.org"],
        "placed by its country (1)": ["shinchu.example.org"],
        "of unknown place (1)": ["nowhere.example.org"],
        "content not checked (6)": [
            "ashburn.example.org",
            "exact.example.org",
            "juan.example.org",
            "nowhere.example.org",
            "shinchu.example.org",
            "swapped.example.org",
        ],
    }
    assert max(map(len, told.splitlines())) <= 80
