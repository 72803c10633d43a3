"""Which machine a mirror is told to copy."""

from __future__ import annotations

from typing import Any

import pytest

from mirrorlist.core.catalogue.service import SyncPolicy, SyncSource
from mirrorlist.core.health.verdicts import Family, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import MAIN, Location, Mirror, Protocol, Status
from mirrorlist.core.owners.copy_sources import (
    CopyFault,
    CopySeverity,
    Offered,
    copied_by_mirrors,
    copy_fault,
    offered,
    ordered,
    source_fault,
)
from tests.building import CITIES, NOW, mirror


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
    stale = CopyFault(CopySeverity.BEHIND, "it is stale")
    found = ordered(offered((near, *THREE), mirror("m", "berlin"), MAIN, {"near": stale}), policy)
    assert (names(found)[-1], found[-1].fault) == ("near", stale)
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


def verdicts(module: str = MAIN, **outcomes: ProbeOutcome) -> dict[Subject, Verdict]:
    """One verdict for each way that is named; ``content`` is a repository's over https."""
    good = (ProbeOutcome.GOOD, ProbeOutcome.FRESH)
    return {
        Subject("s", module, Protocol("https" if way == "content" else way), Family.IPV4, path): Verdict(
            outcome in good, NOW, outcome, NOW, sha256="a" * 64 if path else None
        )
        for way, outcome in outcomes.items()
        for path in ["9/os/" if way == "content" else None]
    }


GOOD, DOWN = ProbeOutcome.GOOD, ProbeOutcome.CLOSED


@pytest.mark.parametrize(
    ("seen", "of_source", "of_mirror"),
    [
        ({}, None, CopySeverity.UNKNOWN),
        (verdicts("kitten", rsync=DOWN), None, CopySeverity.UNKNOWN),
        (verdicts(rsync=GOOD), None, None),
        (verdicts(rsync=GOOD, https=DOWN), None, None),
        (verdicts(rsync=DOWN, https=GOOD), CopySeverity.DOWN, CopySeverity.DOWN),
        (verdicts(rsync=DOWN, https=GOOD, content=ProbeOutcome.STALE), CopySeverity.DOWN, CopySeverity.DOWN),
        (verdicts(rsync=ProbeOutcome.OUTDATED), CopySeverity.BEHIND, CopySeverity.BEHIND),
        (verdicts(rsync=GOOD, https=GOOD, content=ProbeOutcome.LAGGING), CopySeverity.BEHIND, CopySeverity.BEHIND),
        (verdicts(rsync=GOOD, https=GOOD, content=ProbeOutcome.FRESH), None, None),
    ],
)
def test_what_the_prober_saw_speaks_against_a_source_and_against_a_mirror(
    seen: dict[Subject, Verdict], of_source: CopySeverity | None, of_mirror: CopySeverity | None
) -> None:
    found = source_fault(seen, MAIN), copy_fault(seen, MAIN)
    assert tuple(fault and fault.severity for fault in found) == (of_source, of_mirror)
