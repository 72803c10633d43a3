from __future__ import annotations

from dataclasses import replace

import pytest

from mirrorlist.core.model import Location, Mirror
from mirrorlist.sources.time_zones import EXACT_KM, in_time_zones
from tests.building import mirror


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
