"""A release reads the snapshots and file indexes of the releases before it, as far back as docs/releasing.md promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mirrorlist.core.files.folder import decode_index
from mirrorlist.core.selection.select import select
from mirrorlist.core.snapshot import decode
from tests.building import NOW, client, place, query

KEPT = sorted((Path(__file__).parents[1] / "data" / "released").glob("[0-9]*"))


def test_the_first_release_is_kept() -> None:
    assert "0.1.0" in {each.name for each in KEPT}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", each.name) for each in KEPT)


@pytest.mark.parametrize("directory", KEPT, ids=lambda each: each.name)
def test_its_snapshot_is_read_and_gives_its_answers(directory: Path) -> None:
    found = decode(memoryview((directory / "snapshot.bin").read_bytes()))
    given = select(found, query(), client("198.51.100.7", place("berlin")), NOW)
    assert [choice.mirror.name.partition(".")[0] for choice in given.choices] == ["berlin", "paris"]
    alone = select(found, query(), client("203.0.113.7"), NOW)
    assert [choice.mirror.name.partition(".")[0] for choice in alone.choices] == ["hidden"]
    assert found.facts.metadata["9.8/BaseOS/x86_64/os/"].current.size == 1000
    assert found.facts.classes[found.networks.at(bytes((192, 0, 2, 1)))].asn == 64500


@pytest.mark.parametrize("directory", KEPT, ids=lambda each: each.name)
def test_its_file_index_is_read_and_knows_who_has_what(directory: Path) -> None:
    index = decode_index(memoryview((directory / "index.bin").read_bytes()))
    assert [each.name.partition(".")[0] for each in index.facts.mirrors] == ["berlin", "paris"]
