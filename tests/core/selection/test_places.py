"""One name with many places, and mirrors that are near everywhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.catalogue.trees import RedirectTree
from mirrorlist.core.mirror import countries_of, with_pairs
from mirrorlist.core.model import MAIN, NOWHERE, ClientPlace, Location, Mirror, Proximity, ReachPair
from mirrorlist.core.preview.preview import Ground, NetworkChange, preview
from mirrorlist.core.selection.compile import Proof, cloud_table
from mirrorlist.core.selection.explanation import explanation
from mirrorlist.core.selection.select import select
from mirrorlist.core.snapshot import decode, encode
from tests.building import CITIES, NOW, client, mirror, place, query, snapshot
from tests.web.asking import both


def at(city: str) -> Location:
    country, latitude, longitude = CITIES[city]
    return Location(country=country, latitude=latitude, longitude=longitude)


MANY = mirror("many", "berlin", places=(at("tokyo"), at("chicago")), bandwidth_mbps=1_000_000)
LOCAL = tuple(mirror(city, city) for city in ("munich", "prague", "paris", "saopaulo", "sydney", "capetown"))
CDN = mirror("cdn", "chicago", is_global=True)
AT = {f"198.51.{number}.0/24": city for number, city in enumerate(CITIES)} | {"203.0.113.0/24": "JP"}
ADDRESSES = {city: f"198.51.{number}.7" for number, city in enumerate(CITIES)}


def listed(mirrors: tuple[Mirror, ...], where: str, text: str = "", **of: Any) -> list[str]:
    """The list at a place, by the whole decision and by the tables, which agree."""
    snap = snapshot(mirrors, at=AT, trees=(RedirectTree(prefix="/dl/", module=MAIN),), **of)
    body = both(snap).get("/mirrorlist/9/baseos", text, peer=ADDRESSES.get(where, where)).body.decode()
    return [line.split("/")[2].partition(".")[0] for line in body.splitlines() if line.startswith("http")]


@pytest.mark.parametrize("city", ["berlin", "tokyo", "chicago"])
def test_it_is_listed_once_and_first_in_each_of_its_places(city: str) -> None:
    found = listed((*LOCAL, MANY), city)
    assert (found[0], found.count("many"), len(found)) == ("many", 1, 7)


def test_a_client_known_by_its_country_only_has_it_at_home() -> None:
    assert listed((*LOCAL, MANY), "203.0.113.1")[0] == "many"


def test_the_distance_is_that_of_the_nearest_place() -> None:
    found = select(snapshot((MANY, CDN)), query(), client(place=place("tokyo")), NOW)
    known = {each.mirror.name.partition(".")[0]: each for each in found.choices}
    assert (known["many"].distance_km, known["many"].proximity) == (select_km("tokyo"), Proximity.NEARBY)
    assert (known["cdn"].distance_km, known["cdn"].proximity) == (None, Proximity.NEARBY)


def select_km(city: str) -> int | None:
    [choice] = select(snapshot([mirror("one", city)]), query(), client(place=place(city)), NOW).choices
    return choice.distance_km


@pytest.mark.parametrize(
    ("where", "policy", "before", "behind"),
    [
        ("berlin", {}, {"munich", "prague"}, {"saopaulo", "sydney", "capetown"}),
        ("capetown", {}, {"capetown"}, {"munich", "prague", "paris", "saopaulo", "sydney"}),
        ("tokyo", {}, set(), {"munich", "prague", "paris", "saopaulo", "sydney", "capetown"}),
        ("berlin", {"global_km": 0}, set(), {"munich", "prague", "paris"}),
        ("berlin", {"global_km": 20_000, "far_km": 600}, {"munich", "prague"}, {"paris", "saopaulo", "sydney"}),
        ("berlin", {"bands_km": (20_000,), "far_km": 600}, set(), {"paris", "saopaulo", "sydney", "capetown"}),
    ],
)
def test_a_cdn_comes_before_what_is_far_and_behind_what_is_near(
    where: str, policy: dict[str, Any], before: set[str], behind: set[str]
) -> None:
    found = listed((*LOCAL, CDN), where, policy=Policy(**policy))
    rank = found.index("cdn")
    assert before <= set(found[:rank])
    assert behind <= set(found[rank:])


def test_mirrors_beyond_far_km_are_apart_only_where_there_is_a_cdn() -> None:
    wide = Policy(bands_km=(20_000,), far_km=600)
    firsts = {
        select(snapshot(LOCAL, policy=wide), query(), client(f"192.0.2.{n}", place("berlin")), NOW)
        .choices[0]
        .mirror.name
        for n in range(1, 80)
    }
    assert len(firsts) == len(LOCAL)


def test_a_client_of_unknown_place_gets_the_cdn_first() -> None:
    found = select(snapshot((*LOCAL, CDN)), query(), client(place=NOWHERE), NOW)
    assert found.choices[0].mirror == CDN
    assert {each.proximity for each in found.choices} == {Proximity.WORLD}


def test_filters_and_regions_look_at_all_places() -> None:
    every = (*LOCAL, MANY, CDN)
    assert countries_of(MANY) == {"DE", "JP", "US"}
    assert listed(every, "paris", "country=JP") == ["many"]
    assert "many" not in listed(every, "paris", "avoid_country=JP")
    asia = replace(at("tokyo"), continent="AS")
    snap = snapshot(
        (LOCAL[0], replace(MANY, places=(asia,)), CDN), at=AT, trees=(RedirectTree(prefix="/dl/", module=MAIN),)
    )
    answer = both(snap).get("/region/AS/dl/9.8/a.iso", peer=ADDRESSES["berlin"])
    assert answer.headers["location"] == "https://many.example.org/linux/9.8/a.iso"
    assert "munich" not in answer.headers["link"]


def test_private_mirrors_and_monopolies_keep_their_networks() -> None:
    own = replace(
        MANY,
        name="own.example.org",
        private=True,
        monopoly=True,
        subnets=mirror("x", subnets=["198.51.0.0/24"]).subnets,
    )
    assert listed((*LOCAL, own), "berlin") == ["many"]
    assert "many" not in listed((*LOCAL, own), "tokyo")
    hidden = replace(CDN, private=True)
    assert "cdn" not in listed((*LOCAL, hidden), "tokyo")


def test_a_pair_with_a_country_is_about_the_places_in_it() -> None:
    """It is given as long as another place can be reached, and is as near as that."""
    tokyo = ClientPlace("JP", 36.0, 140.0, True)
    policy = Policy(reach=(ReachPair("JP", "JP", None),), bands_km=tuple(range(250, 20_000, 250)))
    found = select(snapshot((*LOCAL, MANY), policy=policy), query(), client(place=tokyo), NOW)
    assert [each.mirror.name for each in found.choices].index("many.example.org") > 0
    everywhere = tuple(ReachPair("JP", code, None) for code in ("JP", "US", "DE"))
    assert "many" not in listed((*LOCAL, MANY), "tokyo", policy=Policy(reach=everywhere))
    assert "cdn" in listed((*LOCAL, CDN), "tokyo", policy=Policy(reach=everywhere))
    by_name = Policy(reach=(ReachPair("JP", "cdn.example.org", None), ReachPair("DE", "cdn.example.org", 9000)))
    assert "cdn" not in listed((*LOCAL, CDN), "tokyo", policy=by_name)
    assert listed((*LOCAL, CDN), "berlin", policy=by_name)[-1] in ("cdn", "sydney", "capetown", "saopaulo")
    assert with_pairs([MANY], policy.reach)[0].pairs == policy.reach


def test_places_survive_a_snapshot() -> None:
    snap = snapshot((MANY, CDN))
    assert decode(memoryview(encode(snap))).mirrors == (MANY, CDN)


def test_a_preview_sees_the_clients_of_all_places() -> None:
    snap = snapshot(LOCAL, at=AT)
    ground = Ground(
        located=snap.located, asns=snap.asns, clouds=cloud_table(()), proof=Proof(), policy=snap.policy,
        places=snap.facts.places, country_places=snap.facts.country_places,
    )  # fmt: skip
    [effect] = preview(NetworkChange(LOCAL, (*LOCAL, MANY), (MANY.name,)), ground).effects
    assert {each.country for each in effect.countries} >= {"DE", "JP", "US"}
    assert {each.name for each in effect.nearby} == {"prague.example.org"}


def test_an_explanation_has_the_country_of_the_nearest_place() -> None:
    snap = snapshot((MANY, CDN))
    for city, country in (("tokyo", "JP"), ("berlin", "DE"), ("saopaulo", "US")):
        found = explanation(snap, select(snap, query(), client(place=place(city)), NOW))
        assert {each.name: each.country for each in found.chosen} == {MANY.name: country, CDN.name: "US"}
    unknown = explanation(snap, select(snap, query(), client(), NOW))
    assert {each.country for each in unknown.chosen} == {"DE", "US"}
