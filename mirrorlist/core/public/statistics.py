"""Statistics that everybody may see: days, weeks and months, without what is rare enough to identify anybody."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from mirrorlist.core.statistics import (
    FILES,
    FLOOR,
    LISTS,
    NONE,
    OTHER,
    AskedCell,
    DayCounts,
    band,
    by_country,
    cells_of,
    clients_of,
    estimated,
    summed,
    sums_by,
    systems_of,
    week_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekSums:
    """A whole week (Monday to Sunday, UTC): requests for lists and files, and systems by their age.

    ``systems`` are the requests with ``countme``, of which a system sends one a week per repository: those of the
    repository that has most. ``clients`` is an estimate of all.
    """

    week_start: str
    lists: int
    files: int
    systems: tuple[int, ...]
    clients: int


@dataclass(frozen=True, slots=True)
class CountrySums:
    """Answers to a country's clients, and about how many clients these were."""

    answers: int
    clients: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthOfMirror:
    """The answers in a month that named a mirror first: all of them, and by country where these may be shown."""

    answers: int
    countries: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountryShare:
    """Of a country's answers in a month those that named a mirror first. The share lies between ``low`` and ``high`` in
    95 of 100 cases; ``clients`` is an estimate."""

    country: str
    share: float
    low: float
    high: float
    answers: int
    of_answers: int
    clients: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicStatistics:
    """What was answered from ``first_day`` to ``last_day`` (whole days, UTC), week by week, and month by month.

    Repositories, versions, arches and systems are sums of requests; ``elsewhere`` are the answers to countries with
    too few clients to be shown. ``mirrors`` are answers that named a mirror first. ``months`` has the countries of each
    month, against which the share of a mirror is taken.
    """

    first_day: str
    last_day: str
    lists: int
    files: int
    weeks: tuple[WeekSums, ...] = ()
    repositories: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)
    arches: Mapping[str, int] = field(default_factory=dict)
    systems: Mapping[str, int] = field(default_factory=dict)
    countries: Mapping[str, CountrySums] = field(default_factory=dict)
    elsewhere: int = 0
    mirrors: Mapping[str, int] = field(default_factory=dict)
    months: Mapping[str, Mapping[str, CountrySums]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """Statistics with the months of every mirror by its name, also of private ones, which are not published."""

    network: PublicStatistics
    mirrors: Mapping[str, Mapping[str, MonthOfMirror]]


DAYS_SHOWN = 7
WEEKS_SHOWN = 53
MONTHS_SHOWN = 13
COUNTRIES_OF_MIRROR = 20


def compiled(days: Iterable[tuple[date, DayCounts]], today: date) -> Compiled | None:
    """The statistics of the whole days before ``today``, which come in their order; None where there are none.

    Of each day but the last ones only what weeks and months need is kept.
    """
    weeks, months = dict[date, DayCounts](), dict[str, DayCounts]()
    lately = deque[tuple[date, DayCounts]](maxlen=DAYS_SHOWN)
    for day, counts in days:
        if day < today:
            lately.append((day, counts))
            monday, month = week_of(day), day.isoformat()[:7]
            weeks[monday] = summed((weeks.get(monday, DayCounts()), _without_given(counts)))
            months[month] = summed((months.get(month, DayCounts()), replace(counts, asked={})))
            if len(weeks) > WEEKS_SHOWN + 1:
                del weeks[next(iter(weeks))]
            if len(months) > MONTHS_SHOWN:
                del months[next(iter(months))]
    if not lately:
        return None
    until = lately[-1][0]
    shown_days = [(day, counts) for day, counts in lately if day > until - timedelta(days=DAYS_SHOWN)]
    weeks.pop(week_of(today), None)
    network = _network(
        summed(counts for _, counts in shown_days),
        first_day=shown_days[0][0].isoformat(),
        last_day=until.isoformat(),
        weeks=tuple(_week(monday, counts) for monday, counts in weeks.items()),
        months={month: _countries(counts) for month, counts in months.items()},
    )
    return Compiled(network=network, mirrors=_months_of_mirrors(months, network))


def _without_given(counts: DayCounts) -> DayCounts:
    """What sums of weeks are made of: kinds, repositories and ages, and the clients."""
    asked = Counter[str]()
    for cell, times in cells_of(counts):
        asked[AskedCell(cell.kind, cell.repository, NONE, NONE, age=cell.age).label] += times
    return DayCounts(asked, {}, counts.clients)


def _network(counts: DayCounts, **others: Any) -> PublicStatistics:
    shown, answers = _countries(counts), by_country(counts)
    by_kind = sums_by(counts, lambda cell: cell.kind)
    return PublicStatistics(
        lists=by_kind[LISTS],
        files=by_kind[FILES],
        repositories=_sums(counts, lambda cell: f"{cell.repository} {cell.version}"),
        versions=_sums(counts, lambda cell: cell.version),
        arches=_sums(counts, lambda cell: cell.arch),
        systems=_sums(counts, lambda cell: f"{cell.system.name} {cell.system.version}".strip()),
        countries=shown,
        elsewhere=sum(sums.total() for country, sums in answers.items() if country not in shown),
        mirrors=dict(sum(answers.values(), Counter[str]()).most_common()),
        **others,
    )


def _sums(counts: DayCounts, of: Callable[[AskedCell], str]) -> dict[str, int]:
    """Requests by a value that is known, the largest sum first; those below the floor are summed as others."""
    found = {name: times for name, times in sums_by(counts, of).most_common() if name.strip(f"{NONE} ")}
    shown = {name: times for name, times in found.items() if times >= FLOOR}
    rare = sum(found.values()) - sum(shown.values())
    return {**shown, OTHER: shown.get(OTHER, 0) + rare} if rare >= FLOOR else shown


def _countries(counts: DayCounts) -> dict[str, CountrySums]:
    """The countries with enough clients to be shown, the one with most answers first."""
    clients = {country: estimated(registers) for country, registers in counts.clients.items()}
    rows = sorted(by_country(counts).items(), key=lambda row: (-row[1].total(), row[0]))
    return {
        country: CountrySums(sums.total(), clients[country])
        for country, sums in rows
        if country not in (NONE, OTHER) and clients.get(country, 0) >= FLOOR
    }


def _week(monday: date, counts: DayCounts) -> WeekSums:
    by_kind = sums_by(counts, lambda cell: cell.kind)
    return WeekSums(
        week_start=monday.isoformat(),
        lists=by_kind[LISTS],
        files=by_kind[FILES],
        systems=systems_of(counts),
        clients=estimated(clients_of(counts)),
    )


def _months_of_mirrors(
    months: Mapping[str, DayCounts], network: PublicStatistics
) -> dict[str, dict[str, MonthOfMirror]]:
    found: dict[str, dict[str, MonthOfMirror]] = {}
    for month, counts in months.items():
        answers, countries = Counter[str](), dict[str, Counter[str]]()
        for country, sums in by_country(counts).items():
            answers.update(sums)
            for mirror, times in sums.items() if country in network.months[month] else ():
                if times >= FLOOR:
                    countries.setdefault(mirror, Counter())[country] = times
        for mirror, times in answers.items():
            shown = dict(countries.get(mirror, Counter()).most_common(COUNTRIES_OF_MIRROR))
            found.setdefault(mirror, {})[month] = MonthOfMirror(answers=times, countries=shown)
    return found


def published_statistics(statistics: PublicStatistics, public: Collection[str]) -> PublicStatistics:
    """The statistics without the mirrors that are not for everybody, and rare answers."""
    shown = {name: times for name, times in statistics.mirrors.items() if name in public and times >= FLOOR}
    return replace(statistics, mirrors=shown)


def country_shares(month: MonthOfMirror, countries: Mapping[str, CountrySums]) -> tuple[CountryShare, ...]:
    """The shares of a mirror in a month, the largest number of answers first; ``countries`` are those of the month."""
    found = []
    for country, answers in sorted(month.countries.items(), key=lambda row: (-row[1], row[0])):
        if (sums := countries.get(country)) is not None:
            low, high = band(answers, sums.answers, sums.clients)
            found.append(
                CountryShare(
                    country=country,
                    share=round(answers / sums.answers, 4),
                    low=round(low, 4),
                    high=round(high, 4),
                    answers=answers,
                    of_answers=sums.answers,
                    clients=sums.clients,
                )
            )
    return tuple(found)
