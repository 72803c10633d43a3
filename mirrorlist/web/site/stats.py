"""The pages of statistics: what was asked from where, and which part of the clients a mirror is first choice of."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from mirrorlist.core.errors import NotFound
from mirrorlist.core.public.statistics import CountryShare, WeekSums
from mirrorlist.core.public.types import MirrorState, PublicMirror
from mirrorlist.core.statistics import AGE_WORDS, FLOOR, OTHER
from mirrorlist.web.languages import gettext
from mirrorlist.web.site.published import Published, SponsorMonth
from mirrorlist.web.site.svg import STRIP_HEIGHT, Bar, badge
from mirrorlist.web.words import country_name, number, percent

MOST_ROWS = 12
MOST_PLACES = 30
LATEST_WEEKS = 8
BAR_STEP = 12
CSV_COLUMNS = (
    "month", "country", "answers", "share", "share_low", "share_high", "answers_of_country", "clients_of_country",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SumRow:
    """One row of a table of sums: what is counted, how often, its part of all, and what else is known of it."""

    name: str
    title: str
    answers: int
    share: float
    clients: int | None = None


@dataclass(frozen=True, slots=True)
class SumTable:
    """The largest sums, and what the rest comes to."""

    rows: tuple[SumRow, ...]
    more: int
    rest: int


def sum_table(
    sums: Mapping[str, int], most: int, title_of: Callable[[str], str] = str, clients: Mapping[str, int] | None = None
) -> SumTable:
    """The table of sums, the largest first."""
    whole = sum(sums.values()) or 1
    named = sorted(((name, times) for name, times in sums.items() if name != OTHER), key=lambda row: (-row[1], row[0]))
    rows = [
        SumRow(name, title_of(name), times, times / whole, clients.get(name) if clients else None)
        for name, times in named[:most]
    ]
    more = len(named) - len(rows) + (OTHER in sums)
    return SumTable(tuple(rows), more, sum(sums.values()) - sum(row.answers for row in rows))


def stats_page(published: Published) -> dict[str, Any]:
    """What the page of the whole network shows."""
    found = published.network.statistics
    if found is None:
        return {"found": None}
    clients = {country: sums.clients for country, sums in found.countries.items()}
    answers = {country: sums.answers for country, sums in found.countries.items()}
    newest = found.weeks[-1] if found.weeks else None
    return {
        "found": found,
        "floor": FLOOR,
        "weeks": found.weeks[-LATEST_WEEKS:][::-1],
        "newest": newest,
        "ages": AGE_WORDS,
        "requests": _bars(found.weeks, lambda week: week.lists + week.files, _requests_in_words),
        "systems": _bars(found.weeks, lambda week: sum(week.systems), _systems_in_words),
        "tables": {
            "repositories": sum_table(found.repositories, MOST_ROWS),
            "versions": sum_table(found.versions, MOST_ROWS),
            "arches": sum_table(found.arches, MOST_ROWS),
            "systems": sum_table(found.systems, MOST_ROWS),
        },
        "countries": sum_table(answers, MOST_PLACES, country_name, clients),
        "mirrors": sum_table(found.mirrors, MOST_PLACES),
    }


def _requests_in_words(week: WeekSums) -> str:
    return gettext(
        "%(lists)s lists, %(files)s files, about %(clients)s clients",
        lists=number(week.lists),
        files=number(week.files),
        clients=number(week.clients),
    )


def _systems_in_words(week: WeekSums) -> str:
    counted = zip(week.systems, AGE_WORDS, strict=True)
    return ", ".join(f"{number(systems)} {gettext(words)}" for systems, words in counted)


def _bars(weeks: Sequence[WeekSums], of: Callable[[WeekSums], int], told: Callable[[WeekSums], str]) -> tuple[Bar, ...]:
    highest = max(map(of, weeks), default=0) or 1
    bars = []
    for place, week in enumerate(weeks):
        height = round(of(week) / highest * STRIP_HEIGHT, 1)
        bars.append(Bar(place * BAR_STEP, STRIP_HEIGHT - height, height, "count", f"{week.week_start}: {told(week)}"))
    return tuple(bars)


# The page of a mirror, month by month, for its sponsor.


def chosen_month(months: Sequence[SponsorMonth], asked: str | None) -> SponsorMonth | None:
    """The month that is asked for, else the newest that is over, else the present one; None where there is none.

    Raises:
        NotFound: nothing was counted in that month.
    """
    if asked is not None:
        found = next((month for month in months if month.month == asked), None)
        if found is None:
            known = ", ".join(month.month for month in months)
            if not known:
                raise NotFound("there is no such month: nothing was counted yet")
            raise NotFound("there is no such month; known are %(known)s", known=known)
        return found
    return next((month for month in months if month.is_whole), months[0] if months else None)


def headline(month: SponsorMonth | None, mirror: PublicMirror) -> CountryShare | None:
    """The share that a badge shows: in the mirror's own country, else the largest answers."""
    shares = month.shares if month else ()
    return next((share for share in shares if share.country == mirror.country), shares[0] if shares else None)


def sponsor_page(published: Published, mirror: PublicMirror, asked: str | None) -> dict[str, Any]:
    """What the page of a mirror's months shows; raises as ``chosen_month``."""
    months = published.months(mirror)
    month = chosen_month(months, asked)
    return {
        "mirror": mirror,
        "months": months,
        "month": month,
        "headline": headline(month, mirror),
        "floor": FLOOR,
        "badge_text": badge_text(headline(chosen_month(months, None), mirror)),
    }


def badge_text(share: CountryShare | None) -> str:
    """``12 % ± 1 of clients in DE``."""
    if share is None:
        return gettext("too few clients yet")
    return gettext(
        "%(share)s ± %(margin)s of clients in %(country)s",
        share=percent(share.share), margin=margin(share), country=share.country,
    )  # fmt: skip


def margin(share: CountryShare) -> str:
    """Half of the band around a share, in points, rounded up."""
    half = round(50 * (share.high - share.low), 2)
    return str(ceil(half)) if half >= 3 else f"{ceil(10 * half) / 10:g}"


def sponsor_badge(published: Published, mirror: PublicMirror) -> bytes:
    """A picture for the sponsor's own pages."""
    share = headline(chosen_month(published.months(mirror), None), mirror)
    return badge(
        gettext("first choice"), badge_text(share), MirrorState.UNKNOWN if share is None else MirrorState.FRESH
    )


def sponsor_csv(published: Published, mirror: PublicMirror) -> bytes:
    """All months and countries, the oldest first; a row without a country has the answers to all others."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for month in reversed(published.months(mirror)):
        for share in month.shares:
            band = (f"{number:.4f}" for number in (share.share, share.low, share.high))
            writer.writerow((month.month, share.country, share.answers, *band, share.of_answers, share.clients))
        if month.others >= FLOOR:
            writer.writerow((month.month, "", month.others, *[""] * 5))
    return text.getvalue().encode()
