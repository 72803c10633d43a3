"""The paces and bandwidths of mirrors in the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from mirrorlist.core.catalogue.policy import WeightReduction
from mirrorlist.core.health.response_times import Pace, SpeedSample
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


HOUR = 3600.0


@pytest.mark.slow
def test_all_places_together_take_at_most_64_mb_of_a_mirror_in_a_day_also_over_restarts(tmp_path: Path) -> None:
    taken: list[tuple[float, str, int]] = []
    for step in range(3 * 96):
        now = NOW + step * HOUR / 4
        engine = open_database(tmp_path)  # each time another process
        for place in ("", "berlin", "tokyo"):
            store = HealthStore(engine)
            if (speed := store.speeds.begin("a", place, now)) is not None:
                taken.append((now, place, speed.size))
                if step % 3:  # the others break off, and count as whole
                    store.speeds.end(replace(speed, mbps=100.0), 1000)
        engine.dispose()
    for at, _, _ in taken:
        assert sum(size for other, _, size in taken if at - 24 * HOUR < other <= at) <= 64_000_000
    each = Counter(place for _, place, _ in taken)
    assert min(each.values()) >= 3, "every place has its turns"
    assert sum(each.values()) >= 10


def test_a_place_alone_measures_four_times_a_day_and_mirrors_do_not_share_a_budget(store: HealthStore) -> None:
    found = [hour for hour in range(48) if store.speeds.begin("a", "", NOW + hour * HOUR)]
    assert found == [0, 6, 12, 18, 24, 30, 36, 42]
    assert store.speeds.begin("b", "", NOW + 47 * HOUR)
    assert store.speeds.last_at("") == {"a": NOW + 42 * HOUR, "b": NOW + 47 * HOUR}
    assert store.speeds.begin("a", "", NOW), "a clock that went back does not stop it for good"


def test_measurements_lower_a_weight_and_the_version_says_so(store: HealthStore) -> None:
    versions, steps = [store.version(NOW)], []
    for number in range(6):
        at = NOW + 6 * HOUR * number
        for name, mbps in [("a", 900.0), ("b", 800.0), ("c", 950.0), ("slow", 40.0)]:
            speed = store.speeds.begin(name, "", at)
            assert speed is not None
            found = store.speeds.end(replace(speed, mbps=mbps), 1000)
            assert found == store.speeds.bandwidths()[name]
        steps.append(found.lowered.step if found and found.lowered else 0)
        versions.append(store.version(at))
    assert steps == [0, 0, 1, 1, 2, 2]
    assert [one != other for one, other in pairwise(versions)] == [False, False, True, False, True, False]
    told = store.speeds.bandwidths()["slow"].lowered
    assert told is not None and told.since == NOW + 12 * HOUR
    assert told.why == "40 Mbit/s is the most that was measured, 1000 count by its file"
    store.speeds.end(SpeedSample("a", "", NOW + 9 * 86_400.0, 1, None), 1000)
    assert store.speeds.bandwidths() == {}, "what was not measured for a week is forgotten"
