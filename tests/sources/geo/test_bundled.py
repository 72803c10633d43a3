"""The installed table of places: built by its script from small data, read again, and refused where it is broken."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping
from datetime import date
from importlib.machinery import SourceFileLoader
from importlib.resources import files
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mirrorlist.core.errors import GeoDatabaseError
from mirrorlist.core.model import NOWHERE, ClientPlace
from mirrorlist.core.network.prefixes import packed
from mirrorlist.sources.geo.bundled import EmbeddedPlaces, packed_table, read_embedded_asns, read_embedded_places
from tests.sources.databases import write_database

SCRIPT = Path(__file__).parents[3] / "scripts" / "build-places"
ULM, NEAR_ULM, PERTH, SYDNEY, KYOTO = (48.4, 10.0), (48.6, 9.8), (-31.9, 115.9), (-33.9, 151.2), (35.0, 135.8)
IPV4 = {
    "20.0.0.0/16": ("DE", *ULM),
    "20.0.128.0/20": ("DE", *NEAR_ULM),
    "20.0.9.0/28": ("AU", *PERTH),
    "20.1.0.0/16": ("AU", *PERTH),
    "20.1.64.0/18": ("AU", *SYDNEY),
    "20.1.3.0/24": ("AU", *SYDNEY),
}
IPV6 = {
    "2a00::/32": ("DE", *ULM),
    "2a00:0:8000::/36": ("JP", *KYOTO),
    "2a01::/29": ("AU", *PERTH),
    "2a02::/40": ("AU", *PERTH),
    "2a03::/32": ("AU", *SYDNEY),
}
REGISTERED = {0x2A00: "DE", 0x2A01: "JP", 0x2A02: "JP"}
"""What the registries say, by the first 16 bits; nothing of 2a03::."""


def registered(address: bytes) -> str | None:
    return REGISTERED.get(int.from_bytes(address[:2], "big"))


@pytest.fixture(scope="module")
def script() -> ModuleType:
    loader = SourceFileLoader("build_places", str(SCRIPT))
    spec = spec_from_loader("build_places", loader)
    assert spec
    module = sys.modules["build_places"] = module_from_spec(spec)
    loader.exec_module(module)
    return module


def flat(rows: Mapping[str, tuple[str, float, float]]) -> dict[str, Any]:
    """Records in the layout of ip-location-db."""
    return {net: {"country_code": c, "latitude": la, "longitude": lo} for net, (c, la, lo) in rows.items()}


def built(
    script: ModuleType,
    directory: Path,
    ipv4: Mapping[str, tuple[str, float, float]] = IPV4,
    ipv6: Mapping[str, tuple[str, float, float]] = IPV6,
) -> dict[str, Any]:
    """What the script makes of these networks."""
    v4 = write_database(directory / "4.mmdb", "city ipv4", flat(ipv4), version=4)
    v6 = write_database(directory / "6.mmdb", "city ipv6", flat(ipv6))
    arrays: dict[str, Any] = script.built(v4, v6, registered, "2026-06-05")
    return arrays


@pytest.fixture(scope="module")
def arrays(script: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return built(script, tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def table(arrays: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> EmbeddedPlaces:
    return read_embedded_places(shipped(tmp_path_factory.mktemp("data"), arrays))


def shipped(directory: Path, arrays: Mapping[str, Any]) -> Path:
    """A data directory with this table in it."""
    np.savez_compressed(directory / "places.npz", **arrays)
    return directory


def at(table: EmbeddedPlaces, text: str) -> ClientPlace:
    address = packed(text)
    assert address is not None
    return table.tables.places[table.tables.located.at(address)]


def cell(country: str, place: tuple[float, float]) -> ClientPlace:
    return ClientPlace(country, float(round(place[0])), float(round(place[1])), True)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("20.0.0.0", cell("DE", ULM)),
        ("20.0.255.255", cell("DE", ULM)),
        ("20.1.255.255", cell("AU", PERTH)),
        ("2a00::1", cell("DE", ULM)),
        ("2a00:0:8000::1", cell("JP", KYOTO)),
        ("2a00:0:8fff:ffff::", cell("JP", KYOTO)),
        ("2a00:0:9000::", cell("DE", ULM)),
    ],
)
def test_an_address_is_where_the_data_say(table: EmbeddedPlaces, address: str, place: ClientPlace) -> None:
    assert at(table, address) == place


def test_a_block_is_divided_only_where_it_pays(table: EmbeddedPlaces) -> None:
    assert at(table, "20.1.64.1") == cell("AU", SYDNEY), "64 x 256 addresses are 3300 km away"
    assert at(table, "20.1.3.1") == cell("AU", PERTH), "256 addresses for which eight halves would be needed"
    assert at(table, "20.0.128.1") == cell("DE", ULM), "27 km away, in the same cell"
    assert at(table, "20.0.9.1") == cell("DE", ULM), "16 addresses, of a /24 in which the others are in Ulm"


@pytest.mark.parametrize("address", ["19.255.255.255", "20.2.0.0", "0.0.0.0", "192.0.2.1", "::1", "2a00:1::", "2b00::"])
def test_what_is_not_known_stays_unknown(table: EmbeddedPlaces, address: str) -> None:
    assert at(table, address) == NOWHERE


def test_wide_ipv6_networks_are_left_to_the_registry_that_names_another_country(table: EmbeddedPlaces) -> None:
    assert at(table, "2a01::1") == NOWHERE
    assert at(table, "2a02::1") == cell("AU", PERTH), "a /40 is no allocation"
    assert at(table, "2a03::1") == cell("AU", SYDNEY), "the registry says nothing"


def test_a_place_is_as_good_as_two_thirds_of_its_addresses_are_near(script: ModuleType, tmp_path: Path) -> None:
    spread = {"20.0.0.0/18": ("DE", 47.4, 9.2), "20.0.64.0/18": ("DE", 48.6, 10.6), "20.0.128.0/17": ("DE", 47.4, 9.2)}
    arrays = built(script, tmp_path, spread, {})
    (latitude,), (precision,) = arrays["latitudes"][1:], arrays["precisions"][1:]
    assert latitude == pytest.approx(47.7, abs=0.06)
    assert 30 < precision < 60, "three quarters of the addresses are 42 km away"


def test_a_place_that_is_too_vague_counts_as_its_country(arrays: dict[str, Any], tmp_path: Path) -> None:
    vague = arrays | {"precisions": np.full(len(arrays["precisions"]), 301, dtype="u2")}
    found = read_embedded_places(shipped(tmp_path, vague))
    assert at(found, "20.0.0.0") == ClientPlace("DE")
    assert set(found.tables.places) == {NOWHERE, ClientPlace("DE"), ClientPlace("AU"), ClientPlace("JP")}


def test_the_same_data_make_the_same_bytes(script: ModuleType, arrays: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    files_ = [io.BytesIO(), io.BytesIO()]
    for file, each in zip(files_, (arrays, built(script, tmp_path / "again")), strict=True):
        np.savez_compressed(file, **each)
    assert files_[0].getvalue() == files_[1].getvalue()


def test_the_day_is_told(table: EmbeddedPlaces) -> None:
    assert table.built_on == "2026-06-05"


def changed(name: str, change: Callable[[Any], Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda arrays: arrays | {name: change(arrays[name])}


@pytest.mark.parametrize(
    "damage",
    [
        changed("countries", lambda each: each[:2]),
        changed("countries", lambda each: np.array(["", *("D" for _ in each[1:])], dtype="U2")),
        changed("latitudes", lambda each: each + 100),
        changed("longitudes", lambda each: each * np.nan),
        changed("precisions", lambda each: each.astype("f8")),
        changed("starts4", lambda each: each[:, 1:]),
        changed("starts4", lambda each: each * 0),
        changed("starts6", lambda each: each.astype("u4")),
        changed("starts6", lambda each: each[:4]),
        changed("places4", lambda each: each | 64),
        changed("built_on", lambda each: np.array("some day")),
        changed("built_on", lambda each: np.array([{}], dtype=object)),
        lambda arrays: {name: each for name, each in arrays.items() if name != "places6"},
        lambda arrays: arrays | packed_table("places", "6", np.array([5, 9]), np.array([0, 1])),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(
    damage: Callable[[dict[str, Any]], dict[str, Any]], arrays: dict[str, Any], tmp_path: Path
) -> None:
    directory = shipped(tmp_path, damage(dict(arrays)))
    with pytest.raises(
        GeoDatabaseError, match=r"places\.npz: not a table of this version: .*; install the package again"
    ):
        read_embedded_places(directory)


@pytest.mark.parametrize(("name", "read"), [("places.npz", read_embedded_places), ("asn.npz", read_embedded_asns)])
def test_a_file_that_is_missing_or_cut_off_is_refused(
    name: str, read: Callable[[Path], object], tmp_path: Path
) -> None:
    with pytest.raises(GeoDatabaseError, match=rf"{name}: No such file or directory; install the package again"):
        read(tmp_path)
    whole = files("mirrorlist").joinpath("data", name).read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / name).write_bytes(whole[:length])
        with pytest.raises(GeoDatabaseError, match=rf"{name}: not a table of this version"):
            read(tmp_path)


def test_the_installed_table_is_small_and_says_how_old_it_is() -> None:
    assert len(files("mirrorlist").joinpath("data", "places.npz").read_bytes()) <= 1_500_000
    found = read_embedded_places()
    assert date(2026, 1, 1) < date.fromisoformat(found.built_on)
    located = found.tables.located
    assert (len(located.starts4) > 300_000, len(located.starts6) > 300_000) == (True, True)
    assert len({place.country for place in found.tables.places}) > 230


@pytest.mark.parametrize("address", ["0.0.0.1", "10.0.0.1", "127.0.0.1", "192.0.2.1", "198.51.100.1", "203.0.113.1",
                                     "::1", "2001:db8::1", "fe80::1", "fd00::1"])  # fmt: skip
def test_the_installed_table_knows_no_place_of_addresses_that_have_none(
    installed: EmbeddedPlaces, address: str
) -> None:
    assert at(installed, address) == NOWHERE


@pytest.mark.parametrize(
    ("address", "country"), [("130.83.1.1", "DE"), ("18.9.22.1", "US"), ("133.11.1.1", "JP"), ("2001:638::1", "DE")]
)
def test_the_installed_table_knows_old_universities(installed: EmbeddedPlaces, address: str, country: str) -> None:
    found = at(installed, address)
    assert (found.country, found.exact) == (country, True)


@pytest.fixture(scope="module")
def installed() -> EmbeddedPlaces:
    return read_embedded_places()
