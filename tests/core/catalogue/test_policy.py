"""Quotas: mirrors carry in a month what their files allow, also one that is alone in its country."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from mirrorlist.core.catalogue.policy import AnswerShares, MonthTime, Policy, QuotaShare, Weights, quota_share
from mirrorlist.core.model import MAIN
from mirrorlist.core.public.encoding import shares
from mirrorlist.core.selection.rank import PARTS, joined_for_quotas
from tests.building import mirror, snapshot

TOTAL_TIB, DAYS = 1000.0, 30
QUOTAS = {"berlin": 20.0, "tokyo": 30.0, "chicago": 5.0, "sydney": 500.0}
"""Berlin has two neighbours and could carry 200; Tokyo and Chicago are alone in their countries; Sydney never has
so many clients."""
CLIENTS = {"DE": 60.0, "JP": 15.0, "US": 20.0, "AU": 5.0}
MIRRORS = [
    *(mirror(city, city, tib_per_month=quota) for city, quota in QUOTAS.items()),
    mirror("berlin2", "berlin"), mirror("munich", "munich"), mirror("paris", "paris", bandwidth_mbps=10_000),
]  # fmt: skip


def month(
    dice: random.Random, former: dict[str, QuotaShare], number: int
) -> tuple[Counter[str], dict[str, QuotaShare]]:
    """What mirrors carry in a month in TiB, hour by hour, and how they are held to their quotas at its end."""
    answers = {"month": Counter[str](), "yesterday": Counter[str](), "today": Counter[str]()}
    parts: dict[str, dict[str, float]] = {}
    in_force: object = None
    for day in range(DAYS):
        lively = {country: clients * dice.uniform(0.7, 1.3) for country, clients in CLIENTS.items()}
        for hour in range(24):
            time = MonthTime(day=f"{number}-{day}", days=DAYS, past=day, part=hour / 24)
            found = {
                name: AnswerShares(
                    **{span: sums[f"{name}.example.org"] / sums.total() for span, sums in answers.items() if sums}
                )
                for name in QUOTAS
            }
            former = {
                f"{name}.example.org": quota_share(
                    QUOTAS[name], TOTAL_TIB, time, found[name], former.get(f"{name}.example.org"), 1 / 7
                )
                for name in QUOTAS
            }
            factors = [each.factor for each in former.values()]
            if factors != in_force:
                made, in_force = snapshot(MIRRORS, facts={"quotas": former}), factors
                everybody = {frozenset(range(len(MIRRORS))): 1}
                parts = shares(MIRRORS, made.orders[MAIN], made.facts.country_places, everybody)
            for name, by_country in parts.items():
                given = sum(lively[country] * part for country, part in by_country.items() if country in lively)
                answers["today"][name] += round(given * 1000)
        answers["month"] += answers["today"]
        answers["yesterday"], answers["today"] = answers["today"], Counter()
    whole = answers["month"].total()
    return Counter({name: TOTAL_TIB * times / whole for name, times in answers["month"].items()}), former


@pytest.mark.parametrize("chance", range(3))
def test_in_a_month_each_mirror_carries_its_quota_within_five_percent(chance: int) -> None:
    dice, former = random.Random(chance), dict[str, QuotaShare]()
    for number in range(2):
        carried, former = month(dice, former, number)
        for name in ("berlin", "tokyo", "chicago"):
            assert carried[f"{name}.example.org"] == pytest.approx(QUOTAS[name], rel=0.05), (name, number, carried)
        assert 48 < carried["sydney.example.org"] < 70, "what its country has, and some of what Tokyo leaves"


def test_a_quota_that_is_used_up_leaves_next_to_nothing_until_the_month_ends() -> None:
    last = MonthTime(day="30", days=30, past=29, part=0.5)
    known = QuotaShare(day="29", part=0.5, share=0.02, before_tib=18.0, carried_tib=19.0)
    full = quota_share(20.0, 1000.0, last, AnswerShares(month=0.021, yesterday=0.02, today=0.01), known, 0.1)
    assert (full.used_up, full.share, full.factor, full.part) == (True, 0.0, 1e-4, 0.5)
    assert full.carried_tib == pytest.approx(1000 / 30 * (29 * 0.021 + 0.5 * 0.01))
    first = MonthTime(day="1", days=31, past=0, part=0.01)
    again = quota_share(20.0, 1000.0, first, AnswerShares(yesterday=0.0001), full, 0.1)
    assert (again.used_up, again.part, again.share) == (False, 1.0, 0.02), "four times as much at once is the most"


def test_of_a_mirror_that_nobody_counted_yet_the_usual_share_is_expected() -> None:
    time = MonthTime(day="1", days=30, past=0, part=0.0)
    assert quota_share(20.0, 1000.0, time, AnswerShares(), None, 0.1).part == pytest.approx(0.2)
    assert quota_share(20.0, 1000.0, time, AnswerShares(), None, 0.01).part == 1.0
    assert quota_share(20.0, 1000.0, time, AnswerShares(yesterday=0.2), None, 0.01).part == pytest.approx(0.1)


def test_the_next_group_takes_over_what_is_too_much_for_a_group_of_held_mirrors() -> None:
    weights = Weights([250, 1000, 3000, 10, 1000], [1000, 1000, 3000, 40, 1000])
    assert [group.members for group in joined_for_quotas([[0], [1, 2], [4]], weights)] == [(0, 1, 2), (4,)]
    [joined] = joined_for_quotas([[0], [1, 2]], weights)
    assert [round(each / PARTS, 6) for each in joined.cumulative] == [0.25, 0.4375, 1.0]
    [chain] = joined_for_quotas([[0], [3], [4]], weights)
    assert [round(each / PARTS, 6) for each in chain.cumulative] == [0.25, 0.4375, 1.0]
    alone = joined_for_quotas([[4], [0]], weights)
    assert [group.cumulative for group in alone] == [(1000,), (250,)], "nobody is left to take over"
    mixed = joined_for_quotas([[0, 4], [1]], weights)
    assert [group.cumulative for group in mixed] == [(250, 1250), (1000,)], "a neighbour without a quota takes it"


def test_quotas_change_nothing_where_the_policy_does_not_say_what_all_carry() -> None:
    assert Policy().tib_per_month is None
    made = snapshot(MIRRORS)
    assert made.weights.now == made.weights.whole
