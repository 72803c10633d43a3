""""""

from __future__ import annotations

import ipaddress
from array import array
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorlist.core.catalogue.policy import Policy, Weights, weight_of
from mirrorlist.core.mirror import is_out_of_reach
from mirrorlist.core.model import (
    MAIN,
    NOWHERE,
    ClientPlace,
    CloudRegions,
    Location,
    Mirror,
    Prefix,
    Protocol,
    ReachPair,
    Status,
)
from mirrorlist.core.network.geo import vector_of
from mirrorlist.core.network.intervals import combine, only
from mirrorlist.core.network.prefixes import IntervalTable, NetworkClass, parse_prefix, spelled
from mirrorlist.core.selection.compile import cloud_table, country_places, network_classes, place_orders
from mirrorlist.core.selection.rank import band_of, effective_km, near_count, place_groups
from mirrorlist.core.selection.spread import order_keys
from mirrorlist.core.snapshot import PlaceOrders
from tests.building import CENTRES, CITIES, KEY, mirror, place, table

COUNTRIES = sorted(CENTRES)
Groups = list[tuple[list[int], list[int]]]


def _groups(orders: PlaceOrders, number: int) -> Groups:
    """The groups of a place as the tables hold them: members and running sums."""
    spans = range(orders.place_start[number], orders.place_start[number + 1])
    rows = [(orders.group_start[group], orders.group_start[group + 1]) for group in spans]
    return [(list(orders.members[first:last]), list(orders.cumulative[first:last])) for first, last in rows]


def _order(orders: PlaceOrders, number: int, variant: int, policy: Policy) -> list[int]:
    start = (number * policy.variants + variant) * policy.near
    return list(orders.orders[start : start + policy.near])


def _expected(
    mirrors: Sequence[Mirror], module: str, where: ClientPlace, policy: Policy
) -> tuple[Groups, list[list[int]]]:
    """What core/selection/rank.py says, one place at a time: the groups up to the cut, and each variant's order."""
    served = {Status.LIVE, Status.RETIRING}
    numbers = [
        number
        for number, m in enumerate(mirrors)
        if m.status in served
        and module in m.urls
        and not (m.private or m.monopoly or m.cloud)
        and (not m.countries_only or where.country in m.countries_only)
        and where.country not in m.countries_never
        and not is_out_of_reach(m, where)
    ]
    weights = [weight_of(m, policy) for m in mirrors]
    ascending = sorted(effective_km(mirrors[number], where, policy) for number in numbers)
    left = min(len(numbers), near_count(where, ascending, policy))
    groups: Groups = []
    for group in place_groups(mirrors, numbers, where, Weights(weights, weights), policy):
        if left > 0:
            assert len(group.members) <= left, "bands are cut at the nearest"
            groups.append((list(group.members), list(accumulate(weights[member] for member in group.members))))
            left -= len(group.members)
    orders = []
    for variant in range(policy.variants):
        keys = order_keys(KEY, [m.name for m in mirrors], weights, variant)
        row = [member for members, _ in groups for member in sorted(members, key=keys.__getitem__)][: policy.near]
        orders.append(row + [len(mirrors)] * (policy.near - len(row)))
    return groups, orders


def _assert_tables_say_what_rank_says(
    mirrors: Sequence[Mirror], places: Sequence[ClientPlace], policy: Policy, module: str = MAIN
) -> PlaceOrders:
    found = place_orders(mirrors, module, places, policy, KEY)
    for number, where in enumerate(places):
        groups, orders = _expected(mirrors, module, where, policy)
        assert _groups(found, number) == groups, where
        assert [_order(found, number, variant, policy) for variant in range(policy.variants)] == orders, where
    assert len(found.place_start) == len(places) + 1
    assert len(found.orders) == len(places) * policy.variants * policy.near
    assert len(found.members) == len(found.cumulative) == found.group_start[-1]
    return found


