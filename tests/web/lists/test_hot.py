"""The hot path answers what Flask answers, byte by byte, and lets nothing of one client reach another."""

from __future__ import annotations

import ipaddress
import itertools
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from lxml import etree

from mirrorlist.core.catalogue.policy import Policy, QuotaShare, WeightReduction
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.health.columns import HealthTable, SyncState, reach_key
from mirrorlist.core.health.release_gate import ReleaseObservations, Releases, releases
from mirrorlist.core.health.table import health_table
from mirrorlist.core.health.verdicts import Family, Override, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import MAIN, WEB_PROTOCOLS, ClientPlace, CloudRegions, Mirror, Protocol, Status
from mirrorlist.core.selection.compile import Proof
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.web.counts import Counts
from mirrorlist.web.lists.hot import LONGEST_REMEMBERED, ListAnswers
from mirrorlist.web.lists.prepared_answers import MOST_REMEMBERED
from tests.building import CATALOGUE, CITIES, NOW, metadata, mirror, service, snapshot
from tests.web.asking import Answer, Both, ask, both, environ, unlimited

PATH = "9.8/BaseOS/x86_64/os/"
FORMER = "9.7/BaseOS/x86_64/os/"
METADATA = {
    PATH: metadata(PATH, alternates="bc"),
    FORMER: metadata(FORMER, "f"),
    "9.8/AppStream/aarch64/os/": metadata("9.8/AppStream/aarch64/os/", "d"),
}
ORIGINS = {MAIN: "/srv/linux", "kitten": "/srv/kitten"}
PROXIES = ("10.0.0.0/8", "unix")

SUBNETS = [
    "198.51.100.0/24",
    "198.51.100.7/32",
    "203.0.113.0/25",
    "2001:db8:1::/48",
    "2001:db8:1:2::/64",
    "2001:db8:1:2::8/125",
    "0.0.0.0/0",
    "192.0.2.128/25",
]
ADDRESSES = [
    "198.51.100.7",
    "198.51.100.8",
    "203.0.113.1",
    "203.0.113.200",
    "2001:db8:1::1",
    "2001:db8:1:2::9",
    "2001:db8:1:2::10",
    "2001:db8:1:3::1",
    "192.0.2.1",
    "192.0.2.129",
    "192.0.2.130",
    "2002:c000:201::1",
    "100.64.0.1",
    "::1",
    "::ffff:198.51.100.7",
]
AT = {"198.51.100.0/24": "berlin", "192.0.2.0/25": "DE", "192.0.2.128/25": "tokyo", "2001:db8:1::/48": "paris"}
ASNS = {"203.0.113.0/24": 64500, "2001:db8:1:3::/64": 64501, "192.0.2.128/25": 64500}
CLOUDS = {"192.0.2.0/28": ("aws", "eu-1"), "2001:db8:1:2::/64": ("gcp", "us-1"), "100.64.0.0/16": ("aws", "us-1")}
PATHS = [
    "/mirrorlist/9/baseos",
    "/mirrorlist/9/baseos/",
    "/mirrorlist/9.8/baseos",
    "/mirrorlist/10-kitten/baseos",
    "/mirrorlist/9.2/baseos",
    "/metalink/9/baseos",
    "/metalink/9/appstream",
    "/mirrorlist/9/none",
    "/mirrorlist/9/appstream",
    "/metalink/10-kitten/baseos",
]
QUERIES = [
    "",
    "arch=x86_64",
    "arch=aarch64",
    "arch=x86_64&protocol=http",
    "arch=x86_64&protocol=https",
    "arch=x86_64&country=DE",
    "arch=x86_64&country=JP&protocol=http",
    "countme=2&arch=aarch64",
    "arch=x86_64&avoid=m0.example.org,m1.example.org",
    "arch=x86_64&only=m2.example.org,own.example.org",
    "arch=x86_64&country=-DE&avoid=own.example.org",
    "arch=x86_64&avoid_country=DE,JP,FR,US,CZ&only=m3.example.org&country=US",
]


