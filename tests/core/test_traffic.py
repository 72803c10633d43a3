"""Rates are read strictly."""

from __future__ import annotations

import pytest

from mirrorlist.core.traffic import UNITS, gib_per_day, rate_mbps


@pytest.mark.parametrize(
    ("text", "mbps"),
    [
        ("40Gbit/s", 40_000), ("1.5 Gbit/s", 1500), ("100Mbit/s", 100), ("2Tbit/s", 2e6), ("800kbit/s", 0.8),
        ("1GiB/day", 0.0994205), ("12TiB/day", 1221.68), ("1PiB/day", 104_250.0),
    ],
)  # fmt: skip
def test_a_number_and_a_unit(text: str, mbps: float) -> None:
    assert rate_mbps(text) == pytest.approx(mbps, rel=1e-4)


@pytest.mark.parametrize(
    "text",
    ["", "40", "Gbit/s", "40Gb/s", "40GB/s", "40gbit/s", "40 Gbit", "-1Gbit/s", "0Gbit/s", "1e3Mbit/s", "1,5Gbit/s",
     "40  Gbit/s", " 40Gbit/s", "40Gbit/s ", "40Gbit/s\n", "٤٠Gbit/s", "nanGbit/s", "infGbit/s", "9999999Tbit/s",
     "1.Gbit/s", ".5Gbit/s", "40Gbit/sec"],
)  # fmt: skip
def test_anything_else_is_none(text: str) -> None:
    assert rate_mbps(text) is None


def test_a_rate_comes_back_as_what_a_day_sends() -> None:
    assert gib_per_day(rate_mbps("7GiB/day") or 0) == pytest.approx(7)
    assert all(rate_mbps(f"1{unit}") for unit in UNITS)
