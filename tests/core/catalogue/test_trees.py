""""""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorlist.core.catalogue.trees import (
    LONGEST_IN_URL,
    LONGEST_PATH,
    RESERVED,
    RedirectTree,
    TreePath,
    Trees,
    quoted,
)
from mirrorlist.core.errors import BadRequest, NotFound

DL = RedirectTree(prefix="/dl/", module="main")
DEEP = RedirectTree(prefix="/dl/images/", module="images")
OWN = RedirectTree(prefix="/", module="main", host="dl.example.org")
SHADOW = RedirectTree(prefix="/mirrorlist/", module="kitten", host="files.example.org")
TREES = Trees([DL, DEEP, OWN, SHADOW])


@pytest.mark.parametrize(
    ("host", "path", "tree", "below"),
    [
        ("a.example.org", "/dl/9/x.iso", DL, "9/x.iso"),
        ("a.example.org", "/dl", DL, ""),
        ("a.example.org", "/dl/", DL, ""),
        ("a.example.org", "/dl/9/", DL, "9/"),
        ("a.example.org", "/dl/9/.", DL, "9/"),
        ("a.example.org", "/dl/./9//x", DL, "9/x"),
        ("a.example.org", "/dl/images/x", DEEP, "x"),
        ("a.example.org", "//dl/x", DL, "x"),
        ("a.example.org", "///dl//x", DL, "x"),
        ("dl.example.org", "//x", OWN, "x"),
        ("dl.example.org", "//evil.example.com/x", OWN, "evil.example.com/x"),
        ("dl.example.org", "//", OWN, ""),
        ("dl.example.org", "/.//./x", OWN, "x"),
        ("a.example.org", "/dl/imagesx", DL, "imagesx"),
        ("", "/dl/x", DL, "x"),
        ("dl.example.org", "/9/x", OWN, "9/x"),
        ("dl.example.org", "/mirrorlist/9/baseos", OWN, "mirrorlist/9/baseos"),
        ("dl.example.org", "/dl/x", OWN, "dl/x"),
        ("dl.example.org", "/", OWN, ""),
        ("DL.Example.org.:8080", "/x", OWN, "x"),
        ("files.example.org", "/mirrorlist/9/x", SHADOW, "9/x"),
        ("files.example.org", "/dl/9/x", DL, "9/x"),
        ("a.example.org", "/dl/a%2Fb", DL, "a%2Fb"),
        ("a.example.org", "/dl/..x/x..", DL, "..x/x.."),
        ("a.example.org", "/dl/\xc3\xbc", DL, "ü"),
        ("a.example.org", "/dl/\xff", DL, "\udcff"),
    ],
)
def test_a_path_lies_in_the_innermost_tree_of_its_host(host: str, path: str, tree: RedirectTree, below: str) -> None:
    assert TREES.find(host, path) == TreePath(tree, below, (), tree.prefix)


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("a.example.org", "/"),
        ("a.example.org", "/mirrorlist/9/baseos"),
        ("a.example.org", "/dlx/y"),
        ("a.example.org", "/x/../dl/y"),
        ("a.example.org", "//"),
        ("a.example.org", "//evil.example.com/x"),
        ("a.example.org", "//mirrorlist/9/baseos"),
        ("files.example.org", "/metalink"),
        ("a.example.org", "*"),
        ("a.example.org", ""),
        ("a.example.org", "/region/EU"),
        ("a.example.org", "/region/EU/mirrorlist/9"),
        ("[2001:db8::1]:80", "/x"),
    ],
)
def test_what_lies_in_no_tree_is_left_to_the_service(host: str, path: str) -> None:
    assert TREES.find(host, path) is None


@pytest.mark.parametrize(
    "path",
    [
        "/dl/../x", "/dl/..", "/dl/a/../b", "/dl/a\\b", "/dl/..\\x", "/dl/a\x00b", "/dl/\r\nX: y", "/dl/a\tb", "/dl/\x7f",
        "//dl/../x", "/dl/" + "x" * LONGEST_PATH, "/region/EU/dl/../x", "//region/EU/dl/../x",
        "/dl/" + "\xff" * (LONGEST_IN_URL // 3 + 1), "/dl/a\xe3\x81\x82/" + "+" * 3000,
    ],
)  # fmt: skip
def test_a_path_that_no_file_can_have_is_malformed(path: str) -> None:
    with pytest.raises(BadRequest):
        TREES.find("a.example.org", path)


@pytest.mark.parametrize(
    ("path", "continents", "front"),
    [
        ("/region/EU/dl/9/x", ("EU",), "/region/EU/dl/"),
        ("/region/na/dl/9/x", ("NA",), "/region/na/dl/"),
        ("/region/default/dl/9/x", ("NA", "EU"), "/region/default/dl/"),
    ],
)
def test_a_region_stands_before_a_tree(path: str, continents: tuple[str, ...], front: str) -> None:
    assert TREES.find("", path) == TreePath(DL, "9/x", continents, front)


def test_a_region_stands_before_the_paths_of_a_host_of_its_own_too() -> None:
    assert TREES.find("dl.example.org", "/region/AS/x") == TreePath(OWN, "x", ("AS",), "/region/AS/")


def test_an_unknown_continent_is_told() -> None:
    with pytest.raises(NotFound, match="unknown continent; write /region/ and one of AF, AN, AS"):
        TREES.find("", "/region/XX/dl/x")


def test_without_trees_nothing_is_found() -> None:
    assert Trees(()).find("dl.example.org", "//x") is None


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("9/BaseOS/x86_64/os/a-1.0~rc1.rpm", "9/BaseOS/x86_64/os/a-1.0~rc1.rpm"),
        ("libstdc++.rpm", "libstdc%2B%2B.rpm"),
        ("a%2Fb", "a%252Fb"),
        ("a b?c#d", "a%20b%3Fc%23d"),
        ("$releasever", "%24releasever"),
        ("<x>;y,z'\"&", "%3Cx%3E%3By%2Cz%27%22%26"),
        ("ü\udcff", "%C3%BC%FF"),
        ("1:2@3=4", "1:2@3=4"),
    ],
)
def test_a_path_in_a_url_is_plain_ascii(path: str, url: str) -> None:
    assert quoted(path) == url


@given(st.binary(max_size=60))
def test_every_path_is_refused_or_comes_back_as_it_is(data: bytes) -> None:
    """What is asked for is what a mirror decodes."""
    try:
        found = TREES.find("", "/dl/" + data.decode("latin-1"))
    except BadRequest:
        return
    assert found is not None
    url = found.quoted
    assert url.isascii()
    assert not set(url) & set("\r\n \\<>\"'$?#,;")
    assert ".." not in url.split("/")
    assert not url.startswith("/")


def test_reserved_are_the_first_segments_that_are_promised() -> None:
    assert {"mirrorlist", "metalink", "isolist", "region", "static", "healthz", "mirrors.json"} <= RESERVED