def urls(host: str, dice: random.Random, whole: bool) -> dict[str, dict[Protocol, str]]:
    both_ways = {Protocol.HTTPS: f"https://{host}/linux/", Protocol.HTTP: f"http://{host}/linux/"}
    if dice.random() < 0.1:
        return {MAIN: {Protocol.HTTP: f"http://{dice.choice(['[2001:db8:9::1]', '203.0.113.9'])}/linux/"}}
    http = {Protocol.HTTP: f"http://{host}/a&b/'c'/"}
    rsync = {Protocol.RSYNC: f"rsync://{host}/linux/"}
    if whole:
        return {MAIN: both_ways}
    modules = dice.choice([(MAIN,), (MAIN, "kitten"), ("kitten",)])
    return {module: dice.choice([both_ways, http, both_ways | rsync, rsync]) for module in modules}


OWN = ("https://own.example.org/linux/", "http://own.example.org/a&b/")


def mirrors(dice: random.Random) -> list[Mirror]:
    """A few of all kinds; now and then many public ones, so that enough of one address family can remain."""
    found = []
    crowd = dice.random() < 0.3
    for number in range(dice.randrange(8, 15) if crowd else dice.randrange(15)):
        whole = crowd and dice.random() < 0.9
        private = not whole and dice.random() < 0.25
        found.append(
            mirror(
                f"m{number}",
                dice.choice([None, *CITIES]),
                urls=urls(f"m{number}.example.org", dice, whole),
                private=private,
                monopoly=private and dice.random() < 0.5,
                subnets=dice.sample(SUBNETS, dice.randrange(4)),
                asns=tuple(dice.sample([64500, 64501], dice.randrange(3))),
                cloud=dice.choice([None, None, None, CloudRegions("aws", None), CloudRegions("gcp", ("us-1",))]),
                status=Status.LIVE if whole else dice.choice([Status.LIVE, Status.RETIRING, Status.PAUSED]),
                bandwidth_mbps=dice.choice([None, 100, 10_000, 100_000]),
                update_frequency_seconds=dice.choice([None, 3600, 10_800]),
                countries_only=() if whole else dice.choice([(), (), (), ("DE",), ("JP", "FR")]),
                countries_never=dice.choice([(), (), ("DE",)]),
            )
        )
    return found


def health(count: int, dice: random.Random) -> HealthTable:
    """Nothing known, a few mirrors out, most of them out, or all."""
    bad = dice.choice([0.0, 0.1, 0.5, 0.9, 1.0])

    def column(values: Sequence[int]) -> bytes:
        return bytes(dice.choice(values) if dice.random() < bad else 0 for _ in range(count))

    paths = dice.sample(sorted(METADATA), dice.randrange(3))
    reach = [reach_key(MAIN, protocol, family) for protocol in WEB_PROTOCOLS for family in Family]
    return HealthTable(
        {path: column([int(held) for held in SyncState]) for path in sorted(paths)},
        {key: column([1]) for key in sorted(dice.sample(reach, dice.randrange(5)))},
        tuple(number for number in range(count) if dice.random() < bad / 4),
        dead_trees=dice.choice([(), OWN, OWN[:1], OWN[1:]]),
        dead_trees_over=dice.choice([{}, {"ipv6": OWN[:1]}, {"ipv4": OWN[1:], "ipv6": OWN[:1]}]),
    )


WAITING = releases(
    CATALOGUE,
    {"9": "9.7"},
    ReleaseObservations(
        [mirror(f"m{number}") for number in range(5)], HealthTable({FORMER: bytes([SyncState.FRESH] * 5)}), METADATA
    ),
    Policy(),
)


def probed(listed: list[Mirror], of: Service, dice: random.Random) -> HealthTable:
    """What verdicts come to under a policy, at some time after the origin changed."""
    verdicts = {
        Subject(each.name, MAIN, Protocol.HTTPS, Family.IPV4, path): Verdict(
            dice.random() < 0.9, NOW, ProbeOutcome.FRESH, NOW, sha256=dice.choice("aabbbcdf") * 64
        )
        for each in listed
        for path in METADATA
    }
    overrides = {
        each.name: Override(each.name, "out", "somebody", NOW, NOW + 60) for each in listed if dice.random() < 0.1
    }
    return health_table(listed, verdicts, METADATA, overrides, of, NOW + dice.choice([-3600, 0, 7200, 90_000]))


