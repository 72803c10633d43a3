"""The bytes of every format, as files: a change of bytes is seen in review.

To write them anew after a change that is meant: ``python -m tests.formats.test_golden``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mirrorlist.core.model import MAIN, Protocol, Selection
from mirrorlist.core.select import select
from mirrorlist.formats.apk import apk
from mirrorlist.formats.apt import apt
from mirrorlist.formats.isolist import isolist
from mirrorlist.formats.json import json
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


WRITERS: dict[str, Callable[[], bytes]] = {
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
