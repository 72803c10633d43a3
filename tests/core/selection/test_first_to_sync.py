"""One of 500 mirrors syncs first after the origin changed: it does not get the whole world."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping

from mirrorlist.core.health.table import health_table
from mirrorlist.core.health.verdicts import Family, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import MAIN, Location, Mirror, Protocol, RepoMetadata
from mirrorlist.core.selection.prepared import Prepared
from mirrorlist.core.selection.select import select
from mirrorlist.core.selection.spread import turn_lot
from mirrorlist.core.snapshot import Snapshot
from tests.building import KEY, NOW, client, listed, metadata, mirror, query, service, snapshot

X86 = "9.8/BaseOS/x86_64/os/"
HOUR = 3600.0
MIRRORS, CLIENTS = 500, 10_000
FIRST = 0
LISTED = query("arch=x86_64")


def frequency_hours(number: int) -> int:
    """One to six hours; the first to sync is one of those that sync each hour."""
    return 1 + number % 6


def network() -> list[Mirror]:
    dice = random.Random(500)
    home = Location(country="DE", latitude=51, longitude=10)
    return [
        mirror(
            f"m{number}",
            location=home,
            bandwidth_mbps=dice.choice([1000, 2000, 10_000]) if number != FIRST else 2000,
            update_frequency_seconds=int(frequency_hours(number) * HOUR),
        )
        for number in range(MIRRORS)
    ]


NETWORK = network()
CHANGED: RepoMetadata = metadata(X86, "b", "a")
"""The origin changed from a to b at ``first_seen``."""


def at(hours: float, synced_after: Mapping[int, float]) -> Snapshot:
    """The generation so many hours after the change; the mirrors have b once they synced, and a before."""
    now = CHANGED.first_seen + hours * HOUR
    verdicts = {
        Subject(each.name, MAIN, Protocol.HTTPS, Family.IPV4, X86): Verdict(
            True, NOW, ProbeOutcome.FRESH, now, sha256=("b" if synced_after.get(number, 99) <= hours else "a") * 64
        )
        for number, each in enumerate(NETWORK)
    }
    health = health_table(NETWORK, verdicts, {X86: CHANGED}, {}, service(), now)
    return snapshot(NETWORK, facts={"health": health})


def shares(snap: Snapshot) -> dict[int, float]:
    """Of 10,000 clients in the mirrors' country the share that has each mirror first."""
    prepared = Prepared(snap)
    orders = prepared.module(MAIN)
    assert orders is not None
    place = snap.facts.country_places["DE"]
    column = prepared.column(LISTED, Family.IPV4)
    firsts: Counter[int] = Counter()
    for number in range(CLIENTS):
        lot, _ = turn_lot(KEY, (0x0A00_0000 + number).to_bytes(4, "big"), NOW, snap.policy.turn_seconds)
        first = listed(orders, place, lot, column)[0]
        firsts[first] += 1
        if number % 1000 == 0:
            asking = client(f"10.0.{number // 256}.{number % 256}", snap.facts.places[place])
            assert select(snap, LISTED, asking, NOW).choices[0].mirror == NETWORK[first]
    return {number: count / CLIENTS for number, count in firsts.items()}


def fair(among: set[int], number: int) -> float:
    """The share of a mirror's weight among these mirrors."""
    weights = {each: NETWORK[each].bandwidth_mbps or 0 for each in among}
    return weights[number] / sum(weights.values())


EVERYBODY = set(range(MIRRORS))


def in_grace(hours: float) -> set[int]:
    return {FIRST} | {number for number in EVERYBODY if hours < frequency_hours(number)}


def test_while_only_one_has_synced_its_share_is_normal_and_the_others_leave_one_after_the_other() -> None:
    sizes = []
    for hours in (0.9, 1.0, 2.5, 5.9):
        found = shares(at(hours, {FIRST: 0.0}))
        left = in_grace(hours)
        sizes.append(len(left))
        assert found.keys() <= left
        assert abs(found[FIRST] - fair(left, FIRST)) < 0.005
        assert max(found.values()) < 2 * max(fair(left, number) for number in left)
    assert sizes == [500, 417, 333, 84]
    # Nobody else synced for six hours: then it is the only one that has what the origin publishes.
    assert shares(at(6.0, {FIRST: 0.0})) == {FIRST: 1.0}


def test_while_all_sync_in_their_own_time_no_share_ever_stands_out_and_who_does_not_sync_leaves() -> None:
    dice = random.Random(1)
    stuck = set(dice.sample(sorted(EVERYBODY - {FIRST}), 50))
    synced = {number: dice.uniform(0.05, 1) * frequency_hours(number) for number in EVERYBODY - stuck} | {FIRST: 0.0}
    for hours in (0.1, 1.0, 2.5, 4.0, 6.0):
        found = shares(at(hours, synced))
        good = {number for number in EVERYBODY if synced.get(number, 99) <= hours or hours < frequency_hours(number)}
        assert EVERYBODY - good == {number for number in stuck if frequency_hours(number) <= hours}
        assert found.keys() <= good
        for number in (FIRST, *dice.sample(sorted(good), 20)):
            assert abs(found.get(number, 0.0) - fair(good, number)) < 0.005
        assert max(found.values()) < 0.015


def test_a_mirror_whose_grace_ends_takes_only_its_own_clients_along() -> None:
    before, after = (at(hours, {FIRST: 0.0}) for hours in (0.9, 1.0))
    gone = {NETWORK[number].name for number in in_grace(0.9) - in_grace(1.0)}
    place = before.facts.places[before.facts.country_places["DE"]]
    for number in range(60):
        asking = client(f"10.1.0.{number}", place)
        was, now = (select(snap, LISTED, asking, NOW).choices[0].mirror.name for snap in (before, after))
        assert was == now or was in gone
