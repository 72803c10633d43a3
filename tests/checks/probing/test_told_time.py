"""Times as files of mirrors tell them."""

from __future__ import annotations

import os
import subprocess

import pytest

from mirrorlist.checks.probing.told_time import told_time

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
        "Sun 22 Nov 2026 01:02:03 AM UTC",
        "Sun 22 Nov 01:02:03 UTC 2026",
        "Sunday 22 November 2026 01:02:03 AM UTC",
        "Sunday, November 22, 2026 1:02:03 AM UTC",
        "22 November 2026 01:02:03 UTC",
        "22 November 2026 at 01:02:03 GMT",
        "22-Nov-2026 01:02:03 UTC",
        "Sun Nov 22 02:02:03 CET 2026",
        "Sat Nov 21 20:02:03 EST 2026",
        "Sun Nov 22 09:02:03 +08 2026",
        "Sun Nov 22 01:02:03 2026",
        "Sun, 22 Nov 2026 02:02:03 +0100 (CET)",
        "Sun, 22 Nov 2026 01:02:03",
        "Sun, 22 Nov 2026 01:02:03 UT",
        "2026-11-22T01:02:03",
        "2026-11-22 01:02:03",
        "2026-11-22T01:02:03.500000+00:00",
        "2026-11-22T02:02:03+01",
        "2026-11-22 01:02:03Z",
        "20261122T010203Z",
        "20261122T020203+0100",
        "2026/11/22 01:02:03 UTC",
        "2026-11-22T01:02:03Z mirror.example.org",
        "1795309323 Sun Nov 22 2026",
        "1795309323000",
        "1795309323000000",
        "1795309323123456789",
        "20261122010203",
        "20261122010203 UTC",
        "22.11.2026 01:02:03 UTC",
        "2026.11.22 01:02:03",
        "2026-11-22-01:02:03",
        "@1795309323",
        "\ufeff1795309323\r\n",
        "\ufeffSun Nov 22 01:02:03 UTC 2026\r\nUsed ftpsync\r\n",
        "Date: Sun, 22 Nov 2026 01:02:03 +0000",
        "Date: Sun, 22 Nov 2026 01:02:03 UTC\r\n",
        "Origin: Example\nSuite: stable\nDate: Sun, 22 Nov 2026 01:02:03 UTC\nValid-Until: Sun, 29 Nov 2026 01:02:03 UTC",
        "Last updated: 2026-11-22 01:02:03 UTC",
        "# written by cron\n1795309323",
    ],
)
def test_the_spellings_in_use_are_understood(text: str) -> None:
    found = told_time(text.encode())
    assert found is not None
    assert int(found) == AT


@pytest.mark.parametrize(
    "text",
    [
        "So 22. Nov 01:02:03 UTC 2026",
        "So 22. Nov 02:02:03 CET 2026",
        "dim. 22 nov. 2026 01:02:03 UTC",
        "dimanche 22 novembre 2026, 02:02:03 (UTC+0100)",
        "dom 22 nov 2026 01:02:03 UTC",
        "domingo, 22 de novembro de 2026 01:02:03 UTC",
        "domenica 22 novembre 2026, 01:02:03 (UTC+0000)",
        "zo 22 nov 2026 01:02:03 UTC",
        "nie, 22 lis 2026, 01:02:03 UTC",
        "Вс 22 ноя 2026 04:02:03 MSK",
        "sön 22 nov 2026 01:02:03 UTC",
        "Ne 22. listopadu 2026, 01:02:03 UTC",
        "2026. nov. 22., vasárnap, 01:02:03 UTC",
        "2026年 11月 22日 日曜日 10:02:03 JST",
        "2026年11月22日 星期日 01:02:03 UTC",
        "Sunday, 22-Nov-26 01:02:03 GMT",
        "2026-11-22T02:02:03+01:00[Europe/Berlin]",
        "Sun Nov 22 01:02:03 UTC+0 2026",
        "2026-11-22 02:02:03 (+0100)",
        '"2026-11-22T01:02:03Z"',
        '{"lastupdate": "2026-11-22T01:02:03Z"}',
        '{"timestamp": 1795309323}',
        "1795309323,0",
        "; written by a script\n// and another\n1795309323",
    ],
)
def test_machines_of_other_languages_and_programs_are_understood(text: str) -> None:
    assert told_time(text.encode()) == AT


