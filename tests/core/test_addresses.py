"""What the addresses of a mirror tell of its place and its network."""

from __future__ import annotations

import pytest

from mirrorlist.core.addresses import CELL_KM, COUNTRY_KM, KnownAddress, address_location, other_systems
from mirrorlist.core.model import NOWHERE, Location, Place, PlaceSource
from mirrorlist.core.prefixes import packed

BERLIN = Place("DE", 53.0, 13.0, True)
POTSDAM = Place("DE", 52.0, 13.0, True)
TOKYO = Place("JP", 36.0, 140.0, True)
GERMANY = Place("DE", 51.0, 10.0)
JAPAN = Place("JP", 36.0, 138.0)
PLACES = {"20.0.0.1": BERLIN, "20.0.0.2": POTSDAM, "20.0.0.3": TOKYO, "20.0.0.4": GERMANY, "20.0.0.5": JAPAN}


def place_of(address: bytes) -> Place:
    return {packed(text): place for text, place in PLACES.items()}.get(address, NOWHERE)


def at(place: Place, precision_km: float = CELL_KM) -> Location:
    return Location(
        country=place.country, latitude=place.latitude, longitude=place.longitude, precision_km=precision_km,
        source=PlaceSource.ADDRESS,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        ([], None),
        (["20.0.0.1"], at(BERLIN)),
        (["20.0.0.1", "20.0.0.2"], at(BERLIN)),
        (["20.0.0.1", "9.9.9.9"], at(BERLIN)),
        (["20.0.0.4"], at(GERMANY, COUNTRY_KM)),
        (["20.0.0.4", "20.0.0.1"], at(BERLIN)),
        (["20.0.0.1", "20.0.0.3"], None),
        (["20.0.0.4", "20.0.0.5"], None),
        (["20.0.0.1", "20.0.0.5"], None),
        (["9.9.9.9"], None),
        (["nonsense"], None),
    ],
    ids=[
        "none", "one", "two of one town", "one unknown", "a country", "a country and a town in it", "far apart",
        "two countries", "a town and another country", "nowhere", "no address",
    ],
)  # fmt: skip
def test_addresses_tell_a_place_where_they_agree(addresses: list[str], expected: Location | None) -> None:
    assert address_location([KnownAddress(text, 64_500) for text in addresses], place_of) == expected


@pytest.mark.parametrize("asn", [13_335, 54_113, 20_940])
def test_networks_of_caches_tell_no_place_and_contradict_nothing(asn: int) -> None:
    known = [KnownAddress("20.0.0.1", 64_500), KnownAddress("20.0.0.2", asn)]
    assert address_location(known, place_of) is None
    assert other_systems((64_501,), known) == ()


@pytest.mark.parametrize(
    ("declared", "found", "expected"),
    [
        ((), (1,), ()),
        ((1, 2), (2,), ()),
        ((1, 2), (3, None, 4, 3), (3, 4)),
        ((1, 2), (1, 3), ()),
        ((1,), (None,), ()),
        ((1,), (), ()),
    ],
)
def test_systems_contradict_where_none_is_declared(
    declared: tuple[int, ...], found: tuple[int | None, ...], expected: tuple[int, ...]
) -> None:
    assert other_systems(declared, [KnownAddress(f"20.0.0.{n}", asn) for n, asn in enumerate(found)]) == expected
