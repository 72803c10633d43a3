"""Who announces a claimed network speaks for or against the claim, or says nothing."""

from __future__ import annotations

import pytest

from mirrorlist.core.ownership import Doubt, announced4, doubts, foreign_asns, origins
from mirrorlist.core.prefixes import flatten, packed, parse_prefix

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