@pytest.mark.parametrize(
    ("text", "day"),
    [("mar. 01 déc. 2026 00:00:00 UTC", "Tue Dec 1"), ("mar. 03 mars 2026 00:00:00 UTC", "Tue Mar 3"),
     ("Mar 3 2026 00:00:00 UTC", "Tue Mar 3"), ("mar 05 may 2026 00:00:00 UTC", "Tue May 5"),
     ("Di 03. Mär 00:00:00 UTC 2026", "Tue Mar 3"), ("lun. 04 mai 2026 00:00:00 UTC", "Mon May 4"),
     ("sam. 01 août 2026 00:00:00 UTC", "Sat Aug 1"), ("sab 11 lug 2026 00:00:00 UTC", "Sat Jul 11")],
)  # fmt: skip
def test_months_of_other_languages_are_told_apart(text: str, day: str) -> None:
    assert told_time(text.encode()) == told_time(f"{day} 00:00:00 UTC 2026".encode())
    assert told_time(text.encode("latin-1")) == told_time(text.encode())


@pytest.mark.parametrize(
    "text",
    ["2026-11-22T10:02:03CST", "Sun Nov 22 10:02:03CST 2026", "22 Nov 2026 10:02:03 (CST)", "EST 2026-11-22 10:02",
     "2026-11-22T10:02:03[Asia/Shanghai]"],
)  # fmt: skip
def test_a_zone_that_nobody_knows_is_not_taken_for_utc(text: str) -> None:
    assert told_time(text.encode()) is None


def test_utf_16_as_some_shells_write_it_is_understood() -> None:
    assert told_time("Sun Nov 22 01:02:03 UTC 2026\r\n".encode("utf-16")) == AT


@pytest.mark.parametrize("text", ["22 November 2026 01:02 UTC", "2026-11-22T01:02Z", "2026-11-22 01:02"])
def test_seconds_may_be_missing(text: str) -> None:
    assert told_time(text.encode()) == AT - 3


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
        "Sun Nov 42 01:02:03 UTC 2026",
        "Sun Foo 22 01:02:03 UTC 2026",
        "Sun Nov 22 25:02:03 UTC 2026",
        "Sun Nov 22 01:02:03 UTC 0000",
        "Sun Nov 22 01:02:03 CST 2026",
        "Sun Nov 22 01:02:03 IST 2026",
        "2026-11-22 01:02:03 Europe/Berlin",
        "Sun Nov 22 13:02:03 PM UTC 2026",
        "22/11/2026 01:02:03 UTC",
        "22 November",
        "22 November 2026",
        "29 November 2026",
        "2026 11 22",
        "2026-11-22",
        "22.11.2026",
        "20261322010203",
        "2026-13-22T01:02:03Z",
        "<html>",
        "\xff",
    ],
)
def test_what_tells_no_time_or_an_unknown_zone_is_none(text: str) -> None:
    assert told_time(text.encode("latin-1")) is None


@pytest.mark.parametrize(
    "options", [[], ["-R"], ["--rfc-3339=seconds"], ["-Iseconds"], ["-Iminutes"], ["+%s"], ["+%c"]]
)
def test_what_the_command_date_prints_here_is_understood(options: list[str]) -> None:
    command = ["date", "-u", "-d", f"@{AT:.0f}", *options]
    printed = subprocess.run(command, capture_output=True, check=True, env={**os.environ, "LC_ALL": "C"}).stdout
    assert told_time(printed) == AT - (3 if options == ["-Iminutes"] else 0)
