from __future__ import annotations

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from mirrorlist.core.catalogue.metadata import MetadataChange, metadata_from
from mirrorlist.core.model import Checksummed
from mirrorlist.store.database import open_database
from mirrorlist.store.metadata import MetadataStore, OriginCheck
from mirrorlist.store.tables import ORIGIN_CHANGES, ORIGIN_CHECKS
from tests.building import NOW

PATH, OTHER = "9.8/BaseOS/x86_64/os/", "9.8/AppStream/x86_64/os/"


def _version(mark: str, timestamp: int = 1_790_000_000, size: int = 1000) -> Checksummed:
    return Checksummed(size, timestamp, mark * 64, mark * 128)


A, B, C = _version("a"), _version("b", 1_780_000_000), _version("c", 2**39, 2**33)


@pytest.fixture
def store(engine: sa.Engine) -> MetadataStore:
    return MetadataStore(engine)


def test_a_new_database_knows_nothing(store: MetadataStore) -> None:
    assert (store.changes(), store.checks(), store.version()) == ({}, {}, (0, 0))


def test_each_change_is_noted_once_and_in_the_order_in_which_it_was_seen(store: MetadataStore) -> None:
    """C's timestamp is the newest and B's the oldest; neither plays a part, nor does a clock that went back."""
    seen = [(A, 5.0), (A, 6.0), (C, 7.0), (B, 3.0), (B, 4.0), (A, 9.0)]
    assert [store.record(PATH, version, at) for version, at in seen] == [True, False, True, True, False, True]
    assert store.record(OTHER, B, 8.0) is True
    assert store.changes() == {
        PATH: [MetadataChange(A, 5.0), MetadataChange(C, 7.0), MetadataChange(B, 3.0), MetadataChange(A, 9.0)],
        OTHER: [MetadataChange(B, 8.0)],
    }


def test_a_check_tells_the_last_confirmation_and_the_failure_since(store: MetadataStore) -> None:
    store.failed(OTHER, "no such host", 1.0)
    store.record(PATH, A, 2.0)
    assert store.checks() == {OTHER: OriginCheck(None, 1.0, "no such host"), PATH: OriginCheck(2.0, None, None)}
    store.failed(PATH, "x" * 5000, 3.0)
    assert store.checks()[PATH] == OriginCheck(2.0, 3.0, "x" * 1024)
    store.record(PATH, A, 4.0)
    assert store.checks()[PATH] == OriginCheck(4.0, None, None)


def test_a_failure_leaves_what_is_known(store: MetadataStore) -> None:
    store.record(PATH, A, 1.0)
    before = store.version()
    store.failed(PATH, "gone", 2.0)
    assert (store.changes(), store.version()) == ({PATH: [MetadataChange(A, 1.0)]}, before)


def test_expiry_ends_every_version_but_the_current_ones_of_the_paths_named(store: MetadataStore) -> None:
    for at, version in enumerate((A, B, C)):
        store.record(PATH, version, float(at))
        store.record(OTHER, version, float(at))
    assert store.expire_alternates([PATH]) == 2
    assert store.expire_alternates([PATH]) == 0
    assert store.expire_alternates(["nowhere"]) == 0
    assert store.expire_alternates([]) == 0
    assert store.changes() == {
        PATH: [MetadataChange(A, 0.0, accepted=False), MetadataChange(B, 1.0, accepted=False), MetadataChange(C, 2.0)],
        OTHER: [MetadataChange(A, 0.0), MetadataChange(B, 1.0), MetadataChange(C, 2.0)],
    }


def test_after_a_security_push_the_vulnerable_version_is_no_alternate_and_later_ones_are(store: MetadataStore) -> None:
    store.record(PATH, A, NOW - 30)
    store.record(PATH, B, NOW - 20)
    store.expire_alternates([PATH])
    assert metadata_from(PATH, store.changes()[PATH], NOW, 4.0).alternates == ()
    store.record(PATH, C, NOW - 10)
    assert metadata_from(PATH, store.changes()[PATH], NOW, 4.0).alternates == (B,)


