""""""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorlist.core.errors import Severity
from mirrorlist.sources.mirrors.files import parse_mirror, read_mirror_files
from mirrorlist.sources.places.countries import read_countries
from mirrorlist.sources.yaml.documents import Code
from mirrorlist.sources.yaml.schemas import load_schema

COUNTRIES = read_countries()
MODULES = ("main", "kitten")
HEAD = "name: a.example\naddress:\n  http: http://a.example/x/\n"


def test_only_mirror_files_are_read_and_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("c.yml", "a.yaml", "b.yml"):
        (tmp_path / name).write_text(HEAD.replace("a.example", Path(name).stem, 1))
    (tmp_path / "README.md").write_text("x")
    (tmp_path / ".hidden.yml").write_text("x")
    (tmp_path / "logo.png").write_bytes(b"\x89PNG")

    found = read_mirror_files(tmp_path, MODULES, COUNTRIES)

    assert [(file, mirror.name) for file, mirror in found.mirrors.items()] == [
        ("a.yaml", "a"),
        ("b.yml", "b"),
        ("c.yml", "c"),
    ]
    assert [Path(each.path).name for each in found.findings] == [".hidden.yml"]


def test_what_is_no_regular_file_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yml")
    (tmp_path / "b.yml").mkdir()

    found = read_mirror_files(tmp_path, MODULES, COUNTRIES)

    assert [each.code for each in found.findings] == [Code.NOT_A_REGULAR_FILE, Code.NOT_A_REGULAR_FILE]
    assert found.files == {}


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read every file")
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.example.yml").write_text(HEAD)
    (tmp_path / "a.example.yml").chmod(0)

    found = read_mirror_files(tmp_path, MODULES, COUNTRIES)

    assert [each.code for each in found.findings] == [Code.UNREADABLE_FILE]


def test_a_file_name_that_cannot_be_shown_is_told_without_its_bytes(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"a\xff\x1b.yml")).write_text(HEAD)

    (finding,) = read_mirror_files(tmp_path, MODULES, COUNTRIES).findings

    assert (finding.code, finding.severity) == (Code.FILE_NAME, Severity.ERROR)
    assert str(finding).isprintable()


def test_a_changed_file_has_another_digest_even_when_it_is_broken(tmp_path: Path) -> None:
    file = tmp_path / "a.example.yml"
    file.write_text(HEAD)
    good = read_mirror_files(tmp_path, MODULES, COUNTRIES)
    file.write_text(HEAD + "  broken")
    broken = read_mirror_files(tmp_path, MODULES, COUNTRIES)

    assert list(good.files) == list(broken.files) == ["a.example.yml"]
    assert good.files != broken.files
    assert (list(good.mirrors), list(broken.mirrors)) == (["a.example.yml"], [])


BROKEN = [b"", b"\xff", b"- a", b"a: *b", b"name: [", b"name: 5\n", b"{}", b"#" * 70_000, b"name: a.example\n---\n"]


def test_one_broken_file_never_stops_the_others(tmp_path: Path) -> None:
    (tmp_path / "m.yml").write_text(HEAD)
    for number, data in enumerate(BROKEN):
        (tmp_path / f"{'az'[number % 2]}{number}.yml").write_bytes(data)

    found = read_mirror_files(tmp_path, MODULES, COUNTRIES)

    assert list(found.mirrors) == ["m.yml"]
    errors = {Path(each.path).name for each in found.findings if each.severity is Severity.ERROR}
    assert errors == found.files.keys() - {"m.yml"}
    assert len(errors) == len(BROKEN)


LINES = st.sampled_from(
    [
        "name: a.example\n",
        "address: {http: http://a.example/}\n",
        "address_optional:\n",
        "  kitten: {https: 'http://a.example'}\n",
        "  city: x\n",
        "geolocation:\n",
        "  country: NO\n",
        "subnets: [10.0.0.1/8, x, 5]\n",
        "asn: [AS5, '6', 7]\n",
        "private: yes\n",
        "cloud_type: aws\n",
        "cloud_regions: all\n",
        "status: live\n",
        "live_from: 2026-02-30\n",
        "  x: 1\n",
        "- a\n",
        "asn: [[1]]\n",
        "subnets: {a: b}\n",
        "geolocation: 5\n",
        "sync:\n",
        "address: []\n",
        "countries_only: {}\n",
        "cloud_regions: [[]]\n",
        "sponsor_url: 'http://[x/'\n",
        "address_optional: x\n",
    ]
)


@settings(database=None, deadline=None, max_examples=300)
@given(st.binary(max_size=100) | st.lists(LINES, max_size=12).map(lambda lines: "".join(lines).encode()))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    mirror, findings = parse_mirror(data, "a.example.yml", MODULES, COUNTRIES)

    assert (mirror is None) == any(each.severity is Severity.ERROR for each in findings)
    assert all(str(each).isprintable() for each in findings)
    assert list(findings) == sorted(findings)


SCALARS = (
    st.none() | st.booleans() | st.integers(-5, 10**10) | st.text(max_size=8) | st.sampled_from(["http://a/", "NO"])
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner))
FIELDS = st.dictionaries(st.sampled_from([*load_schema("mirror")["properties"]]), VALUES, max_size=6)


@pytest.mark.slow
@settings(database=None, deadline=None, max_examples=120)
@given(FIELDS)
def test_no_values_make_it_raise(fields: dict[str, Any]) -> None:
    data = json.dumps({"name": "a.example", "address": {"http": "http://a.example/"}} | fields).encode()

    mirror, findings = parse_mirror(data, "a.example.yml", MODULES, COUNTRIES)

    assert (mirror is None) == any(each.severity is Severity.ERROR for each in findings)
