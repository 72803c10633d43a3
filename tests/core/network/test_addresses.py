"""What the addresses of a mirror tell of its place and its network."""

from __future__ import annotations

import random
from ipaddress import collapse_addresses, ip_network

import pytest

from mirrorlist.core.model import NOWHERE, ClientPlace, Location, PlaceSource, Prefix
from mirrorlist.core.network.addresses import (
    CELL_KM,
    COUNTRY_KM,
    Claim,
    Claims,
    Doubt,
    KnownAddress,
    address_location,
    announced4,
    covered,
    doubts,
    foreign_asns,
    origins,
    other_systems,
    overlap,
)
from mirrorlist.core.network.prefixes import flatten, packed, parse_prefix

BERLIN = ClientPlace("DE", 53.0, 13.0, True)
POTSDAM = ClientPlace("DE", 52.0, 13.0, True)
DECIN = ClientPlace("CZ", 51.0, 14.0, True)
TOKYO = ClientPlace("JP", 36.0, 140.0, True)
GERMANY = ClientPlace("DE", 51.0, 10.0)
JAPAN = ClientPlace("JP", 36.0, 138.0)
PLACES = {"20.0.0.1": BERLIN, "20.0.0.2": POTSDAM, "20.0.0.3": TOKYO, "20.0.0.4": GERMANY, "20.0.0.5": JAPAN,
          "20.0.0.6": DECIN}  # fmt: skip


def place_of(address: bytes) -> ClientPlace:
    return {packed(text): place for text, place in PLACES.items()}.get(address, NOWHERE)


def at(place: ClientPlace, precision_km: float = CELL_KM) -> Location:
    return Location(
        country=place.country, latitude=place.latitude, longitude=place.longitude, precision_km=precision_km,
        source=PlaceSource.ADDRESS,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        ([], None),
        (["20.0.0.1"], at(BERLIN)),
        (["20.0.0.1", "20.0.0.2"], at(BERLIN)),
        (["20.0.0.2", "20.0.0.6"], at(POTSDAM)),
        (["20.0.0.1", "9.9.9.9"], at(BERLIN)),
        (["20.0.0.4"], at(GERMANY, COUNTRY_KM)),
        (["20.0.0.4", "20.0.0.1"], at(BERLIN)),
        (["20.0.0.1", "20.0.0.3"], None),
        (["20.0.0.4", "20.0.0.5"], None),
        (["20.0.0.1", "20.0.0.5"], None),
        (["9.9.9.9"], None),
        (["nonsense"], None),
    ],
    ids=[
        "none", "one", "two of one town", "two on both sides of a border", "one unknown", "a country", "a country and a town in it", "far apart",
        "two countries", "a town and another country", "nowhere", "no address",
    ],
)  # fmt: skip
def test_addresses_tell_a_place_where_they_agree(addresses: list[str], expected: Location | None) -> None:
    assert address_location([KnownAddress(text, 64_500) for text in addresses], place_of) == expected


@pytest.mark.parametrize("asn", [13_335, 54_113, 20_940])
def test_networks_of_caches_tell_no_place_and_contradict_nothing(asn: int) -> None:
    known = [KnownAddress("20.0.0.1", 64_500), KnownAddress("20.0.0.2", asn)]
    assert address_location(known, place_of) is None
    assert other_systems((64_501,), known) == ()


@pytest.mark.parametrize(
    ("declared", "found", "expected"),
    [
        ((), (1,), ()),
        ((1, 2), (2,), ()),
        ((1, 2), (3, None, 4, 3), (3, 4)),
        ((1, 2), (1, 3), ()),
        ((1,), (None,), ()),
        ((1,), (), ()),
    ],
)
def test_systems_contradict_where_none_is_declared(
    declared: tuple[int, ...], found: tuple[int | None, ...], expected: tuple[int, ...]
) -> None:
    assert other_systems(declared, [KnownAddress(f"20.0.0.{n}", asn) for n, asn in enumerate(found)]) == expected


def prefix(text: str) -> Prefix:
    return parse_prefix(text)[0]


CLAIMS = Claims(
    Claim(prefix(text), text)
    for text in ("141.20.0.0/16", "141.20.5.0/24", "141.20.5.7/32", "9.0.0.0/8", "2a01:4f8::/32", "2a01:4f8:1::/48")
)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("141.20.5.7/32", ["141.20.0.0/16", "141.20.5.0/24", "141.20.5.7/32"]),
        ("141.20.5.0/24", ["141.20.0.0/16", "141.20.5.0/24", "141.20.5.7/32"]),
        ("141.20.0.0/16", ["141.20.0.0/16", "141.20.5.0/24", "141.20.5.7/32"]),
        ("141.16.0.0/12", ["141.20.0.0/16", "141.20.5.0/24", "141.20.5.7/32"]),
        ("141.20.6.0/24", ["141.20.0.0/16"]),
        ("141.21.0.0/16", []),
        ("0.0.0.0/0", ["141.20.0.0/16", "141.20.5.0/24", "141.20.5.7/32", "9.0.0.0/8"]),
        ("::/0", ["2a01:4f8:1::/48", "2a01:4f8::/32"]),
        ("2a01:4f8:1:2::/64", ["2a01:4f8:1::/48", "2a01:4f8::/32"]),
        ("2a01:4f9::/32", []),
        ("255.255.255.255/32", []),
    ],
)
def test_every_claim_with_an_address_in_common_is_found(asked: str, found: list[str]) -> None:
    assert sorted(claim.holder for claim in CLAIMS.sharing(prefix(asked))) == found


