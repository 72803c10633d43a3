"""Counts of clients are read strictly, and every fault is told with its line and what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mirrorlist.core.errors import ClientCountsError
from mirrorlist.core.network.population import Counted
from mirrorlist.core.network.prefixes import parse_prefix
from mirrorlist.sources.places.countries import read_countries
from mirrorlist.sources.submissions.changes import MOST_BYTES, MOST_ROWS, read_client_counts

COUNTRIES = read_countries()


def read(tmp_path: Path, text: str | bytes) -> tuple[Counted, ...]:
    file = tmp_path / "clients.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_client_counts(file, COUNTRIES)


def test_countries_networks_systems_and_unknown_ones(tmp_path: Path) -> None:
    found = read(tmp_path, "client,count\nDE,1200\n192.0.2.0/24,5\n2001:db8::/32,7\nAS64500,9\n-,3\nFR,0\n")
    assert found == (
        Counted(1200.0, country="DE"),
        Counted(5.0, prefix=parse_prefix("192.0.2.0/24")[0]),
        Counted(7.0, prefix=parse_prefix("2001:db8::/32")[0]),
        Counted(9.0, asn=64500),
        Counted(3.0),
    )


def test_other_ends_of_lines_and_a_mark_at_the_beginning(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbfclient,count\r\nDE,1\r\n") == (Counted(1.0, country="DE"),)


def test_what_counts_writes_as_json(tmp_path: Path) -> None:
    found = read(tmp_path, json.dumps({"country": {"DE": 4, "-": 1}, "route": {"x": 9}}))
    assert found == (Counted(4.0, country="DE"), Counted(1.0))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ":1: the first line is ''; write client,count"),
        ("DE,5\n", ":1: the first line is 'DE,5'"),
        ("client,count\nDE\n", ":2: 'DE' has 1 columns; write two"),
        ("client,count\nDE,1\n\n", ":3: '' has 1 columns"),
        ("client,count\nDE,1,2\n", ":2: 'DE,1,2' has 3 columns"),
        ("client,count\nDE,x\n", ":2: the count 'x' is none; write a whole number"),
        ("client,count\nDE,-1\n", ":2: the count '-1'"),
        ("client,count\nDE,1.5\n", ":2: the count '1.5'"),
        ("client,count\nDE, 1\n", ":2: the count ' 1'"),
        ("client,count\nDE,01\n", ":2: the count '01'"),
        ("client,count\nDE,٣\n", ":2: the count"),
        ("client,count\nDE,9999999999999999\n", ":2: the count"),
        ("client,count\nde,1\n", ":2: 'de' is none of these; write a country"),
        ("client,count\nQQ,1\n", ":2: 'QQ' is none of these"),
        ("client,count\n192.0.2.1/24,1\n", ":2: '192.0.2.1/24' is none"),
        ("client,count\n192.0.2.1,1\n", ":2: '192.0.2.1' is none"),
        ("client,count\nAS0,1\n", ":2: 'AS0' is none"),
        ("client,count\nAS4294967295,1\n", ":2: 'AS4294967295' is none"),
        ('client,count\n"DE",1\n', ":2: '\"DE\"' is none"),
        ("client,count\n\x1b[2J,1\n", ":2: '\\x1b[2J' is none"),
        ("client,count\nDE,1\nFR,2\nDE,3\n", ":4: 'DE' is counted at"),
        ("client,count\nDE,0\n", ": no clients are counted in it"),
        ("client,count\n", ": no clients are counted in it"),
        (b"client,count\nD\xff,1\n", ": the file is not UTF-8"),
        ("{", ": the file is no JSON"),
        ("{" * 100_000, ": the file is no JSON"),
        ("{}", ": there are no counts under country"),
        ('{"country": {"DE": 1.5}}', ": country 'DE': the count is no whole number"),
        ('{"country": {"DE": true}}', ": country 'DE': the count is no whole number"),
        ('{"country": {"nowhere": 1}}', ": country: 'nowhere' is none of these"),
    ],
)  # fmt: skip
def test_every_fault_is_told_with_its_place(tmp_path: Path, text: str | bytes, told: str) -> None:
    with pytest.raises(ClientCountsError) as caught:
        read(tmp_path, text)
    assert f"clients.csv{told}" in str(caught.value)
    assert str(caught.value).isprintable()


def test_what_is_too_much_or_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClientCountsError, match=f":{MOST_ROWS + 2}: there are more than"):
        read(tmp_path, "client,count\n" + "DE,1\n" * (MOST_ROWS + 1))
    with pytest.raises(ClientCountsError, match="larger than 8 MiB"):
        read(tmp_path, b"x" * (MOST_BYTES + 1))
    with pytest.raises(ClientCountsError, match="only regular files"):
        read_client_counts(Path("/dev/zero"), COUNTRIES)
    with pytest.raises(ClientCountsError, match="there is no such file"):
        read_client_counts(tmp_path / "away.csv", COUNTRIES)
