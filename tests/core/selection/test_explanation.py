""""""

from __future__ import annotations

from dataclasses import replace

from mirrorlist.core.health.columns import HealthTable, SyncState
from mirrorlist.core.model import ClientPlace, CloudRegions, Status
from mirrorlist.core.selection.answer import Selection
from mirrorlist.core.selection.explanation import Asker, Chosen, LeftOut, explanation
from mirrorlist.core.selection.select import select
from mirrorlist.core.snapshot import Snapshot
from tests.building import NOW, client, mirror, place, query, snapshot

MIRRORS = [
    mirror("near", "berlin", bandwidth_mbps=100),
    mirror("far", "tokyo"),
    mirror("paused", "berlin", status=Status.PAUSED),
    mirror("declined", "berlin", status=Status.DECLINED),
    mirror("private", "berlin", private=True, subnets=["192.0.2.0/24"]),
    mirror("cloudy", "berlin", cloud=CloudRegions("aws", None)),
]


def selected(text: str = "arch=x86_64", address: str = "8.8.8.8") -> tuple[Snapshot, Selection]:
    made = snapshot(MIRRORS)
    return made, select(made, query(text), client(address, place("berlin"), asn=64500), NOW)


def test_a_stranger_hears_of_public_mirrors_only() -> None:
    found = explanation(*selected())
    assert found.asker == Asker(
        address="8.8.8.8",
        country="DE",
        place="near 53° N, 13° E in DE",
        asn=64500,
        cloud=None,
        latitude=53.0,
        longitude=13.0,
    )
    assert found.chosen[0] == Chosen(
        rank=1, name="near.example.org", country="DE",
        url="https://near.example.org/linux/9.8/BaseOS/x86_64/os/", proximity="nearby", distance_km=59,
        band="to 100", weight=100, public=True,
    )  # fmt: skip
    assert [row.name for row in found.chosen] == ["near.example.org", "far.example.org"]
    assert found.left_out == (LeftOut("paused.example.org", "paused", "The mirror is paused."),)
    assert (found.repository, found.version, found.arch, found.built_at) == ("baseos", "9.8", "x86_64", NOW)


def test_it_says_of_which_mirrors_the_content_was_compared() -> None:
    assert not any(row.compared for row in explanation(*selected()).chosen)
    made = snapshot(MIRRORS)
    names = [each.name for each in MIRRORS]
    held = bytes(SyncState.UNKNOWN if name == "far.example.org" else SyncState.FRESH for name in names)
    made = replace(made, facts=replace(made.facts, health=HealthTable({"9.8/BaseOS/x86_64/os/": held})))
    found = explanation(made, select(made, query("arch=x86_64"), client("8.8.8.8", place("berlin")), NOW))
    assert {row.name: row.compared for row in found.chosen} == {"near.example.org": True, "far.example.org": False}


def test_the_mirrors_own_network_hears_of_it() -> None:
    found = explanation(*selected(address="192.0.2.7"))
    assert (found.chosen[0].name, found.chosen[0].public) == ("private.example.org", False)
    assert "cloudy.example.org" not in {row.name for row in (*found.chosen, *found.left_out)}


def test_operators_hear_of_all() -> None:
    found = explanation(*selected(), everything=True)
    assert {row.name for row in (*found.chosen, *found.left_out)} == {each.name for each in MIRRORS}


def test_of_a_client_known_by_its_country_only_the_nearest_are_those_in_it() -> None:
    made = snapshot(MIRRORS)
    found = explanation(made, select(made, query(), client("8.8.8.8", ClientPlace("DE", 51.0, 10.0)), NOW))
    assert [row.name for row in found.chosen if row.band == "country"] == ["near.example.org"]


def test_nobody_is_near_to_an_unknown_place() -> None:
    made = snapshot(MIRRORS)
    found = explanation(made, select(made, query(), client("8.8.8.8"), NOW))
    assert {row.band for row in found.chosen} == {"any"}
