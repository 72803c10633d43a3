"""What a change does, held against the decision for single clients."""

from __future__ import annotations

import random
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from unittest.mock import ANY

import pytest

from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.model import (
    NOWHERE,
    Client,
    ClientPlace,
    CloudRegions,
    Location,
    Mirror,
    Proximity,
    ReachPair,
    Status,
)
from mirrorlist.core.network.intervals import EMPTY
from mirrorlist.core.network.population import Counted, Maps, population
from mirrorlist.core.network.prefixes import IntervalTable, contains, parse_prefix
from mirrorlist.core.preview.impact import ChangeKind, Effect, Preview, Unserved
from mirrorlist.core.preview.preview import UNITS, Ground, NetworkChange, gib_per_day, preview, rate_mbps
from mirrorlist.core.selection.compile import Proof, cloud_table
from mirrorlist.core.selection.select import select
from mirrorlist.core.snapshot import Snapshot
from tests.building import CITIES, NOW, client, mirror, query, snapshot, table

POLICY = Policy(variants=256)
AT = {
    "20.0.0.0/8": "berlin", "21.0.0.0/10": "munich", "22.0.0.0/9": "US", "23.0.0.0/12": "paris", "24.0.0.0/16": "JP",
    "25.0.0.0/20": "vienna", "26.0.0.0/24": "capetown",
}  # fmt: skip
ASNS = {"20.16.0.0/12": 680, "22.0.0.0/10": 7018, "23.0.0.0/13": 3215}
CLOUDS = {"22.64.0.0/11": ("aws", "us-east-1")}
OTHERS = (
    mirror("berlin", "berlin", bandwidth_mbps=1000),
    mirror("munich", "munich", bandwidth_mbps=10_000),
    mirror("vienna", "vienna", bandwidth_mbps=300, countries_never=("US",)),
    mirror("paris", "paris", bandwidth_mbps=2000, subnets=("23.0.128.0/17", "20.200.0.0/16")),
    mirror("chicago", "chicago", bandwidth_mbps=5000),
    mirror("tokyo", "tokyo", asns=(680,)),
    mirror("alone", "chicago", private=True, monopoly=True, subnets=("22.0.0.0/12",)),
    mirror("cloud", "chicago", cloud=CloudRegions("aws", ("us-east-1",))),
    mirror("somewhere"),
    mirror("paused", "berlin", status=Status.PAUSED),
)


def ground(found: Snapshot, counted: Sequence[Counted] | None = None, proof: Proof | None = None) -> Ground:
    return Ground(
        located=found.located,
        asns=found.asns,
        clouds=cloud_table((parse_prefix(net)[0], region) for net, region in CLOUDS.items()),
        proof=proof or Proof(),
        places=found.facts.places,
        country_places=found.facts.country_places,
        policy=found.policy,
        counted=counted,
    )


def world(mirrors: Sequence[Mirror], policy: Policy = POLICY) -> Snapshot:
    return snapshot(mirrors, at=AT, asns=ASNS, clouds=CLOUDS, policy=policy)


def changed(before: Sequence[Mirror], after: Sequence[Mirror], *names: str, **options: object) -> Preview:
    change = NetworkChange(tuple(before), tuple(after), tuple(f"{name}.example.org" for name in names))
    return preview(change, ground(world(after), **options))  # type: ignore[arg-type]


def added(new: Mirror, others: Sequence[Mirror] = OTHERS, **options: object) -> Effect:
    [effect] = changed(others, [*others, new], new.name.partition(".")[0], **options).effects
    return effect


def asking(address: str, found: Snapshot) -> Client:
    """The client at an address, as the service would know it."""
    packed = client(address).address
    assert packed is not None
    clouds = [region for net, region in CLOUDS.items() if contains(parse_prefix(net)[0], packed)]
    where: ClientPlace = found.facts.places[found.located.at(packed)]
    return client(address, where, asn=found.asns.at(packed) or None, cloud=clouds[0] if clouds else None)