def network(dice: random.Random) -> Snapshot:
    policy = Policy(
        limit=dice.choice([1, 3, 20]),
        near=dice.choice([2, 5, 64]),
        variants=dice.choice([1, 4]),
        protocol_order=dice.choice(
            [(Protocol.HTTPS, Protocol.HTTP), (Protocol.HTTP, Protocol.HTTPS), (Protocol.HTTPS,)]
        ),
        fallback_minimum=dice.choice([0, 5]),
        turn_seconds=dice.choice([60, 604_800]),
        lag_grace_seconds=dice.choice([0, 3600, 86_400]),
    )
    fallbacks = {MAIN: dice.choice([OWN, OWN[::-1], (*OWN, "http://[2001:db8:9::2]/linux/")])}
    listed = mirrors(dice)
    known = health(len(listed), dice) if dice.random() < 0.5 else probed(listed, service(policy=policy), dice)
    share = dice.choice([0.0, 0.5])
    lowered = {each.name: WeightReduction(dice.randint(1, 3), NOW, "slow") for each in listed if dice.random() < share}
    quotas = {
        each.name: QuotaShare(
            day="", part=dice.random(), share=0.1, before_tib=0.0, carried_tib=0.0, used_up=dice.random() < 0.2
        )
        for each in listed
        if dice.random() < share
    }
    release = dice.choice([Releases(CATALOGUE), WAITING])
    return snapshot(
        [replace(each, rests=True) if dice.random() < share / 5 else each for each in listed],
        facts={"health": known, "lowered": lowered, "quotas": quotas, "waiting": release.waiting},
        catalogue=release.catalogue,
        at=dice.choice([AT, {}, {**AT, "198.51.100.0/24": "AT"}]),
        asns=ASNS,
        clouds=CLOUDS,
        cells=(ClientPlace("DE", 52.0, 13.0, True),),
        metadata=METADATA,
        proof=Proof(dice.random() < 0.5, dice.choice([frozenset(), frozenset({"aws"}), frozenset({"aws", "gcp"})])),
        policy=policy,
        origins=ORIGINS,
        trusted_proxies=PROXIES,
        fallbacks=dice.choice([{}, fallbacks]),
    )


CLIENTS = st.one_of(
    st.tuples(st.sampled_from(ADDRESSES), st.sampled_from([None, "198.51.100.7"])),
    st.tuples(st.sampled_from(["10.0.0.1", "", "nonsense"]), st.sampled_from([*ADDRESSES, None, "", "x, y", "\xff"])),
    st.tuples(st.ip_addresses().map(str), st.none()),
)


REQUESTS = st.tuples(CLIENTS, st.sampled_from(PATHS), st.sampled_from(QUERIES), st.booleans())
Request = tuple[tuple[str, str | None], str, str, bool]


def hold_together(networks: int, start: int) -> None:
    """Random networks, each with some clients and queries at two times, asked in every way there is."""
    service = both()

    def answers_equal(dice: random.Random, requests: list[Request], later: float) -> None:
        service.held.put(network(dice))
        for now in (NOW, NOW + later):
            service.clock.now = now
            for (peer, forwarded), path, query, packs in requests:
                headers = {} if forwarded is None else {"X_FORWARDED_FOR": forwarded}
                if packs:
                    headers["ACCEPT_ENCODING"] = "gzip"
                assert service.get(path, query, peer, **headers).status in (200, 400, 404, 503)
        service.assert_counted_alike()

    drawn = given(
        st.randoms(use_true_random=True), st.lists(REQUESTS, min_size=1, max_size=8), st.floats(0, 10_000_000)
    )
    seed(start)(settings(max_examples=networks, deadline=None, database=None)(drawn(answers_equal)))()


@pytest.mark.slow
@pytest.mark.parametrize("quarter", range(4))
def test_answers_equal_those_of_flask_in_800_networks(quarter: int) -> None:
    hold_together(200, quarter)


@pytest.mark.slow
@pytest.mark.parametrize("quarter", range(4))
def test_answers_equal_those_of_flask_in_4000_networks(quarter: int) -> None:
    hold_together(1000, 100 + quarter)


