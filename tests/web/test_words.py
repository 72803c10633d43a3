""""""

from __future__ import annotations

import pytest

from mirrorlist.web.words import country_name, day, duration, every, flag, iso, moment, percent, size, speed


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(None, ""), (0, "0 seconds"), (1, "1 second"), (90, "90 seconds"), (600, "10 minutes"), (3600, "1 hour"),
     (5400, "90 minutes"), (10_800, "3 hours"), (93_600, "26 hours"), (86_400, "1 day"), (259_200, "3 days")],
)  # fmt: skip
def test_durations_are_as_people_say_them(seconds: float | None, expected: str) -> None:
    assert duration(seconds) == expected


def test_what_comes_every_hour_is_not_numbered() -> None:
    assert [every(3600), every(10_800)] == ["every hour", "every 3 hours"]


@pytest.mark.parametrize(
    ("mbps", "expected"),
    [(None, ""), (100, "100 Mbit/s"), (1000, "1 Gbit/s"), (2500, "2.5 Gbit/s"), (3_620_000, "3.62 Tbit/s")],
)
def test_speeds(mbps: int | None, expected: str) -> None:
    assert speed(mbps) == expected


@pytest.mark.parametrize(
    ("length", "expected"),
    [(None, ""), (0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1 kB"), (999_999, "1000 kB"),
     (700_000_000, "700 MB"), (1_890_000_000, "1.89 GB"), (11_111_111_111, "11.1 GB"), (2 * 10**12, "2 TB")],
)  # fmt: skip
def test_sizes_are_in_powers_of_1000(length: int | None, expected: str) -> None:
    assert size(length) == expected


@pytest.mark.parametrize(
    ("part", "expected"), [(None, ""), (1.0, "100 %"), (0.9999, "99.9 %"), (0.5, "50 %"), (0.0, "0 %")]
)
def test_a_little_less_than_all_is_not_all(part: float | None, expected: str) -> None:
    assert percent(part) == expected


@pytest.mark.parametrize(
    ("code", "expected"), [("DE", "🇩🇪"), ("de", ""), ("D", ""), (None, ""), ("ÄÖ", ""), ("<>", "")]
)
def test_flags_are_of_two_letters(code: str | None, expected: str) -> None:
    assert flag(code) == expected


def test_countries_have_names() -> None:
    assert [country_name(code) for code in ("DE", "XX", None)] == ["Germany", "XX", ""]


@pytest.mark.parametrize("at", [-1e18, 0.0, 1.8e9, 1e18])
def test_no_time_is_too_odd(at: float) -> None:
    assert len(moment(at)) == 16
    assert len(day(at)) == 10
    assert len(iso(at)) == 20
