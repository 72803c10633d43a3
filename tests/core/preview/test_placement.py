"""The odds of groups against draws and orders made one by one."""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice

import pytest

from mirrorlist.core.preview.placement import EARLY, odds
from mirrorlist.core.selection.rank import Group, ordered
from mirrorlist.core.selection.spread import order_keys

TRIES = 6000
GROUPS = [
    pytest.param([[5]], id="one mirror"),
    pytest.param([[5, 1]], id="two"),
    pytest.param([[5, 1, 10]], id="three"),
    pytest.param([[5, 1, 10, 10, 3]], id="five"),
    pytest.param([[1, 1, 1, 10_000]], id="one that outweighs all"),
    pytest.param([[7], [1, 2, 3, 4]], id="one, then four"),
    pytest.param([[7, 2], [1, 2, 9]], id="two, then three"),
    pytest.param([[7], [2], [5, 1, 1]], id="one, one, three"),
    pytest.param([[7, 3], [4]], id="two, then one"),
]


def groups_of(weights: list[list[int]]) -> list[Group]:
    flat = [weight for group in weights for weight in group]
    ends = [sum(map(len, weights[: at + 1])) for at in range(len(weights))]
    return [Group.of(range(end - len(group), end), flat) for end, group in zip(ends, weights, strict=True)]


@pytest.mark.parametrize("weights", GROUPS)
def test_the_odds_are_what_single_clients_get_over_all_keys(weights: list[list[int]]) -> None:
    groups = groups_of(weights)
    flat = [weight for group in weights for weight in group]
    dice = random.Random(len(flat))
    first: Counter[int] = Counter()
    early: Counter[int] = Counter()
    for _ in range(TRIES):
        keys = order_keys(dice.randbytes(16), [str(number) for number in range(len(flat))], flat, 0)
        words = tuple(dice.getrandbits(32) for _ in range(16))
        found = list(islice(ordered(groups, keys, words, range(len(flat))), EARLY))
        first[found[0]] += 1
        early.update(found)

    said = odds(groups)

    for number in range(len(flat)):
        assert said.first.get(number, 0.0) == pytest.approx(first[number] / TRIES, abs=0.025)
        assert said.early.get(number, 0.0) == pytest.approx(early[number] / TRIES, abs=0.025)
    assert sum(said.first.values()) == pytest.approx(1)
    assert sum(said.early.values()) == pytest.approx(min(EARLY, len(flat)))
    assert {number: said.first.get(number, 0.0) for number in groups[0].members} == pytest.approx(
        {number: flat[number] / sum(weights[0]) for number in groups[0].members}
    )


def test_a_mirror_of_two_groups_counts_in_the_closest_one() -> None:
    weights = [3, 1, 2, 2]
    said = odds([Group.of((1,), weights), Group.of((0, 1, 2, 3), weights)])
    assert said.first == {1: 1.0}
    assert said.early[1] == 1.0
    assert sum(said.early.values()) == pytest.approx(3)


@pytest.mark.parametrize("listed", [1, 2, 3, 20])
def test_a_short_list_has_as_many_places_as_it_holds(listed: int) -> None:
    said = odds(groups_of([[4, 2, 2, 9]]), listed)
    assert sum(said.early.values()) == pytest.approx(min(listed, EARLY))
    if listed == 1:
        assert said.early == pytest.approx(said.first)


def test_no_group_gives_nothing() -> None:
    said = odds([])
    assert (said.first, said.early) == ({}, {})


def test_weights_as_unequal_as_they_may_be_give_numbers() -> None:
    said = odds(groups_of([[10**15, 1, 1, 1, 1]]))
    assert sum(said.first.values()) == pytest.approx(1)
    assert sum(said.early.values()) == pytest.approx(3, abs=1e-3)
