from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from weakref import ref

import pytest

from mirrorlist.app import plain_app, put_front
from mirrorlist.core.catalogue.trees import RedirectTree
from mirrorlist.core.model import MAIN
from mirrorlist.core.selection.prepared import Prepared
from mirrorlist.core.snapshot import encode
from mirrorlist.reload import Reloader
from mirrorlist.store.snapshot_files import FORMER, NAME, write_snapshot
from mirrorlist.web.counts import Counts
from tests.building import metadata, mirror, nobody, snapshot
from tests.web.asking import ask, environ, unlimited
from tests.web.networks import made_up, record_of

PERIOD = 0.05


def generation(number: int) -> bytes:
    """A snapshot file of this generation, with a mirror named after it."""
    return encode(snapshot([mirror(f"m{number}", "berlin")], facts={"generation": number}))


def full_generation(number: int) -> bytes:
    """One with something to answer for every kind of question."""
    found = record_of(5, trees=(RedirectTree(prefix="/dl/", module=MAIN),))
    data = {data.path: data for data in [metadata()]}
    return encode(replace(found, facts=replace(found.facts, generation=number, metadata=data)))


def number_of(reloader: Reloader) -> int | None:
    return reloader.current.snapshot.facts.generation if reloader.current else None


def within(seconds: float, true: Callable[[], bool]) -> bool:
    """Whether something becomes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.005)
    return true()


def replaced(state: Path, data: bytes) -> None:
    """Puts other bytes in the place of the current snapshot, as a publisher that fails half-way would."""
    (state / "other").write_bytes(data)
    (state / "other").replace(state / NAME)


def test_new_file_is_taken_up_within_the_period(tmp_path: Path) -> None:
    write_snapshot(tmp_path, generation(1))
    reloader = Reloader(tmp_path, PERIOD)
    reloader.start()
    assert number_of(reloader) == 1
    for number in (2, 3):
        write_snapshot(tmp_path, generation(number))
        assert within(PERIOD * 10, lambda number=number: number_of(reloader) == number)  # type: ignore[misc]


@pytest.mark.slow
def test_nothing_is_left_of_former_generations(tmp_path: Path) -> None:
    """What a generation leaves behind adds up, for a worker sees thousands; and it goes without a collection, which
    would stop all requests for as long as it walks through everything."""
    write_snapshot(tmp_path, full_generation(1))
    reloader, counts = Reloader(tmp_path, 3600), Counts()
    app = plain_app(reloader, nobody, counts)
    put_front(app, reloader, nobody, counts, unlimited())
    former = []
    for number in (2, 3, 4):
        reloader.look()
        for path, query, status in [
            ("/mirrorlist/9/baseos", "", 200), ("/mirrorlist/9/baseos", "country=DE", 200), ("/nothing", "", 404),
            ("/metalink", "repo=baseos-9&arch=x86_64", 200), ("/dl/9.8/a.iso", "", 302), ("/dl/9.8/b.iso", "", 302),
            ("/dl/9.8/a.iso", "mirrorlist", 200), ("/", "", 200), ("/yours", "", 200), ("/status", "", 200),
            (f"/mirrors/{made_up(1)[0].name}", "", 200), ("/api/v1/mirrors", "", 200),
            ("/api/v1/selection", "repo=baseos-9&arch=x86_64", 200),
        ]:  # fmt: skip
            assert ask(app.wsgi_app, environ(path, query)).status == status, path
        assert reloader.current is not None
        gc.collect()  # the errors' tracebacks
        gc.freeze()
        former.append(ref(reloader.current))
        write_snapshot(tmp_path, full_generation(number))
    reloader.look()
    assert [each() for each in former] == [None, None, None]


class Knot:
    """What no count of references ends."""

    def __init__(self) -> None:
        self.itself = self


@pytest.mark.slow
def test_a_knot_that_was_frozen_at_work_goes_some_generations_later(tmp_path: Path) -> None:
    """A request may be at work on one while a generation is taken up; over a year they would fill the memory."""
    reloader, knot = Reloader(tmp_path, 3600), Knot()
    write_snapshot(tmp_path, generation(1))
    reloader.look()
    left = ref(knot)
    del knot
    for number in (2, 3):
        write_snapshot(tmp_path, generation(number))
        reloader.look()
    assert left() is not None, "it is frozen, so a collection does not see it"
    for number in range(4, 66):
        write_snapshot(tmp_path, generation(number))
        reloader.look()
    assert left() is None


def test_takers_get_each_generation_once_and_the_present_one_at_once(tmp_path: Path) -> None:
    write_snapshot(tmp_path, generation(1))
    reloader, seen = Reloader(tmp_path, 3600), list[int]()

    def take(prepared: Prepared) -> None:
        seen.append(prepared.snapshot.facts.generation)

    reloader.look()
    reloader.subscribe(take)
    for number in (2, 3):
        write_snapshot(tmp_path, generation(number))
        reloader.look()
        reloader.look()
    assert seen == [1, 2, 3]


BROKEN = {
    "empty": b"",
    "text": b"not a snapshot\n" * 10,
    "truncated": generation(9)[:-1],
    "cut at half": generation(9)[: len(generation(9)) // 2],
    "one bit other": generation(9)[:-1] + bytes([generation(9)[-1] ^ 1]),
    "of another format": generation(9)[:8] + b"\x63" + generation(9)[9:],
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_file_leaves_the_newest_generation_in_force(tmp_path: Path, kind: str) -> None:
    """Not the one before, which lies beside it as a reserve for a start."""
    write_snapshot(tmp_path, generation(1))
    write_snapshot(tmp_path, generation(2))
    reloader = Reloader(tmp_path, 3600)
    reloader.look()
    replaced(tmp_path, BROKEN[kind])
    reloader.look()
    assert number_of(reloader) == 2
    write_snapshot(tmp_path, generation(3))
    reloader.look()
    assert number_of(reloader) == 3


def test_file_that_vanishes_leaves_the_generation_in_force(tmp_path: Path) -> None:
    write_snapshot(tmp_path, generation(1))
    reloader = Reloader(tmp_path, 3600)
    reloader.look()
    (tmp_path / NAME).unlink()
    reloader.look()
    assert number_of(reloader) == 1
    write_snapshot(tmp_path, generation(2))
    reloader.look()
    assert number_of(reloader) == 2


@pytest.mark.parametrize("kind", [*BROKEN, "missing"])
def test_start_falls_back_on_a_former_snapshot(tmp_path: Path, kind: str) -> None:
    for number in (1, 2, 3):
        write_snapshot(tmp_path, generation(number))
    if kind == "missing":
        (tmp_path / NAME).unlink()
    else:
        replaced(tmp_path, BROKEN[kind])
    reloader = Reloader(tmp_path, 3600)
    reloader.look()
    assert number_of(reloader) == 2
    (tmp_path / FORMER[0]).write_bytes(b"")
    again = Reloader(tmp_path, 3600)
    again.look()
    assert number_of(again) == 1


def test_without_any_snapshot_there_is_none_until_the_first(tmp_path: Path) -> None:
    reloader = Reloader(tmp_path, 3600)
    reloader.look()
    assert number_of(reloader) is None
    write_snapshot(tmp_path, generation(1))
    reloader.look()
    assert number_of(reloader) == 1


FORK = """
import os, sys, time
from pathlib import Path
from mirrorlist.reload import Reloader

