"""Subnets that a mirror publishes at a URL."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mirrorlist.core.prefixes import parse_prefix
from mirrorlist.sources.subnet_lists import MAX_BYTES, MOST_SUBNETS, copy_path, with_published_subnets
from tests.building import mirror

URL = "https://m.example.org/subnets.json"
MIRROR = mirror("m", private=True, subnets_url=URL)


def keep(state: Path, data: bytes) -> None:
    path = copy_path(state, URL)
    path.parent.mkdir()
    path.write_bytes(data)


def test_the_last_good_copy_gives_the_subnets(tmp_path: Path) -> None:
    keep(tmp_path, b'["192.0.2.0/24", "2001:db8::/48", "192.0.2.0/24"]')
    told: list[str] = []
    found = with_published_subnets(MIRROR, tmp_path, told.append)
    assert found.subnets == (parse_prefix("192.0.2.0/24")[0], parse_prefix("2001:db8::/48")[0])
    assert told == []


def test_without_a_url_nothing_is_read(tmp_path: Path) -> None:
    plain = mirror("m", subnets=("192.0.2.0/24",))
    assert with_published_subnets(plain, tmp_path, pytest.fail) is plain


def test_without_a_copy_a_mirror_has_no_subnets_and_that_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    assert with_published_subnets(MIRROR, tmp_path, told.append).subnets == ()
    assert told == [f"m.example.org: there is no copy of {URL} yet (No such file or directory)"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"null",
        b"[1]",
        b'["10.0.0.0/33"]',
        b'["nonsense"]',
        b"\xff",
        b"[" * 100_000,
        json.dumps(["192.0.2.0/24"] * (MOST_SUBNETS + 1)).encode(),
        b" " * MAX_BYTES + b"[]",
    ],
)
def test_a_copy_that_is_no_list_of_networks_gives_none_and_that_is_told(tmp_path: Path, data: bytes) -> None:
    keep(tmp_path, data)
    told: list[str] = []
    assert with_published_subnets(MIRROR, tmp_path, told.append).subnets == ()
    assert len(told) == 1
    assert told[0].startswith(f"m.example.org: the copy of {URL} cannot be used: ")