def test_many_claims_are_found_as_one_by_one() -> None:
    dice = random.Random(3)
    texts = [f"10.{dice.randrange(4)}.{dice.randrange(256)}.0/{dice.randrange(8, 25)}" for _ in range(300)]
    claims = [Claim(prefix(text), text) for text in texts]
    several = Claims(claims)
    for text in texts:
        one_by_one = sorted(claim.holder for claim in claims if overlap(claim.prefix, prefix(text)))
        assert sorted(claim.holder for claim in several.sharing(prefix(text))) == one_by_one


def test_addresses_are_counted_once() -> None:
    dice = random.Random(4)
    texts = [f"10.0.{dice.randrange(256)}.0/{dice.randrange(20, 30)}" for _ in range(60)]
    networks = [ip_network(text, strict=False) for text in texts]
    assert covered(map(prefix, texts)) == sum(each.num_addresses for each in collapse_addresses(networks))
    assert covered([]) == 0


def test_families_share_nothing() -> None:
    assert not overlap(prefix("0.0.0.0/0"), prefix("::/0"))


ROUTES = {"59.1.0.0/16": 1, "59.1.128.0/17": 2, "59.3.0.0/24": 3, "2a01::/32": 1, "2a02:0:0:1::/64": 4}


def _table():  # type: ignore[no-untyped-def]
    found, meanings = flatten((parse_prefix(text)[0], asn) for text, asn in ROUTES.items())
    numbers = [asns[-1] if asns else 0 for asns in meanings]
    return type(found)(
        found.starts4, [numbers[each] for each in found.ids4], found.starts6, [numbers[each] for each in found.ids6],
        found.deep_hi, found.deep_lo, found.deep_ids,
    )  # fmt: skip


TABLE = _table()


def address(text: str) -> bytes:
    found = packed(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("network", "announced"),
    [
        ("59.1.0.0/24", (1,)),
        ("59.1.0.0/16", (1, 2)),
        ("59.1.200.0/24", (2,)),
        ("59.0.0.0/8", (1, 2, 3)),
        ("60.0.0.0/8", ()),
        ("0.0.0.0/0", (1, 2, 3)),
        ("2a01:0:5::/48", (1,)),
        ("2a02::/32", (4,)),
        ("2a02:0:0:1::5/128", (4,)),
        ("2a03::/32", ()),
        ("::/0", (1, 4)),
    ],
)
def test_the_origins_of_a_network_are_all_that_announce_a_part_of_it(network: str, announced: tuple[int, ...]) -> None:
    assert origins(TABLE, parse_prefix(network)[0]) == announced


@pytest.mark.parametrize(
    ("network", "asns", "addresses", "doubted"),
    [
        ("59.1.0.0/24", [1], [], None),
        ("59.1.0.0/24", [2], [], (1,)),
        ("59.1.0.0/16", [2], [], None),
        ("59.1.0.0/24", [], [], None),
        ("60.1.0.0/24", [], [], ()),
        ("60.1.0.0/24", [5], [], ()),
        ("60.1.0.0/24", [], ["60.1.0.9"], None),
        ("59.1.0.0/24", [], ["59.1.7.7"], None),
        ("59.1.0.0/24", [], ["59.3.0.1"], (1,)),
        ("59.1.0.0/24", [3], ["59.1.7.7"], None),
        ("59.1.0.0/24", [], ["60.0.0.1"], None),
    ],
)
def test_a_claim_is_doubted_where_somebody_else_announces_it(
    network: str, asns: list[int], addresses: list[str], doubted: tuple[int, ...] | None
) -> None:
    prefix = parse_prefix(network)[0]

    found = doubts(TABLE, [prefix], asns, [address(each) for each in addresses])

    assert found == (() if doubted is None else (Doubt(prefix, doubted),))


@pytest.mark.parametrize(
    ("asns", "addresses", "foreign"),
    [
        ([1], ["59.1.0.1"], ()),
        ([2], ["59.1.0.1"], (2,)),
        ([2, 9], ["59.1.0.1"], (2, 9)),
        ([1, 2], ["59.1.0.1"], (2,)),
        ([2], ["59.1.0.1", "59.1.200.1"], ()),
        ([2], [], ()),
        ([2], ["60.0.0.1"], ()),
        ([], ["59.1.0.1"], ()),
    ],
)
def test_systems_are_foreign_in_which_the_mirror_does_not_stand(
    asns: list[int], addresses: list[str], foreign: tuple[int, ...]
) -> None:
    assert foreign_asns(TABLE, asns, [address(each) for each in addresses]) == foreign


@pytest.mark.parametrize(("asns", "count"), [([2], 1 << 15), ([1, 2], 1 << 16), ([3, 3], 256), ([4], 0), ([], 0)])
def test_addresses_of_systems_are_counted_together(asns: list[int], count: int) -> None:
    announced = announced4(TABLE)
    assert sum(announced.get(asn, 0) for asn in set(asns)) == count
    assert sum(announced.values()) == 1 << 32, "0 is what nobody announces"
