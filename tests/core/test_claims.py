"""Claims that share addresses are found whichever of the two is wider, and counted once."""

from __future__ import annotations

import random
from ipaddress import collapse_addresses, ip_network

import pytest

from mirrorlist.core.claims import Claim, Claims, covered, overlap
from mirrorlist.core.model import Prefix
from mirrorlist.core.prefixes import parse_prefix


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