def test_the_version_changes_exactly_when_the_history_does(store: MetadataStore) -> None:
    versions = [store.version()]

    def moved() -> bool:
        versions.append(store.version())
        return versions[-1] != versions[-2]

    store.record(PATH, A, 1.0)
    assert moved()
    store.record(PATH, A, 2.0)
    assert not moved()
    store.record(PATH, B, 3.0)
    assert moved()
    store.failed(PATH, "no", 4.0)
    assert not moved()
    store.expire_alternates([PATH])
    assert moved()
    store.expire_alternates([PATH])
    assert not moved()
    store.record(OTHER, B, 5.0)
    assert moved()
    assert len(set(versions)) == 5


def test_what_is_recorded_outlives_the_process(tmp_path: Path, url: str) -> None:
    first = open_database(tmp_path, url)
    MetadataStore(first).record(PATH, C, 1.5)
    first.dispose()
    second = open_database(tmp_path, url)
    assert MetadataStore(second).changes() == {PATH: [MetadataChange(C, 1.5)]}
    second.dispose()


def test_two_engines_at_once_see_each_other_and_lose_nothing(tmp_path: Path, url: str) -> None:
    engines = [open_database(tmp_path, url), open_database(tmp_path, url)]
    errors: list[Exception] = []

    def write(engine: sa.Engine, mark: str) -> None:
        store = MetadataStore(engine)
        try:
            for number in range(40):
                store.record(f"{mark}/", _version(f"{number % 10}", size=number), float(number))
                store.failed(f"{mark}/", "x", float(number))
        except sa.exc.SQLAlchemyError as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(engine, mark)) for engine, mark in zip(engines, "ab", strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    for engine in engines:
        found = MetadataStore(engine).changes()
        assert {path: [change.seen_at for change in changes] for path, changes in found.items()} == {
            "a/": [float(number) for number in range(40)],
            "b/": [float(number) for number in range(40)],
        }
        engine.dispose()


def test_two_engines_that_see_one_change_at_once_note_it_once(tmp_path: Path, url: str) -> None:
    engines = [open_database(tmp_path, url) for _ in range(2)]
    barrier = threading.Barrier(2)
    answers: list[bool] = []
    errors: list[Exception] = []

    def write(engine: sa.Engine) -> None:
        store = MetadataStore(engine)
        for number in range(40):
            barrier.wait(30)
            try:
                answers.append(store.record(PATH, _version(f"{number % 10}"), float(number)))
            except sa.exc.SQLAlchemyError as error:
                errors.append(error)

    threads = [threading.Thread(target=write, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engines[0].connect() as connection:
        noted = connection.execute(sa.select(ORIGIN_CHANGES.c.seen_at).order_by(ORIGIN_CHANGES.c.id)).scalars().all()
    for engine in engines:
        engine.dispose()
    assert errors == []
    assert list(noted) == [float(number) for number in range(40)]
    assert sorted(answers) == [False] * 40 + [True] * 40


def test_a_writer_waits_for_another_and_a_reader_does_not(tmp_path: Path, url: str) -> None:
    engines = [open_database(tmp_path, url), open_database(tmp_path, url)]
    stores = [MetadataStore(engine) for engine in engines]
    stores[0].record(PATH, A, 1.0)
    done: list[bool] = []
    with engines[0].begin() as connection:
        connection.execute(ORIGIN_CHECKS.update().values(confirmed_at=1.5))
        connection.execute(ORIGIN_CHANGES.update().values(accepted=False))
        waiting = threading.Thread(target=lambda: done.append(stores[1].record(PATH, B, 2.0)))
        waiting.start()
        assert stores[1].changes() == {PATH: [MetadataChange(A, 1.0)]}
        waiting.join(0.3)
        assert done == []
    waiting.join(10)
    assert done == [True]
    assert stores[0].changes() == {PATH: [MetadataChange(A, 1.0, accepted=False), MetadataChange(B, 2.0)]}
    for engine in engines:
        engine.dispose()


def test_the_size_of_an_image_is_news_once(store: MetadataStore) -> None:
    told = [store.record_size("9/a.iso", size, NOW) for size in (2**33, 2**33, None, None)]
    assert told == [True, False, True, False]
    assert store.sizes() == {"9/a.iso": None}
