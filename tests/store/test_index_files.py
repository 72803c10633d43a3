"""Indexes on disk: mapped with the snapshot that names them, refused when bad, kept as long as they are named."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mirrorlist.core.container import Sealed
from mirrorlist.core.files.build import IndexDraft
from mirrorlist.core.files.index import File, Holding, Indexed, IndexFacts
from mirrorlist.core.files.mirror_listing import Holdings
from mirrorlist.core.model import MAIN
from mirrorlist.core.snapshot import Snapshot, encode
from mirrorlist.reload import Reloader
from mirrorlist.store.index_files import (
    SPARED_SECONDS,
    current_indexes,
    index_path,
    prune_indexes,
    with_indexes,
    write_index,
)
from mirrorlist.store.snapshot_files import read_newest, write_snapshot
from tests.building import NOW, mirror, snapshot

NAME = "a.example.org"


def index(path: str) -> Sealed:
    draft = IndexDraft([File(path, 1, 1)], 1)
    draft.add(0, Holdings(np.ones(1, np.bool_), np.ones(1, np.bool_)))
    return draft.sealed(IndexFacts(MAIN, NOW, NOW, "test", (Indexed(NAME, NOW),)))


def publish(state: Path, generation: int) -> Snapshot:
    """A snapshot that names the current indexes."""
    made = snapshot([mirror("a", "berlin")])
    facts = replace(made.facts, generation=generation, file_indexes=current_indexes(state))
    write_snapshot(state, encode(replace(made, facts=facts)))
    return read_newest(state)


def opened(state: Path, found: Snapshot) -> tuple[Snapshot, list[str]]:
    told: list[str] = []
    return with_indexes(found, state, {}, lambda module, reason: told.append(f"{module}: {reason}")), told


def test_a_snapshot_gets_the_index_it_names(tmp_path: Path) -> None:
    write_index(tmp_path, MAIN, index("a"))
    found, told = opened(tmp_path, publish(tmp_path, 1))
    number = found.files[MAIN].find("a")
    assert (number, told) == (0, [])
    assert number is not None
    assert found.files[MAIN].holders(number).of(0) is Holding.HAS


def test_an_index_that_did_not_change_stays_mapped(tmp_path: Path) -> None:
    write_index(tmp_path, MAIN, index("a"))
    first, _ = opened(tmp_path, publish(tmp_path, 1))
    index_path(tmp_path, first.files[MAIN].digest).unlink()
    second = with_indexes(read_newest(tmp_path), tmp_path, first.files, lambda module, reason: pytest.fail(reason))
    assert second.files[MAIN].arrays is first.files[MAIN].arrays


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["altered", "truncated", "gone", "exchanged"])
def test_a_bad_index_is_refused_and_lists_keep_working(harm: str, tmp_path: Path) -> None:
    write_index(tmp_path, MAIN, index("a"))
    published = publish(tmp_path, 1)
    path = index_path(tmp_path, published.facts.file_indexes[MAIN])
    data = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        altered = {"altered": data[:-1] + b"?", "truncated": data[:-1], "exchanged": b"".join(index("b").parts)}
        path.write_bytes(altered[harm])
    found, told = opened(tmp_path, published)
    assert found.files == {}
    assert len(told) == 1
    assert str(path) in told[0]
    workers = Reloader(tmp_path, 60)
    workers.look()
    assert workers.current is not None
    assert workers.current.snapshot.files == {}
    assert workers.current.snapshot.mirrors == published.mirrors


def test_a_digest_that_is_none_opens_no_file(tmp_path: Path) -> None:
    made = snapshot([mirror("a", "berlin")])
    facts = replace(made.facts, file_indexes={MAIN: "../../etc/passwd"})
    found, told = opened(tmp_path, replace(made, facts=facts))
    assert (found.files, len(told)) == ({}, 1)


def test_a_worker_takes_up_a_new_index(tmp_path: Path) -> None:
    write_index(tmp_path, MAIN, index("a"))
    publish(tmp_path, 1)
    workers = Reloader(tmp_path, 60)
    workers.look()
    write_index(tmp_path, MAIN, index("b"))
    publish(tmp_path, 2)
    workers.look()
    assert workers.current is not None
    assert workers.current.snapshot.files[MAIN].find("b") == 0


def test_an_index_stays_as_long_as_a_kept_snapshot_names_it(tmp_path: Path) -> None:
    paths = []
    for generation, name in enumerate("abcd", 1):
        write_index(tmp_path, MAIN, index(name))
        publish(tmp_path, generation)
        paths.append(index_path(tmp_path, current_indexes(tmp_path)[MAIN]))
    (tmp_path / "files.notes.bin").write_text("not ours")
    now = paths[0].stat().st_mtime
    prune_indexes(tmp_path, now + SPARED_SECONDS / 2)
    assert [path.exists() for path in paths] == [True] * 4
    prune_indexes(tmp_path, now + 2 * SPARED_SECONDS)
    assert [path.exists() for path in paths] == [False, True, True, True]
    assert (tmp_path / "files.notes.bin").exists()


def test_a_writer_that_was_killed_leaves_nothing_for_good(tmp_path: Path) -> None:
    write_index(tmp_path, MAIN, index("a"))
    left = tmp_path / f".tmp.{os.getpid()}.files.x.bin"
    left.write_bytes(b"half")
    prune_indexes(tmp_path, NOW)
    assert not left.exists()
