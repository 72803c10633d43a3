"""What is published is whole, adds up, and names nothing that is rare or private."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta

import pytest

from mirrorlist.core.public.statistics import (
    MONTHS_SHOWN,
    WEEKS_SHOWN,
    CountrySums,
    MonthOfMirror,
    compiled,
    published_statistics,
)
from mirrorlist.core.statistics import FLOOR, AskedCell, DayCounts, SystemName, estimated, registers_of

TODAY = date(2026, 11, 26)  # a Thursday
CLIENTS = random.Random(1)
MANY = registers_of(CLIENTS.getrandbits(32) for _ in range(40))
FEW = registers_of(CLIENTS.getrandbits(32) for _ in range(2))


def day(times: int = 1) -> DayCounts:
    """A day on which Germany has 40 clients and Tuvalu two, who ask a lot."""
    of = AskedCell("lists", "baseos", "9.8", "x86_64", "DE")
    named = of._replace(age="2", system=SystemName("AlmaLinux", "9.8", "", "x86_64"))
    return DayCounts(
        {
            of.label: 100 * times,
            of._replace(country="TV").label: 500 * times,
            named.label: 10 * times,
            AskedCell("files", "rare", "9.8", "-", "DE").label: times,
        },
        {
            "DE\ta": 60 * times,
            "DE\tprivate": 40 * times,
            "DE\tb": times,
            "DE\t-": 10 * times,
            "TV\ta": 500 * times,
        },
        {"DE": MANY, "TV": FEW},
    )


def test_a_country_with_few_clients_is_never_named_whatever_it_asks() -> None:
    found = compiled([(TODAY - timedelta(days=1), day())], TODAY)
    assert found is not None
    shown = published_statistics(found.network, {"a", "b"})
    assert [*shown.countries] == ["DE"]
    assert shown.elsewhere == 500
    assert [*shown.months["2026-11"]] == ["DE"]
    assert found.mirrors["a"] == {"2026-11": MonthOfMirror(answers=560, countries={"DE": 60})}
    assert "TV" not in repr(found)


@pytest.mark.parametrize(("clients", "shown"), [(FLOOR, ["DE", "TV"]), (FLOOR - 1, ["DE"])])
def test_a_country_is_named_from_ten_clients_on(clients: int, shown: list[str]) -> None:
    draws = (registers_of(CLIENTS.getrandbits(32) for _ in range(clients)) for _ in range(100))
    exact = next(each for each in draws if estimated(each) == clients)
    counts = replace(day(), clients={"DE": MANY, "TV": exact})
    found = compiled([(TODAY - timedelta(days=1), counts)], TODAY)
    assert found is not None
    assert sorted(published_statistics(found.network, {"a"}).countries) == shown


def test_rare_values_and_private_mirrors_are_left_out() -> None:
    found = compiled([(TODAY - timedelta(days=1), day())], TODAY)
    assert found is not None
    shown = published_statistics(found.network, {"a", "b"})
    assert shown.mirrors == {"a": 560}
    assert shown.repositories == {"baseos 9.8": 610}
    assert shown.systems == {"AlmaLinux 9.8": 10}
    assert found.mirrors["b"]["2026-11"].countries == {}


def test_the_last_seven_days_whole_weeks_and_months_are_summed() -> None:
    days = [(TODAY - timedelta(days=back), day()) for back in range(450, -1, -1)]
    found = compiled(days, TODAY)
    assert found is not None
    shown = found.network
    assert (shown.first_day, shown.last_day) == ("2026-11-19", "2026-11-25")
    assert (shown.lists, shown.files) == (7 * 610, 7)
    assert shown.countries["DE"] == CountrySums(7 * 111, shown.countries["DE"].clients)
    assert abs(shown.countries["DE"].clients - 40) <= 12
    assert len(shown.weeks) == WEEKS_SHOWN
    assert shown.weeks[-1].week_start == "2026-11-16"
    assert (shown.weeks[-1].lists, shown.weeks[-1].systems) == (7 * 610, (0, 70, 0, 0))
    assert len(shown.months) == MONTHS_SHOWN
    assert [*shown.months][-1] == "2026-11"
    assert found.mirrors["a"]["2026-10"] == MonthOfMirror(answers=31 * 560, countries={"DE": 31 * 60})


def test_the_day_that_is_not_over_is_left_out() -> None:
    assert compiled([(TODAY, day())], TODAY) is None
    assert compiled([], TODAY) is None
