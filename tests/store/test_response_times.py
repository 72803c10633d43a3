"""The paces of mirrors in the database."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from mirrorlist.core.catalogue.policy import WeightReduction
from mirrorlist.core.health.response_times import Pace
from mirrorlist.store.database import open_database
from mirrorlist.store.health import HealthStore
from tests.building import NOW

CALM = Pace(NOW, None, 0, 3, (0.125, 0.25))
SLOW = Pace(NOW, WeightReduction(2, NOW - 900, "it answered in 2.0 s, usually in 0.2 s"), 4, 0, (0.2,) * 96)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[HealthStore]:
    engine = open_database(tmp_path)
    yield HealthStore(engine)
    engine.dispose()


def test_paces_come_back_as_they_were_and_those_not_measured_stay(store: HealthStore) -> None:
    assert (store.paces.paces(), store.paces.lowered()) == ({}, {})
    store.paces.record({"a": CALM, "b": SLOW}, {}, 0.0)
    store.paces.record({"a": SLOW}, {"a": CALM, "b": SLOW}, 0.0)
    assert store.paces.paces() == {"a": SLOW, "b": SLOW}
    assert store.paces.lowered() == dict.fromkeys("ab", SLOW.lowered)


def test_the_version_changes_with_a_weight_and_not_with_a_time(store: HealthStore) -> None:
    versions = [store.version(NOW)]
    for found, before in [
        ({"a": CALM}, {}),
        ({"a": SLOW}, {"a": CALM}),
        ({"a": SLOW}, {"a": SLOW}),
        ({"a": CALM}, {"a": SLOW}),
        ({}, {"a": CALM}),
    ]:
        store.paces.record(found, before, 0.0)
        versions.append(store.version(NOW))
    assert [one != other for one, other in pairwise(versions)] == [
        False,
        True,
        False,
        True,
        False,
    ]


def test_what_was_not_measured_for_long_is_forgotten(store: HealthStore) -> None:
    store.paces.record({"old": SLOW}, {}, 0.0)
    before = store.version(NOW)
    store.paces.record({"new": Pace(NOW + 9)}, {}, NOW + 1)
    assert list(store.paces.paces()) == ["new"]
    assert store.version(NOW) != before