@pytest.mark.parametrize("near", [1, 2, 3])
def test_a_quota_of_the_last_mirror_that_counts_as_near_gives_the_same_answers(near: int) -> None:
    """Its clients may go to the next group, which may be beyond those that the compiled orders hold."""
    listed = [mirror("m0", "berlin"), mirror("m1", "munich"), mirror("m2", "chicago")]
    quotas = {
        f"m{number}.example.org": QuotaShare(
            day="", part=0.3, share=0.1, before_tib=0.0, carried_tib=0.0, used_up=False
        )
        for number in (0, 1)
    }
    made = snapshot(listed, facts={"quotas": quotas}, at={"0.0.0.0/0": "berlin"}, policy=Policy(near=near))
    service = both(made)
    firsts = {hosts(service.get("/mirrorlist/9/baseos", "arch=x86_64", f"198.51.100.{n}"))[0] for n in range(60)}
    assert len(firsts) == near


def test_lowered_weights_and_waiting_releases_are_in_answers_of_the_hot_path() -> None:
    """The generator above makes both; here they show."""
    listed = [mirror(f"m{number}", "berlin") for number in range(8)]
    health = HealthTable(
        {FORMER: bytes([SyncState.FRESH] * 8), PATH: bytes([SyncState.FRESH] * 4 + [SyncState.MISSING] * 4)}
    )
    release = releases(CATALOGUE, {"9": "9.7"}, ReleaseObservations(listed, health, METADATA), Policy())
    for lowered, expected in [({}, 250), ({"m0.example.org": WeightReduction(3, NOW, "slow")}, 35)]:
        facts = {"health": health, "lowered": lowered, "waiting": release.waiting}
        service = both(snapshot(listed, facts=facts, catalogue=release.catalogue, at={"0.0.0.0/0": "berlin"}))
        firsts = 0
        for number in range(2000):
            question = environ("/mirrorlist/9/baseos", "arch=x86_64", f"198.51.{number // 250}.{number % 250}")
            answer = ask(service.fronted, question)
            assert answer.body.count(FORMER.encode()) == 8
            firsts += hosts(answer)[0] == "m0.example.org"
        assert abs(firsts - expected) < 60


def test_what_is_said_of_the_vault_reaches_no_other_list() -> None:
    """Asked first, the vault's question must not lend its note to lists that have nothing to fall back on."""
    private = mirror("own", private=True, subnets=["198.51.100.7/32"])
    service = both(snapshot([private], policy=Policy(fallback_minimum=0)))
    for path in ("/mirrorlist/9.2/baseos", "/mirrorlist/9/baseos"):
        answer = service.get(path, "arch=x86_64", "198.51.100.7")
        assert (answer.status, b"#" in answer.body) == (200, False)


def test_hot_path_answers_what_it_should_by_itself() -> None:
    """Were everything handed on to Flask, equality above would say nothing."""
    service = both(snapshot([mirror("a", "berlin")], metadata=METADATA, origins=ORIGINS))
    answers = ListAnswers(service.held.current, lambda _: None, Counts(), unlimited().lists, service.clock)  # type: ignore[arg-type]
    by_itself = [
        answers.answer(environ(path, query)) is not None
        for path, query in [
            ("/mirrorlist/9/baseos", ""),
            ("/mirrorlist", "repo=baseos-9&arch=x86_64"),
            ("/metalink/9/baseos", "arch=x86_64"),
            ("/mirrorlist/9/baseos", "country=DE"),
            ("/mirrorlist/9/baseos", "avoid=a.example.org&avoid_country=DE"),
            ("/metalink/9/baseos", "arch=x86_64&only=b.example.org"),
            ("/mirrorlist/9.2/baseos", ""),
            ("/mirrorlist/9/none", ""),
        ]
    ]
    assert by_itself == [True, True, True, True, True, True, False, False]


def hosts(answer: Answer) -> list[str]:
    """The hosts of a list or a metalink, in order."""
    if answer.headers["content-type"] == "application/metalink+xml":
        found = [url.text or "" for url in etree.fromstring(answer.body).iter("{*}url")]
    else:
        found = [line for line in answer.body.decode().splitlines() if not line.startswith("#")]
    return [url.split("/")[2] for url in found]


