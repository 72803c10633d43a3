"""Which differences of times are a shift of a mirror's clock."""

from __future__ import annotations

import numpy as np
import pytest

from mirrorlist.core.files.time_shift import TimeShift, times_off

HOUR, DAY = 3600, 86_400


@pytest.mark.parametrize(
    ("apart", "shift"),
    [
        ([], TimeShift()),
        ([-HOUR] * 2, TimeShift()),
        ([0, 0, 0, -DAY], TimeShift()),
        ([0, -1, -2, 0], TimeShift()),
        ([-HOUR] * 4, TimeShift(-HOUR, -HOUR)),
        ([2 * HOUR] * 3, TimeShift(2 * HOUR, 2 * HOUR)),
        ([-HOUR, -HOUR - 1, -HOUR - 2, -HOUR], TimeShift(-HOUR, -HOUR)),
        ([-90] * 9 + [-DAY], TimeShift(-90, -90)),
        ([-90] * 8 + [-DAY, -2 * DAY], TimeShift()),
        ([-HOUR] * 6 + [-DAY, -2 * DAY, -3 * DAY], TimeShift(-HOUR, -HOUR)),
        ([-HOUR] * 3 + [-2 * HOUR] * 3, TimeShift(-2 * HOUR, -HOUR)),
        ([0] * 7 + [-HOUR] * 3, TimeShift(0, -HOUR)),
        ([-15 * HOUR] * 5 + [0] * 4, TimeShift()),
        ([-HOUR] * 3 + [0] * 5, TimeShift(0, -HOUR)),
        ([-1000, -5000, -90_000, -7], TimeShift()),
        ([-5 * HOUR - HOUR // 2] * 5, TimeShift(-5 * HOUR - HOUR // 2, -5 * HOUR - HOUR // 2)),
    ],
)
def test_whole_hours_of_most_files_or_one_value_of_nearly_all(apart: list[int], shift: TimeShift) -> None:
    assert times_off(np.array(apart, np.int64)) == shift


def test_in_summer_and_in_winter_each_file_loses_its_own_hour() -> None:
    apart = np.array([-HOUR, -2 * HOUR, -HOUR, -2 * HOUR, -3 * DAY], np.int64)
    assert list(apart - times_off(apart).of(apart)) == [0, 0, 0, 0, -3 * DAY + 2 * HOUR]