def counted_one_by_one(found: Snapshot, clients: int) -> tuple[Counter[str], Counter[str]]:
    """First and early places of random clients, decided one by one."""
    dice = random.Random(clients)
    nets = [parse_prefix(net)[0] for net in AT]
    sizes = [2 ** (32 - net.length) for net in nets]
    first: Counter[str] = Counter()
    early: Counter[str] = Counter()
    for net, size in dice.choices(list(zip(nets, sizes, strict=True)), sizes, k=clients):
        number = int.from_bytes(net.packed, "big") + dice.randrange(size)
        address = ".".join(map(str, number.to_bytes(4, "big")))
        names = [choice.mirror.name for choice in select(found, query(), asking(address, found), NOW).choices]
        first[names[0]] += 1
        early.update(names[:3])
    return first, early


def test_shares_are_what_random_clients_are_given_one_by_one() -> None:
    clients = 4000
    first, early = counted_one_by_one(world(OTHERS), clients)
    names = [each.name.partition(".")[0] for each in OTHERS]

    found = changed(OTHERS, OTHERS, *names)

    assert [effect.name for effect in found.effects] == [each.name for each in OTHERS]
    for effect in found.effects:
        assert effect.before == effect.after
        assert effect.after.first == pytest.approx(first[effect.name] / clients, abs=0.03)
        assert effect.after.early == pytest.approx(early[effect.name] / clients, abs=0.05)
    assert sum(effect.after.first for effect in found.effects) == pytest.approx(1)


def test_first_shares_are_the_weights_within_the_nearest_band() -> None:
    others = (mirror("a", "berlin", bandwidth_mbps=1000), mirror("b", "munich", bandwidth_mbps=9000))
    new = mirror("new", "berlin", bandwidth_mbps=3000)
    berlin = [Counted(100.0, prefix=parse_prefix("20.0.0.0/16")[0])]

    found = changed(others, [*others, new], "new", counted=berlin)

    assert found.clients == pytest.approx(100)
    assert found.effects[0].after.first == pytest.approx(0.75)
    assert [(shift.mirror.name[0], shift.before, shift.after) for shift in found.shifts] == [
        ("a", pytest.approx(1.0), pytest.approx(0.25))
    ]


def test_what_it_gets_is_what_others_lose_and_a_removal_is_the_reverse() -> None:
    new = mirror("new", "berlin", bandwidth_mbps=4000, subnets=("23.0.0.0/16",), asns=(7018,))
    coming = changed(OTHERS, [*OTHERS, new], "new")
    going = changed([*OTHERS, new], OTHERS, "new")

    [comes], [goes] = coming.effects, going.effects
    assert (comes.kind, goes.kind) == (ChangeKind.NEW, ChangeKind.REMOVED)
    assert comes.before.first == goes.after.first == 0
    assert comes.after.first == pytest.approx(goes.before.first)
    assert comes.after.first == pytest.approx(sum(shift.before - shift.after for shift in coming.shifts))
    assert {s.mirror.name: s.after for s in coming.shifts} == pytest.approx(
        {s.mirror.name: s.before for s in going.shifts}
    )
    assert [c.country for c in comes.countries] == [c.country for c in goes.countries]


def test_countries_and_systems_sum_up_to_the_share() -> None:
    effect = added(mirror("new", "berlin", bandwidth_mbps=4000, asns=(7018,)))
    assert sum(each.clients * each.after.first for each in effect.countries) == pytest.approx(effect.after.first)
    assert sum(each.clients * each.after.early for each in effect.countries) == pytest.approx(effect.after.early)
    assert [each.asn for each in effect.systems] == [7018]
    assert effect.systems[0].share.first < 1


def test_a_changed_file_is_shown_before_and_after() -> None:
    faster = replace(OTHERS[0], bandwidth_mbps=10_000)
    [effect] = changed(OTHERS, [faster, *OTHERS[1:]], "berlin").effects
    assert effect.kind is ChangeKind.CHANGED
    assert effect.mirror == faster
    assert effect.after.first >= effect.before.first > 0


def test_a_private_mirror_gets_the_clients_of_its_networks_only() -> None:
    effect = added(mirror("new", "berlin", private=True, subnets=("21.0.0.0/16",)))
    [own] = effect.own
    assert (own.way, own.alone, own.share.first) == (Proximity.SUBNET, False, 1.0)
    assert effect.after.first == pytest.approx(own.clients)
    assert [each.country for each in effect.countries] == ["DE"]
    assert own.otherwise[0][0] == "munich.example.org"
    assert not effect.unserved


