""""""

from __future__ import annotations

from mirrorlist.core.health.propagation import Spread, SpreadPoint
from mirrorlist.web.site.spreads import HOUR, MOST_ROWS, spread_rows
from tests.building import NOW


def spread(path: str, age: float, *points: tuple[float, int]) -> Spread:
    found = (SpreadPoint(seconds, percent, 100, percent * 10, 1000) for seconds, percent in points)
    return Spread(path, NOW - age, "a" * 64, tuple(found))


def test_a_row_tells_the_share_at_each_age_that_has_come() -> None:
    [row] = spread_rows([spread("a/", 7 * HOUR, (0.0, 0), (HOUR, 40), (6.5 * HOUR, 90))], NOW)
    assert (row.path, row.others, row.shares) == ("a/", 0, (0.4, 0.4, None))
    assert row.told == "Share of the bandwidth: 40% after 1 hour, 40% after 6 hours, 90% when last seen"
    assert row.curve == "M0 32H0.0V32.0H5.0V19.2H32.5V3.2H35.0"


def test_what_changed_together_is_one_row_as_far_as_the_slowest_is() -> None:
    together = [spread("a/", 60, (30.0, 90)), spread("b/", 60, (30.0, 20)), spread("c/", 60)]
    [first, second] = spread_rows([*together, spread("d/", 600, (0.0, 100))], NOW)
    assert (first.path, first.others, first.shares) == ("b/", 1, (None, None, None))
    assert second.path == "d/"
    assert spread_rows([], NOW) == spread_rows([spread("c/", 60)], NOW) == []


def test_the_table_is_bounded() -> None:
    assert len(spread_rows([spread("a/", number, (0.0, 1)) for number in range(100)], NOW)) == MOST_ROWS
