from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mirrorlist.core.catalogue.requirements import Level, MeasuredQuality, RequirementLevel, Requirements, shortfalls
from mirrorlist.core.model import MAIN, Protocol
from tests.building import mirror

HTTPS = {Protocol.HTTPS: "https://a.example.org/linux/"}


@pytest.mark.parametrize(
    ("has", "asked", "lacks"),
    [
        ({"bandwidth_mbps": 1000}, {"bandwidth_mbps": 1000}, None),
        ({"bandwidth_mbps": 999}, {"bandwidth_mbps": 1000}, "bandwidth_mbps is 999 Mbit/s, minimum is 1000 Mbit/s"),
        ({}, {"bandwidth_mbps": 1}, "bandwidth_mbps is not given, minimum is 1 Mbit/s"),
        ({"storage_gb": 500}, {"storage_gb": 501}, "storage_gb is 500 GB, minimum is 501 GB"),
        ({"update_frequency_seconds": 21_600}, {"update_frequency_seconds": 21_600}, None),
        ({"update_frequency_seconds": 86_400}, {"update_frequency_seconds": 21_600},
         "update_frequency is 1d, minimum is 6h"),
        ({"update_frequency_seconds": 5400}, {"update_frequency_seconds": 45}, "update_frequency is 90m, minimum is 45s"),
        ({}, {"update_frequency_seconds": 3600}, "update_frequency is not given, minimum is 1h"),
        ({"urls": {MAIN: HTTPS}}, {"protocols": (Protocol.HTTPS,)}, None),
        ({"urls": {MAIN: HTTPS}}, {"protocols": (Protocol.HTTPS, Protocol.RSYNC)},
         "address is https, minimum is https and rsync"),
        ({"urls": {"kitten": HTTPS}}, {"protocols": (Protocol.HTTP,)},
         "address_optional.kitten is https, minimum is http"),
        ({"agreement": "2026-10"}, {"agreement": "2026-10"}, None),
        ({"agreement": "2026-10"}, {"agreement": "2026-02"}, None),
        ({"agreement": "10"}, {"agreement": "9"}, None),
        ({"agreement": "9"}, {"agreement": "10"}, "agreement is '9', minimum is '10'"),
        ({}, {"agreement": "1"}, "agreement is not given, minimum is '1'"),
    ],
)  # fmt: skip
def test_what_a_mirror_lacks_is_told_with_what_it_has(
    has: dict[str, Any], asked: dict[str, Any], lacks: str | None
) -> None:
    found = shortfalls(replace(mirror("a"), **has), Requirements(RequirementLevel(**asked)))
    assert [str(each) for each in found] == ([lacks] if lacks else [])


def test_what_was_not_measured_speaks_against_nobody_and_just_enough_is_enough() -> None:
    asked = Requirements(RequirementLevel(availability_percent=99, complete_percent=90))
    for measured, lacking in [
        (MeasuredQuality(), []),
        (MeasuredQuality(99, 90), []),
        (MeasuredQuality(98.99, 89), ["availability_percent", "complete_percent"]),
    ]:
        assert [each.key for each in shortfalls(mirror("a"), asked, measured)] == lacking


def test_what_the_minimum_lacks_is_not_told_again_as_a_preference() -> None:
    asked = Requirements(RequirementLevel(bandwidth_mbps=100), RequirementLevel(bandwidth_mbps=1000, storage_gb=10))
    found = shortfalls(mirror("a", bandwidth_mbps=10), asked)
    assert [(each.level, each.key) for each in found] == [
        (Level.MINIMUM, "bandwidth_mbps"),
        (Level.PREFERRED, "storage_gb"),
    ]