_DEGREES = st.one_of(st.sampled_from([-90.0, -45.0, 0.0, 45.0, 90.0]), st.floats(-90, 90))
_LONGITUDES = st.one_of(st.sampled_from([-180.0, -179.0, 0.0, 179.0, 180.0]), st.floats(-180, 180))
_LOCATIONS = st.one_of(
    st.none(),
    st.builds(Location, country=st.sampled_from([None, *COUNTRIES])),
    st.builds(Location, country=st.sampled_from([None, *COUNTRIES]), latitude=_DEGREES, longitude=_LONGITUDES),
    st.sampled_from([Location(country=country, latitude=la, longitude=lo) for country, la, lo in CITIES.values()]),
)
_SOME_COUNTRIES = st.lists(st.sampled_from(COUNTRIES), max_size=2, unique=True).map(tuple)
_URLS = st.sampled_from(
    [
        {MAIN: {Protocol.HTTPS: "https://a.example.org/"}},
        {MAIN: {Protocol.HTTP: "http://a.example.org/"}, "kitten": {Protocol.RSYNC: "rsync://a.example.org/k/"}},
        {"kitten": {Protocol.HTTPS: "https://a.example.org/k/"}},
    ]
)
BOTH_PAIRS = (ReachPair("DE", "FR", 4000), ReachPair("AS64496", "FR", None), ReachPair("DE", "m1.example.org", 300))
_FIELDS = st.fixed_dictionaries(
    {"location": _LOCATIONS, "urls": _URLS},
    optional={
        "bandwidth_mbps": st.one_of(st.none(), st.integers(0, 200_000)),
        "countries_only": _SOME_COUNTRIES,
        "countries_never": _SOME_COUNTRIES,
        "status": st.sampled_from(list(Status)),
        "private": st.booleans(),
        "monopoly": st.booleans(),
        "cloud": st.sampled_from([None, CloudRegions("aws", None)]),
        "places": st.lists(_LOCATIONS.filter(bool), max_size=3).map(tuple),
        "is_global": st.booleans(),
        "pairs": st.sampled_from([(ReachPair("DE", "FR", None),), (ReachPair("AS64496", "FR", 700),), BOTH_PAIRS]),
    },
)
_MIRRORS = st.lists(_FIELDS, max_size=25).map(
    lambda rows: [mirror(f"m{number}", **fields) for number, fields in enumerate(rows)]
)
_CELLS = st.builds(
    ClientPlace,
    st.sampled_from([None, "DE", "ZZ"]),
    st.integers(-90, 90).map(float),
    st.integers(-179, 180).map(float),
    st.just(True),
)
_PLACES = st.one_of(
    st.just(NOWHERE),
    st.sampled_from([ClientPlace(code, *centre) for code, centre in CENTRES.items()]),
    st.sampled_from([place(city) for city in CITIES]),
    st.just(ClientPlace("ZZ")),  # a country without a centre
    _CELLS,
    st.sampled_from([ClientPlace(asn=64496), replace(place("berlin"), asn=64496), ClientPlace("DE", asn=64497)]),
)
_POLICIES = st.builds(
    Policy,
    near=st.integers(1, 30),
    variants=st.integers(1, 4),
    border_km=st.sampled_from([0, 150, 3000]),
    bands_km=st.sampled_from([(100, 250, 500, 1000, 2000, 4000, 8000), (500,), (1, 20_016), ()]),
    global_km=st.sampled_from([1, 300, 2000, 9000]),
    far_km=st.sampled_from([200, 4000, 20_000]),
    weight_cap_mbps=st.sampled_from([1, 1000, 100_000]),
    weights=st.sampled_from([{}, {"m0.example.org": 0.0, "m1.example.org": 2.5}]),
)


