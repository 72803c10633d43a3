"""What nobody has seen on a mirror stands behind what was compared, for everybody but the mirror's own networks."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from mirrorlist.core.health.columns import HealthTable, SyncState, worst_held
from mirrorlist.core.health.table import health_table
from mirrorlist.core.health.verdicts import Family, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import MAIN, Mirror, Protocol
from mirrorlist.core.public.encoding import served
from mirrorlist.core.selection.client import client_at
from mirrorlist.core.selection.select import select
from tests.building import NOW, metadata, mirror, nobody, query, service, snapshot
from tests.web.asking import both

X86 = "9.8/BaseOS/x86_64/os/"
FRESH, UNKNOWN, LAGGING, GRACE = SyncState.FRESH, SyncState.UNKNOWN, SyncState.LAGGING, SyncState.GRACE
CLIENTS = [f"192.0.2.{last}" for last in range(1, 30)]
OWN = "https://own.example.org/linux/"


def told(mirrors: list[Mirror], *held: SyncState, peers: list[str] = CLIENTS, **given: object) -> set[tuple[str, ...]]:
    """The lists of all clients: first names in order. The tables give them, and ``select`` says the same."""
    made = snapshot(
        mirrors, at={"192.0.2.0/24": "berlin", "198.51.100.0/24": "berlin"}, metadata={X86: metadata(X86)},
        facts={"health": HealthTable({X86: bytes(held)})}, **given,
    )  # type: ignore[arg-type]  # fmt: skip  # a test's own words
    of, found = both(made), set()
    for peer in peers:
        text = of.get("/mirrorlist/9/baseos", "arch=x86_64", peer).body.decode()
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        asking = client_at(made, ip_address(peer).packed, b"", nobody)
        assert [url for url, _ in select(made, query("arch=x86_64"), asking, NOW).in_order] == lines
        found.add(tuple(line.partition("://")[2].partition(".")[0] for line in lines))
    return found


def test_unchecked_mirrors_come_last_even_where_they_are_nearest() -> None:
    mirrors = [mirror("near", "berlin", bandwidth_mbps=100_000), mirror("far", "tokyo"), mirror("other", "sydney")]
    lists = told(mirrors, UNKNOWN, FRESH, GRACE)
    assert {each[-1] for each in lists} == {"near"}
    assert {each[0] for each in lists} <= {"far", "other"}


def test_while_nobody_was_compared_all_are_alike() -> None:
    mirrors = [mirror("near", "berlin"), mirror("far", "tokyo")]
    assert told(mirrors, UNKNOWN, UNKNOWN) == {("near", "far")}
    assert told(mirrors, UNKNOWN, SyncState.STALE) == {("near",)}, "a stale one is no better"


def test_they_stand_before_fallbacks_and_count_for_their_minimum() -> None:
    mirrors = [mirror("new", "berlin"), mirror("seen", "tokyo")]
    assert told(mirrors, UNKNOWN, FRESH, fallbacks={MAIN: (OWN,)}) == {("seen", "new", "own")}


@pytest.mark.parametrize("fields", [{"private": True}, {"monopoly": True}, {}])
def test_a_mirror_keeps_its_place_in_its_own_network(fields: dict[str, bool]) -> None:
    mirrors = [mirror("own", "tokyo", subnets=("198.51.100.0/24",), **fields), mirror("seen", "berlin")]
    inside = told(mirrors, UNKNOWN, FRESH, peers=["198.51.100.7"])
    assert inside == {("own",) if fields.get("monopoly") else ("own", "seen")}
    assert told(mirrors, UNKNOWN, FRESH) == {("seen",) if fields else ("seen", "own")}


def test_a_mirror_of_another_network_is_no_reason_to_put_others_behind() -> None:
    mirrors = [mirror("own", "tokyo", subnets=("198.51.100.0/24",), private=True), mirror("a", "berlin")]
    assert told(mirrors, FRESH, UNKNOWN, peers=["198.51.100.7"]) == {("own", "a")}
    assert told(mirrors, FRESH, UNKNOWN) == {("a",)}


def test_a_redirect_goes_where_the_list_begins() -> None:
    made = snapshot(
        [mirror("near", "berlin"), mirror("far", "tokyo")], at={"192.0.2.0/24": "berlin"}, metadata={X86: metadata(X86)},
        facts={"health": HealthTable({X86: bytes([UNKNOWN, FRESH])})},
    )  # fmt: skip
    answer = both(made).get("/mirrorlist", f"path={X86}Packages/a.rpm&redirect=1", CLIENTS[0])
    assert answer.headers["location"] == f"https://far.example.org/linux/{X86}Packages/a.rpm"


def test_a_share_counts_those_that_come_first() -> None:
    mirrors = [mirror("near"), mirror("far"), mirror("new")]
    assert dict(served(mirrors, HealthTable({X86: bytes([FRESH, GRACE, UNKNOWN])}), [X86])) == {frozenset({0, 1}): 1}
    assert dict(served(mirrors, HealthTable({X86: bytes([UNKNOWN, LAGGING, UNKNOWN])}), [X86])) == {
        frozenset({0, 2}): 1
    }


def subject(name: str) -> Subject:
    return Subject(f"{name}.example.org", MAIN, Protocol.HTTPS, Family.IPV4, X86)


def test_an_origin_that_nearly_all_contradict_puts_nobody_behind() -> None:
    names = [f"m{number}" for number in range(5)]
    excused = Verdict(True, NOW, ProbeOutcome.GOOD, NOW, "not compared: nearly all mirrors contradict the origin")
    verdicts = {subject(name): excused for name in names[1:]}
    verdicts[subject("m0")] = Verdict(True, NOW, ProbeOutcome.FRESH, NOW, sha256="a" * 64)
    table = health_table(list(map(mirror, names)), verdicts, {X86: metadata(X86)}, {}, service(), NOW)
    assert table.holds[X86] == bytes([UNKNOWN] * 5)


@pytest.mark.parametrize(
    ("states", "worst"),
    [((FRESH, UNKNOWN), UNKNOWN), ((UNKNOWN, LAGGING), LAGGING), ((FRESH, GRACE), GRACE), ((), UNKNOWN)],
)
def test_what_nobody_has_seen_is_worse_than_what_is_current(states: tuple[SyncState, ...], worst: SyncState) -> None:
    assert worst_held(states) == worst
