""""""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from mirrorlist.core.catalogue.metadata import REPOMD
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.updates import UpdateOutcome, UpdateResult
from mirrorlist.publishing.origin_update import OriginMemory, RepositoryFile, update_changed, update_metadata
from mirrorlist.publishing.origin_watch import (
    DIRECTORY_SECONDS,
    RETRY_SECONDS,
    UNSETTLED_SECONDS,
    WEB_SECONDS,
    LookTurns,
    OriginWatch,
    only_news,
)
from mirrorlist.store.database import open_database
from mirrorlist.store.marks import Mark, MarkName
from mirrorlist.store.metadata import MetadataStore
from mirrorlist.store.origin_faults import FaultKind
from tests.building import NOW, service
from tests.publishing.test_origin_update import PATHS, _publish, _repomd, _version
from tests.serving import until

FIRST, SECOND, *_ = PATHS
PATIENCE = 20.0


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for path in (FIRST, SECOND):
        _publish(tmp_path / "origin", path, _repomd(1_790_000_000))
    return tmp_path / "origin"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MetadataStore]:
    engine = open_database(tmp_path / "state")
    yield MetadataStore(engine)
    engine.dispose()


def put_whole(tree: Path, path: str, data: bytes) -> None:
    """As createrepo_c does: a new directory takes the place of ``repodata``."""
    directory = tree / path
    _publish(tree, f"{path}.new/", data)
    (directory / "repodata").rename(directory / ".old")
    (directory / ".new" / "repodata").rename(directory / "repodata")
    for file in (directory / ".old").iterdir():
        file.unlink()
    (directory / ".old").rmdir()


class Following:
    """A watch at work in a thread, and what it told."""

    def __init__(self, of: Service, every: float = 1000.0) -> None:
        self.told: list[UpdateResult] = []
        self.stop = threading.Event()
        watch = OriginWatch(lambda: of, None, lambda: NOW, every)
        self.thread = threading.Thread(target=watch.follow, args=(self.stop, self.told.append))

    def changes(self) -> list[str]:
        return [each.what for each in self.told if each.outcome is UpdateOutcome.CHANGED]


@contextmanager
def following(tree: Path | str, state: Path, every: float = 1000.0) -> Iterator[Following]:
    found = Following(service(origins={"main": str(tree)}, state_dir=str(state)), every)
    found.thread.start()
    try:
        until(PATIENCE, lambda: len(found.told) >= len(PATHS))
        yield found
    finally:
        found.stop.set()
        found.thread.join(PATIENCE)
    assert not found.thread.is_alive()


def _in_place(tree: Path, path: str, data: bytes) -> None:
    (tree / path / REPOMD).write_bytes(data)


def _renamed(tree: Path, path: str, data: bytes) -> None:
    new = tree / path / "repodata" / ".new"
    new.write_bytes(data)
    new.rename(tree / path / REPOMD)


def _link_turned(tree: Path, path: str, data: bytes) -> None:
    """The whole tree is another one from now on: inotify hears nothing of it."""
    _publish(tree.parent / "next", path, data)
    link = tree.parent / "link"
    link.symlink_to(tree.parent / "next")
    kept = tree.parent / "kept"
    tree.rename(kept)
    link.rename(tree)


@pytest.mark.parametrize("change", [_in_place, _renamed, put_whole, _link_turned])
def test_a_change_in_a_directory_is_noticed_within_seconds(
    change: Callable[[Path, str, bytes], None], tree: Path, tmp_path: Path, store: MetadataStore
) -> None:
    with following(tree, tmp_path / "state") as found:
        assert found.changes() == [FIRST, SECOND]
        change(tree, FIRST, _repomd(1_790_000_001))
        assert until(8, lambda: found.changes()[2:] == [FIRST]) < 8
    assert [each.version for each in store.changes()[FIRST]] == [_version(1_790_000_000), _version(1_790_000_001)]


def test_a_repository_that_comes_later_is_noticed(tree: Path, tmp_path: Path) -> None:
    with following(tree, tmp_path / "state") as found:
        _publish(tree, PATHS[2], _repomd(5))
        until(8, lambda: found.changes()[2:] == [PATHS[2]])


