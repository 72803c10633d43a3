"""The bytes of every format, as files: a change of bytes is seen in review.

To write them anew after a change that is meant: ``python -m tests.formats.test_golden``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mirrorlist.core.model import MAIN, Protocol, Selection
from mirrorlist.core.select import select
from mirrorlist.formats.metalink3 import metalink
from mirrorlist.formats.mirrorlist import mirrorlist
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


WRITERS: dict[str, Callable[[], bytes]] = {
    "mirrorlist.golden.txt": lambda: mirrorlist(selection("")),
    "mirrorlist-country.golden.txt": lambda: mirrorlist(selection("country=JP&arch=x86_64")),
    "metalink3.golden.xml": lambda: metalink(selection("arch=x86_64"), metadata(alternates="bc")),
    "metalink3-current.golden.xml": lambda: metalink(selection("arch=x86_64"), metadata()),
}


@pytest.mark.parametrize("name", WRITERS)
def test_bytes_are_those_of_the_golden_file(name: str) -> None:
    assert WRITERS[name]() == (GOLDEN / name).read_bytes()


if __name__ == "__main__":
    for file_name, written in WRITERS.items():
        (GOLDEN / file_name).write_bytes(written())