OWNER4, OWNER6 = "198.51.100.7", "2001:db8:1:2::7"
NEIGHBOURS = [
    "198.51.100.6",
    "198.51.100.8",
    "198.51.100.255",
    "2001:db8:1:2::6",
    "2001:db8:1:2::8",
    "2001:db8:1:2:ffff::7",
    "2001:db8:1:3::7",
    "::ffff:198.51.100.6",
    "192.0.2.1",
]


def owners() -> Snapshot:
    own = mirror("own", "berlin", private=True, subnets=[f"{OWNER4}/32", f"{OWNER6}/128"])
    public = [mirror(f"p{number}", "berlin") for number in range(6)]
    return snapshot([own, *public], at=AT, metadata=METADATA, origins=ORIGINS, trusted_proxies=PROXIES)


def with_owner() -> Both:
    return both(owners())


@pytest.fixture(scope="module")
def owned() -> tuple[Both, Snapshot]:
    """One service for many tests; each puts the snapshot in place anew, which nothing remembered outlives."""
    of = owners()
    return both(of), of


@pytest.mark.parametrize("owner", [OWNER4, OWNER6, f"::ffff:{OWNER4}", f"[{OWNER6}]:443", f"{OWNER4}:4711"])
@pytest.mark.parametrize("neighbour", NEIGHBOURS)
@pytest.mark.parametrize("owner_first", [True, False])
@pytest.mark.parametrize("path", ["/mirrorlist/9/baseos", "/metalink/9/baseos"])
def test_neighbour_of_a_private_address_never_gets_its_mirror(
    owned: tuple[Both, Snapshot], owner: str, neighbour: str, owner_first: bool, path: str
) -> None:
    service, of = owned
    service.held.put(of)
    assert service.front._answers is not None
    assert memory_of(service.front._answers) == (0, 0)
    for asker in [owner, neighbour, owner, neighbour] if owner_first else [neighbour, owner, neighbour, owner]:
        got = hosts(service.get(path, "arch=x86_64", asker))
        assert ("own.example.org" in got) is (asker == owner)
        assert len(got) == (7 if asker == owner else 6)
        if asker == owner:
            assert got[0] == "own.example.org"


@pytest.mark.parametrize("owner_first", [True, False])
def test_proxy_is_told_apart_from_the_clients_that_it_names(owner_first: bool) -> None:
    service = with_owner()
    asked = [
        ("10.0.0.1", OWNER4, True),
        ("10.0.0.1", "198.51.100.8", False),
        ("10.0.0.1", f"{OWNER4}, 198.51.100.8", False),
        ("192.0.2.1", OWNER4, False),
        ("10.0.0.1", f"198.51.100.8, {OWNER4}", True),
        ("", OWNER4, True),
        ("10.0.0.1", "", False),
        ("10.0.0.1", f"{OWNER4},", False),
        (OWNER4, "198.51.100.8", True),
    ]
    for _ in range(2):
        for peer, forwarded, owns in asked if owner_first else reversed(asked):
            got = hosts(service.get("/mirrorlist/9/baseos", "", peer, X_FORWARDED_FOR=forwarded))
            assert ("own.example.org" in got) is owns, (peer, forwarded)


def test_same_slash_64_gets_the_same_order_of_public_mirrors() -> None:
    service = with_owner()
    answers = {service.get("/mirrorlist/9/baseos", "", f"2001:db8:9:9::{number:x}").body for number in range(1, 40)}
    assert len(answers) == 1


def test_an_address_of_two_files_is_given_once_and_the_nearer_place_counts() -> None:
    shared = {MAIN: {Protocol.HTTPS: "https://any.example.org/linux/"}}
    files = [mirror("tokyo", "tokyo", urls=shared), mirror("berlin", "berlin", urls=shared), mirror("m", "paris")]
    service = both(snapshot(files, at=AT, facts={"metadata": METADATA}))
    for path in ("/mirrorlist/9/baseos", "/metalink/9/baseos"):
        for number in range(1, 60):
            asked = environ(path, "arch=x86_64", f"198.51.100.{number}")
            fast, plain = (ask(each, asked).body for each in (service.fronted, service.flask))
            assert fast == plain
            assert fast.count(b"any.example.org") == 1
            assert fast.index(b"any.example.org") < fast.index(b"m.example.org/")


