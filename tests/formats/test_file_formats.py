"""What the formats of files keep to, over the same offers, hostile names among them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from lxml import etree

from mirrorlist.core.catalogue.trees import RedirectTree, TreePath
from mirrorlist.core.model import MAIN, WEB_PROTOCOLS
from mirrorlist.core.redirects.file_mirrors import FileQuery, FileSelection, offer
from mirrorlist.core.selection.known_files import FileMetadata, Pieces, RepositoryLocator
from mirrorlist.formats.checksum import checksum
from mirrorlist.formats.file_json import file_json
from mirrorlist.formats.file_metalink3 import file_metalink3
from mirrorlist.formats.file_metalink4 import file_metalink4
from mirrorlist.formats.links import (
    MOST_BYTES,
    MOST_DUPLICATES,
    digest,
    fitting,
    joined,
    links,
    longest_path,
    shortened,
    sizes,
)
from tests.building import CITIES, NOW, client, mirror, place, snapshot

TREE = RedirectTree(prefix="/dl/", module=MAIN)
HOSTILE = "x \u2028\x1b<&\"'>]]>--\udcff ü.iso"
TREES = {MAIN: ("https://repo.example.org/linux/", "http://repo2.example.org/a&b/")}
FULL = FileMetadata(size=7, mtime=0, sha256="a" * 64, sha512="b" * 128, pieces=Pieces(4, ("1" * 64, "2" * 64)))
KNOWN = {"nothing": None, "size": FileMetadata(size=7), "everything": FULL}


def made(count: int, path: str, known: FileMetadata | None) -> FileSelection:
    listed = [mirror(f"m{number}", city, sponsor=HOSTILE) for number, city in enumerate(list(CITIES)[:count])]
    of = snapshot(listed, fallbacks=TREES, trees=(TREE,))
    wanted = FileQuery(TreePath(TREE, path, (), "/dl/"), WEB_PROTOCOLS)
    found = offer(of, RepositoryLocator(of.facts.service.catalogue), wanted, client("192.0.2.1", place("berlin")), NOW)
    return replace(found, known=known)


CASES = [
    pytest.param(made(count, path, known), id=f"{count} mirrors, {name}, {said}")
    for count in (0, 1, 3, 10)
    for name, path in (("plain", "9/x.iso"), ("hostile", f"9/{HOSTILE}"))
    for said, known in KNOWN.items()
]


@pytest.mark.parametrize("case", CASES)
def test_metalinks_tell_the_sources_in_their_order(case: FileSelection) -> None:
    urls = [source.url for source in case.sources]
    for body in (file_metalink3(case), file_metalink4(case)):
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
        assert [each.text for each in root.iter("{*}url")] == urls
        [file] = root.iter("{*}file")
        assert "/" not in (file.get("name") or "")
        assert file.findtext("{*}size") == (None if case.known is None else str(case.known.size))
    priorities = [each.get("priority") for each in etree.fromstring(file_metalink4(case)).iter("{*}url")]
    assert priorities == [str(number) for number in range(1, len(urls) + 1)]
    preferences = [int(each.get("preference", "")) for each in etree.fromstring(file_metalink3(case)).iter("{*}url")]
    assert preferences == sorted(set(preferences), reverse=True)


@pytest.mark.parametrize("case", CASES)
def test_json_is_whole_and_utf8(case: FileSelection) -> None:
    document = json.loads(file_json(case))
    assert document["urls"] == [source.url for source in case.sources]
    assert all(url.isascii() for url in document["urls"])


@pytest.mark.parametrize("case", CASES)
def test_links_are_single_headers_of_plain_ascii(case: FileSelection) -> None:
    others = [(source.url.removesuffix(case.place.quoted), "DE") for source in case.sources[1:]]
    for before, after in links(others, "/dl/"):
        line = f"{before}{case.place.quoted}{after}"
        assert re.fullmatch(r'<[!-;=?-~]+>; rel=[a-z]+(; [a-z]+=("[a-z0-9/+]+"|[a-z0-9]+))+', line), line


def test_there_are_ten_duplicates_at_most() -> None:
    found = links([(f"https://m{number}.example.org/", None) for number in range(30)], "/dl/")
    assert len(found) == MOST_DUPLICATES + 1


def lines(found: Sequence[tuple[str, str]], path: str) -> list[str]:
    return [f"{before}{path}{after}" for before, after in fitting(found, path)]


@pytest.mark.parametrize("base", [10, 60, 300, 1000])
@pytest.mark.parametrize("count", [0, 1, 5, 30])
def test_links_have_two_kibibytes_together_and_the_metalink_goes_last(base: int, count: int) -> None:
    trees = [(f"https://m{number:02}.example.org/{'b' * base}/", "DE") for number in range(count)]
    found = links(trees, "/dl/")
    pieces, taken = joined(found), sizes(found)
    longest = longest_path(taken)
    for length in (*range(0, 2100, 7), max(longest, 0), max(longest + 1, 0)):
        kept = lines(found, "p" * length)
        assert sum(len(f"Link: {line}\r\n") for line in kept) <= MOST_BYTES
        assert (len(kept) == len(found)) is (length <= longest)
        assert shortened(pieces, taken, "p" * length) == ", ".join(kept)
        assert not kept or kept[-1].startswith("</dl/p") or not length
        assert [f"pri={pri};" in line for pri, line in enumerate(kept[:-1], 1)] == [True] * (len(kept) - 1)
        if length < 1950:
            assert kept
    assert lines(found, "p" * 2000) == []


def test_as_many_links_are_kept_as_fit() -> None:
    found = links([(f"https://m{number}.example.org/", None) for number in range(10)], "/")
    kept = lines(found, "p" * 255)
    assert [line.partition("ppp")[0] for line in kept] == [f"<https://m{n}.example.org/" for n in range(5)] + ["</"]
    assert MOST_BYTES - sum(len(line) + 8 for line in kept) < len(kept[0])


def test_a_digest_is_base64_of_the_bytes() -> None:
    assert digest(bytes(32)) == f"SHA-256={'A' * 43}="


@pytest.mark.parametrize("name", ["x.iso", "a\\b", "a\nb", "\udcff"])
def test_a_checksum_is_one_line(name: str) -> None:
    line = checksum("a" * 64, name)
    assert line.count(b"\n") == 1
    assert line.startswith(b"\\") is (name in ("a\\b", "a\nb"))
