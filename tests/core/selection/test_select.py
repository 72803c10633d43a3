"""The whole decision, case by case."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.filter import NOTES
from mirrorlist.core.model import MAIN, Client, ClientPlace, CloudRegions, Location, Mirror, Protocol, Proximity, Status
from mirrorlist.core.reasons import Reason
from mirrorlist.core.selection.select import select
from mirrorlist.core.snapshot import Snapshot
from tests.building import CATALOGUE, CITIES, NOW, client, mirror, place, query, snapshot

DE = ClientPlace("DE", 51.0, 10.0)


def names(snap: Snapshot, asking: Client, text: str = "", **wanted: str) -> list[str]:
    """The chosen mirrors' names, without the domain."""
    return [choice.mirror.name.partition(".")[0] for choice in select(snap, query(text, **wanted), asking, NOW).choices]


def reasons(snap: Snapshot, asking: Client, text: str = "", **wanted: str) -> dict[str, Reason]:
    rejected = select(snap, query(text, **wanted), asking, NOW).rejected
    return {row.mirror.name.partition(".")[0]: row.reason for row in rejected}


def test_the_longest_subnet_goes_before_cloud_asn_and_the_nearest() -> None:
    snap = snapshot(
        [
            mirror("near", "berlin"),
            mirror("asn", "tokyo", asns=(64500,)),
            mirror("wide", "sydney", subnets=("192.0.0.0/16",)),
            mirror("narrow", "capetown", subnets=("192.0.2.0/24",)),
        ],
        clouds={"192.0.2.0/25": ("aws", "eu-central-1")},
    )
    asking = client("192.0.2.7", place("berlin"), asn=64500)
    assert names(snap, asking) == ["narrow", "wide", "asn", "near"]


def test_a_mirror_in_a_cloud_goes_before_one_by_asn() -> None:
    from_cloud = mirror("cloud", "tokyo", cloud=CloudRegions("aws", None))
    snap = snapshot([mirror("asn", "berlin", asns=(64500,)), from_cloud])
    asking = client("192.0.2.7", place("berlin"), asn=64500, cloud=("aws", "eu-central-1"))
    assert names(snap, asking) == ["cloud", "asn"]


BY_NETWORK: dict[str, dict[str, Any]] = {
    "subnet": {"subnets": ("192.0.2.0/24",)},
    "cloud region": {"cloud": CloudRegions("aws", None)},
    "ASN": {"asns": (64500,)},
}


@pytest.mark.parametrize("monopoly", [False, True])
@pytest.mark.parametrize("way", BY_NETWORK)
def test_mirrors_that_match_a_network_alike_are_in_order_of_distance(way: str, monopoly: bool) -> None:
    """However much bandwidth the far one has; what stands alone stands together, so that one is left when one fails."""
    fields = {**BY_NETWORK[way], "monopoly": monopoly, "private": monopoly}
    far = mirror("far", "tokyo", bandwidth_mbps=10_000, **fields)
    lost = mirror("lost", bandwidth_mbps=10_000, **fields)
    snap = snapshot([far, lost, mirror("close", "prague", bandwidth_mbps=10, **fields), mirror("other", "berlin")])
    for last in range(40):
        asking = client(f"192.0.2.{last}", place("berlin"), asn=64500, cloud=("aws", "eu-1"))
        assert names(snap, asking) == ["close", "far", "lost", *([] if monopoly else ["other"])]


def test_a_longer_prefix_beats_a_nearer_mirror_and_equally_near_ones_share() -> None:
    wide = mirror("wide", "berlin", subnets=("192.0.0.0/16",))
    narrow = [mirror(f"n{number}", "tokyo", subnets=("192.0.2.0/24",)) for number in range(2)]
    snap = snapshot([wide, *narrow])
    found = [names(snap, client(f"192.0.2.{last}", place("berlin"))) for last in range(40)]
    assert {tuple(each) for each in found} == {("n0", "n1", "wide"), ("n1", "n0", "wide")}


def test_a_near_mirror_across_a_border_beats_a_far_one_at_home() -> None:
    near = mirror("prague", "prague")
    far = mirror("far", location=Location(country="DE", latitude=-21.1, longitude=55.5))
    assert names(snapshot([far, near]), client(place=place("berlin"))) == ["prague", "far"]


def test_a_border_counts_against_an_equally_near_mirror() -> None:
    home = mirror("home", location=Location(country="DE", latitude=49.0, longitude=12.0))
    abroad = mirror("abroad", location=Location(country="CZ", latitude=49.0, longitude=12.0))
    snap = snapshot([abroad, home])
    for last in range(1, 40):
        assert names(snap, client(f"192.0.2.{last}", place("munich"))) == ["home", "abroad"]


def test_a_client_known_by_its_country_gets_its_own_country_first() -> None:
    """Aachen would be nearer to Paris than a mirror at the other end of the country; the country is all we know."""
    home = [mirror("berlin", "berlin"), mirror("munich", "munich")]
    snap = snapshot([mirror("paris", "paris"), mirror("prague", "prague"), *home])
    firsts = {names(snap, client(f"192.0.2.{last}", DE))[0] for last in range(1, 60)}
    assert firsts == {"berlin", "munich"}
    assert set(names(snap, client(place=DE))[:2]) == {"berlin", "munich"}