def test_of_a_monopoly_it_is_told_that_its_clients_get_nothing_else() -> None:
    effect = added(mirror("new", "berlin", private=True, monopoly=True, subnets=("20.200.0.0/16",)))
    [own] = effect.own
    assert own.alone
    assert own.share == type(own.share)(1.0, 1.0)
    assert own.otherwise[0] == ("paris.example.org", pytest.approx(1.0))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"status": Status.PAUSED}, Unserved.STATUS),
        ({"urls": {"kitten": {}}}, Unserved.NOT_CARRIED),
        ({"private": True}, Unserved.NO_NETWORKS),
        ({"private": True, "subnets_url": "https://example.org/"}, Unserved.ONLY_URL),
        ({"private": True, "subnets": ["2001:db8::/32"]}, Unserved.ONLY_IPV6),
        ({"private": True, "asns": (65000,)}, Unserved.NO_CLIENTS),
        ({"private": True, "asns": (680,)}, Unserved.NOT_PROVED),
        ({"countries_only": ("NZ",)}, Unserved.ELSEWHERE),
        ({"location": Location("OC", "AU", latitude=-33.87, longitude=151.21), "countries_never": ("ZA",)}, Unserved.NEARER),
    ],
)  # fmt: skip
def test_why_nobody_gets_it_first(fields: dict[str, object], reason: Unserved) -> None:
    city = None if "location" in fields else "berlin"
    effect = added(mirror("new", city, **fields), proof=Proof(asns=False))
    assert effect.after.first == 0
    assert effect.unserved == (reason,)


def test_every_reason_is_tried() -> None:
    [mark] = [m for m in test_why_nobody_gets_it_first.pytestmark if m.name == "parametrize"]  # type: ignore[attr-defined]
    assert {row[1] for row in mark.args[1]} == set(Unserved)


def test_mirrors_nearby_are_those_that_serve_everybody_fastest_first() -> None:
    new = mirror("new", "berlin", bandwidth_mbps=500)
    change = NetworkChange(OTHERS, (*OTHERS, new), (new.name,))
    [effect] = preview(change, ground(world(OTHERS)), within_km=550).effects
    assert [(each.name.partition(".")[0], each.mbps) for each in effect.nearby] == [
        ("munich", 10_000), ("berlin", 1000), ("vienna", 300),
    ]  # fmt: skip


def test_without_any_other_mirror_all_clients_get_it() -> None:
    found = changed([], [mirror("new", "berlin")], "new")
    assert found.effects[0].after.first == pytest.approx(1)
    assert found.effects[0].after.early == pytest.approx(1)
    assert found.unserved_clients == (pytest.approx(1), 0)
    gone = changed([mirror("new", "berlin")], [], "new")
    assert gone.unserved_clients == (0, pytest.approx(1))


def test_votes_and_probed_systems_and_further_places_decide_as_in_lists() -> None:
    new = mirror("new", "capetown", bandwidth_mbps=10_000, places=(OTHERS[0].location, OTHERS[3].location))
    plain = added(mirror("new", "capetown", bandwidth_mbps=10_000)).after.first
    assert added(new).after.first > 2 * plain, "it is near in Berlin and Paris, too"
    votes = (ReachPair("DE", new.name, None, since=NOW), ReachPair("FR", "AS64496", None, since=NOW))
    around = replace(ground(world([*OTHERS, new])), votes=votes, systems={new.name: (64496,)})
    change = NetworkChange(OTHERS, (*OTHERS, new), (new.name,))
    [effect] = preview(change, around).effects
    shares = {each.country: each.after.first for each in effect.countries}
    assert {"DE", "FR"}.isdisjoint(shares)
    assert shares["ZA"] > 0
    assert effect.mirror.systems == (64496,)


def held_effect(*others: Mirror, total: float | None, **fields: object) -> Effect:
    """What a mirror with 5 TiB a month is shown to get."""
    new = mirror("new", "berlin", bandwidth_mbps=10_000, tib_per_month=5.0, **fields)
    everybody = (*(others or OTHERS), new)
    around = ground(world(everybody, replace(POLICY, tib_per_month=total)))
    [effect] = preview(NetworkChange(everybody[:-1], everybody, (new.name,)), around).effects
    return effect


