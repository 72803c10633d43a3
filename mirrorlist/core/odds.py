"""How likely each mirror stands first, or among the first few, for clients that are given the same groups.

These are exact shares, not counts of simulated requests: the first place is drawn by weight from the closest group,
and the others follow group by group in a weighted random order (core/spread.py). Over all keys of the spread that is
Plackett and Luce's order; a service with its one key and ``policy.variants`` orders deviates from it a little in the
second and third place, never in the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mirrorlist.core.rank import Group

EARLY = 3
"""Clients that go on to another mirror rarely go on beyond the third."""

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Odds:
    """By number of mirror: the part of the clients that get it first, and among the first ``EARLY``."""

    first: Mapping[int, float]
    early: Mapping[int, float]


def odds(groups: Iterable[Group], listed: int = EARLY) -> Odds:
    """The odds of these groups, closest first; ``listed`` is how many a list holds, and at most ``EARLY`` count.

    A mirror that stands in several groups counts in the closest one. The sum of ``first`` is 1, that of ``early`` the
    number of places that there are mirrors for; of no groups nothing.
    """
    places = min(listed, EARLY)
    first: dict[int, float] = {}
    early: dict[int, float] = {}
    for group in groups:
        left = places - round(sum(early.values()))
        members, weights = _news(group, early)
        if not members or left <= 0:
            continue
        first = first or dict(zip(members, (weights / weights.sum()).tolist(), strict=True))
        early.update(zip(members, _among_first(weights, left).tolist(), strict=True))
    return Odds(first, early)


def _news(group: Group, seen: Mapping[int, float]) -> tuple[Sequence[int], _Floats]:
    """The members that stand in no closer group, and their weights."""
    weights = np.diff(np.array(group.cumulative, dtype=np.float64), prepend=0.0)
    new = [at for at, member in enumerate(group.members) if member not in seen]
    return [group.members[at] for at in new], weights[new]


def _among_first(weights: _Floats, places: int) -> _Floats:
    """The chance of each to be among the first 1, 2 or 3 places of a weighted random order.

    The first is drawn by weight, and what follows is such an order of the rest: p; then the same, and after each
    other q first, p / (1 - q); then so once more. What is left of the whole is taken from sums of weights, as rounding
    leaves nothing of 1 less a part that is nearly all.
    """
    if len(weights) <= places:
        return np.ones(len(weights))
    whole = weights.sum()
    parts = weights / whole
    rest = np.maximum(whole - weights, 1.0)
    if places == 1:
        return np.asarray(parts)
    if places == 2:
        after = weights / rest
        return np.asarray(np.minimum(parts * (1.0 + after.sum() - after), 1.0))
    after = weights[None, :] / np.maximum(rest[:, None] - weights[None, :], 1.0)
    np.fill_diagonal(after, 0.0)
    second_or_third = weights[None, :] / rest[:, None] * (1.0 + after.sum(axis=1)[:, None] - after)
    np.fill_diagonal(second_or_third, 0.0)
    return np.asarray(np.minimum(parts + parts @ second_or_third, 1.0))
