""""""

from __future__ import annotations

import sqlalchemy as sa

from mirrorlist.core.health.propagation import Spread, SpreadPoint
from mirrorlist.store.records import KEPT_SECONDS, MOST_KEPT, SpreadStore
from tests.building import NOW

PATH = "9.8/BaseOS/x86_64/os/"


def spread(at: float, *points: tuple[float, int], path: str = PATH) -> Spread:
    found = (SpreadPoint(seconds, mirrors, 10, 100 * mirrors, 1000) for seconds, mirrors in points)
    return Spread(path, at, "a" * 64, tuple(found))


def test_points_are_added_to_what_is_known(engine: sa.Engine) -> None:
    store = SpreadStore(engine)
    assert store.newest() == ()
    store.note([spread(NOW, (0.0, 0)), spread(NOW - 50, (50.0, 7), path="other/")], NOW)
    store.note([spread(NOW, (60.0, 0))], NOW + 60)
    store.note([spread(NOW, (90.5, 4))], NOW + 90)
    assert SpreadStore(engine).newest() == (
        spread(NOW, (0.0, 0), (90.5, 4)), spread(NOW - 50, (50.0, 7), path="other/"),
    )  # fmt: skip


def test_old_changes_and_too_many_are_forgotten(engine: sa.Engine) -> None:
    store = SpreadStore(engine)
    store.note([spread(NOW, (0.0, 1)), spread(NOW - 100, (1.0, 1))], NOW)
    store.note([], NOW - 50 + KEPT_SECONDS)
    assert [each.changed_at for each in store.newest()] == [NOW]
    store.note([spread(NOW + number, (0.0, 1)) for number in range(MOST_KEPT + 20)], NOW + MOST_KEPT)
    assert len(store.newest(MOST_KEPT + 100)) == MOST_KEPT
