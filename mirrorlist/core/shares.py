"""Which part of a country's clients gets a mirror first, while nothing more is known of them than their country."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from mirrorlist.core.model import Mirror
from mirrorlist.core.snapshot import PlaceOrders


def shares(
    mirrors: Sequence[Mirror], orders: PlaceOrders, country_places: Mapping[str, int], usable: Container[int]
) -> dict[str, dict[str, float]]:
    """Mirror to countries to parts, by the weights of the country's closest group that has a usable mirror."""
    found: dict[str, dict[str, float]] = {}
    for country, place in sorted(country_places.items()):
        for group in range(orders.place_start[place], orders.place_start[place + 1]):
            weights = _weights(orders, group, usable)
            if whole := sum(weights.values()):
                for number, weight in weights.items():
                    found.setdefault(mirrors[number].name, {})[country] = round(weight / whole, 4)
                break
    return found


def _weights(orders: PlaceOrders, group: int, usable: Container[int]) -> dict[int, int]:
    start, end = orders.group_start[group], orders.group_start[group + 1]
    before = 0
    weights: dict[int, int] = {}
    for at in range(start, end):
        weight = orders.cumulative[at] - before
        before = orders.cumulative[at]
        if orders.members[at] in usable:
            weights[orders.members[at]] = weight
    return weights
