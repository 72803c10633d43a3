"""Every Reason, produced by the whole selection: one row each, and the mirror that is left out for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.errors import Finding, Severity
from mirrorlist.core.health.columns import HealthTable, Reach, SyncState, reach_key
from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.model import (
    MAIN,
    NOWHERE,
    ClientPlace,
    CloudRegions,
    Protocol,
    ReachPair,
    Status,
    Withheld,
    WithheldKind,
)
from mirrorlist.core.reasons import Reason
from mirrorlist.core.selection.select import select
from mirrorlist.core.selection.usability import NO_EXCLUSIONS, Exclusions
from tests.building import NOW, client, mirror, place, query, snapshot


@dataclass(frozen=True)
class Case:
    """A mirror ``left`` out for ``reason``, and the client that asks; ``given`` builds what stands beside it."""

    reason: Reason
    left: dict[str, Any]
    text: str = ""
    version: str = "9"
    address: str | None = "192.0.2.1"
    at: ClientPlace = NOWHERE
    beside: dict[str, Any] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    health: HealthTable = field(default_factory=HealthTable)
    narrowing: Exclusions = NO_EXCLUSIONS


X86 = "9.8/BaseOS/x86_64/os/"


def held(what: SyncState) -> HealthTable:
    """The mirror in question holds this, the other one is fresh."""
    return HealthTable({X86: bytes([what, SyncState.FRESH])})


def inside() -> HealthTable:
    """The name of the mirror in question leads to an address that is not public."""
    ways = [reach_key(MAIN, protocol, family) for protocol in Protocol for family in Family]
    return HealthTable({}, dict.fromkeys(ways, bytes([Reach.FORBIDDEN, 0])))


FOUND = Finding("mirrors.d/left.yml", 3, 10, Severity.WARNING, "host-not-public", "it is not public; write another")
ADDRESS = Withheld(WithheldKind.ADDRESS, "address.https", FOUND, MAIN)
OTHER_ADDRESS = Withheld(WithheldKind.ADDRESS, "address_optional.vault.https", FOUND, "vault")
CLAIM = Withheld(WithheldKind.CLAIM, "subnets[0]", FOUND)
TEXT = Withheld(WithheldKind.TEXT, "sponsor", FOUND)
ONE = Policy(limit=1)
KITTEN_ONLY = {"kitten": {Protocol.HTTPS: "https://left.example.org/kitten/"}}
HTTP_ONLY = {MAIN: {Protocol.HTTP: "http://left.example.org/linux/"}}
RSYNC_ONLY = {MAIN: {Protocol.RSYNC: "rsync://left.example.org/linux/"}}

CASES = {
    "paused": Case(Reason.PAUSED, {"status": Status.PAUSED}),
    "offered": Case(Reason.NOT_LIVE_YET, {"status": Status.OFFERED}),
    "accepted": Case(Reason.NOT_LIVE_YET, {"status": Status.ACCEPTED}),
    "paperwork": Case(Reason.NOT_LIVE_YET, {"status": Status.PAPERWORK}),
    "deploying": Case(Reason.NOT_LIVE_YET, {"status": Status.DEPLOYING}),
    "syncing": Case(Reason.NOT_LIVE_YET, {"status": Status.SYNCING}),
    "declined": Case(Reason.DECLINED, {"status": Status.DECLINED}),
    "retired": Case(Reason.RETIRED, {"status": Status.RETIRED}),
    "another module": Case(Reason.NOT_CARRIED, {"urls": KITTEN_ONLY}),
    "not this module": Case(Reason.NOT_CARRIED, {}, version="10-kitten", beside={"urls": KITTEN_ONLY}),
    "http only": Case(Reason.PROTOCOL, {"urls": HTTP_ONLY}, text="protocol=https"),
    "rsync only": Case(Reason.PROTOCOL, {"urls": RSYNC_ONLY}),
    "another country asked": Case(
        Reason.COUNTRY_ASKED, {"city": "paris"}, text="country=DE", beside={"city": "berlin"}
    ),
    "country unknown": Case(Reason.COUNTRY_ASKED, {}, text="country=DE", beside={"city": "berlin"}),
    "only for others": Case(Reason.COUNTRY_CLOSED, {"countries_only": ("FR",)}, at=place("berlin")),
    "only for some": Case(Reason.COUNTRY_CLOSED, {"countries_only": ("FR",)}),
    "at rest": Case(Reason.PEAK_HOURS, {"off_peak_only": True, "rests": True}),
    "not for these": Case(Reason.COUNTRY_CLOSED, {"countries_never": ("FR", "DE")}, at=place("berlin")),
    "private": Case(Reason.PRIVATE, {"private": True, "subnets": ["198.51.100.0/24"]}),
    "private by ASN": Case(Reason.PRIVATE, {"private": True, "asns": (64500,)}),
    "private by URL": Case(Reason.PRIVATE, {"private": True, "subnets_url": "https://left.example.org/"}),
    "private, unknown client": Case(Reason.PRIVATE, {"private": True, "subnets": ["0.0.0.0/0"]}, address=None),
    "private for nobody": Case(Reason.PRIVATE_WITHOUT_NETWORKS, {"private": True}),
    "address withheld": Case(Reason.ADDRESS_REFUSED, {"urls": {}, "withheld": (ADDRESS,)}),
    "https withheld": Case(Reason.ADDRESS_REFUSED, {"urls": HTTP_ONLY, "withheld": (ADDRESS,)}, text="protocol=https"),
    "another module withheld": Case(Reason.NOT_CARRIED, {"urls": KITTEN_ONLY, "withheld": (OTHER_ADDRESS,)}),
    "name leads inside": Case(Reason.ADDRESS_REFUSED, {}, health=inside()),
    "claims withheld": Case(Reason.CLAIM_REFUSED, {"private": True, "withheld": (CLAIM,)}),
    "cloud": Case(Reason.CLOUD, {"cloud": CloudRegions("aws", ("eu-1",))}),
    "cloud, all regions": Case(Reason.CLOUD, {"cloud": CloudRegions("aws", None)}, address=None),
    "alone": Case(
        Reason.MONOPOLY,
        {"city": "berlin"},
        at=place("berlin"),
        beside={"private": True, "monopoly": True, "subnets": ["192.0.2.0/24"]},
    ),
    "lagging": Case(Reason.LAGGING, {}, text="arch=x86_64", health=held(SyncState.LAGGING)),
    "incomplete": Case(Reason.INCOMPLETE, {}, text="arch=x86_64", health=held(SyncState.INCOMPLETE)),
    "stale": Case(Reason.STALE, {}, text="arch=x86_64", health=held(SyncState.STALE)),
    "missing": Case(Reason.MISSING, {}, text="arch=x86_64", health=held(SyncState.MISSING)),
    "wrong": Case(Reason.WRONG, {}, text="arch=x86_64", health=held(SyncState.WRONG)),
    "recovering": Case(Reason.RECOVERING, {}, text="arch=x86_64", health=held(SyncState.RECOVERING)),
    "unreachable": Case(Reason.UNREACHABLE, {}, text="arch=x86_64", health=held(SyncState.UNREACHABLE)),
    "taken out": Case(Reason.TAKEN_OUT, {}, health=HealthTable({}, {}, (0,))),
    "file not there": Case(Reason.NO_FILE, {}, narrowing=Exclusions({0: Reason.NO_FILE})),
    "avoided by host": Case(Reason.AVOIDED, {}, text="avoid=LEFT.example.org"),
    "avoided by name": Case(Reason.AVOIDED, {}, text="avoid=nobody.example.org,left.example.org."),
    "country avoided": Case(Reason.COUNTRY_ASKED, {"city": "paris"}, text="avoid_country=FR"),
    "country avoided by a sign": Case(Reason.COUNTRY_ASKED, {"city": "paris"}, text="country=global,-FR"),
    "another one asked": Case(Reason.NOT_AMONG_ONLY, {}, text="only=other.example.org"),
    "another continent asked": Case(Reason.CONTINENT_ASKED, {}, narrowing=Exclusions({0: Reason.CONTINENT_ASKED})),
    "voted out of reach": Case(
        Reason.NOT_REACHED_FROM, {"pairs": (ReachPair("DE", "m.example.org", None, since=NOW),)}, at=place("berlin")
    ),
    "out of reach": Case(
        Reason.OUT_OF_REACH, {"pairs": (ReachPair("DE", "left.example.org", None),)}, at=place("berlin")
    ),
    "the same address": Case(
        Reason.SAME_ADDRESS,
        {"urls": HTTP_ONLY, "city": "tokyo"},
        at=place("berlin"),
        beside={"urls": HTTP_ONLY, "city": "berlin"},
    ),
    "full": Case(Reason.LIST_FULL, {"city": "tokyo"}, at=place("berlin"), beside={"city": "berlin"}, policy=ONE),
}


@pytest.mark.parametrize("name", CASES)
def test_mirror_is_left_out_for_its_reason(name: str) -> None:
    case = CASES[name]
    left = mirror("left", case.left.get("city"), **{key: value for key, value in case.left.items() if key != "city"})
    other = mirror(
        "other", case.beside.get("city"), **{key: value for key, value in case.beside.items() if key != "city"}
    )
    of = snapshot([left, other], policy=case.policy, facts={"health": case.health})
    selection = select(of, query(case.text, case.version), client(case.address, case.at), NOW, case.narrowing)
    assert [choice.mirror for choice in selection.choices] == [other]
    assert [(rejected.mirror, rejected.reason) for rejected in selection.rejected] == [(left, case.reason)]


def test_vault_leaves_every_mirror_out() -> None:
    mirrors = [mirror("a"), mirror("b", status=Status.PAUSED)]
    selection = select(snapshot(mirrors), query(version="9.2"), client(), NOW)
    assert selection.choices == ()
    assert [(each.mirror, each.reason) for each in selection.rejected] == [(each, Reason.VAULT) for each in mirrors]


def test_an_address_that_leads_inside_is_on_no_rung() -> None:
    of = snapshot(
        [mirror("left")],
        facts={
            "health": HealthTable(
                {},
                {
                    reach_key(MAIN, protocol, family): bytes([Reach.FORBIDDEN])
                    for protocol in Protocol
                    for family in Family
                },
            )
        },
    )
    selection = select(of, query(), client(), NOW)
    assert selection.choices == ()
    assert [row.reason for row in selection.rejected] == [Reason.ADDRESS_REFUSED]


def test_every_part_that_is_withheld_has_its_reason() -> None:
    reasons = [each.reason for each in (ADDRESS, CLAIM, TEXT)]
    assert reasons == [Reason.ADDRESS_REFUSED, Reason.CLAIM_REFUSED, Reason.TEXT_CLEANED]
    assert str(ADDRESS) == (
        "without address.https: mirrors.d/left.yml:3: [host-not-public] it is not public; write another"
    )


REASONS_TESTED = {case.reason for case in CASES.values()} | {Reason.VAULT, TEXT.reason}