def test_an_unknown_client_gets_mirrors_of_the_whole_world() -> None:
    snap = snapshot([mirror(city, city) for city in CITIES])
    firsts = {names(snap, Client(None, bytes([number])))[0] for number in range(200)}
    assert firsts == set(CITIES)


def test_a_mirror_without_a_place_is_served_last() -> None:
    snap = snapshot([mirror("lost"), mirror("sydney", "sydney")])
    assert names(snap, client(place=place("berlin"))) == ["sydney", "lost"]


def test_a_monopoly_stands_alone_for_its_network() -> None:
    alone = mirror("alone", "berlin", private=True, monopoly=True, subnets=("192.0.2.0/24",))
    snap = snapshot(
        [alone, mirror("near", "berlin"), mirror("asn", asns=(64500,))], fallbacks={MAIN: ("https://f.example.org/",)}
    )
    selection = select(snap, query(), client("192.0.2.1", asn=64500), NOW)
    assert [choice.mirror for choice in selection.choices] == [alone]
    assert {row.reason for row in selection.rejected} == {Reason.MONOPOLY}
    assert selection.fallbacks == ()


def test_of_several_monopolies_the_longest_prefix_counts_and_equal_ones_share() -> None:
    def alone(name: str, subnet: str) -> Mirror:
        return mirror(name, private=True, monopoly=True, subnets=(subnet,))

    snap = snapshot([alone("wide", "192.0.0.0/16"), alone("one", "192.0.2.0/24"), alone("two", "192.0.2.0/24")])
    assert set(names(snap, client("192.0.2.1"))) == {"one", "two"}
    assert {names(snap, client(f"192.0.2.{last}"))[0] for last in range(50)} == {"one", "two"}
    assert names(snap, client("192.0.3.1")) == ["wide"]


def test_a_monopoly_that_cannot_be_used_does_not_stand_alone() -> None:
    http = {MAIN: {Protocol.HTTP: "http://alone.example.org/"}}
    alone = mirror("alone", private=True, monopoly=True, subnets=("192.0.2.0/24",), urls=http)
    snap = snapshot([alone, mirror("near", "berlin")])
    assert names(snap, client("192.0.2.1"), "protocol=https") == ["near"]


@pytest.mark.parametrize("proves", [True, False])
def test_asn_data_that_nobody_named_orders_public_mirrors_but_opens_no_private_ones(proves: bool) -> None:
    snap = snapshot(
        [
            mirror("near", "berlin"),
            mirror("public", "sydney", asns=(64500,)),
            mirror("secret", "tokyo", asns=(64500,), private=True),
        ]
    )
    asking = client(place=place("berlin"), asn=64500, asn_proves=proves)
    if proves:
        assert set(names(snap, asking)[:2]) == {"public", "secret"}
    else:
        assert names(snap, asking) == ["public", "near"]
        assert reasons(snap, asking) == {"secret": Reason.PRIVATE}


def test_protocol_order_chooses_the_url_and_never_the_order_of_mirrors() -> None:
    both = mirror("both", "berlin")
    plain = mirror("plain", "berlin", urls={MAIN: {Protocol.HTTP: "http://plain.example.org/"}})
    snap = snapshot([both, plain])
    firsts = set()
    for last in range(1, 60):
        selection = select(snap, query(), client(f"192.0.2.{last}", place("berlin")), NOW)
        firsts.add(selection.choices[0].url.partition("/9.8")[0])
    assert firsts == {"https://both.example.org/linux", "http://plain.example.org"}


def test_a_protocol_that_was_asked_for_is_kept_to() -> None:
    plain = mirror("plain", "berlin", urls={MAIN: {Protocol.HTTP: "http://plain.example.org/"}})
    snap = snapshot([mirror("both", "tokyo"), plain])
    assert names(snap, client(place=place("berlin")), "protocol=https") == ["both"]
    assert reasons(snap, client(place=place("berlin")), "protocol=https") == {"plain": Reason.PROTOCOL}


def test_a_country_that_was_asked_for_is_kept_to_while_it_has_a_mirror() -> None:
    snap = snapshot([mirror("berlin", "berlin"), mirror("paris", "paris"), mirror("tokyo", "tokyo")])
    asking = client(place=place("berlin"))
    assert names(snap, asking, "country=JP") == ["tokyo"]
    assert names(snap, asking, "country=FR,JP") == ["paris", "tokyo"]
    relaxed = select(snap, query("country=ZA"), asking, NOW)
    assert (relaxed.choices[0].mirror.name, relaxed.notes) == ("berlin.example.org", (NOTES["countries"],))


