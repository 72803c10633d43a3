from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mirrorlist.core.errors import SnapshotError
from mirrorlist.core.snapshot import encode
from mirrorlist.store.snapshot_files import FORMER, NAME, read_newest, read_snapshot, signature, write_snapshot
from tests.building import mirror, snapshot

_WHOLE = snapshot([mirror("a", "berlin"), mirror("b", "tokyo")], at={"192.0.2.0/24": "berlin"})


def _bytes(generation: int) -> bytes:
    return encode(replace(_WHOLE, facts=replace(_WHOLE.facts, generation=generation)))


def _files(directory: Path) -> dict[str, int]:
    """The generation in each file of a directory."""
    return {path.name: read_snapshot(path).facts.generation for path in sorted(directory.iterdir())}


def test_what_is_written_is_read_back_and_makes_its_directory(tmp_path: Path) -> None:
    state = tmp_path / "deep" / "state"
    path = write_snapshot(state, _bytes(1))
    found = read_newest(state)
    assert (path, found.facts) == (state / NAME, _WHOLE.facts)
    assert found.located.at(bytes([192, 0, 2, 1])) == _WHOLE.located.at(bytes([192, 0, 2, 1])) != 0


@pytest.mark.parametrize(
    ("written", "files"),
    [
        (1, {NAME: 1}),
        (2, {NAME: 2, "snapshot.1.bin": 1}),
        (3, {NAME: 3, "snapshot.1.bin": 2, "snapshot.2.bin": 1}),
        (7, {NAME: 7, "snapshot.1.bin": 6, "snapshot.2.bin": 5}),
    ],
)
def test_the_current_and_two_former_ones_are_kept(tmp_path: Path, written: int, files: dict[str, int]) -> None:
    for generation in range(1, written + 1):
        write_snapshot(tmp_path, _bytes(generation))
    assert _files(tmp_path) == files


def test_a_reader_of_the_former_one_keeps_it_while_it_is_replaced(tmp_path: Path) -> None:
    write_snapshot(tmp_path, _bytes(1))
    former = read_newest(tmp_path)
    for generation in range(2, 7):
        write_snapshot(tmp_path, _bytes(generation))
    assert former.facts.generation == 1
    assert former.located.at(bytes([192, 0, 2, 1])) == _WHOLE.located.at(bytes([192, 0, 2, 1]))


def flipped(path: Path, where: float) -> None:
    data = bytearray(path.read_bytes())
    data[int(where * len(data))] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-1]), id="truncated"),
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: path.write_bytes(b"\0" * path.stat().st_size), id="zeros"),
        pytest.param(lambda path: flipped(path, 0.1), id="a bit flipped in the header"),
        pytest.param(lambda path: flipped(path, 0.95), id="a bit flipped in the tables"),
        pytest.param(lambda path: path.write_bytes(b"SQLite format 3\0" + b"x" * 5000), id="of another program"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes() + b"x"), id="too long"),
        pytest.param(lambda path: path.unlink(), id="gone"),
        pytest.param(lambda path: (path.unlink(), path.mkdir()), id="a directory"),
    ],
)
def test_a_damaged_current_one_falls_back_to_the_newest_whole_one(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    for generation in (1, 2, 3):
        write_snapshot(tmp_path, _bytes(generation))
    for file, left in ((NAME, 2), ("snapshot.1.bin", 1)):
        damage(tmp_path / file)
        assert read_newest(tmp_path).facts.generation == left


def test_without_any_whole_one_the_error_names_every_file_that_is_there_and_its_reason(tmp_path: Path) -> None:
    write_snapshot(tmp_path, _bytes(1))
    (tmp_path / NAME).write_bytes(b"no")
    (tmp_path / FORMER[0]).mkdir()
    with pytest.raises(SnapshotError) as caught:
        read_newest(tmp_path)
    assert str(caught.value) == "; ".join(
        [
            f"{tmp_path / NAME}: the file has 2 bytes; a snapshot has at least 56",
            f"{tmp_path / FORMER[0]} cannot be read: not a regular file; name one",
        ]
    )


def test_temporaries_that_a_crash_left_over_are_removed_and_nothing_else(tmp_path: Path) -> None:
    mine = ["snapshot.tmp.1", "snapshot.tmp.99999999", "snapshot.tmp.12341"]
    others = ["mirrorlist.sqlite", "snapshot.tmp", "snapshot.tmp.x", "snapshot.bin.bak", "my.snapshot.tmp.1"]
    for name in (*mine, *others):
        (tmp_path / name).write_bytes(b"x")
    write_snapshot(tmp_path, _bytes(1))
    assert {path.name for path in tmp_path.iterdir()} == {NAME, *others}


def test_a_write_that_fails_leaves_the_former_one_and_no_temporary(tmp_path: Path) -> None:
    write_snapshot(tmp_path, _bytes(1))
    (tmp_path / NAME).rename(tmp_path / "kept")
    (tmp_path / NAME).mkdir()
    with pytest.raises(OSError):
        write_snapshot(tmp_path, _bytes(2))
    assert {path.name for path in tmp_path.iterdir()} == {NAME, "kept"}


def test_a_signature_changes_with_every_write_even_of_equal_bytes(tmp_path: Path) -> None:
    path = tmp_path / NAME
    seen = {signature(path)}
    for _ in range(6):
        write_snapshot(tmp_path, _bytes(1))
        seen.add(signature(path))
        assert signature(path) == signature(path)
    assert len(seen) == 7
    assert None in seen


_WRITER = """
import sys
from pathlib import Path
from mirrorlist.store.snapshot_files import write_snapshot
state, *contents = map(Path, sys.argv[1:])
read = [path.read_bytes() for path in contents]
while True:
    for data in read:
        write_snapshot(state, data)
        print("written", flush=True)
"""


@pytest.mark.slow
def test_a_writer_killed_at_any_time_leaves_a_snapshot_that_can_be_read(tmp_path: Path) -> None:
    chance = random.Random(7)
    mirrors = [mirror(f"m{number}", "berlin", sponsor="x" * 20_000) for number in range(200)]
    big = snapshot(mirrors)
    contents = []
    for generation in (1, 2, 3):
        contents.append(tmp_path / f"content{generation}")
        contents[-1].write_bytes(encode(replace(big, facts=replace(big.facts, generation=generation))))
    state = tmp_path / "state"
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    left_over = 0
    for _ in range(30):
        command = [sys.executable, "-c", _WRITER, str(state), *map(str, contents)]
        with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE) as writer:
            assert writer.stdout
            assert writer.stdout.readline() == b"written\n"
            time.sleep(chance.uniform(0, 0.05))
            writer.send_signal(signal.SIGKILL)
        assert read_snapshot(state / NAME).facts.generation in (1, 2, 3)
        assert {type(read_snapshot(path)) for path in state.glob("snapshot.?.bin")} <= {type(big)}
        temporaries = list(state.glob("snapshot.tmp.*"))
        assert len(temporaries) <= 2
        left_over += bool(temporaries)
    assert left_over, "some were killed in the middle of a write"
    write_snapshot(state, contents[0].read_bytes())
    assert list(state.glob("snapshot.tmp.*")) == []


@pytest.mark.parametrize("state", ["state", "."])
def test_before_the_first_snapshot_one_sentence_says_what_to_do(tmp_path: Path, state: str) -> None:
    with pytest.raises(SnapshotError) as raised:
        read_newest(tmp_path / state)
    assert str(raised.value) == (
        f"nothing is published in {tmp_path / state} yet; run mirrorlist publish first, "
        "or name its directory with --state"
    )
