"""The bytes of every format, as files: a change of bytes is seen in review.

To write them anew after a change that is meant: ``python -m tests.formats.test_golden``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mirrorlist.core.catalogue.trees import RedirectTree, TreePath
from mirrorlist.core.model import MAIN, WEB_PROTOCOLS, Protocol
from mirrorlist.core.redirects.file_mirrors import FileQuery, FileSelection, offer
from mirrorlist.core.selection.answer import Selection
from mirrorlist.core.selection.known_files import FileMetadata, Pieces, RepositoryLocator
from mirrorlist.core.selection.select import select
from mirrorlist.formats.apk import apk
from mirrorlist.formats.apt import apt
from mirrorlist.formats.checksum import checksum
from mirrorlist.formats.file_json import file_json
from mirrorlist.formats.file_metalink3 import file_metalink3
from mirrorlist.formats.file_metalink4 import file_metalink4
from mirrorlist.formats.isolist import isolist
from mirrorlist.formats.json import json
from mirrorlist.formats.links import digest, links
from mirrorlist.formats.metalink3 import metalink
from mirrorlist.formats.metalink4 import metalink4
from mirrorlist.formats.mirrorlist import mirrorlist
from mirrorlist.formats.pacman import pacman
from tests.building import NOW, client, metadata, mirror, place, query, snapshot

GOLDEN = Path(__file__).parents[1] / "data"
HTTP = {MAIN: {Protocol.HTTP: "http://paris.example.org/a&b/'c'/%C3%BC/"}}
MIRRORS = [
    mirror("berlin", "berlin", bandwidth_mbps=10_000),
    mirror("paris", "paris", urls=HTTP),
    mirror("own", "munich", private=True, subnets=["192.0.2.0/24"]),
    mirror("unplaced"),
]
TREES = {MAIN: ("https://repo.example.org/linux/",)}


def selection(text: str) -> Selection:
    of = snapshot(MIRRORS, fallbacks=TREES)
    return select(of, query(text), client("192.0.2.1", place("berlin")), NOW)


def headed(text: str) -> Selection:
    """A selection with Fedora's first line."""
    return replace(selection(text), heading=("repo = baseos-9 arch = x86_64 ",))


PLACE = TreePath(RedirectTree(prefix="/dl/", module=MAIN), "9.8/isos/x86_64/ima ge+ü.iso", (), "/dl/")
PIECES = Pieces(64 * 1024 * 1024, ("1" * 64, "2" * 64))


def offered(known: FileMetadata | None) -> FileSelection:
    """The offer of an image; without ``known`` nothing is known of it."""
    of = snapshot(MIRRORS, fallbacks=TREES, trees=(PLACE.tree,))
    made = offer(of, RepositoryLocator(of.facts.service.catalogue), FileQuery(PLACE, WEB_PROTOCOLS), CLIENT, NOW)
    return replace(made, known=known)


CLIENT = client("192.0.2.1", place("berlin"))
IMAGE = FileMetadata(size=100_000_000, mtime=1_790_000_000, sha256="a" * 64, sha512="b" * 128, pieces=PIECES)
LINKS = [("https://a.example.org/linux/", "DE"), ("http://b.example.org/", None)]

WRITERS: dict[str, Callable[[], bytes]] = {
    "file_metalink4.golden.xml": lambda: file_metalink4(offered(IMAGE)),
    "file_metalink4-unknown.golden.xml": lambda: file_metalink4(offered(None)),
    "file_metalink3.golden.xml": lambda: file_metalink3(offered(IMAGE)),
    "file_json.golden.json": lambda: file_json(offered(IMAGE)),
    "checksum.golden.txt": lambda: checksum("a" * 64, "ima ge+ü.iso") + checksum("b" * 64, "a\\b\nc"),
    "links.golden.txt": lambda: b"".join(
        f"{line}\n".encode()
        for line in (*(f"{before}9/x.iso{after}" for before, after in links(LINKS, "/dl/")), digest(b"\xaa" * 32))
    ),
    "mirrorlist.golden.txt": lambda: mirrorlist(selection("")),
    "mirrorlist-country.golden.txt": lambda: mirrorlist(selection("country=JP&arch=x86_64")),
    "mirrorlist-protocols.golden.txt": lambda: mirrorlist(headed("protocol=http,https&arch=x86_64")),
    "apt.golden.txt": lambda: apt(selection("arch=x86_64")),
    "apt-country.golden.txt": lambda: apt(selection("country=JP&arch=x86_64")),
    "pacman.golden.txt": lambda: pacman(selection("")),
    "apk.golden.txt": lambda: apk(selection("arch=x86_64")),
    "json.golden.json": lambda: json(selection("country=JP&arch=x86_64")),
    "isolist.golden.json": lambda: isolist(selection("arch=x86_64")),
    "metalink4.golden.xml": lambda: metalink4(selection("arch=x86_64"), metadata()),
    "metalink3.golden.xml": lambda: metalink(selection("arch=x86_64"), metadata(alternates="bc")),
    "metalink3-current.golden.xml": lambda: metalink(selection("arch=x86_64"), metadata()),
}


@pytest.mark.parametrize("name", WRITERS)
def test_bytes_are_those_of_the_golden_file(name: str) -> None:
    assert WRITERS[name]() == (GOLDEN / name).read_bytes()


if __name__ == "__main__":
    for file_name, written in WRITERS.items():
        (GOLDEN / file_name).write_bytes(written())
