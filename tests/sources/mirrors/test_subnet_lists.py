"""Subnets that a mirror publishes at a URL: what a list may look like, and what is kept of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mirrorlist.core.network.prefixes import parse_prefix, spelled
from mirrorlist.files_on_disk import write_whole
from mirrorlist.sources.mirrors.subnet_lists import (
    KEPT_SECONDS,
    MAX_BYTES,
    MOST_SUBNETS,
    ListCode,
    copy_path,
    forget_lists,
    held_path,
    list_findings,
    parsed_list,
    read_list,
    refusal_path,
    with_published_subnets,
    write_list,
)
from tests.building import NOW, mirror

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "mirror-files.md"
URL = "https://m.example.org/subnets.json"
MIRROR = mirror("m", private=True, subnets_url=URL)


def keep(state: Path, data: bytes) -> None:
    path = copy_path(state, URL)
    path.parent.mkdir()
    path.write_bytes(data)
    os.utime(path, (NOW, NOW))


def codes(state: Path, now: float = NOW) -> list[str]:
    return [finding.code for finding in list_findings({"m.yml": MIRROR}, state, now)]


@pytest.mark.parametrize(
    "data",
    [
        b'["192.0.2.0/24", "2001:db8::/48", "192.0.2.0/24"]',
        b'\xef\xbb\xbf["192.0.2.0/24", "2001:0DB8:0000::/48"]\n',
        b'["192.0.2.7/24", "2001:db8::/48"]',
        b"192.0.2.0/24\n2001:db8::/48\n",
        b"# ours\r\n192.0.2.0/24 ; the campus\r\n\r\n2001:db8::/48",
        b"::ffff:192.0.2.0/120\n2001:db8::/48\n",
    ],
    ids=["list", "BOM and zeros", "host bits", "lines", "remarks", "mapped"],
)
def test_the_last_good_copy_gives_the_subnets(data: bytes, tmp_path: Path) -> None:
    keep(tmp_path, data)
    found = with_published_subnets(MIRROR, tmp_path, NOW)
    assert found.subnets == (parse_prefix("192.0.2.0/24")[0], parse_prefix("2001:db8::/48")[0])
    assert codes(tmp_path) == []


def test_without_a_url_nothing_is_read(tmp_path: Path) -> None:
    plain = mirror("m", subnets=("192.0.2.0/24",))
    assert with_published_subnets(plain, tmp_path, NOW) is plain
    assert list_findings({"m.yml": plain}, tmp_path, NOW) == ()


def test_without_a_copy_a_mirror_has_no_subnets_and_that_is_told(tmp_path: Path) -> None:
    assert with_published_subnets(MIRROR, tmp_path, NOW).subnets == ()
    assert codes(tmp_path) == [ListCode.MISSING]


BAD: list[tuple[bytes, str]] = [
    (b"{}", "it is no list of texts"),
    (b'{"subnets": ["192.0.2.0/24"]}', "it is no list of texts"),
    (b"null", "'null' is no network"),
    (b"[1]", "it is no list of texts"),
    (b'[["192.0.2.0/24"]]', "it is no list of texts"),
    (b'"192.0.2.0/24"', "it is no list of texts"),
    (b'["10.0.0.0/33"]', "'10.0.0.0/33' is no network"),
    (b'["10.0.0.0/255.0.0.0"]', "is no network"),
    (b'["nonsense"]', "'nonsense' is no network"),
    (b'["192.0.2.0/24"', "it is no JSON: "),
    (b"\xff", "it is not UTF-8"),
    (b"<!DOCTYPE html><html></html>", "it is a page, not a list"),
    (b"Dear visitor,\n", "is no network"),
    (b"[" * 100_000, "it is nested too deeply"),
    (json.dumps(["192.0.2.0/24"] * (MOST_SUBNETS + 1)).encode(), "it has 1025 entries; 1024 are allowed"),
    (b" " * MAX_BYTES + b"[]", "it is larger than 1048576 bytes"),
]


@pytest.mark.parametrize(("data", "said"), BAD, ids=[data[:30].decode("latin-1") for data, _ in BAD])
def test_what_is_no_list_of_networks_is_refused_in_words(data: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        parsed_list(data)
    assert said in str(caught.value)
    keep(tmp_path, data)
    assert with_published_subnets(MIRROR, tmp_path, NOW).subnets == ()
    assert codes(tmp_path) == [ListCode.MISSING]


def test_an_empty_list_is_one() -> None:
    assert parsed_list(b"[]") == parsed_list(b"") == parsed_list(b"# nothing yet\n") == ()


def test_a_copy_that_is_not_confirmed_for_a_week_is_dropped_and_told(tmp_path: Path) -> None:
    prefixes = (parse_prefix("192.0.2.0/24")[0],)
    write_list(copy_path(tmp_path, URL), prefixes, NOW)
    assert read_list(copy_path(tmp_path, URL)) == prefixes
    assert with_published_subnets(MIRROR, tmp_path, NOW + KEPT_SECONDS - 1).subnets == prefixes
    assert codes(tmp_path, NOW + KEPT_SECONDS - 1) == []
    assert with_published_subnets(MIRROR, tmp_path, NOW + KEPT_SECONDS).subnets == ()
    assert codes(tmp_path, NOW + KEPT_SECONDS) == [ListCode.OLD]


def test_what_waits_and_what_was_refused_is_told_with_what_to_do(tmp_path: Path) -> None:
    write_list(copy_path(tmp_path, URL), (), NOW)
    write_list(held_path(tmp_path, URL), [parse_prefix("192.0.2.0/24")[0]], NOW)
    write_whole(refusal_path(tmp_path, URL), [b"status 404"])
    refused, held = list_findings({"mirrors.d/m.yml": MIRROR}, tmp_path, NOW)
    assert str(refused) == (
        f"mirrors.d/m.yml:1:1: warning [subnets-refused] subnets '{URL}': refused, the former stays for seven days: "
        "status 404"
    )
    assert held.code == ListCode.HELD
    assert "(1 of IPv4 now)" in held.message
    assert held.message.endswith("then run mirrorlist update subnets --accept m.example.org")


def test_a_list_is_written_as_it_is_read(tmp_path: Path) -> None:
    texts = ["192.0.2.0/24", "2001:db8::/48", "198.51.100.7/32"]
    write_list(tmp_path / "a.json", [parse_prefix(text)[0] for text in texts], NOW)
    assert [spelled(prefix) for prefix in read_list(tmp_path / "a.json")] == texts
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_what_killed_writers_left_goes_with_lists_that_nobody_names(tmp_path: Path) -> None:
    path = copy_path(tmp_path, URL)
    left_over = path.with_name(f".tmp.123.{path.name}")
    for each in (path, left_over, path.with_name("other.json")):
        write_list(each, [], NOW)
    forget_lists(tmp_path, [URL], NOW + KEPT_SECONDS)
    assert path.exists()
    forget_lists(tmp_path, [], NOW + KEPT_SECONDS - 1)
    assert left_over.exists()
    forget_lists(tmp_path, [], NOW + KEPT_SECONDS)
    assert [each.name for each in path.parent.iterdir()] == ["other.json"]


def test_the_documentation_explains_every_code() -> None:
    section = DOCUMENTATION.read_text(encoding="utf-8").split("\n## Networks at a URL\n")[1].split("\n## ")[0]
    rows = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]
    assert sorted(rows) == sorted(ListCode)
