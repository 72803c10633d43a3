"""Mirrors placed by their addresses, and what contradicts these."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mirrorlist.core.model import NOWHERE, ClientPlace, Location, Mirror, PlaceSource
from mirrorlist.core.network.addresses import KnownAddress
from mirrorlist.core.network.prefixes import packed
from mirrorlist.core.selection.select import select
from mirrorlist.sources.mirrors.address_places import (
    EXACT_KM,
    AddressCode,
    address_findings,
    at_their_hours,
    in_time_zones,
    placed_by_addresses,
    through_a_day,
)
from mirrorlist.sources.places.checks import placed_by
from mirrorlist.sources.places.locations import placed, read_atlas
from tests.building import NOW, client, mirror, place, query, snapshot

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "mirror-files.md"
ATLAS = read_atlas()
PLACES = {
    "20.0.0.1": ClientPlace("DE", 53.0, 13.0, True),
    "20.0.0.2": ClientPlace("JP", 36.0, 140.0, True),
    "20.0.0.3": ClientPlace("US", 39.0, -95.0),
    "20.0.0.4": ClientPlace("DE", 55.0, 9.0, True),
}
NAME = "m.example.org"


def place_of(address: bytes) -> ClientPlace:
    return {packed(text): place for text, place in PLACES.items()}.get(address, NOWHERE)


def known(*addresses: str, asn: int | None = 64_500) -> dict[str, list[KnownAddress]]:
    return {NAME: [KnownAddress(text, asn) for text in addresses]}


def told(of: Mirror, addresses: dict[str, list[KnownAddress]]) -> list[str]:
    found = address_findings([placed(of, ATLAS)], addresses, place_of, ATLAS, {NAME: "mirrors.d/m.yml"})
    return [str(each) for each in found]


def test_a_mirror_without_a_place_gets_that_of_its_addresses() -> None:
    (found,) = placed_by_addresses([mirror("m")], known("20.0.0.1"), place_of)
    assert found.location is not None
    assert (found.location.country, found.location.latitude, found.location.source) == ("DE", 53.0, PlaceSource.ADDRESS)
    assert placed_by(found.location) == "placed by its addresses (53.00, 13.00, DE)"


def test_words_that_are_no_place_are_kept() -> None:
    (found,) = placed_by_addresses([mirror("m", location=Location(city="Atlantis"))], known("20.0.0.1"), place_of)
    assert found.location is not None
    assert (found.location.city, found.location.latitude) == ("Atlantis", 53.0)


@pytest.mark.parametrize(
    "of",
    [
        mirror("m", "tokyo"),
        mirror("m", private=True),
        placed(mirror("m", location=Location(continent="AS")), ATLAS),
        mirror("other"),
    ],
    ids=["it says its place", "private", "it says its continent", "no addresses"],
)
def test_the_rest_stays_as_it_is(of: Mirror) -> None:
    assert placed_by_addresses([of], known("20.0.0.1"), place_of) == (of,)


def test_addresses_far_apart_give_no_place() -> None:
    of = mirror("m")
    assert placed_by_addresses([of], known("20.0.0.1", "20.0.0.2"), place_of) == (of,)


@pytest.mark.parametrize(
    ("location", "address", "is_told"),
    [
        (Location(country="DE", city="Berlin"), "20.0.0.1", False),
        (Location(country="DE", city="Munich"), "20.0.0.4", True),
        (Location(country="DE"), "20.0.0.1", False),
        (Location(country="JP", city="Tokyo"), "20.0.0.1", True),
        (Location(country="JP", latitude=35.7, longitude=139.7), "20.0.0.1", True),
        (Location(country="JP", latitude=35.7, longitude=139.7), "20.0.0.2", False),
        (Location(country="US", city="Seattle", region="Washington"), "20.0.0.3", False),
        (Location(country="CA", city="Vancouver", region="British Columbia"), "20.0.0.3", False),
        (Location(country="DE", city="Berlin"), "20.0.0.3", True),
        (Location(continent="AS"), "20.0.0.1", False),
        (None, "20.0.0.1", False),
    ],
)
def test_a_place_over_500_km_from_the_addresses_is_told(location: Location | None, address: str, is_told: bool) -> None:
    found = told(mirror("m", location=location), known(address))
    assert bool(found) is is_told
    assert all(line.startswith("mirrors.d/m.yml:1:1: warning [address-place] its place is ") for line in found)


def test_an_asn_that_no_address_has_is_told() -> None:
    of = mirror("m", asns=(64_501, 64_502))
    assert told(of, known("20.0.0.1")) == [
        "mirrors.d/m.yml:1:1: warning [address-asn] asn names AS64501, AS64502, but its addresses belong to AS64500; "
        "look whether both are meant"
    ]
    assert told(mirror("m", asns=(64_500,)), known("20.0.0.1")) == []


def test_nothing_is_told_of_a_private_mirror() -> None:
    of = mirror("m", private=True, asns=(64_501,), location=Location(country="JP", city="Tokyo"))
    assert told(of, known("20.0.0.1")) == []


def test_the_documentation_explains_every_code() -> None:
    section = DOCUMENTATION.read_text(encoding="utf-8").split("\n## What the addresses say\n")[1].split("\n## ")[0]
    rows = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]
    assert sorted(rows) == sorted(AddressCode)


def zone(**fields: float | None) -> str | None:
    [found] = in_time_zones([replace(mirror("a"), location=Location(country="XX", **fields), time_zone=None)])
    return found.time_zone


@pytest.mark.parametrize(
    ("place", "latitude", "longitude", "expected"),
    [
        ("Berlin", 52.52, 13.40, "Europe/Berlin"),
        ("Nashville, which is nearer to cities of another zone", 36.16, -86.78, "America/Chicago"),
        ("the Canary Islands", 28.12, -15.43, "Atlantic/Canary"),
        ("Kathmandu", 27.72, 85.32, "Asia/Kathmandu"),
        ("at sea", 40.0, -30.0, None),
        ("the North Pole", 90.0, 180.0, None),
    ],
)
def test_a_place_has_the_time_zone_of_its_coordinates(
    place: str, latitude: float, longitude: float, expected: str | None
) -> None:
    assert zone(latitude=latitude, longitude=longitude) == expected, place


def test_what_the_file_says_counts() -> None:
    told = replace(mirror("a", "berlin"), time_zone="Europe/Vienna")
    assert in_time_zones([told]) == (told,)


def test_a_vague_place_has_no_time_zone() -> None:
    assert zone(latitude=39.0, longitude=-95.0, precision_km=EXACT_KM + 1) is None
    assert zone(latitude=39.0, longitude=-95.0, precision_km=EXACT_KM) == "America/Chicago"
    assert zone() is None
    nowhere: Mirror = replace(mirror("a"), location=None, time_zone=None)
    assert in_time_zones([nowhere]) == (nowhere,)


# Quiet hours.

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC).timestamp()
DAYTIME, EVENING = (8 * 60, 23 * 60), (18 * 60, 2 * 60)


@pytest.mark.parametrize(
    ("fields", "hour", "peak", "rests"),
    [
        ({"time_zone": "Europe/Berlin"}, 0, DAYTIME, True),
        ({"time_zone": "Europe/Berlin"}, 9, DAYTIME, False),  # 23:00
        ({"time_zone": "Europe/Berlin"}, 8.75, DAYTIME, True),
        ({"time_zone": "Europe/Berlin"}, 18, DAYTIME, True),  # 08:00
        ({"time_zone": "America/Los_Angeles"}, 0, DAYTIME, False),
        ({"time_zone": "Nowhere/At_All", "location": Location(longitude=139.7)}, 0, DAYTIME, True),  # 21:00
        ({"location": Location(longitude=-179.0)}, 0, DAYTIME, False),  # midnight
        ({"location": Location(longitude=179.9)}, 0, EVENING, True),
        ({"time_zone": "Europe/Berlin"}, 0, EVENING, False),
        ({"time_zone": "Europe/Berlin"}, 11, EVENING, True),  # 01:00
        ({"time_zone": "Europe/Berlin"}, 12, EVENING, False),  # 02:00
        ({}, 0, DAYTIME, True),
    ],
)
def test_a_mirror_rests_at_peak_time_where_it_is(
    fields: dict[str, Any], hour: float, peak: tuple[int, int], rests: bool
) -> None:
    quiet, usual = mirror("a", off_peak_only=True, **fields), mirror("b", **fields)
    found = at_their_hours([quiet, usual], peak, NOON + 3600 * hour)
    assert [each.rests for each in found] == [rests, False]


def test_a_day_has_a_part_for_each_set_of_mirrors_that_rest() -> None:
    berlin, usual = mirror("a", "berlin", off_peak_only=True), mirror("b", "berlin")
    [(whole, same)] = through_a_day([usual], DAYTIME, NOON)
    assert (whole, same) == (1.0, [usual])
    found = through_a_day(
        [replace(berlin, time_zone=None), usual, mirror("c", "tokyo", off_peak_only=True)], DAYTIME, NOON
    )
    shares = {tuple(each.name[0] for each in mirrors if each.rests): part for part, mirrors in found}
    # Tokyo is seven hours ahead of Berlin: 08:00 to 23:00 there is 01:00 to 16:00 here.
    assert shares == {("a",): 7 / 24, ("a", "c"): 8 / 24, ("c",): 7 / 24, (): 2 / 24}
    assert sum(part for part, _ in found) == 1.0


def test_a_mirror_at_rest_serves_its_own_networks_and_nobody_else() -> None:
    listed = [
        mirror("a", "berlin", off_peak_only=True, rests=True, subnets=["198.51.100.0/24"]),
        mirror("p", "berlin", private=True, monopoly=True, off_peak_only=True, rests=True, subnets=["203.0.113.0/24"]),
        mirror("b", "paris"),
    ]
    made = snapshot(listed)
    for address, expected in [("192.0.2.1", "b"), ("198.51.100.7", "ab"), ("203.0.113.9", "p")]:
        chosen = select(made, query(), client(address, place("berlin")), NOW).choices
        assert [choice.mirror.name[0] for choice in chosen] == [*expected], address