@settings(deadline=None)
@given(_MIRRORS, st.lists(_PLACES, min_size=1, max_size=6), _POLICIES, st.sampled_from([MAIN, "kitten", "none"]))
def test_tables_of_all_places_say_what_rank_says_of_each(
    mirrors: list[Mirror], places: list[ClientPlace], policy: Policy, module: str
) -> None:
    _assert_tables_say_what_rank_says(mirrors, places, policy, module)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_tables_and_rank_agree_at_the_edges_of_bands(data: st.DataObject) -> None:
    """Mirrors at a band's very edge, to the last bit of a double: both sides must put them into one band."""
    degrees = 180 / (6371.0088 * 3.141592653589793)
    edges = st.sampled_from([100, 250, 500, 850, 1000, 1850, 4000, 7850, 8000, 20_015])
    nudges = st.sampled_from([-1e-9, -1e-12, -1e-14, 0.0, 1e-14, 1e-12, 1e-9])
    rows = data.draw(st.lists(st.tuples(edges, nudges, st.sampled_from(["DE", "FR"])), min_size=1, max_size=20))
    mirrors = [
        mirror(f"m{n}", location=Location(country=country, latitude=0.0, longitude=min(180.0, km * degrees + nudge)))
        for n, (km, nudge, country) in enumerate(rows)
    ]
    _assert_tables_say_what_rank_says(mirrors, [ClientPlace("DE", 0.0, 0.0, True)], Policy(variants=2))


def test_a_country_with_more_mirrors_than_near_keeps_all_of_them() -> None:
    policy = Policy(near=4, variants=3)
    mirrors = [mirror(f"m{number}", "berlin") for number in range(9)] + [mirror("p", "prague")]
    found = _assert_tables_say_what_rank_says(mirrors, [ClientPlace("DE", *CENTRES["DE"]), place("berlin")], policy)
    assert [len(members) for members, _ in _groups(found, 0)] == [9]
    assert [len(members) for members, _ in _groups(found, 1)] == [4]


def test_nowhere_is_one_group_of_every_mirror_that_is_open_to_all() -> None:
    policy = Policy(near=3, variants=2)
    mirrors = [
        mirror("berlin", "berlin"),
        mirror("nobody-knows"),
        mirror("choosy", "paris", countries_only=("FR",)),
        mirror("tokyo", "tokyo", countries_never=("FR",)),
        mirror("sydney", "sydney", bandwidth_mbps=10),
    ]
    found = _assert_tables_say_what_rank_says(mirrors, [NOWHERE], policy)
    assert _groups(found, 0) == [([0, 1, 3, 4], [1000, 2000, 3000, 3010])]


@pytest.mark.parametrize(("country", "members"), [("DE", [0, 1]), ("FR", [0, 2]), ("US", [0]), ("JP", [0, 1])])
def test_mirrors_stand_where_their_countries_let_them(country: str, members: list[int]) -> None:
    mirrors = [
        mirror("all", "berlin"),
        mirror("not-fr-us", "berlin", countries_never=("FR", "US")),
        mirror("fr", "berlin", countries_only=("FR",)),
    ]
    found = _assert_tables_say_what_rank_says(mirrors, [ClientPlace(country, *CENTRES[country])], Policy())
    assert sorted(member for group, _ in _groups(found, 0) for member in group) == members


def test_only_served_public_mirrors_of_the_module_are_in_the_tables() -> None:
    mirrors = [
        mirror("a", "berlin"),
        mirror("b", "berlin", private=True),
        mirror("c", "berlin", monopoly=True),
        mirror("d", "berlin", cloud=CloudRegions("aws", ("eu-west-1",))),
        mirror("e", "berlin", status=Status.PAUSED),
        mirror("f", "berlin", status=Status.RETIRING),
        mirror("g", "berlin", urls={"kitten": {Protocol.HTTPS: "https://g.example.org/"}}),
    ]
    assert _groups(place_orders(mirrors, MAIN, [place("berlin")], Policy(), KEY), 0) == [([0, 5], [1000, 2000])]
    assert _groups(place_orders(mirrors, "kitten", [place("berlin")], Policy(), KEY), 0) == [([6], [1000])]


def test_without_mirrors_every_place_has_no_groups_and_fillers_only() -> None:
    found = place_orders([], MAIN, [NOWHERE, place("berlin")], Policy(near=3, variants=2), KEY)
    assert found == PlaceOrders(array("I", [0, 0, 0]), array("I", [0]), array("H"), array("Q"), array("H", [0] * 12))


