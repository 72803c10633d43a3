"""The spread: each mirror of a band comes first for its share of the clients, and nobody moves without need."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.model import MAIN, Location
from mirrorlist.core.selection.columns import PreparedColumn
from mirrorlist.core.selection.prepared import Prepared, PreparedModule
from mirrorlist.core.selection.select import select
from mirrorlist.core.selection.spread import identity_of, turn_lot
from tests.building import KEY, NOW, client, listed, mirror, query, snapshot

CLIENTS = 25_000
POLICY = Policy(weight_cap_mbps=100_000)
COUNTRY = "DE"


def band(size: int, generator: random.Random) -> tuple[Prepared, list[int]]:
    """Mirrors of one band with weights of 100 to 100,000, and the weights."""
    weights = [100, 100_000, *(int(100 * 1000 ** generator.random()) for _ in range(size - 2))]
    mirrors = [
        mirror(f"m{number}", bandwidth_mbps=weight, location=Location(country=COUNTRY, latitude=51, longitude=10))
        for number, weight in enumerate(weights)
    ]
    return Prepared(snapshot(mirrors, policy=POLICY)), weights


def addresses(kind: str) -> Iterator[bytes]:
    generator = random.Random(7)
    for number in range(CLIENTS):
        if kind == "consecutive IPv4":
            yield (0x0A00_0000 + number).to_bytes(4, "big")
        elif kind == "random IPv4":
            yield generator.randbytes(4)
        elif kind == "consecutive /64":
            yield (0x2001_0DB8_0000_0000 + number).to_bytes(8, "big") + generator.randbytes(8)
        else:
            yield b"\x20\x01" + generator.randbytes(14)


def firsts(orders: PreparedModule, place: int, kind: str, column: PreparedColumn) -> list[int]:
    """The first mirror of every client, from the prepared tables."""
    return [
        listed(orders, place, turn_lot(KEY, identity_of(address), NOW, POLICY.turn_seconds)[0], column)[0]
        for address in addresses(kind)
    ]


def assert_shares(found: list[int], weights: dict[int, int]) -> None:
    total, clients = sum(weights.values()), len(found)
    counts = Counter(found)
    for number, weight in weights.items():
        assert abs(counts[number] / clients - weight / total) < 0.02
        assert counts[number] > 0 or clients * weight / total < 20
    assert counts.keys() <= weights.keys()


@pytest.mark.parametrize("kind", ["consecutive IPv4", "random IPv4", "consecutive /64", "random IPv6"])
@pytest.mark.parametrize("size", [3, 10, 40])
def test_first_places_follow_the_weights_and_only_the_clients_of_a_lost_mirror_move(size: int, kind: str) -> None:
    prepared, weights = band(size, random.Random(size))
    place = prepared.snapshot.facts.country_places[COUNTRY]
    orders = prepared.module(MAIN)
    assert orders is not None
    column = prepared.column(query(), None)

    before = firsts(orders, place, kind, column)
    assert_shares(before, dict(enumerate(weights)))

    heaviest = weights.index(max(weights))
    left = [None if number == heaviest else url for number, url in enumerate(column.urls)]
    after = firsts(orders, place, kind, replace(column, urls=left, working=left, every=left))
    assert_shares(after, {number: weight for number, weight in enumerate(weights) if number != heaviest})
    moved = [(was, now) for was, now in zip(before, after, strict=True) if was not in (heaviest, now)]
    assert moved == []


def test_select_and_the_tables_spread_the_same_clients_to_the_same_mirrors() -> None:
    prepared, _ = band(40, random.Random(40))
    snap = prepared.snapshot
    place = snap.facts.country_places[COUNTRY]
    orders = prepared.module(MAIN)
    assert orders is not None
    column = prepared.column(query(), None)
    for number in range(300):
        asking = client(f"198.51.{number // 250}.{number % 250}", snap.facts.places[place])
        lot, _ = turn_lot(KEY, asking.identity, NOW, POLICY.turn_seconds)
        said = [choice.mirror.name for choice in select(snap, query(), asking, NOW).choices]
        assert said == [snap.mirrors[n].name for n in listed(orders, place, lot, column)]


def test_later_places_are_shared_out_too() -> None:
    prepared, _ = band(10, random.Random(1))
    place = prepared.snapshot.facts.country_places[COUNTRY]
    orders = prepared.module(MAIN)
    assert orders is not None
    column = prepared.column(query(), None)
    seconds = Counter(
        listed(orders, place, turn_lot(KEY, number.to_bytes(4, "big"), NOW, 604_800)[0], column)[1]
        for number in range(2000)
    )
    assert len(seconds) >= 5


def test_a_client_keeps_its_mirror_for_its_turn_and_a_seventh_moves_each_day() -> None:
    prepared, _ = band(10, random.Random(2))
    place = prepared.snapshot.facts.country_places[COUNTRY]
    orders = prepared.module(MAIN)
    assert orders is not None
    column = prepared.column(query(), None)

    def lot_of(number: int, day: int) -> bytes:
        return turn_lot(KEY, number.to_bytes(4, "big"), NOW + day * 86_400, POLICY.turn_seconds)[0]

    for day in range(7):
        changed = sum(lot_of(number, day) != lot_of(number, day + 1) for number in range(7000))
        assert 850 < changed < 1150
    same = lot_of(5, 0)
    assert listed(orders, place, same, column) == listed(orders, place, same, column)
