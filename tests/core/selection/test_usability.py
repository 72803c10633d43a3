"""Which mirrors can be used, rung by rung, and what the prober's verdicts come to in lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.catalogue.query import Spellings, for_metalink
from mirrorlist.core.health.columns import (
    HealthTable,
    Reach,
    SyncState,
    literal_family,
    noted_since,
    reach_key,
    sync_state_of,
)
from mirrorlist.core.health.table import health_table
from mirrorlist.core.health.verdicts import (
    Family,
    HealthPolicy,
    Override,
    Probe,
    ProbeOutcome,
    Standing,
    Subject,
    Verdict,
    judged,
)
from mirrorlist.core.model import MAIN, WEB_PROTOCOLS, FallbackLevel, Mirror, Protocol, Query
from mirrorlist.core.reasons import Reason
from mirrorlist.core.selection.select import select
from mirrorlist.core.selection.usability import Exclusions, usability
from tests.building import CATALOGUE, NOW, client, metadata, mirror, query, service, snapshot

X86 = "9.8/BaseOS/x86_64/os/"
ARM = "9.8/BaseOS/aarch64/os/"
LISTED = query("arch=x86_64")
MIRRORS = [mirror(f"m{number}") for number in range(8)]


def table(*holds: SyncState, path: str = X86, **reach: str) -> HealthTable:
    """A table in which the first mirrors hold these things; ``reach`` names bad ones by digits."""
    column = bytes([*holds, *[SyncState.FRESH] * (len(MIRRORS) - len(holds))])
    bad = {
        reach_key(MAIN, Protocol(name.partition("_")[0]), Family(name.partition("_")[2])): bytes(
            int(str(number) in numbers) for number in range(len(MIRRORS))
        )
        for name, numbers in reach.items()
    }
    return HealthTable({path: column}, bad)


def usable(health: HealthTable, asked: Query = LISTED, family: Family | None = None) -> tuple[str, FallbackLevel]:
    """The digits of the usable mirrors, and the rung."""
    found = usability(MIRRORS, health, asked, family)
    return "".join(str(number) for number, urls in enumerate(found.urls) if urls), found.rung


def test_without_probes_everything_is_usable() -> None:
    assert usable(HealthTable()) == ("01234567", FallbackLevel.FRESH)


@pytest.mark.parametrize(
    ("holds", "in_list", "in_metalink", "reason"),
    [
        (SyncState.UNKNOWN, True, True, None),
        (SyncState.FRESH, True, True, None),
        (SyncState.GRACE, True, True, None),
        (SyncState.LAGGING, False, True, Reason.LAGGING),
        (SyncState.STALE, False, False, Reason.STALE),
        (SyncState.INCOMPLETE, False, False, Reason.INCOMPLETE),
        (SyncState.MISSING, False, False, Reason.MISSING),
        (SyncState.WRONG, False, False, Reason.WRONG),
        (SyncState.UNREACHABLE, False, False, Reason.UNREACHABLE),
        (SyncState.RECOVERING, False, False, Reason.RECOVERING),
    ],
)
def test_a_list_wants_more_of_a_mirror_than_a_metalink(
    holds: SyncState, in_list: bool, in_metalink: bool, reason: Reason | None
) -> None:
    health = table(holds)
    assert usable(health)[0].startswith("0") is in_list
    assert usable(health, for_metalink(LISTED))[0].startswith("0") is in_metalink
    assert usability(MIRRORS, health, LISTED, None).reasons[0] is reason


def test_a_list_without_an_arch_wants_every_arch() -> None:
    health = HealthTable({ARM: bytes([SyncState.MISSING, *[SyncState.FRESH] * 7]), X86: bytes([SyncState.FRESH] * 8)})
    assert usable(health, query())[0] == "1234567"
    assert usable(health, LISTED)[0] == "01234567"


def test_a_protocol_that_is_down_gives_way_to_the_other() -> None:
    found = usability(MIRRORS, table(https_ipv4="0", https_ipv6="0"), LISTED, None)
    assert found.urls[0] == ("http://m0.example.org/linux/",)
    only_https = query("arch=x86_64&protocol=https")
    assert usability(MIRRORS, table(https_ipv4="0", https_ipv6="0"), only_https, None).reasons[0] is Reason.UNREACHABLE


V4, V6 = "192.0.2.1", "2001:db8::1"


def listed(health: HealthTable, address: str | None, mirrors: Sequence[Mirror] = MIRRORS) -> list[str]:
    """The first names of the list, in order."""
    snap = snapshot(mirrors, facts={"health": health})
    return [choice.mirror.name.partition(".")[0] for choice in select(snap, LISTED, client(address), NOW).choices]


@pytest.mark.parametrize("without", ["01", "0123", "01234", "0123456"])
def test_mirrors_of_the_client_s_family_come_first_however_few(without: str) -> None:
    health = table(https_ipv6=without, http_ipv6=without)
    found = listed(health, V6)
    count = len(MIRRORS) - len(without)
    assert sorted(found[:count]) == [f"m{n}" for n in range(8) if str(n) not in without]
    assert sorted(found[count:]) == [f"m{n}" for n in without]
    assert [listed(health, address)[0] for address in (V4, None)] == [listed(HealthTable(), a)[0] for a in (V4, None)]


def test_where_no_mirror_works_over_the_family_it_does_not_count() -> None:
    health = table(https_ipv6="01234567", http_ipv6="01234567")
    assert sorted(listed(health, V6)) == [f"m{n}" for n in range(8)]
    assert usable(health, family=Family.IPV6) == ("01234567", FallbackLevel.FRESH)


@pytest.mark.parametrize("asked", [None, Family.IPV6])
@pytest.mark.parametrize("held", [SyncState.STALE, SyncState.MISSING])
def test_a_client_s_own_mirror_that_works_over_its_family_comes_first_where_no_public_one_does(
    held: SyncState, asked: Family | None
) -> None:
    own = mirror("own", private=True, subnets=("2001:db8::/32",))
    bad = {reach_key(MAIN, Protocol.HTTPS, Family.IPV6): bytes([Reach.SILENT, Reach.SILENT])}
    health = HealthTable({X86: bytes([SyncState.FRESH, held])}, bad)
    trees = {MAIN: ("https://own.example.org/",)}
    snap = snapshot([own, mirror("public")], facts={"health": health}, fallbacks=trees)
    narrowing = Exclusions(family=asked)
    inside = [url for url, _ in select(snap, LISTED, client(V6), NOW, narrowing).in_order]
    outside = [url for url, _ in select(snap, LISTED, client("2a01:4f8::1"), NOW, narrowing).in_order]
    assert inside[0] == f"http://own.example.org/linux/{X86}", "over the protocol that works"
    assert "https://own.example.org/" in inside[1], "what the project keeps comes before what is stale"
    assert not [url for url in outside if "http://own" in url]


@pytest.mark.parametrize(
    ("dead_over", "first"),
    [({}, "origin.example.org"), ({"ipv6": ("https://origin.example.org/",)}, "own.example.org")],
)
@pytest.mark.parametrize("named", [False, True])
def test_a_client_s_own_mirror_of_the_other_family_gives_way_to_a_named_fallback_of_its_family_alone(
    named: bool, dead_over: dict[str, tuple[str, ...]], first: str
) -> None:
    urls = {MAIN: {Protocol.HTTPS: "https://192.0.2.1/"}}
    own = mirror("own", private=True, subnets=("2001:db8::/32",), urls=urls)
    health = HealthTable({X86: bytes([SyncState.FRESH, SyncState.WRONG])}, out=(1,), dead_trees_over=dead_over)
    trees = {MAIN: ("https://origin.example.org/",)}
    snap = snapshot(
        [own, mirror("public")], facts={"health": health}, origins={MAIN: trees[MAIN][0]},
        fallbacks=trees if named else {},
    )  # fmt: skip
    asked = replace(LISTED, file=f"{X86}repodata/primary.xml.gz", by_tree=True)
    in_order = select(snap, asked, client(V6), NOW).in_order
    found = [choice.mirror.name if choice else "origin.example.org" for _, choice in in_order]
    assert found[0] == (first if named else "own.example.org"), "a tree that nobody named spares itself"
    assert sorted(found) == ["origin.example.org", "own.example.org"]


def test_a_lagging_mirror_of_the_family_comes_before_a_fresh_one_that_the_client_cannot_reach() -> None:
    health = table(SyncState.LAGGING, SyncState.STALE, https_ipv6="234567", http_ipv6="234567")
    found = listed(health, V6)
    assert (found[0], sorted(found[1:])) == ("m0", [f"m{n}" for n in range(2, 8)])


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (SyncState.FRESH, "0"),
        (SyncState.LAGGING, "0"),
        (SyncState.STALE, "0"),
        (SyncState.MISSING, "234567"),
        (SyncState.WRONG, "234567"),
    ],
)
def test_a_family_that_is_asked_for_is_meant(held: SyncState, expected: str) -> None:
    """Mirror 0 has IPv6, 1 has but refuses everything, the others have none."""
    none = bytes([0, Reach.SILENT, *[Reach.NO_ADDRESS] * 6])
    bad = {reach_key(MAIN, protocol, Family.IPV6): none for protocol in WEB_PROTOCOLS}
    health = HealthTable({X86: bytes([held, SyncState.WRONG, *[SyncState.FRESH] * 6])}, bad)
    found = usability(MIRRORS, health, LISTED, Family.IPV4, Exclusions(family=Family.IPV6))
    assert "".join(str(number) for number, urls in enumerate(found.urls) if urls) == expected
    is_behind = held is not SyncState.FRESH and held is not SyncState.LAGGING
    assert found.others == frozenset(int(digit) for digit in expected if is_behind), "own trees that answer go before"


def test_what_is_stale_over_the_family_is_not_fresh_because_it_is_fresh_over_the_other() -> None:
    mirrors = [mirror("stale"), mirror("silent"), mirror("sound")]
    bad = {"stale": ProbeOutcome.STALE, "silent": ProbeOutcome.TIMEOUT}
    verdicts = {
        Subject(f"{name}.example.org", MAIN, protocol, Family.IPV6): Verdict(False, NOW, outcome, NOW)
        for name, outcome in bad.items()
        for protocol in WEB_PROTOCOLS
    }
    health = made(verdicts, mirrors, NOW)
    assert listed(health, V6, mirrors) == ["sound", "silent"]
    assert sorted(listed(health, V4, mirrors)) == ["silent", "sound", "stale"]


def test_a_repository_that_was_seen_over_both_families_is_judged_over_the_client_s() -> None:
    mirrors = [mirror("half"), mirror("sound")]
    verdicts = {
        subject("half", X86, Family.IPV4): verdict("a" * 64),
        subject("half", X86, Family.IPV6): verdict(None, False, ProbeOutcome.STALE),
    }
    health = made(verdicts, mirrors, NOW)
    assert listed(health, V6, mirrors) == ["sound"]
    assert sorted(listed(health, V4, mirrors)) == ["half", "sound"]
    old = {each: replace(known, checked_at=NOW - 90_000) for each, known in verdicts.items() if not known.good_now}
    assert made(verdicts | old, mirrors, NOW).holds_over == {}, "only one way is followed, so the other grows old"


@pytest.mark.parametrize(
    ("url", "family"),
    [
        ("http://[::1]:81/linux/", Family.IPV6), ("http://[2001:db8::1]/", Family.IPV6),
        ("https://127.0.0.1/", Family.IPV4), ("https://192.0.2.1:8443/linux/", Family.IPV4),
        ("https://mirror.example.org/192.0.2.1/", None), ("https://1.2.3.example/", None),
    ],
)  # fmt: skip
def test_an_address_in_a_url_tells_its_family_without_a_probe(url: str, family: Family | None) -> None:
    assert literal_family(url) is family
    mirrors = [mirror("a", urls={MAIN: {Protocol.HTTPS: url}}), *(mirror(f"m{n}") for n in range(3))]
    for address, own in ((V4, Family.IPV4), (V6, Family.IPV6)):
        found = listed(HealthTable(), address, mirrors)
        assert (found[-1] == "a") or family in (None, own)
        assert len(found) == 4


def test_the_ladder_goes_down_to_lagging_mirrors_and_then_to_all_that_carried_it() -> None:
    assert usable(table(*[SyncState.LAGGING] * 3, *[SyncState.STALE] * 5)) == ("012", FallbackLevel.LAGGING)
    assert usable(table(*[SyncState.STALE] * 8, https_ipv4="0", https_ipv6="0")) == (
        "01234567",
        FallbackLevel.LAST_KNOWN,
    )


def test_the_ladder_never_revives_a_private_mirror_or_one_that_was_taken_out() -> None:
    mirrors = [mirror("secret", private=True, subnets=("192.0.2.0/24",)), mirror("public"), mirror("out")]
    health = HealthTable({X86: bytes([SyncState.WRONG] * 3)}, {}, (2,))
    snap = snapshot(mirrors, facts={"health": health})
    selection = select(snap, LISTED, client("192.0.2.1"), NOW)
    assert [choice.mirror.name for choice in selection.choices] == ["public.example.org"]
    assert {row.mirror.name: row.reason for row in selection.rejected} == {
        "secret.example.org": Reason.WRONG,
        "out.example.org": Reason.TAKEN_OUT,
    }
    assert selection.notes == ("last known good: no mirror is known to be good now; these may have it",)


def test_a_monopoly_that_is_bad_leaves_its_clients_the_public_answer() -> None:
    alone = mirror("alone", private=True, monopoly=True, subnets=("192.0.2.0/24",))
    health = HealthTable({X86: bytes([SyncState.STALE, SyncState.FRESH])})
    snap = snapshot([alone, mirror("public")], facts={"health": health})
    selection = select(snap, LISTED, client("192.0.2.1"), NOW)
    assert [choice.mirror.name for choice in selection.choices] == ["public.example.org"]
    assert [row.reason for row in selection.rejected] == [Reason.STALE]


@pytest.mark.parametrize("monopoly", [False, True])
def test_a_private_mirror_that_cannot_be_looked_at_stays_for_its_own_networks(monopoly: bool) -> None:
    own = mirror("own", private=True, monopoly=monopoly, subnets=("192.0.2.0/24",))
    mirrors = [own, mirror("public")]
    tree = subject("own")
    verdicts: dict[Subject, Verdict] = {}
    for number in range(5):
        unchecked = Probe(tree, NOW + number, 0.1, ProbeOutcome.UNCHECKED, "10.0.0.1 is private")
        verdicts[tree] = judged(verdicts.get(tree), unchecked, HealthPolicy())
    snap = snapshot(mirrors, facts={"health": made(verdicts, mirrors, NOW)})
    inside, outside = (
        [choice.mirror.name.partition(".")[0] for choice in select(snap, LISTED, client(address), NOW).choices]
        for address in ("192.0.2.1", "198.51.100.1")
    )
    assert (inside, outside) == (["own"] if monopoly else ["own", "public"], ["public"])


def test_a_mirror_that_goes_out_moves_nobody_else() -> None:
    mirrors = [mirror(f"m{number}", "berlin") for number in range(10)]
    fine = snapshot(mirrors, facts={"health": HealthTable({X86: bytes([SyncState.FRESH] * 10)})})
    worse = snapshot(mirrors, facts={"health": HealthTable({X86: bytes([SyncState.STALE, *[SyncState.FRESH] * 9])})})
    for last in range(200):
        asking = client(f"198.51.100.{last}")
        before, after = (select(snap, LISTED, asking, NOW).choices[0].mirror.name for snap in (fine, worse))
        assert before in (after, "m0.example.org")


@pytest.mark.parametrize(
    ("outcome", "stands", "expected"),
    [
        (ProbeOutcome.FRESH, Standing.FRESH, SyncState.FRESH),
        (ProbeOutcome.LAGGING, Standing.GRACE, SyncState.GRACE),
        (ProbeOutcome.MISSING, Standing.BAD, SyncState.MISSING),
        (ProbeOutcome.WRONG, Standing.BAD, SyncState.WRONG),
        (ProbeOutcome.STALE, Standing.BAD, SyncState.STALE),
        (ProbeOutcome.INCOMPLETE, Standing.BAD, SyncState.INCOMPLETE),
        (ProbeOutcome.TIMEOUT, Standing.BAD, SyncState.UNREACHABLE),
        (ProbeOutcome.FRESH, Standing.BAD, SyncState.RECOVERING),
        (ProbeOutcome.MISSING, Standing.UNKNOWN, SyncState.UNKNOWN),
    ],
)
def test_verdicts_come_to_what_a_mirror_holds(outcome: ProbeOutcome, stands: Standing, expected: SyncState) -> None:
    assert sync_state_of(Verdict(stands is not Standing.BAD, NOW, outcome, NOW), stands) is expected


def verdict(
    sha256: str | None, good: bool = True, outcome: ProbeOutcome = ProbeOutcome.FRESH, at: float = NOW
) -> Verdict:
    return Verdict(good, at, outcome, at, sha256=sha256)


def subject(name: str, path: str | None = None, family: Family = Family.IPV4) -> Subject:
    return Subject(f"{name}.example.org", MAIN, Protocol.HTTPS, family, path)


def made(verdicts: dict[Subject, Verdict], mirrors: list[Mirror], now: float, out: tuple[str, ...] = ()) -> HealthTable:
    known = metadata(X86, "a", "b")
    overrides = {name: Override(name, "a new disk", "somebody", NOW, NOW + 60) for name in out}
    return health_table(mirrors, verdicts, {X86: known}, overrides, service(), now)


def test_the_table_is_laid_out_by_mirror_and_path() -> None:
    mirrors = [mirror("fresh"), mirror("quick", update_frequency_seconds=60), mirror("slow"), mirror("gone")]
    verdicts = {
        subject("fresh", X86): verdict("a" * 64),
        subject("quick", X86): verdict("b" * 64),
        subject("slow", X86): verdict("b" * 64),
        subject("gone", X86): verdict(None, False, ProbeOutcome.MISSING),
        subject("gone"): verdict(None, False, ProbeOutcome.TIMEOUT),
        subject("removed"): verdict(None, False, ProbeOutcome.TIMEOUT),
    }
    found = made(verdicts, mirrors, metadata().first_seen + 3600, ("slow.example.org", "removed.example.org"))
    assert found == HealthTable(
        {X86: bytes([SyncState.FRESH, SyncState.LAGGING, SyncState.GRACE, SyncState.MISSING])},
        {"main/https/ipv4": bytes([0, 0, 0, 1])},
        (2,),
        (Override("slow.example.org", "a new disk", "somebody", NOW, NOW + 60),),
        found.since,
        told={"main/https/ipv4/gone.example.org": "too slow"},
    )
    lagging_since = metadata().first_seen + 60
    assert [noted_since(found, X86, number) for number in range(4)] == [None, lagging_since, None, NOW]
    assert [noted_since(found, "main/https/ipv4", number) for number in range(4)] == [None, None, None, NOW]
    assert noted_since(found, "main/http/ipv4", 0) is None


def test_what_is_known_of_rsync_says_nothing_of_content() -> None:
    web = {subject("m", X86): verdict("a" * 64), subject("m"): verdict(None)}
    both_ways = web | {
        replace(subject("m"), protocol=Protocol.RSYNC, family=family): verdict(None, False, ProbeOutcome.UNREACHABLE)
        for family in Family
    }
    assert made(both_ways, [mirror("m")], NOW).holds == made(web, [mirror("m")], NOW).holds


def test_a_repository_is_judged_over_the_first_way_that_works() -> None:
    verdicts = {
        subject("m", X86, Family.IPV4): verdict("b" * 64),
        subject("m", X86, Family.IPV6): verdict("a" * 64),
    }
    assert made(verdicts, [mirror("m")], NOW).holds[X86] == bytes([SyncState.GRACE])
    without_ipv4 = verdicts | {subject("m"): verdict(None, False, ProbeOutcome.TIMEOUT)}
    assert made(without_ipv4, [mirror("m")], NOW).holds[X86] == bytes([SyncState.FRESH])


def test_a_missing_image_leaves_a_mirror_out_of_its_own_path_and_directory_only() -> None:
    dvd, boot = "9.8/isos/x86_64/dvd.iso", "9.8/isos/x86_64/boot.iso"
    mirrors = [mirror("whole"), mirror("part"), mirror("old"), mirror("unknown")]
    verdicts = {subject(each.name.split(".")[0], X86): verdict("a" * 64) for each in mirrors}
    verdicts |= {subject("whole", path): verdict(None, True, ProbeOutcome.GOOD) for path in (dvd, boot)}
    verdicts |= {subject("part", dvd): verdict(None, False, ProbeOutcome.MISSING), subject("part", boot): verdict(None)}
    verdicts |= {subject("old", boot): verdict(None, False, ProbeOutcome.STALE)}
    table = health_table(mirrors, verdicts, {X86: metadata(X86, "a")}, {}, service(), NOW, [dvd, boot, "9.8/new.iso"])
    both = bytes([SyncState.FRESH, SyncState.MISSING, SyncState.STALE, SyncState.UNKNOWN])
    assert table.holds == {
        X86: bytes([SyncState.FRESH] * 4),
        dvd: bytes([SyncState.FRESH, SyncState.MISSING, SyncState.UNKNOWN, SyncState.UNKNOWN]),
        boot: bytes([SyncState.FRESH, SyncState.UNKNOWN, SyncState.STALE, SyncState.UNKNOWN]),
        "9.8/isos/x86_64": both,
        "9.8/isos/x86_64/": both,
    }
    spellings = Spellings(CATALOGUE, Policy())
    asked = [
        spellings.by_isos("9", "x86_64", {}),
        spellings.by_name({"path": dvd}),
        spellings.by_name({"path": "9/isos/x86_64/boot.iso"}),
        LISTED,
    ]
    out = [
        [number for number, reason in enumerate(usability(mirrors, table, query, None).reasons) if reason]
        for query in asked
    ]
    assert out == [[1, 2], [1], [2], []]


def test_a_tree_of_the_project_is_dead_when_it_answers_over_no_family() -> None:
    """Such trees are probed under their URLs as names."""
    half, dead = "https://half.example.org/", "https://dead.example.org/"
    bad = verdict(None, good=False, outcome=ProbeOutcome.UNREACHABLE)
    verdicts = {
        Subject(half, MAIN, Protocol.HTTPS, Family.IPV4): bad,
        Subject(half, MAIN, Protocol.HTTPS, Family.IPV6): verdict(None),
        Subject(dead, MAIN, Protocol.HTTPS, Family.IPV4): bad,
        Subject(dead, MAIN, Protocol.HTTPS, Family.IPV6): bad,
        subject("a.example.org"): bad,
    }
    assert made(verdicts, [mirror("a")], NOW).dead_trees == (dead,)
