"""Times as files of mirrors tell them."""

from __future__ import annotations

import os
import subprocess

import pytest

from mirrorlist.checks.timestamps import told_time

AT = 1_795_309_323.0
"""2026-11-22 01:02:03 UTC."""


@pytest.mark.parametrize(
    "text",
    [
        "1795309323",
        "1795309323.0 mirror.example.org\n",
        "\n  1795309323\n",
        "Sun Nov 22 01:02:03 UTC 2026\n",
        "Sun Nov 22 01:02:03 UTC 2026\nUsed ftpsync version: 20180513\nRunning on host: example\n",
        "Sun Nov 22 01:02:03 AM UTC 2026",
        "Sun Nov 22 01:02:03 GMT 2026",
        "2026-11-22T01:02:03Z",
        "2026-11-22 01:02:03 UTC",
        "2026-11-22T03:02:03+02:00",
        "2026-11-22 03:02:03 +0200",
        "Sun, 22 Nov 2026 01:02:03 +0000",
        "Sun, 22 Nov 2026 01:02:03 GMT",
        "Sat, 21 Nov 2026 20:02:03 -0500",
    ],
)
def test_the_spellings_in_use_are_understood(text: str) -> None:
    assert told_time(text.encode()) == AT


@pytest.mark.parametrize(
    ("text", "hour"),
    [("12:02:03 AM", 0), ("01:02:03 AM", 1), ("12:02:03 PM", 12), ("01:02:03 PM", 13), ("11:02:03 PM", 23)],
)
def test_halves_of_a_day_are_counted_from_noon(text: str, hour: int) -> None:
    assert told_time(f"Sun Nov 22 {text} UTC 2026".encode()) == AT + (hour - 1) * 3600


def test_the_first_of_a_month_is_padded_with_a_blank() -> None:
    assert told_time(b"Sun Nov  1 01:02:03 UTC 2026") == AT - 21 * 86_400


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "Sun Nov 22 01:02:03 CET 2026",
        "Sun Nov 22 01:02:03 2026",
        "Sun Nov 42 01:02:03 UTC 2026",
        "Sun Foo 22 01:02:03 UTC 2026",
        "Sun Nov 22 25:02:03 UTC 2026",
        "Sun Nov 22 01:02:03 UTC 0000",
        "2026-11-22",
        "2026-11-22T01:02:03",
        "2026-13-22T01:02:03Z",
        "Sun, 22 Nov 2026 01:02:03",
        "<html>",
        "\xff",
    ],
)
def test_what_tells_no_time_or_no_zone_is_none(text: str) -> None:
    assert told_time(text.encode("latin-1")) is None


def test_what_the_command_date_prints_here_is_understood() -> None:
    command = ["date", "-u", "-d", f"@{AT:.0f}"]
    printed = subprocess.run(command, capture_output=True, check=True, env={**os.environ, "LC_ALL": "C"}).stdout
    assert told_time(printed) == AT