def test_a_share_is_what_a_quota_leaves_and_the_rest_goes_to_others() -> None:
    free = added(mirror("new", "berlin", bandwidth_mbps=10_000)).after.first
    effect = held_effect(total=100.0)
    assert effect.after.first == pytest.approx(0.05, rel=0.03)
    assert (effect.first_without_quota, effect.before.first) == (pytest.approx(free), 0)
    assert free > 0.3
    assert held_effect(total=8.0).after.first == pytest.approx(free), "a quota above what it gets changes nothing"
    assert held_effect(total=None).after.first == pytest.approx(free)
    assert added(mirror("new", "berlin")).first_without_quota is None


def test_of_a_band_held_to_quotas_the_next_one_takes_the_rest() -> None:
    effect = held_effect(mirror("paris", "paris"), mirror("vienna", "vienna", tib_per_month=500.0), total=100.0)
    assert effect.after.first == pytest.approx(0.05, rel=0.03)
    alone = held_effect(mirror("tokyo", "tokyo"), total=100.0)
    assert alone.after.first == pytest.approx(0.05, rel=0.03)


def test_mirrors_whose_quotas_depend_on_each_other_get_what_is_usual() -> None:
    both = [mirror(name, "berlin", tib_per_month=quota) for name, quota in (("a", 10.0), ("b", 60.0))]
    everybody = (*both, mirror("paris", "paris"))
    around = ground(world(everybody, replace(POLICY, tib_per_month=100.0)))
    names = tuple(each.name for each in everybody)
    found = preview(NetworkChange(everybody, everybody, names), around).effects
    assert [each.after.first for each in found] == [pytest.approx(0.1, abs=0.05), pytest.approx(0.6, abs=0.1), ANY]
    assert sum(each.after.first for each in found) == pytest.approx(1)


def test_shares_are_those_of_a_whole_day_in_which_a_mirror_rests() -> None:
    new = mirror("new", "berlin", bandwidth_mbps=10_000, off_peak_only=True)
    everybody = (*OTHERS, new)

    def day_of(mirrors: Sequence[Mirror]) -> list[tuple[float, Sequence[Mirror]]]:
        return [(0.75, [replace(each, rests=each.off_peak_only) for each in mirrors]), (0.25, mirrors)]

    around = replace(ground(world(everybody)), day_of=day_of)
    found = preview(NetworkChange(OTHERS, everybody, (new.name,)), around)
    free = added(replace(new, off_peak_only=False)).after
    [effect] = found.effects
    assert (effect.after.first, effect.after.early) == (pytest.approx(free.first / 4), pytest.approx(free.early / 4))
    assert effect.after.first == pytest.approx(sum(each.before - each.after for each in found.shifts))

    own = replace(new, asns=(680,), subnets=mirror("x", subnets=["20.200.0.0/16"]).subnets)
    around = replace(ground(world((*OTHERS, own))), day_of=day_of)
    [effect] = preview(NetworkChange(OTHERS, (*OTHERS, own), (new.name,)), around).effects
    free = added(replace(own, off_peak_only=False)).after
    inside = sum(each.clients * each.share.first for each in effect.own)
    assert inside > 0.003
    assert effect.after.first == pytest.approx(inside + (free.first - inside) / 4), "its networks get it all day"


def test_no_change_and_no_mirror_are_no_error() -> None:
    found = changed([], [])
    assert (found.effects, found.shifts) == ((), ())
    assert found.clients > 0


def test_530_mirrors_keep_their_sums() -> None:
    dice = random.Random(530)
    cities = [city for city in CITIES if city != "sydney"]
    many = [
        mirror(f"m{number}", dice.choice(cities), bandwidth_mbps=dice.choice([100, 1000, 40_000]))
        for number in range(529)
    ]
    new = mirror("new", "berlin", bandwidth_mbps=10_000)
    found = changed(many, [*many, new], "new")
    assert 0 < found.effects[0].after.first < 0.2
    assert found.effects[0].after.first == pytest.approx(sum(each.before - each.after for each in found.shifts))


def test_counts_decide_when_there_are_any() -> None:
    new = mirror("new", "berlin")
    rows = [
        Counted(30.0, country="JP"),
        Counted(50.0, country="DE"),
        Counted(20.0, asn=7018),
        Counted(0.0, country="AT"),
    ]
    effect = added(new, counted=rows)
    found = {each.country: (each.clients, each.after.first > 0) for each in effect.countries}
    assert found["DE"] == (pytest.approx(0.5), True)
    assert found.get("JP", (0.3, False)) == (pytest.approx(0.3), False)
    assert "AT" not in found