def test_more_places_than_are_computed_at_once_come_out_in_their_order() -> None:
    mirrors = [mirror(city, city) for city in CITIES]
    places = [ClientPlace(None, float(la), float(lo), True) for la in range(-60, 60, 5) for lo in range(-175, 180, 15)]
    assert len(places) > 512
    _assert_tables_say_what_rank_says(mirrors, places, Policy(near=5, variants=1))


@given(st.integers(0, 2_000_000))
def test_bands_are_cut_after_their_last_kilometre(km: int) -> None:
    policy = Policy(bands_km=(100, 250))
    expected = 0 if km <= 100 else 1 if km <= 250 else 2 if km < 1_000_000 else 3
    assert band_of(km, policy) == expected


@pytest.mark.parametrize(
    ("fields", "weight"),
    [
        ({}, 1000),
        ({"bandwidth_mbps": 400}, 400),
        ({"bandwidth_mbps": 100_000}, 10_000),
        ({"bandwidth_mbps": 0}, 1),
        ({"name": "twice", "bandwidth_mbps": 400}, 800),
        ({"name": "twice", "bandwidth_mbps": 100_000}, 20_000),
        ({"name": "hidden", "bandwidth_mbps": 400}, 1),
    ],
)
def test_a_weight_is_the_bandwidth_up_to_the_cap_times_the_factor(fields: dict[str, object], weight: int) -> None:
    name = str(fields.pop("name", "m"))
    policy = Policy(weights={"twice.example.org": 2.0, "hidden.example.org": 0.0})
    assert weight_of(mirror(name, **fields), policy) == weight


def test_a_mirror_without_coordinates_has_no_vector() -> None:
    assert vector_of(Location(country="DE", latitude=1.0)) is None


def _v4_net(low: int, length: int) -> str:
    return str(ipaddress.IPv4Network((0xC0000200 | low, length), strict=False))


def _v6_net(hextet: int, low: int, length: int) -> str:
    return str(ipaddress.IPv6Network(((0x20010DB8 << 96) | (hextet << 64) | low, length), strict=False))


_V4_NETS = st.builds(_v4_net, st.integers(0, 255), st.integers(22, 32))
_V6_NETS = st.builds(
    _v6_net,
    st.integers(0, 3),
    st.sampled_from([0, 1, 2**63, 2**64 - 1]),
    st.sampled_from([32, 48, 62, 63, 64, 65, 96, 127, 128]),
)
_NETS = st.one_of(_V4_NETS, _V6_NETS)
_WIDE_NETS = st.one_of(_V4_NETS, _V6_NETS.filter(lambda text: int(text.partition("/")[2]) <= 64))
_REGIONS = st.tuples(st.sampled_from(["aws", "gcp"]), st.sampled_from(["eu-west-1", "us-east-1"]))


def _covering(prefixes: Sequence[Prefix], address: bytes) -> list[Prefix]:
    ip = ipaddress.ip_address(address)
    nets = [(ipaddress.ip_network(spelled(prefix)), prefix) for prefix in prefixes]
    return [prefix for net, prefix in nets if net.version == ip.version and ip in net]