def test_client_moves_when_its_turn_ends_and_not_before() -> None:
    of = snapshot([mirror(f"p{number}", "berlin") for number in range(40)], at=AT, policy=Policy(turn_seconds=1000))
    service = both(of)
    start = service.clock.now
    seen = []
    for second in range(0, 4000, 20):
        service.clock.now = start + second
        seen.append(service.get("/mirrorlist/9/baseos", "", "198.51.100.7").body)
    moves = [at for at in range(1, len(seen)) if seen[at] != seen[at - 1]]
    assert len(moves) == 4
    assert [later - earlier for earlier, later in itertools.pairwise(moves)] == [50, 50, 50]


def test_new_generation_replaces_everything_at_once() -> None:
    old = snapshot(
        [mirror("old", "berlin"), mirror("own", private=True, subnets=["192.0.2.1/32"])],
        metadata=METADATA,
        origins=ORIGINS,
        trusted_proxies=PROXIES,
    )
    new = snapshot(
        [mirror("new", "berlin"), mirror("own", private=True, subnets=["192.0.2.2/32"])],
        metadata={PATH: metadata(PATH, "e")},
        origins=ORIGINS,
        facts={"generation": 2},
    )
    service = both(old)
    asked = [("/mirrorlist/9/baseos", "arch=x86_64"), ("/metalink/9/baseos", "arch=x86_64"), ("/mirrorlist/9/none", "")]

    def seen() -> list[list[str]]:
        return [
            hosts(service.get(path, query, peer, X_FORWARDED_FOR="192.0.2.2"))
            for path, query in asked
            for peer in ("192.0.2.1", "192.0.2.2", "10.0.0.1")
        ]

    both_old, both_new = ["own.example.org", "old.example.org"], ["own.example.org", "new.example.org"]
    before = [both_old, ["old.example.org"], ["old.example.org"]]
    after = [["new.example.org"], both_new, ["new.example.org"]]  # the proxy is not trusted any more
    assert seen() == before * 2 + [[]] * 3
    service.held.put(new)
    assert seen() == after * 2 + [[]] * 3
    assert b"e" * 64 in service.get("/metalink/9/baseos", "arch=x86_64").body


def memory_of(answers: ListAnswers) -> tuple[int, int]:
    """How many entries both memos have, and the characters of their keys."""
    keys = [*answers._asked, *answers.clients.remembered]
    return len(keys), sum(len(text or "") for key in keys for text in key)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["address", "forwarded", "path", "query", "long"])
