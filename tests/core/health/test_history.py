""""""

from __future__ import annotations

import pytest

from mirrorlist.core.catalogue.metadata import MetadataChange
from mirrorlist.core.health.history import DAY, DAYS, Sighting, availability, days_until, lag_by_day, superseded
from mirrorlist.core.health.verdicts import Event, EventKind, Family, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import Checksummed, Protocol

NOON = 20_000.5 * DAY
TODAY = 20_000 * DAY
HTTPS4 = Subject("m", "main", Protocol.HTTPS, Family.IPV4)
HTTP6 = Subject("m", "main", Protocol.HTTP, Family.IPV6)


def good(since: float) -> Verdict:
    return Verdict(True, since, ProbeOutcome.GOOD, NOON)


def bad(since: float) -> Verdict:
    return Verdict(False, since, ProbeOutcome.UNREACHABLE, NOON)


def event(kind: EventKind, at: float, subject: Subject = HTTPS4) -> Event:
    return Event("m", kind, at, "why", subject)


def test_days_are_thirty_and_end_now() -> None:
    found = days_until(NOON)
    assert len(found) == DAYS + 1
    assert found[-2:] == (TODAY, NOON)
    assert found[0] == TODAY - 29 * DAY


def test_nothing_is_said_of_the_time_before_the_first_probe() -> None:
    found = availability({HTTPS4: good(TODAY - 2 * DAY)}, [], TODAY - 2 * DAY, NOON)
    assert found == (None,) * 27 + (1.0, 1.0, 1.0)


def test_a_mirror_that_nobody_looked_at_has_no_days() -> None:
    assert availability({}, [], None, NOON) == (None,) * DAYS


def test_a_quarter_of_a_day_down_is_three_quarters_up() -> None:
    yesterday = TODAY - DAY
    events = [event(EventKind.UP, yesterday + DAY / 2), event(EventKind.DOWN, yesterday + DAY / 4)]
    found = availability({HTTPS4: good(yesterday + DAY / 2)}, events, yesterday - DAY, NOON)
    assert found[-3:] == (1.0, 0.75, 1.0)


def test_a_mirror_is_up_while_one_of_its_ways_is() -> None:
    events = [event(EventKind.DOWN, TODAY - DAY)]
    found = availability({HTTPS4: bad(TODAY - DAY), HTTP6: good(TODAY - 9 * DAY)}, events, TODAY - 9 * DAY, NOON)
    assert found[-2:] == (1.0, 1.0)


def test_a_mirror_is_down_while_all_of_its_ways_are() -> None:
    verdicts = {HTTPS4: bad(TODAY - DAY), HTTP6: bad(TODAY)}
    events = [event(EventKind.DOWN, TODAY - DAY), event(EventKind.DOWN, TODAY, HTTP6)]
    assert availability(verdicts, events, TODAY - 9 * DAY, NOON)[-3:] == (1.0, 1.0, 0.0)


def test_what_was_down_before_the_first_event_was_down() -> None:
    events = [event(EventKind.UP, TODAY)]
    found = availability({HTTPS4: good(TODAY)}, events, TODAY - 2 * DAY, NOON)
    assert found[-3:] == (0.0, 0.0, 1.0)


def test_a_way_that_was_first_looked_at_later_and_is_good_was_never_down() -> None:
    assert availability({HTTPS4: good(TODAY)}, [], TODAY - 2 * DAY, NOON)[-3:] == (1.0, 1.0, 1.0)


def test_a_version_that_came_back_is_not_old() -> None:
    a, b = Checksummed(1, 1, "a" * 64, ""), Checksummed(1, 1, "b" * 64, "")
    assert superseded({"x/": [MetadataChange(a, 1.0), MetadataChange(b, 2.0), MetadataChange(a, 3.0)]}) == {
        "x/": {"b" * 64: 3.0}
    }


OLD = {"x/": {"a" * 64: TODAY - DAY / 2}}


@pytest.mark.parametrize(
    ("sightings", "expected"),
    [
        ([], (None, None, None)),
        ([Sighting("x/", TODAY - DAY, "b" * 64)], (None, 0.0, 0.0)),
        ([Sighting("x/", TODAY - 2 * DAY, "a" * 64)], (0.0, DAY / 2, DAY)),
        (
            [Sighting("x/", TODAY - DAY / 4, "b" * 64), Sighting("x/", TODAY - 2 * DAY, "a" * 64)],
            (0.0, DAY / 4, 0.0),
        ),
    ],
    ids=["never seen", "always current", "lagging until now", "synced after six hours"],
)
def test_the_lag_of_a_day_is_its_worst(sightings: list[Sighting], expected: tuple[float | None, ...]) -> None:
    assert lag_by_day(sightings, OLD, NOON)[-3:] == expected
