"""Which machine a mirror is told to copy."""

from __future__ import annotations

from typing import Any

import pytest

from mirrorlist.core.catalogue.service import SyncPolicy, SyncSource
from mirrorlist.core.model import MAIN, Location, Mirror, Protocol, Status
from mirrorlist.core.owners.copy_sources import Offered, copied_by_mirrors, offered, ordered
from tests.building import CITIES, mirror


def source(name: str, city: str | None = None, **fields: Any) -> SyncSource:
    country, latitude, longitude = CITIES[city] if city else (None, None, None)
    return SyncSource(
        name,
        fields.pop("rsync", {MAIN: f"rsync://{name}.example.net/linux/"}),
        Location(country=country, latitude=latitude, longitude=longitude),
        fields.pop("mirror", None),
    )


def copied(name: str, city: str, **fields: Any) -> Mirror:
    host = f"{name}.example.org"
    urls = {MAIN: {Protocol.HTTP: f"http://{host}/linux/", Protocol.RSYNC: f"rsync://{host}/linux/"}}
    return mirror(name, city, urls=urls, **fields)


def names(found: tuple[Offered, ...]) -> list[str]:
    return [each.source.name for each in found]


THREE = (source("tokyo", "tokyo"), source("paris", "paris"), source("chicago", "chicago"))


@pytest.mark.parametrize(
    ("city", "policy", "expected"),
    [
        ("berlin", SyncPolicy.NEAREST, ["paris", "chicago", "tokyo"]),
        ("sydney", SyncPolicy.NEAREST, ["tokyo", "chicago", "paris"]),
        ("berlin", SyncPolicy.FIRST, ["tokyo", "paris", "chicago"]),
        (None, SyncPolicy.NEAREST, ["tokyo", "paris", "chicago"]),
    ],
)
def test_the_policy_orders_sources(city: str | None, policy: SyncPolicy, expected: list[str]) -> None:
    assert names(ordered(offered(THREE, mirror("m", city), MAIN, {}), policy)) == expected


@pytest.mark.parametrize("policy", list(SyncPolicy))
def test_what_is_stale_comes_after_all_that_is_not_and_says_why(policy: SyncPolicy) -> None:
    near = source("near", "berlin", mirror="near.example.org")
    found = ordered(offered((near, *THREE), mirror("m", "berlin"), MAIN, {"near.example.org": "it is stale"}), policy)
    assert (names(found)[-1], found[-1].fault) == ("near", "it is stale")
    assert all(each.fault is None for each in found[:-1])


def test_a_source_of_unknown_place_comes_after_those_that_are_known() -> None:
    found = ordered(offered((source("somewhere"), *THREE), mirror("m", "berlin"), MAIN, {}), SyncPolicy.NEAREST)
    assert names(found) == ["paris", "chicago", "tokyo", "somewhere"]
    assert str(found[-1]) == "somewhere (at an unknown distance)"
    assert str(found[0]) == "paris (877 km away)"


def test_a_source_counts_for_the_modules_that_it_has() -> None:
    both = source("both", "tokyo", rsync={MAIN: "rsync://b.example.net/l/", "kitten": "rsync://b.example.net/k/"})
    assert names(offered((*THREE, both), mirror("m", "berlin"), "kitten", {})) == ["both"]


def test_nobody_copies_himself() -> None:
    own = mirror("m", "berlin")
    by_name, by_host = source("a", "berlin", mirror=own.name), source("b", rsync={MAIN: f"rsync://{own.name}/linux/"})
    assert offered((by_name, by_host), own, MAIN, {}) == ()


def test_mirrors_that_may_be_copied_are_live_and_public_and_copy_no_other() -> None:
    good = copied("good", "berlin", sync_source="rsync://rsync.example.net/linux/")
    others = [
        mirror("without-rsync", "berlin"),
        copied("private", "berlin", private=True),
        copied("syncing", "berlin", status=Status.SYNCING),
        copied("retiring", "berlin", status=Status.RETIRING),
        copied("second-by-name", "berlin", sync_source=good.name),
        copied("second-by-address", "berlin", sync_source=f"rsync://{good.name}/linux/"),
    ]
    assert [each.name for each in copied_by_mirrors([good, *others])] == [good.name]
