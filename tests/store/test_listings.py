"""Kept lists: what is written is read again, and what is not whole counts as not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mirrorlist.core.errors import SnapshotError
from mirrorlist.core.files.index import File
from mirrorlist.core.files.list_parser import ListedFile
from mirrorlist.core.files.mirror_listing import listing
from mirrorlist.store.listings import Attempt, FileObservation, Listings, OriginFacts

FILES = [File("a", 1, 2, bytes(32)), File("9/ü b", None, None, None)]


def test_the_origins_list(tmp_path: Path) -> None:
    kept = Listings(tmp_path, "main")
    assert kept.origin_facts() is None
    facts = OriginFacts("/srv/linux", 5.0, 2, {"9": "9.8"}, {"a size": 1}, ("CHECKSUM",))
    kept.write_origin(facts, FILES)
    assert (kept.origin_facts(), list(kept.origin_files())) == (facts, FILES)


def test_a_mirrors_list(tmp_path: Path) -> None:
    kept = Listings(tmp_path, "main")
    assert kept.read("m") is None
    found = listing("rsync://m/", 5.0, [ListedFile(b"a", 1, 2), ListedFile(b"b", -1, -1)], refused=3)
    kept.write("m", found)
    again = kept.read("m")
    assert again is not None
    assert (again.source, again.listed_at, again.complete, again.refused) == ("rsync://m/", 5.0, True, 3)
    for name in ("keys", "sizes", "mtimes"):
        assert np.array_equal(getattr(again, name), getattr(found, name))


@pytest.mark.parametrize("size", [0, 5, -1])
def test_a_list_that_is_not_whole_is_none(size: int, tmp_path: Path) -> None:
    kept = Listings(tmp_path, "main")
    kept.write("m", listing("", 5.0, [ListedFile(b"a", 1, 2)]))
    kept.write_origin(OriginFacts("", 1.0), FILES)
    for path in kept.directory.iterdir():
        path.write_bytes(path.read_bytes()[:size])
    assert kept.read("m") is None
    assert kept.origin_facts() is None
    with pytest.raises(SnapshotError, match="mirrorlist update files"):
        list(kept.origin_files())


@pytest.mark.parametrize("name", ["../../evil", "/etc/passwd", ".hidden", "a" * 300, "b\x00c", ""])
def test_no_name_of_a_mirror_leads_out_of_the_directory(name: str, tmp_path: Path) -> None:
    kept = Listings(tmp_path, "main")
    kept.write(name, listing("", 5.0, []))
    kept.write_asked(name, {"a": FileObservation(1.0, 2)})
    assert {path.suffix for path in kept.directory.iterdir()} == {".list", ".asked"}
    assert (kept.read(name), kept.asked(name)) != (None, {})


def test_answers_and_tries(tmp_path: Path) -> None:
    kept = Listings(tmp_path, "main")
    assert (kept.asked("m"), kept.attempts()) == ({}, {})
    kept.write_asked("m", {"a": FileObservation(1.0, 2, 3)})
    kept.write_attempts({"m": Attempt(1.0, "refused")})
    assert (kept.asked("m"), kept.attempts()) == ({"a": FileObservation(1.0, 2, 3)}, {"m": Attempt(1.0, "refused")})


def test_mirrors_that_are_gone_are_forgotten_after_a_while(tmp_path: Path) -> None:
    kept = Listings(tmp_path, "main")
    for name in ("here", "gone"):
        kept.write(name, listing("", 5.0, []))
        kept.write_asked(name, {"a": FileObservation(1.0, 2)})
    written = (kept.directory / "gone.list").stat().st_mtime
    kept.forget(["here"], written - 60)
    assert kept.read("gone") is not None
    kept.forget(["here"], written + 60)
    assert (kept.read("gone"), kept.asked("gone")) == (None, {})
    assert kept.read("here") is not None
