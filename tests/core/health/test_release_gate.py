"""A new minor is taken up once enough mirrors have it, for all repositories together, and not given up again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import pytest

from mirrorlist.core.catalogue.catalogue import Catalogue, PendingRelease, target
from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.errors import NotFound
from mirrorlist.core.health.columns import HealthTable, SyncState, reach_key
from mirrorlist.core.health.release_gate import ReleaseObservations, Releases, releases
from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.model import MAIN, WEB_PROTOCOLS, Mirror, Protocol, Repository, Status
from tests.building import mirror

CATALOGUE = Catalogue(
    versions=("9", "9.7", "9.8"),
    latest={"9": "9.8"},
    arches={"9": ("x86_64", "s390x")},
    repositories={
        "baseos": Repository("baseos", "BaseOS/$basearch/os/"),
        "extras": Repository("extras", "extras/$basearch/os/", versions=("9.8",)),
        "new": Repository("new", "New/$basearch/os/", versions=("9.8",)),
        "sources": Repository("sources", "source/", vault=True),
    },
    vault_urls=("https://vault.example.org/",),
)
IN_VAULT = replace(CATALOGUE, versions=("9", "9.8"), vault_versions=("9.7",))
F, L, U, S, G = SyncState.FRESH, SyncState.LAGGING, SyncState.UNKNOWN, SyncState.STALE, SyncState.GRACE


def path(version: str, repository: str = "BaseOS", arch: str = "x86_64") -> str:
    return f"{version}/{repository}/{arch}/os/"


def columns(count: int, have: int, repository: str = "BaseOS", arch: str = "x86_64") -> dict[str, bytes]:
    """So many mirrors carry 9.7, of which the first ones have 9.8."""
    new = bytes([F] * have + [SyncState.MISSING] * (count - have))
    return {path("9.7", repository, arch): bytes([F] * count), path("9.8", repository, arch): new}


def decided(
    holds: Mapping[str, bytes],
    count: int,
    catalogue: Catalogue = CATALOGUE,
    meant: Mapping[str, str] | None = None,
    percent: int = 30,
    mirrors: list[Mirror] | None = None,
    published: Collection[str] | None = None,
    **table: object,
) -> Releases:
    seen = ReleaseObservations(
        mirrors or [mirror(f"m{number}") for number in range(count)],
        HealthTable(dict(holds), **table),  # type: ignore[arg-type]
        holds.keys() if published is None else published,
    )
    return releases(catalogue, {"9": "9.7"} if meant is None else meant, seen, Policy(release_minimum_percent=percent))


def means(found: Releases) -> str:
    return target(found.catalogue, "9", "baseos").path


@pytest.mark.parametrize(
    ("count", "have", "needed"),
    [
        (20, 5, 6),
        (20, 6, None),
        (100, 29, 30),
        (100, 30, None),
        (400, 119, 120),
        (10, 4, 5),
        (10, 5, None),
        (3, 2, 3),
        (3, 3, None),
    ],
)
def test_a_major_waits_for_thirty_percent_and_at_least_five(count: int, have: int, needed: int | None) -> None:
    found = decided(columns(count, have), count)
    assert means(found) == f"{'9.7' if needed else '9.8'}/BaseOS/$basearch/os/"
    assert found.waiting == ((PendingRelease("9", "9.7", "9.8", needed, have),) if needed else ())


def test_it_is_told_in_a_sentence() -> None:
    assert [str(each) for each in decided(columns(10, 3), 10).waiting] == [
        "9 means 9.7 until 5 mirrors have 9.8; 3 have it"
    ]
    rare = columns(20, 20) | columns(20, 0, arch="s390x")
    assert (
        str(PendingRelease("9", "9.7", "9.8", 6, 1, "s390x"))
        == "9 means 9.7 until 6 mirrors have 9.8 for s390x; 1 has it"
    )
    assert decided(rare, 20).waiting[0].needed == 6


def test_with_no_health_at_all_nothing_waits() -> None:
    assert decided({}, 20) == Releases(CATALOGUE)
    assert means(decided({path("9.8"): bytes([F] * 2 + [SyncState.MISSING] * 18)}, 20)).startswith("9.8/")
    unknown = {path("9.7"): bytes([U] * 20), path("9.8"): bytes([U] * 20)}
    assert means(decided(unknown, 20)).startswith("9.8/")


def test_before_the_origin_was_asked_for_the_new_minor_the_former_one_stays() -> None:
    found = decided({path("9.7"): bytes([F] * 20)}, 20)
    assert (means(found), found.waiting[0].have) == ("9.7/BaseOS/$basearch/os/", 0)


def test_what_was_taken_up_is_not_given_up_whatever_becomes_of_the_mirrors() -> None:
    assert decided(columns(20, 0), 20, meant={"9": "9.8"}) == Releases(CATALOGUE)


def test_the_operator_may_go_back_and_forward_again() -> None:
    back = replace(CATALOGUE, latest={"9": "9.7"})
    assert decided(columns(20, 20), 20, back, meant={"9": "9.8"}) == Releases(back)
    assert decided(columns(20, 0), 20, meant={"9": "9.7"}).waiting != ()


def test_nothing_waits_where_the_operator_does_not_want_it() -> None:
    assert decided(columns(20, 0), 20, percent=0) == Releases(CATALOGUE)


def test_where_nobody_knows_what_a_major_meant_the_minor_before_it_counts() -> None:
    assert means(decided(columns(20, 0), 20, meant={})).startswith("9.7/")
    assert means(decided(columns(20, 0), 20, IN_VAULT, meant={})).startswith("9.8/")
    ten = replace(CATALOGUE, versions=("9", "9.9", "9.10", "9.8"), latest={"9": "9.10"})
    holds = {path("9.9"): bytes([F] * 20), path("9.8"): bytes([F] * 20)}
    assert means(decided(holds, 20, ten, meant={})).startswith("9.9/")


def test_a_minor_of_another_major_is_not_the_one_before() -> None:
    two = replace(CATALOGUE, versions=("9.8", "10.2"), latest={"9": "9.8", "10": "10.2"})
    holds = {path("9.8"): bytes([SyncState.MISSING] * 20), path("10.2"): bytes([F] * 20)}
    assert decided(holds, 20, two, meant={}).waiting == ()


def test_a_former_minor_that_went_to_the_vault_is_still_the_mirrors_for_the_major() -> None:
    found = decided(columns(20, 0), 20, IN_VAULT).catalogue
    assert not target(found, "9", "baseos").vault
    assert target(found, "9.7", "baseos").vault
    assert target(found, "9.8", "baseos").path == "9.8/BaseOS/$basearch/os/"
    assert target(found, "9.9", "baseos").path == "9.7/BaseOS/$basearch/os/"


def test_all_repositories_move_together() -> None:
    late = columns(20, 20) | columns(20, 2, "extras")
    found = decided(late, 20)
    assert found.waiting == (PendingRelease("9", "9.7", "9.8", 6, 2),)
    assert means(found).startswith("9.7/")
    assert target(found.catalogue, "9", "extras").path == "9.7/extras/$basearch/os/"


def test_a_repository_that_is_new_appears_with_the_release() -> None:
    waiting = decided(columns(20, 2) | {path("9.8", "New"): bytes(20)}, 20).catalogue
    with pytest.raises(NotFound):
        target(waiting, "9", "new")
    assert target(waiting, "9.8", "new").path == "9.8/New/$basearch/os/"


def test_a_rare_arch_waits_for_its_own_share_and_does_not_hold_up_the_rest_for_ever() -> None:
    def rare(have: int) -> Releases:
        holds = columns(20, 20)
        holds[path("9.7", arch="s390x")] = bytes([F] * 4 + [SyncState.MISSING] * 16)
        holds[path("9.8", arch="s390x")] = bytes([F] * have + [SyncState.MISSING] * (20 - have))
        return decided(holds, 20)

    assert rare(1).waiting == (PendingRelease("9", "9.7", "9.8", 2, 1, "s390x"),)
    assert rare(2).waiting == ()


@pytest.mark.parametrize(("held", "counts"), [(F, True), (G, True), (L, False), (S, False), (U, False)])
def test_only_who_has_the_newest_counts_as_having_it(held: SyncState, counts: bool) -> None:
    holds = {path("9.7"): bytes([F] * 10), path("9.8"): bytes([held] * 5 + [SyncState.MISSING] * 5)}
    assert (decided(holds, 10).waiting == ()) is counts


def test_mirrors_that_strangers_do_not_get_count_on_neither_side() -> None:
    others = [
        mirror("private", private=True, subnets=("192.0.2.0/24",)),
        mirror("paused", status=Status.PAUSED),
        mirror("kitten", urls={"kitten": {Protocol.HTTPS: "https://kitten.example.org/"}}),
        mirror("out"),
        mirror("dead"),
    ]
    fine = [mirror(f"m{number}") for number in range(10)]
    dead = bytes([0, 0, 0, 0, 1] + [0] * 10)
    table = {
        "bad_reach": {reach_key(MAIN, protocol, family): dead for protocol in WEB_PROTOCOLS for family in Family},
        "out": (3,),
    }
    for others_have in (F, SyncState.MISSING):
        for have in (4, 5):
            new = bytes([others_have] * 5 + [F] * have + [SyncState.MISSING] * (10 - have))
            holds = {path("9.7"): bytes([F] * 15), path("9.8"): new}
            found = decided(holds, 15, mirrors=others + fine, **table)
            assert found.waiting == (() if have == 5 else (PendingRelease("9", "9.7", "9.8", 5, 4),))


def test_a_major_that_is_a_directory_of_its_own_has_nothing_to_wait_for() -> None:
    own = replace(CATALOGUE, repositories={"baseos": Repository("baseos", "/everything/$basearch/")})
    holds = {"everything/x86_64/": bytes([S] * 20)}
    assert decided(holds, 20, own).waiting == ()
    assert decided(columns(20, 0), 20, replace(CATALOGUE, latest={})).waiting == ()


def test_what_the_origin_does_not_publish_any_more_is_not_waited_for() -> None:
    holds = columns(20, 20) | {path("9.7", "extras"): bytes([F] * 20)}
    assert decided(holds, 20).waiting == ()