def test_a_list_is_never_empty_while_a_public_mirror_exists_and_holds_the_limit_at_most() -> None:
    snap = snapshot([mirror(f"m{n}", "sydney") for n in range(100)], policy=Policy(limit=7))
    for asking in (client(place=place("berlin")), client(place=DE), client(None)):
        assert len(names(snap, asking)) == 7


def test_far_mirrors_follow_where_near_ones_are_few() -> None:
    cities = ("berlin", "tokyo", "sydney", "chicago")
    snap = snapshot([mirror(city, city) for city in cities])
    assert names(snap, client(place=place("berlin"))) == ["berlin", "chicago", "tokyo", "sydney"]


@pytest.mark.parametrize(("count", "shown"), [(4, True), (5, False)])
def test_fallbacks_end_a_list_of_fewer_than_five_mirrors(count: int, shown: bool) -> None:
    trees = ("https://f.example.org/l/", "http://g.example.org/l/")
    snap = snapshot([mirror(f"m{n}") for n in range(count)], fallbacks={MAIN: trees})
    expected = tuple(tree + "9.8/BaseOS/$basearch/os/" for tree in trees) if shown else ()
    assert select(snap, query(), client(), NOW).fallbacks == expected
    assert select(snap, query("protocol=https"), client(), NOW).fallbacks == expected[:1]


def test_the_vault_answers_what_mirrors_do_not_carry() -> None:
    snap = snapshot([mirror("near", "berlin")])
    selection = select(snap, query(version="9.2"), client(), NOW)
    assert selection.fallbacks == ("http://vault.example.org/9.2/BaseOS/$basearch/os/",)
    assert [row.reason for row in selection.rejected] == [Reason.VAULT]


def test_of_several_vaults_those_under_the_preferred_protocol_come_first() -> None:
    vaults = ("http://a.example.org/", "https://b.example.org/", "http://c.example.org/")
    snap = snapshot([], catalogue=replace(CATALOGUE, vault_urls=vaults))
    found = select(snap, query(version="9.2"), client(), NOW).fallbacks
    assert [url.partition("/9.2/")[0] for url in found] == ["https://b.example.org", *(vaults[n][:-1] for n in (0, 2))]


def test_a_module_is_asked_of_the_mirrors_that_carry_it() -> None:
    kitten = {"kitten": {Protocol.HTTPS: "https://k.example.org/kitten/"}}
    snap = snapshot([mirror("main", "berlin"), mirror("k", "tokyo", urls=kitten)])
    selection = select(snap, query(version="10-kitten"), client(place=place("berlin")), NOW)
    assert [choice.url for choice in selection.choices] == [
        "https://k.example.org/kitten/10-kitten/BaseOS/$basearch/os/"
    ]
    assert [row.reason for row in selection.rejected] == [Reason.NOT_CARRIED]


def test_countries_closed_to_a_mirror_do_not_keep_its_own_network_out() -> None:
    snap = snapshot([mirror("only", "berlin", countries_only=("AT",), subnets=("192.0.2.0/24",)), mirror("other")])
    assert names(snap, client("192.0.2.9", DE)) == ["only", "other"]
    assert names(snap, client("198.51.100.9", DE)) == ["other"]


FIELDS = st.fixed_dictionaries(
    {
        "city": st.sampled_from([None, *CITIES]),
        "private": st.booleans(),
        "subnets": st.sampled_from([(), ("192.0.2.0/24",), ("192.0.2.0/28", "2001:db8::/32")]),
        "asns": st.sampled_from([(), (64500,)]),
        "status": st.sampled_from(Status),
        "countries_never": st.sampled_from([(), ("DE",)]),
        "bandwidth_mbps": st.sampled_from([None, 100, 20_000]),
    }
)


@given(
    st.lists(FIELDS, max_size=30),
    st.sampled_from(["192.0.2.1", "192.0.2.77", "198.51.100.1", "2001:db8::1", None]),
    st.sampled_from([*CITIES, "DE", ""]),
    st.sampled_from(["", "protocol=http", "country=DE", "country=ZA&protocol=https"]),
)
@settings(max_examples=200, deadline=None)
def test_chosen_and_left_out_are_all_mirrors_and_no_stranger_gets_a_private_one(
    fields: list[dict[str, object]], address: str | None, where: str, text: str
) -> None:
    snap = snapshot([mirror(f"m{n}", **row) for n, row in enumerate(fields)], policy=Policy(limit=10))  # type: ignore[arg-type]
    spot = place(where) if where in CITIES else ClientPlace(where or None, *((51.0, 10.0) if where else ()))
    asking = client(address, spot)
    selection = select(snap, query(text), asking, NOW)

    told = [c.mirror.name for c in selection.choices] + [row.mirror.name for row in selection.rejected]
    assert sorted(told) == sorted(m.name for m in snap.mirrors)
    assert all(later.preference < earlier.preference for earlier, later in pairwise(selection.choices))
    for choice in selection.choices:
        assert choice.mirror.status in (Status.LIVE, Status.RETIRING)
        if choice.mirror.private:
            assert choice.proximity is Proximity.SUBNET
            assert address in ("192.0.2.1", "192.0.2.77", "2001:db8::1")