state, next_one = Path(sys.argv[1]), Path(sys.argv[2])
reloader = Reloader(state, 0.05)
reloader.start()
if sys.argv[3] == "noted":
    # The fork comes while the parent has noted a file as seen and has not taken it up yet.
    os.replace(next_one, state / "snapshot.bin")
    from mirrorlist.store.snapshot_files import signature
    reloader._seen = signature(state / "snapshot.bin")
child = os.fork()
if child == 0:
    deadline = time.monotonic() + 10
    while reloader.current.snapshot.facts.generation != 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    os._exit(reloader.current.snapshot.facts.generation)
if sys.argv[3] == "later":
    os.replace(next_one, state / "snapshot.bin")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.parametrize("when", ["later", "noted"])
def test_forked_process_takes_up_new_files_by_itself(tmp_path: Path, when: str) -> None:
    write_snapshot(tmp_path, generation(1))
    (tmp_path / "next").write_bytes(generation(2))
    command = [sys.executable, "-W", "ignore", "-c", FORK, str(tmp_path), str(tmp_path / "next"), when]
    assert subprocess.run(command, timeout=60, check=False).returncode == 2


def test_an_older_generation_put_in_place_again_is_refused(tmp_path: Path) -> None:
    reloader = Reloader(tmp_path, 3600.0)
    write_snapshot(tmp_path, generation(1))
    replayed = (tmp_path / NAME).read_bytes()
    write_snapshot(tmp_path, generation(3))
    reloader.look()
    (tmp_path / "replayed").write_bytes(replayed)
    (tmp_path / "replayed").replace(tmp_path / NAME)
    reloader.look()
    assert number_of(reloader) == 3
    write_snapshot(tmp_path, generation(4))
    reloader.look()
    assert number_of(reloader) == 4
    other = snapshot([mirror("b", "paris")], facts={"generation": 1, "key": bytes(32)})
    write_snapshot(tmp_path, encode(other))
    reloader.look()
    assert number_of(reloader) == 1, "a new beginning, with a key of its own"