def _addresses(texts: Sequence[str]) -> set[bytes]:
    found = {bytes(4), bytes(16), b"\xff" * 4, b"\xff" * 16}
    for text in texts:
        net = ipaddress.ip_network(text)
        for number in (int(net[0]) - 1, int(net[0]), int(net[-1]), int(net[-1]) + 1):
            found.add((number % (1 << net.max_prefixlen)).to_bytes(net.max_prefixlen // 8, "big"))
    return found


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.lists(_NETS, max_size=3), st.lists(st.sampled_from([64500, 64501]), max_size=1)), max_size=4),
    st.dictionaries(_NETS, _REGIONS, max_size=5),
    st.dictionaries(_WIDE_NETS, st.sampled_from([64500, 64501, 64502, 4_294_967_294]), max_size=5),
)
def test_the_class_of_an_address_is_what_each_claim_says_alone(
    claims: list[tuple[list[str], list[int]]], clouds: dict[str, tuple[str, str]], asns: dict[str, int]
) -> None:
    mirrors = [mirror(f"m{n}", subnets=nets, asns=tuple(named)) for n, (nets, named) in enumerate(claims)]
    ranges = [(parse_prefix(net)[0], region) for net, region in clouds.items()]
    asn_table = table(asns.items())
    networks, classes = network_classes(mirrors, cloud_table(ranges), asn_table)

    assert classes[0] == NetworkClass()
    wanted = {asn for m in mirrors for asn in m.asns}
    for address in _addresses([*(net for nets, _ in claims for net in nets), *clouds, *asns]):
        found = classes[networks.at(address)]
        lengths = {n: [prefix.length for prefix in _covering(m.subnets, address)] for n, m in enumerate(mirrors)}
        inside = _covering([prefix for prefix, _ in ranges], address)
        narrowest = max(inside, key=lambda prefix: prefix.length, default=None)
        asn = asn_table.at(address)
        assert dict(found.subnets) == {n: max(here) for n, here in lengths.items() if here}
        assert found.cloud == (dict(ranges)[narrowest] if narrowest else None)
        assert found.asn == (asn if asn in wanted else None)


def test_a_cloud_range_inside_another_inside_its_own_region_is_of_its_own() -> None:
    west, east = ("aws", "eu-west-1"), ("aws", "us-east-1")
    ranges = [("192.0.2.0/24", west), ("192.0.2.0/26", east), ("192.0.2.0/28", west)]
    networks, classes = network_classes([], cloud_table([(parse_prefix(net)[0], of) for net, of in ranges]), table([]))
    found = [classes[networks.at(bytes([192, 0, 2, last]))].cloud for last in (1, 17, 65)]
    assert found == [west, east, west]


@given(st.dictionaries(_NETS, st.integers(1, 5), max_size=8), st.dictionaries(_NETS, st.integers(1, 5), max_size=8))
def test_combining_keeps_what_both_tables_say(one: dict[str, int], other: dict[str, int]) -> None:
    a, b = table(one.items()), table(other.items())
    both, pairs = combine(a, b)
    assert pairs[0] == (0, 0)
    assert len(set(pairs)) == len(pairs)
    for address in _addresses([*one, *other]):
        assert pairs[both.at(address)] == (a.at(address), b.at(address))


@given(st.dictionaries(_WIDE_NETS, st.integers(1, 5), max_size=8), st.sets(st.integers(0, 6)))
def test_only_the_wanted_ids_stay(rows: dict[str, int], wanted: set[int]) -> None:
    whole = table(rows.items())
    found = only(whole, wanted)
    for address in _addresses(list(rows)):
        assert found.at(address) == (whole.at(address) if whole.at(address) in wanted else 0)
    assert [each.typecode for each in (found.starts4, found.starts6) if isinstance(each, array)] == ["I", "Q"]
    for ids in (found.ids4, found.ids6):
        assert all(before != after for before, after in zip(ids, list(ids)[1:], strict=False))


def test_an_empty_table_says_nothing_anywhere() -> None:
    nothing = IntervalTable(
        array("I", [0]), array("I", [0]), array("Q", [0]), array("I", [0]), array("Q"), array("Q"), array("I")
    )
    assert table([]) == nothing
    assert combine(nothing, nothing) == (nothing, [(0, 0)])
    assert only(nothing, {1}) == nothing


def test_places_begin_with_nowhere_and_then_the_countries_by_code() -> None:
    places, numbers = country_places({"DE": (51.0, 10.0), "AT": (48.0, 14.0)})
    assert places == (NOWHERE, ClientPlace("AT", 48.0, 14.0), ClientPlace("DE", 51.0, 10.0))
    assert numbers == {"AT": 1, "DE": 2}