def test_a_change_leaves_a_mark_for_the_prober(tree: Path, tmp_path: Path) -> None:
    mark = Mark(tmp_path / "state", MarkName.PROBE)
    with following(tree, tmp_path / "state"):
        until(PATIENCE, lambda: mark.read() is not None)
        read = mark.read()
        assert read is not None
        assert (read.at, read.paths) == (NOW, (FIRST, SECOND))


def test_a_mark_lets_everything_be_asked_at_once(tree: Path, tmp_path: Path) -> None:
    """An origin that cannot be followed, such as a web server between its turns."""
    with following(tree, tmp_path / "state") as found:
        Mark(tmp_path / "state", MarkName.ORIGIN).leave(NOW)
        again = {(path, UpdateOutcome.UNCHANGED) for path in (FIRST, SECOND)}
        until(PATIENCE, lambda: again <= {(each.what, each.outcome) for each in found.told})
    assert found.changes() == [FIRST, SECOND]


def test_a_look_that_cannot_be_written_down_is_made_again(tree: Path, tmp_path: Path, store: MetadataStore) -> None:
    of = service(origins={"main": str(tree)}, state_dir=str(tmp_path / "state"))
    memory, watch = OriginMemory(), OriginWatch(lambda: of, None, lambda: NOW, 1000.0)

    def away(store: MetadataStore, now: float) -> Iterator[UpdateResult]:
        yield from update_metadata(of, store, now, memory)
        raise sa.exc.SQLAlchemyError("away")

    assert not watch.look(away, memory, lambda done: None)
    assert memory.said == {}
    assert watch.look(lambda store, now: update_metadata(of, store, now, memory), memory, lambda done: None)
    assert memory.said[FIRST] == _version(1_790_000_000)


# When what is looked at, by a clock that the test moves.


def files(tree: Path) -> list[RepositoryFile]:
    return [RepositoryFile(FIRST, FIRST, str(tree)), RepositoryFile("web/", "web/", "https://origin.example.org/")]


def test_each_kind_of_origin_has_its_turns(tree: Path) -> None:
    turns, memory = LookTurns(every_seconds=300.0), OriginMemory()
    (on_disk, web) = files(tree)
    assert turns.is_for_all(0.0, None)
    turns.all_asked(0.0, done=True)
    assert not turns.is_for_all(299.9, None)
    assert turns.of(files(tree), memory, 0.1) == []  # new, and perhaps still written
    assert turns.of(files(tree), memory, 0.1 + UNSETTLED_SECONDS) == [on_disk]
    memory.signs[FIRST] = memory.unsettled.pop(FIRST)
    assert turns.of(files(tree), memory, 0.2 + UNSETTLED_SECONDS + DIRECTORY_SECONDS) == []
    assert turns.of(files(tree), memory, WEB_SECONDS) == [web]
    assert turns.of(files(tree), memory, WEB_SECONDS + 1) == []
    assert turns.is_for_all(300.0, None)


def test_what_could_not_be_written_down_is_asked_soon_and_a_mark_counts_once() -> None:
    turns = LookTurns(every_seconds=300.0)
    assert turns.is_for_all(0.0, None)
    turns.all_asked(0.0, done=False)
    assert not turns.is_for_all(RETRY_SECONDS - 1, None)
    assert turns.is_for_all(RETRY_SECONDS, None)
    turns.all_asked(RETRY_SECONDS, done=True)
    assert turns.is_for_all(RETRY_SECONDS + 1, "mark")
    turns.all_asked(RETRY_SECONDS + 1, done=True)
    assert not turns.is_for_all(RETRY_SECONDS + 2, "mark")


def test_a_file_that_is_still_written_is_not_read(tree: Path) -> None:
    memory, file = OriginMemory(), files(tree)[0]
    assert not memory.may_differ(file)
    _in_place(tree, FIRST, b"half")
    assert not memory.may_differ(file)  # it has changed since the look before
    assert memory.may_differ(file)


