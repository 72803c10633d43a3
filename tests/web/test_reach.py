"""Pairs that do not work: nobody is given a mirror that is out of reach, by any answer, unless nobody else is left."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from typing import Any

import pytest

from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.catalogue.trees import RedirectTree
from mirrorlist.core.health.columns import HealthTable, SyncState
from mirrorlist.core.mirror import added_km, is_out_of_reach, with_pairs
from mirrorlist.core.model import MAIN, NOWHERE, ClientPlace, FallbackLevel, Location, Mirror, Protocol, ReachPair
from mirrorlist.core.preview.preview import Ground, NetworkChange, preview
from mirrorlist.core.reasons import Cause, Reason
from mirrorlist.core.selection.client import client_at
from mirrorlist.core.selection.compile import Proof, cloud_table
from mirrorlist.core.selection.explanation import explanation
from mirrorlist.core.selection.prepared import Prepared
from mirrorlist.core.selection.select import OUT_OF_REACH_NOTE, select
from mirrorlist.core.snapshot import Snapshot, decode, encode
from tests.building import CITIES, NOW, client, metadata, mirror, nobody, place, query, snapshot
from tests.web.asking import Answer, ask, both, environ

REPO = "9.8/BaseOS/x86_64/os/"
TREES = (RedirectTree(prefix="/dl/", module=MAIN),)
OWN = "https://own.example.org/linux/"
MIRRORS = (
    *(mirror(f"{city}{number}", city) for city in CITIES for number in range(3)),
    mirror("campus", "paris", subnets=["198.51.100.0/24"], asns=(64500,)),
    mirror("alone", "tokyo", monopoly=True, subnets=["203.0.113.0/25"]),
    mirror("inside", "munich", private=True, asns=(64501,)),
)
AT = {"192.0.2.0/24": "berlin", "198.51.100.0/24": "paris", "203.0.113.0/24": "tokyo", "2001:db8::/32": "chicago"}
ASNS = {"192.0.2.128/25": 64500, "198.51.100.64/26": 64502, "2001:db8:1::/48": 64501, "100.64.0.0/16": 64503,
        "192.0.2.0/26": 64504}  # fmt: skip
ENDS = (*(city_of[0] for city_of in CITIES.values()), "AS64500", "AS64501", "AS64502", "AS64503")


def reach(*pairs: tuple[str, str, int | None], **of: Any) -> Policy:
    return Policy(reach=tuple(ReachPair(*pair) for pair in pairs), **of)


def named(body: bytes) -> list[str]:
    """The mirrors whose URLs stand in an answer, in their order."""
    return list(dict.fromkeys(re.findall(r"https?://([a-z0-9]+)\.example\.org/linux/", body.decode())))


def asked(snap: Snapshot, address: str) -> list[str]:
    found = select(snap, query("protocol=https"), client_at(snap, client(address).address, b"", nobody), NOW)
    return [choice.mirror.name.partition(".")[0] for choice in found.choices]


def _address(rng: random.Random) -> str:
    family = rng.choice(
        ["192.0.2.%d", "198.51.100.%d", "203.0.113.%d", "2001:db8:1::%x", "2001:db8:2::%x", "100.64.1.%d"]
    )
    return family % rng.randrange(1, 255)


LISTS = (
    ("/mirrorlist/9/baseos", ""), ("/mirrorlist/9/baseos", "format=json"), ("/mirrorlist/9/baseos", "country=DE,FR"),
    ("/mirrorlist/9/baseos", "avoid_country=US"), ("/metalink", "repo=baseos-9&arch=x86_64"), ("/isolist/9/x86_64", ""),
    ("/dl/9.8/isos/x86_64/a.iso", ""), ("/dl/9.8/isos/x86_64/a.iso", "metalink"),
)  # fmt: skip


HOT = tuple(each for each in LISTS if each[1] in ("", "repo=baseos-9&arch=x86_64") and "isolist" not in each[0])


@pytest.mark.parametrize("seed", range(3))
def test_ten_thousand_asks_give_no_url_that_is_out_of_reach(seed: int) -> None:
    """Most in front of Flask, as most are; some of every kind by both ways, which agree."""
    rng = random.Random(seed)
    pairs = tuple(
        ReachPair(rng.choice(ENDS), rng.choice([*ENDS, "berlin1.example.org", "campus.example.org"]), None)
        for _ in range(8)
    )
    snap = snapshot(
        MIRRORS, at=AT, asns=ASNS, trees=TREES, fallbacks={MAIN: (OWN,)}, metadata={REPO: metadata()},
        policy=Policy(reach=pairs),
    )  # fmt: skip
    service, by_name = both(snap), {each.name.partition(".")[0]: each for each in snap.mirrors}
    places = {}

    def urls_out_of_reach(answer: Answer, address: str) -> int:
        assert answer.status in (200, 302)
        if address not in places:
            places[address] = client_at(snap, client(address).address, b"", nobody).place
        names = named(answer.body + answer.headers.get("location", "").encode())
        assert names
        return sum(name in by_name and is_out_of_reach(by_name[name], places[address]) for name in names)

    addresses = [_address(rng) for _ in range(397)]
    assert sum(urls_out_of_reach(service.get(*way, each), each) for each in addresses[:20] for way in LISTS) == 0
    found = 0
    for turn in range(10_000):
        address, (path, text) = addresses[turn % len(addresses)], HOT[turn % len(HOT)]
        found += urls_out_of_reach(ask(service.fronted, environ(path, text, address)), address)
    assert found == 0


def test_an_answer_tells_what_is_out_of_reach_and_since_nobody_else_is_left() -> None:
    pairs = [("DE", country, None) for country in ("DE", "AT", "CZ", "FR", "US", "BR", "JP", "ZA", "AU")]
    policy = reach(*pairs[1:])
    snap = snapshot(MIRRORS[:30], at=AT, policy=policy, trees=TREES, metadata={REPO: metadata()})
    assert {name.rstrip("012") for name in asked(snap, "192.0.2.1")} == {"berlin", "munich"}
    everything = snapshot(MIRRORS[:30], at=AT, policy=reach(*pairs), trees=TREES, metadata={REPO: metadata()})
    service = both(everything)
    text = service.get("/mirrorlist/9/baseos")
    assert f"# {OUT_OF_REACH_NOTE}\n" in text.body.decode()
    assert len(named(text.body)) == 20
    for path, asking in LISTS:
        answer = service.get(path, asking)
        assert answer.headers["mirrorlist-note"] == OUT_OF_REACH_NOTE, path
    assert "mirrorlist-note" not in service.get("/mirrorlist/9/baseos", peer="203.0.113.200").headers
    own = snapshot(MIRRORS[:30], at=AT, policy=reach(*pairs), fallbacks={MAIN: (OWN,)})
    listed = both(own).get("/mirrorlist/9/baseos")
    assert (named(listed.body), "mirrorlist-note" in listed.headers) == (["own"], False)


def test_an_older_version_within_reach_comes_before_a_mirror_out_of_reach() -> None:
    near, far = mirror("near", "berlin"), mirror("far", "paris")
    for state, level in (
        (SyncState.LAGGING, FallbackLevel.LAGGING), (SyncState.STALE, FallbackLevel.LAST_KNOWN),
    ):  # fmt: skip
        health = HealthTable(holds={REPO: bytes([state, SyncState.FRESH])})
        snap = snapshot([near, far], at=AT, policy=reach(("DE", "FR", None)), facts={"health": health})
        found = select(snap, query("arch=x86_64"), client(place=place("berlin")), NOW)
        assert ([each.mirror.name for each in found.choices], found.level) == (["near.example.org"], level)
        assert OUT_OF_REACH_NOTE not in found.notes
        service = both(snap)
        assert named(service.get("/mirrorlist/9/baseos", "arch=x86_64").body) == ["near"]


def test_a_filter_is_given_up_before_a_pair_is() -> None:
    snap = snapshot(MIRRORS[:30], at=AT, policy=reach(("DE", "FR", None)))
    service = both(snap)
    answer = service.get("/mirrorlist/9/baseos", "country=FR")
    assert "paris" not in {name.rstrip("012") for name in named(answer.body)}
    assert "mirrorlist-note" not in answer.headers


@pytest.mark.parametrize(
    ("pair", "address", "first"),
    [
        (("DE", "FR", None), "198.51.100.1", "campus"),
        (("FR", "campus.example.org", None), "198.51.100.1", "paris"),
        (("AS64500", "FR", None), "192.0.2.200", "berlin"),
        (("AS64502", "AS64500", None), "198.51.100.70", "paris"),
        (("AS64502", "AS64500", None), "198.51.100.1", "campus"),
        (("JP", "JP", None), "203.0.113.1", "not tokyo"),
    ],
)
def test_a_pair_holds_in_the_mirrors_own_networks_too(
    pair: tuple[str, str, int | None], address: str, first: str
) -> None:
    found = asked(snapshot(MIRRORS, at=AT, asns=ASNS, policy=reach(pair)), address)
    assert (found[0].rstrip("012") != "tokyo") if first == "not tokyo" else found[0].rstrip("012") == first


def test_kilometres_move_mirrors_to_the_back_and_leave_none_out() -> None:
    mirrors = [mirror("berlin", "berlin"), mirror("prague", "prague"), mirror("paris", "paris")]
    for added, expected in ((0, ["berlin", "prague", "paris"]), (600, ["prague", "berlin", "paris"]),
                            (5000, ["prague", "paris", "berlin"])):  # fmt: skip
        policy = reach(("DE", "berlin.example.org", added), ("AS64500", "DE", 1), bands_km=tuple(range(50, 9000, 50)))
        snap = snapshot(mirrors, at=AT, policy=policy)
        assert asked(snap, "192.0.2.1") == expected
        assert named(both(snap).get("/mirrorlist/9/baseos").body) == expected


def test_the_own_country_comes_first_only_without_kilometres_to_it() -> None:
    mirrors = [mirror("berlin", "berlin"), mirror("prague", "prague")]
    germany = {"192.0.2.0/24": "DE"}
    bands = tuple(range(50, 9000, 50))
    assert asked(snapshot(mirrors, at=germany, policy=Policy(bands_km=bands)), "192.0.2.1") == ["berlin", "prague"]
    added = reach(("DE", "DE", 900), bands_km=bands)
    assert asked(snapshot(mirrors, at=germany, policy=added), "192.0.2.1") == ["prague", "berlin"]


def test_the_worst_of_several_pairs_counts() -> None:
    one = mirror("one", "paris", systems=(64510,))
    [told] = with_pairs(
        [one], [ReachPair("DE", "FR", 10), ReachPair("DE", "AS64510", 700), ReachPair("AT", "FR", None)]
    )
    assert added_km(told, told.location, ClientPlace("DE")) == 700
    assert added_km(told, told.location, ClientPlace("AT")) is None
    assert added_km(told, told.location, NOWHERE) == 0
    assert with_pairs([told], ()) == (one,)


def test_a_mirror_is_in_the_systems_of_its_addresses_and_else_in_those_of_its_file() -> None:
    pair = ReachPair("DE", "AS64510", None)
    by_file, by_address = mirror("a", asns=(64510,)), mirror("b", asns=(64510,), systems=(64511,))
    assert [each.pairs for each in with_pairs([by_file, by_address], [pair])] == [(pair,), ()]


def test_a_client_whose_system_alone_is_in_the_tables_keeps_its_country() -> None:
    policy = reach(("AS64503", "DE", None))
    snap = snapshot(MIRRORS, at=AT, asns=ASNS, policy=policy)
    packed = client("100.64.1.1").address
    for country in (None, "DE", "FR", "ZZ"):
        where = client_at(snap, packed, b"", lambda _: country).place  # noqa: B023
        assert (where.country, where.asn) == (country if country != "ZZ" else None, 64503)
        service = both(snap, lambda _: country)  # noqa: B023
        names = named(service.get("/mirrorlist/9/baseos", peer="100.64.1.1").body)
        assert names
        assert not {"berlin", "munich"} & {name.rstrip("012") for name in names}
    assert client_at(snap, client("192.0.2.1").address, b"", nobody).place == place("berlin")


def test_pairs_and_places_by_system_survive_a_snapshot() -> None:
    snap = snapshot(MIRRORS, at=AT, asns=ASNS, policy=reach(("AS64500", "FR", None), ("DE", "US", 900)))
    again = decode(memoryview(encode(snap)))
    assert again.facts == snap.facts
    assert Prepared(again).snapshot.policy.reach == snap.policy.reach


def test_an_explanation_names_the_reason() -> None:
    snap = snapshot(MIRRORS, at=AT, policy=reach(("DE", "FR", None)))
    found = select(snap, query(), client(place=place("berlin")), NOW)
    reasons = {each.mirror.name: each.reason for each in found.rejected}
    assert reasons["paris0.example.org"] is reasons["campus.example.org"] is Reason.OUT_OF_REACH
    assert reasons["inside.example.org"] is Reason.PRIVATE
    told = {each.name: each.reason for each in explanation(snap, found).left_out}
    assert (told["campus.example.org"], "inside.example.org" in told) == ("out_of_reach", False)


def test_a_preview_counts_nobody_who_cannot_reach_the_mirror() -> None:
    new = mirror("new", "berlin", bandwidth_mbps=100_000)
    snap = snapshot(MIRRORS, at=AT, asns=ASNS)

    def share(policy: Policy) -> float:
        split = snapshot([*MIRRORS, new], at=AT, asns=ASNS, policy=policy)
        ground = Ground(
            located=split.located, asns=split.asns, clouds=cloud_table(()), proof=Proof(), policy=policy,
            places=split.facts.places, country_places=split.facts.country_places,
        )  # fmt: skip
        [effect] = preview(NetworkChange(snap.mirrors, (*snap.mirrors, new), (new.name,)), ground).effects
        return effect.after.first

    whole = share(Policy())
    assert share(reach(("DE", new.name, None))) == 0 < whole
    assert 0 < share(reach(("AS64504", new.name, None))) < whole


def test_a_client_over_http_gets_a_mirror_within_reach_before_one_over_https_that_is_not() -> None:
    secure = Mirror(
        name="secure.example.org",
        urls={MAIN: {Protocol.HTTPS: "https://secure.example.org/linux/"}},
        location=Location(country="FR"),
    )
    plain = replace(secure, name="plain.example.org", urls={MAIN: {Protocol.HTTP: "http://plain.example.org/linux/"}},
                    location=Location(country="DE"))  # fmt: skip
    tree = (replace(TREES[0], allow_http=True),)
    snap = snapshot([secure, plain], at=AT, trees=tree, policy=reach(("DE", "FR", None)))
    answer = both(snap).get("/dl/9.8/a.iso")
    assert answer.headers["location"] == "http://plain.example.org/linux/9.8/a.iso"


def test_what_vantage_points_say_has_a_reason_of_its_own_since_when_and_gives_way_where_nobody_else_is() -> None:
    voted = mirror("berlin1", "berlin", pairs=(ReachPair("DE", "berlin1.example.org", None, since=NOW - 600),))
    german = client(place=place("berlin"))
    with_others = snapshot([voted, mirror("paris1", "paris")])
    found = select(with_others, query(), german, NOW)
    assert [choice.mirror.name for choice in found.choices] == ["paris1.example.org"]
    [left] = found.rejected
    assert (left.reason, left.cause) == (Reason.NOT_REACHED_FROM, Cause(NOW - 600))
    assert len(select(with_others, query(), client(place=place("vienna")), NOW).choices) == 2
    alone = select(snapshot([voted]), query(), german, NOW)
    assert [choice.mirror.name for choice in alone.choices] == ["berlin1.example.org"]
    assert OUT_OF_REACH_NOTE in alone.notes
