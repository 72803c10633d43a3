"""What opens a private mirror: sources that the operator named, and nothing that merely came with the program."""

from __future__ import annotations

import pytest

from mirrorlist.core.model import CloudRegions, Proximity
from mirrorlist.core.network.prefixes import packed, parse_prefix
from mirrorlist.core.reasons import Reason
from mirrorlist.core.selection.client import client_at
from mirrorlist.core.selection.compile import Proof
from mirrorlist.core.selection.select import select
from mirrorlist.core.snapshot import Snapshot
from tests.building import NOW, mirror, nobody, query, snapshot
from tests.web.asking import both

REGION = CloudRegions("aws", ("eu-north-1",))
CLOUDS = {"192.0.2.0/24": ("aws", "eu-north-1"), "198.51.100.0/24": ("aws", "us-east-1"),
          "203.0.113.0/24": ("gcp", "europe-west3")}  # fmt: skip
ASNS = {"192.0.2.128/25": 64500, "2001:db8::/32": 64500}
HINTS = Proof(asns=False, hints=frozenset({"aws", "gcp"}))
NAMED = Proof()
BOTH = [
    mirror("far", "sydney"),
    mirror("public", "tokyo", cloud=REGION),
    mirror("private", "tokyo", cloud=REGION, private=True),
    mirror("alone", "tokyo", cloud=CloudRegions("gcp", None), private=True, monopoly=True),
    mirror("asn", "tokyo", asns=(64500,)),
    mirror("cloudasn", "tokyo", cloud=CloudRegions("gcp", ("x",)), asns=(64500,)),
    mirror("privateasn", "tokyo", asns=(64500,), private=True),
]


def made(proof: Proof) -> Snapshot:
    return snapshot(BOTH, clouds=CLOUDS, asns=ASNS, at={"192.0.2.0/24": "berlin"}, proof=proof)


def told(snap: Snapshot, address: str) -> dict[str, Proximity | Reason]:
    """What becomes of each mirror; and the same from the tables, byte by byte."""
    found = packed(address)
    assert found is not None
    selection = select(snap, query(), client_at(snap, found, b"", nobody), NOW)
    body = both(snap).get("/mirrorlist/9/baseos", peer=address).body.decode()
    assert [line.partition("/linux/")[0] for line in body.splitlines() if line.startswith("http")] == [
        choice.url.partition("/linux/")[0] for choice in selection.choices
    ]
    named = {choice.mirror.name: choice.proximity for choice in selection.choices}
    return {
        name.partition(".")[0]: why
        for name, why in (*named.items(), *((row.mirror.name, row.reason) for row in selection.rejected))
    }


def test_a_region_that_came_with_the_program_opens_public_mirrors_in_clouds_only() -> None:
    found = told(made(HINTS), "192.0.2.1")
    assert (found["public"], found["private"]) == (Proximity.CLOUD_REGION, Reason.PRIVATE)
    assert found["far"] is Proximity.WORLD


def test_a_region_that_the_operator_named_opens_private_mirrors() -> None:
    found = told(made(NAMED), "192.0.2.1")
    assert (found["public"], found["private"]) == (Proximity.CLOUD_REGION, Proximity.CLOUD_REGION)


@pytest.mark.parametrize(("hints", "alone"), [(frozenset({"aws"}), True), (frozenset({"gcp"}), False)])
def test_proof_is_each_providers_own(hints: frozenset[str], alone: bool) -> None:
    found = told(made(Proof(hints=hints)), "203.0.113.1")
    assert found["alone"] is (Proximity.CLOUD_REGION if alone else Reason.PRIVATE)
    assert (found["far"] is Reason.MONOPOLY) is alone
    assert told(made(Proof(hints=hints)), "192.0.2.1")["private"] is (
        Reason.PRIVATE if alone else Proximity.CLOUD_REGION
    )


def test_other_regions_get_no_mirror_of_a_cloud() -> None:
    for proof in (HINTS, NAMED):
        found = told(made(proof), "198.51.100.1")
        assert (found["public"], found["private"]) == (Reason.CLOUD, Reason.PRIVATE)


def test_an_asn_that_came_with_the_program_orders_public_mirrors_only() -> None:
    found = told(made(HINTS), "2001:db8::1")
    assert (found["asn"], found["cloudasn"], found["privateasn"]) == (Proximity.ASN, Reason.CLOUD, Reason.PRIVATE)


def test_an_asn_of_a_named_database_opens() -> None:
    found = told(made(NAMED), "2001:db8::1")
    assert (found["asn"], found["cloudasn"], found["privateasn"]) == (Proximity.ASN, Proximity.ASN, Proximity.ASN)


def test_an_override_opens_where_it_is_said_and_nowhere_else() -> None:
    """The table of ASNs has the override in it already; the proof says where it came from."""
    overrides = [
        (parse_prefix("2001:db8::/48")[0], 64500),
        (parse_prefix("2001:db8:0:8::/64")[0], 64999),
        (parse_prefix("198.51.100.0/25")[0], 64500),
    ]
    asns = {**ASNS, "2001:db8:0:8::/64": 64999, "198.51.100.0/25": 64500}
    snap = snapshot(BOTH, clouds=CLOUDS, asns=asns, proof=Proof(False, frozenset({"aws", "gcp"}), overrides))
    assert told(snap, "2001:db8::1")["privateasn"] is Proximity.ASN
    assert told(snap, "198.51.100.1")["privateasn"] is Proximity.ASN
    assert told(snap, "198.51.100.200")["privateasn"] is Reason.PRIVATE
    assert told(snap, "2001:db8:0:8::1")["privateasn"] is Reason.PRIVATE
    assert told(snap, "2001:db8:1::1")["privateasn"] is Reason.PRIVATE
    assert told(snap, "2001:db8:1::1")["asn"] is Proximity.ASN


def test_own_subnets_always_open() -> None:
    snap = snapshot([mirror("own", cloud=REGION, private=True, subnets=("192.0.2.0/28",))], clouds=CLOUDS, proof=HINTS)
    assert told(snap, "192.0.2.1")["own"] is Proximity.SUBNET
    assert told(snap, "192.0.2.17")["own"] is Reason.PRIVATE
