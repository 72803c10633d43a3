from __future__ import annotations

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorlist.web.responses import LEAST_BYTES, accepts_gzip, compressed

LONG = b"https://mirror.example.org/linux/\n" * 100


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("gzip, deflate, br", True),
        ("deflate, gzip;q=0.5", True),
        ("gzip;q=1.0", True),
        ("gzip; q=0.001", True),
        ("", False),
        ("identity", False),
        ("deflate, br", False),
        ("gzip;q=0", False),
        ("gzip;q=0.0", False),
        ("gzip; q=0.000", False),
        ("br, gzip;q=0", False),
        ("*", False),  # asks for nothing by name
        ("gzipped", False),
        ("x-gzip-2", False),
        (" " * 1000 + "gzip", False),
    ],
)
def test_gzip_is_given_to_those_who_name_it(header: str, expected: bool) -> None:
    assert accepts_gzip(header) is expected


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(st.characters(max_codepoint=0xFF)), st.from_regex(r"(gzip|br|\*)(;q=.{0,6})?(, ?.{0,9})*")))
def test_no_header_raises_and_what_is_packed_unpacks_to_the_same(header: str) -> None:
    packed = compressed(LONG, header)
    assert packed is None or gzip.decompress(packed) == LONG


def test_packed_bytes_depend_on_the_body_only() -> None:
    assert compressed(LONG, "gzip") == compressed(LONG, "br, gzip;q=0.1")


@pytest.mark.parametrize(("length", "packs"), [(LEAST_BYTES - 1, False), (LEAST_BYTES, True)])
def test_short_bodies_go_as_they_are(length: int, packs: bool) -> None:
    assert (compressed(b"a" * length, "gzip") is not None) is packs