def test_only_what_says_something_else_is_noted(tree: Path, store: MetadataStore) -> None:
    of, memory = service(origins={"main": str(tree)}), OriginMemory()
    wanted = [RepositoryFile(path, path, str(tree)) for path in (FIRST, SECOND)]
    list(update_metadata(of, store, NOW, memory))
    assert list(update_changed(wanted, store, NOW + 1, memory)) == []
    _in_place(tree, FIRST, b"<html>")
    (broken,) = update_changed(wanted, store, NOW + 2, memory)
    assert (broken.what, broken.outcome) == (FIRST, UpdateOutcome.FAILED)
    assert store.faults.of(FaultKind.UNREADABLE) == {FIRST}
    assert list(update_changed(wanted, store, NOW + 3, memory)) == []
    _in_place(tree, FIRST, _repomd(1_790_000_009))
    assert list(update_changed(wanted, store, NOW + 4, memory)) == [UpdateResult(FIRST, UpdateOutcome.CHANGED)]
    assert store.faults.of(FaultKind.UNREADABLE) == frozenset()
    (tree / FIRST / REPOMD).unlink()
    (gone,) = update_changed(wanted, store, NOW + 5, memory)
    assert gone.outcome is UpdateOutcome.MISSING


def test_a_failure_is_told_once_as_long_as_it_is_the_same() -> None:
    told: list[UpdateResult] = []
    heard = only_news(told.append)
    fault = UpdateResult("a", UpdateOutcome.FAILED, "status 500")
    for each in (
        fault, fault, UpdateResult("a", UpdateOutcome.FAILED, "status 502"), UpdateResult("a", UpdateOutcome.UNCHANGED),
        fault, UpdateResult("a", UpdateOutcome.CHANGED), UpdateResult("b", UpdateOutcome.MISSING, "x"),
    ):  # fmt: skip
        heard(each)
    assert [each.detail for each in told] == ["status 500", "status 502", "status 500", ""]


# An origin that is not finished.


def _naming(*parts: tuple[str, int], stamp: int = 7) -> bytes:
    data = "".join(
        f'<data type="p{number}"><location href="{path}"/><size>{size}</size><timestamp>{stamp}</timestamp></data>'
        for number, (path, size) in enumerate(parts)
    )
    return f'<repomd xmlns="http://linux.duke.edu/metadata/repo">{data}</repomd>'.encode()


def _written(tree: Path, seconds_ago: float) -> None:
    os.utime(tree / FIRST / REPOMD, (NOW - seconds_ago, NOW - seconds_ago))


def test_a_repomd_counts_when_the_origin_has_what_it_names(tree: Path, store: MetadataStore) -> None:
    of = service(origins={"main": str(tree)})
    list(update_metadata(of, store, NOW - 60))
    _in_place(tree, FIRST, _naming(("repodata/primary.xml.gz", 5), ("repodata/other.xml.gz", 5)))
    _written(tree, 5)
    (tree / FIRST / "repodata/other.xml.gz").write_bytes(b"12345")

    def asked() -> UpdateResult:
        return next(done for done in list(update_metadata(of, store, NOW)) if done.what == FIRST)

    told = asked()
    assert told.outcome is UpdateOutcome.FAILED
    assert told.detail == (
        f"{FIRST}repodata/repomd.xml: it names repodata/primary.xml.gz, which the origin lacks; the former version stays"
    )
    assert store.faults.of(FaultKind.UNREADABLE) == {FIRST}
    (tree / FIRST / "repodata/primary.xml.gz").write_bytes(b"123")
    assert "which the origin has with 3 bytes instead of 5" in asked().detail
    (tree / FIRST / "repodata/primary.xml.gz").write_bytes(b"12345")
    assert asked().outcome is UpdateOutcome.CHANGED
    assert store.faults.sentences() == ()


def test_an_unfinished_repomd_is_read_again_without_a_change_of_its_own(tree: Path, store: MetadataStore) -> None:
    of, memory, file = service(origins={"main": str(tree)}), OriginMemory(), files(tree)[0]
    _in_place(tree, FIRST, _naming(("repodata/primary.xml.gz", 5)))
    _written(tree, 5)
    list(update_metadata(of, store, NOW, memory))
    (tree / FIRST / "repodata/primary.xml.gz").write_bytes(b"12345")
    assert [memory.may_differ(file), memory.may_differ(file)] == [False, True]
    assert list(update_changed([file], store, NOW, memory)) == [UpdateResult(FIRST, UpdateOutcome.CHANGED)]


def test_a_repomd_that_stays_unfinished_counts_in_the_end(tree: Path, store: MetadataStore) -> None:
    of = service(origins={"main": str(tree)})
    _in_place(tree, FIRST, _naming(("repodata/primary.xml.gz", 5)))
    _written(tree, 601)
    assert UpdateResult(FIRST, UpdateOutcome.CHANGED) in list(update_metadata(of, store, NOW))
