"""validate tells the place of a mirror whose file names none, once its addresses are known."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from mirrorlist.cli.main import main
from mirrorlist.core.network.addresses import KnownAddress
from mirrorlist.store.addresses import AddressStore
from mirrorlist.store.database import open_database

NAME = "mirror.new.example.org"
PLACE = "geolocation: {country: SE, city: Stockholm}\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "mirrors.d").mkdir()
    (tmp_path / "service.yml").write_text(
        "versions: ['9']\narches: {'9': [x86_64]}\nrepos: [{name: baseos, path: BaseOS/$basearch/os/}]\n"
        "geo: {overrides: [{prefix: 59.1.0.0/16, country: NO, latitude: 60.39, longitude: 5.32}]}\n"
    )
    return tmp_path


def judged(checkout: Path, more: str) -> str:
    file = checkout / "mirrors.d" / f"{NAME}.yml"
    file.write_text(f"name: {NAME}\naddress: {{https: 'https://{NAME}/linux/'}}\n{more}")
    done = CliRunner().invoke(main, ["--config", str(checkout / "service.yml"), "validate", str(file)])
    assert done.exit_code == 0, done.output
    return done.stdout


def noted(checkout: Path) -> None:
    (checkout / "state").mkdir()
    store = AddressStore(open_database(checkout / "state"))
    store.record({NAME: [KnownAddress("59.1.2.3", 4766)]}, 1_790_000_000.0)


def test_the_step_is_the_address_where_the_prober_noted_it(checkout: Path) -> None:
    noted(checkout)
    told = judged(checkout, "")
    assert "placed by its addresses (60.00, 5.00, NO)\n" in told
    assert (
        "[no-place] geolocation is not given, so the mirror is placed by its addresses (60.00, 5.00, NO); write" in told
    )


@pytest.mark.parametrize(
    ("known", "more", "said"),
    [
        (True, PLACE, "placed by its city (Stockholm, SE)"),
        (False, "", "so its addresses place the mirror, or it comes last"),
        (True, "private: true\nasn: 680\n", "not placed"),
    ],
)
def test_else_the_file_counts(checkout: Path, known: bool, more: str, said: str) -> None:
    if known:
        noted(checkout)
    told = judged(checkout, more)
    assert said in told
    assert "addresses (" not in told


def test_a_database_that_is_broken_stops_no_review(checkout: Path) -> None:
    noted(checkout)
    for path in (checkout / "state").glob("*.db*"):
        path.write_bytes(b"nonsense" * 1000)
    assert "[no-place]" in judged(checkout, "")