def test_memos_stay_small_whatever_is_asked(kind: str) -> None:
    of = snapshot([mirror("a", "berlin")], trusted_proxies=PROXIES)
    service = both(of)
    answers = service.front._answers
    assert answers is not None
    dice = random.Random(7)
    for number in range(9 * MOST_REMEMBERED // 4 if kind != "long" else 3_000):
        noise = dice.randbytes(8).hex()
        asked = {
            "address": environ("/mirrorlist/9/baseos", peer=str(ipaddress.IPv4Address(dice.getrandbits(32)))),
            "forwarded": environ("/mirrorlist/9/baseos", peer="10.0.0.1", X_FORWARDED_FOR=f"{noise}, 192.0.2.1"),
            "path": environ(f"/mirrorlist/{noise}/baseos"),
            "query": environ("/mirrorlist/9/baseos", f"x={noise}"),
            "long": environ("/mirrorlist/9/baseos", noise * 4000, X_FORWARDED_FOR=f"{noise * 500}{number}"),
        }[kind]
        answers.answer(asked)
    entries, characters = memory_of(answers)
    assert entries <= 2 * MOST_REMEMBERED
    assert characters <= 2 * MOST_REMEMBERED * LONGEST_REMEMBERED
    if kind == "long":
        assert entries == 0
    assert hosts(service.get("/mirrorlist/9/baseos")) == ["a.example.org"]


def private_mirrors(
    dice: random.Random, count: int
) -> tuple[list[Mirror], dict[str, list[ipaddress.IPv4Network | ipaddress.IPv6Network]]]:
    """Private mirrors with random networks of both families, and whose networks these are."""
    made, owned = [], {}
    for number in range(count):
        v4 = ipaddress.ip_network((dice.getrandbits(32), dice.choice([16, 24, 25, 30, 32])), strict=False)
        v6 = ipaddress.ip_network(
            ((0x20010DB8 << 96) | dice.getrandbits(96), dice.choice([48, 64, 65, 120, 128])), strict=False
        )
        made.append(
            mirror(f"private{number}", "berlin", private=True, monopoly=dice.random() < 0.3, subnets=[str(v4), str(v6)])
        )
        owned[f"private{number}.example.org"] = [v4, v6]
    return made, owned


def outsiders(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> Sequence[str]:
    """Addresses just outside a network, and far from it, but in the same /24 or /64 where it is smaller."""
    first, last = int(network.network_address), int(network.broadcast_address)
    kind = type(network.network_address)
    near = [first - 1, last + 1, first ^ 0xFF, last ^ 0x80, first ^ (1 << 20)]
    return [
        str(kind(number)) for number in near if 0 <= number < 1 << network.max_prefixlen and kind(number) not in network
    ]


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_outsiders_never_see_a_private_mirror_and_its_own_clients_do(seed: int) -> None:
    dice = random.Random(seed)
    private, owned = private_mirrors(dice, 70)
    public = [mirror(f"public{number}", "berlin") for number in range(8)]
    everybody = [*private, *public]
    dice.shuffle(everybody)
    service = both(snapshot(everybody, metadata=METADATA, origins=ORIGINS, trusted_proxies=("192.0.2.99",)))
    queries = [
        "arch=x86_64",
        "arch=x86_64&country=DE",
        "arch=x86_64&country=FR",
        "arch=x86_64&ip={}",
        "arch=x86_64&protocol=http",
    ]

    def check(asker: str, application: object, inside: str | None = None) -> None:
        address = ipaddress.ip_address(asker)
        allowed = {name for name, networks in owned.items() if any(address in network for network in networks)}
        victim = inside or str(dice.choice(dice.choice(list(owned.values())))[0])
        for path in ("/mirrorlist/9/baseos", "/metalink/9/baseos"):
            query = dice.choice(queries).format(victim)
            asked = environ(
                path,
                query,
                asker,
                X_FORWARDED_FOR=victim,
                X_REAL_IP=victim,
                FORWARDED=f"for={victim}",
                X_FORWARDED_HOST=victim,
            )
            answer = ask(application, asked)
            seen = {host for host in hosts(answer) if host.startswith("private")}
            assert seen <= allowed, (asker, query)
            assert answer.headers["cache-control"] == "private, no-store"
            public = any(word in query for word in ("country=FR", "country=DE", "ip="))
            if inside is None and allowed and not public:
                assert seen

    for networks in owned.values():
        for network in networks:
            askers = [*outsiders(network), str(network[0]), str(network[-1])]
            dice.shuffle(askers)
            for asker in askers:
                check(asker, service.fronted)
        check("192.0.2.50", service.flask, inside=str(networks[0][0]))
    for peer, forwarded in [("192.0.2.99", ""), ("192.0.2.99", "x"), ("", "198.51.100.7"), ("unparsable", "1.2.3.4")]:
        answer = service.get("/mirrorlist/9/baseos", "", peer, X_FORWARDED_FOR=forwarded)
        assert not [host for host in hosts(answer) if host.startswith("private")]


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.lists(st.ip_addresses().map(str), max_size=50).map(", ".join),
        st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")),
        st.sampled_from([OWNER4, OWNER6]),
    )
)
def test_header_from_an_untrusted_peer_changes_no_byte(forwarded: str) -> None:
    assert SHARED.get("/mirrorlist/9/baseos", "", "192.0.2.1", X_FORWARDED_FOR=forwarded) == USUAL


SHARED = with_owner()
USUAL = SHARED.get("/mirrorlist/9/baseos", "", "192.0.2.1")


@pytest.mark.parametrize("proves", [True, False])
def test_asn_of_data_that_comes_with_the_program_opens_no_private_mirror(proves: bool) -> None:
    private = mirror("own", "berlin", private=True, asns=(64500,))
    of = snapshot([private, mirror("public", "berlin")], asns=ASNS, proof=Proof(asns=proves))
    seen = hosts(both(of).get("/mirrorlist/9/baseos", "", "203.0.113.1"))
    assert seen == (["own.example.org"] if proves else []) + ["public.example.org"]