def test_counts_of_ipv6_networks_and_of_nobody_knows_where_count() -> None:
    new = mirror("new", "berlin", private=True, subnets=("2001:db8:5::/48",))
    rows = [
        Counted(25.0, prefix=parse_prefix("2001:db8:4::/47")[0]),
        Counted(50.0),
        Counted(20.0, asn=64500),
        Counted(5.0, prefix=parse_prefix("2001:db8:5:1::1/128")[0]),
    ]
    found = changed(OTHERS, [*OTHERS, new], "new", counted=rows)
    assert found.clients == pytest.approx(100)
    assert found.effects[0].after.first == pytest.approx(0.175)
    assert found.unserved_clients == (0, 0)


def test_counts_of_systems_are_spread_over_their_addresses() -> None:
    new, rows = mirror("new", "vienna"), [Counted(30.0, asn=680), Counted(70.0, asn=3215)]
    effect = added(new, [mirror("far", "chicago")], counted=rows)
    assert {each.country: each.clients for each in effect.countries} == pytest.approx({"DE": 0.3, "FR": 0.7})
    assert [(each.latitude, each.clients, each.first) for each in effect.spots] == [
        (53.0, pytest.approx(30), pytest.approx(1)), (49.0, pytest.approx(70), pytest.approx(1)),
    ]  # fmt: skip


def test_of_a_divided_64_nothing_is_known() -> None:
    """Networks are cut by /64s, and this one belongs to no class as a whole."""
    divided, rows = table([("2001:db8:5:1::/96", 1)]), [Counted(5.0, prefix=parse_prefix("2001:db8:5:1::/64")[0])]
    found = population(Maps(divided, [divided], EMPTY, [NOWHERE, ClientPlace("DE")], {}), rows)
    assert (found.places.tolist(), found.classes[0].tolist(), found.clients.tolist()) == ([0], [0], [5.0])


def test_cells_of_more_classes_than_a_number_holds_stay_apart() -> None:
    """Their numbers are packed into one of 64 bits, where they fit."""
    cut = array("I", [0, 1 << 31])

    def halves(low: int, high: int) -> IntervalTable:
        return replace(EMPTY, starts4=cut, ids4=array("I", [low, high]))

    many = 1 << 31
    stages = [halves(many, 1), halves(1, many), halves(many, many)]
    found = population(Maps(halves(1, 1), stages, halves(0, 9), [NOWHERE, ClientPlace("DE")], {"DE": 1}))
    assert [each.tolist() for each in found.classes] == [[1, many], [many, 1], [many, many]]
    assert (found.places.tolist(), found.clients.tolist()) == ([1, 1], [2.0**31, 2.0**31])
    assert (found.asn_cells.tolist(), found.asns.tolist()) == ([0, 1], [9, 0])


@pytest.mark.parametrize(
    ("text", "mbps"),
    [
        ("40Gbit/s", 40_000), ("1.5 Gbit/s", 1500), ("100Mbit/s", 100), ("2Tbit/s", 2e6), ("800kbit/s", 0.8),
        ("1GiB/day", 0.0994205), ("12TiB/day", 1221.68), ("1PiB/day", 104_250.0),
    ],
)  # fmt: skip
def test_a_number_and_a_unit(text: str, mbps: float) -> None:
    assert rate_mbps(text) == pytest.approx(mbps, rel=1e-4)


@pytest.mark.parametrize(
    "text",
    ["", "40", "Gbit/s", "40Gb/s", "40GB/s", "40gbit/s", "40 Gbit", "-1Gbit/s", "0Gbit/s", "1e3Mbit/s", "1,5Gbit/s",
     "40  Gbit/s", " 40Gbit/s", "40Gbit/s ", "40Gbit/s\n", "٤٠Gbit/s", "nanGbit/s", "infGbit/s", "9999999Tbit/s",
     "1.Gbit/s", ".5Gbit/s", "40Gbit/sec"],
)  # fmt: skip
def test_anything_else_is_none(text: str) -> None:
    assert rate_mbps(text) is None


def test_a_rate_comes_back_as_what_a_day_sends() -> None:
    assert gib_per_day(rate_mbps("7GiB/day") or 0) == pytest.approx(7)
    assert all(rate_mbps(f"1{unit}") for unit in UNITS)
