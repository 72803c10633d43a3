""""""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mirrorlist.core.catalogue.policy import Policy, QuotaShare
from mirrorlist.core.health.columns import HealthTable, SyncState
from mirrorlist.core.model import Checksummed, RepoMetadata
from mirrorlist.core.statistics import given_label
from mirrorlist.publishing.transition import carried_health, carried_metadata, quotas_now
from mirrorlist.store.count_files import GIVEN, CountFiles
from tests.building import CATALOGUE, NOW, mirror

A, B, C, D = (mirror(name, "berlin") for name in "abcd")
PATH, OTHER = "9.8/BaseOS/x86_64/os/", "9.8/AppStream/x86_64/os/"
OLD, NEW = (RepoMetadata(PATH, Checksummed(1, 2, mark * 64, mark * 128), NOW) for mark in "ab")


def test_health_follows_its_mirrors_whatever_their_numbers_are() -> None:
    former = HealthTable(
        {PATH: bytes([SyncState.FRESH, SyncState.STALE, SyncState.WRONG])},
        {"main/https/ipv4": bytes([0, 1, 0])},
        (0, 1),
    )
    assert carried_health(former, (A, B, C), (D, C, B)) == HealthTable(
        {PATH: bytes([SyncState.UNKNOWN, SyncState.WRONG, SyncState.STALE])},
        {"main/https/ipv4": bytes([0, 0, 1])},
        (2,),
    )
    assert carried_health(former, (A, B, C), ()) == HealthTable({PATH: b""}, {"main/https/ipv4": b""}, ())


def test_what_is_found_wins_and_what_is_not_published_any_more_goes() -> None:
    gone = "7/BaseOS/x86_64/os/"
    other = RepoMetadata(OTHER, OLD.current, NOW)
    assert carried_metadata({PATH: NEW}, {PATH: OLD, OTHER: other, gone: OLD}, CATALOGUE) == {PATH: NEW, OTHER: other}
    assert carried_metadata({}, {}, CATALOGUE) == {}


def at(day: int, hour: int = 0) -> float:
    return datetime(2026, 11, day, hour, tzinfo=UTC).timestamp()


def counted(directory: Path, day: int, **answers: int) -> None:
    """What two machines answered on a day to clients of two countries."""
    for country in ("DE", "FR"):
        sums = {given_label(country, f"{name}.example.org"): times for name, times in answers.items()}
        CountFiles(directory).add({GIVEN: sums}, at(day, 1))


def test_quotas_follow_from_the_answers_of_the_month_until_now(tmp_path: Path) -> None:
    held, others = replace(A, tib_per_month=30.0), (B, replace(C, private=True, tib_per_month=1.0))
    policy = Policy(tib_per_month=300.0)
    for day in (1, 2):
        counted(tmp_path, day, a=40, b=60)

    def now(day: int, hour: int, former: dict[str, QuotaShare]) -> dict[str, QuotaShare]:
        return quotas_now(CountFiles(tmp_path), (held, *others), policy, former, at(day, hour))

    dawn = now(3, 0, {})
    assert dawn.keys() == {"a.example.org"}, "a private mirror is held to nothing"
    assert dawn["a.example.org"].carried_tib == pytest.approx(2 * 10 * 0.4)
    assert dawn["a.example.org"].share == pytest.approx((30 - 8) / (28 * 10))
    assert dawn["a.example.org"].part == pytest.approx(dawn["a.example.org"].share / 0.4)
    counted(tmp_path, 3, a=10, b=90)
    noon = now(3, 12, dawn)["a.example.org"]
    assert noon.carried_tib == pytest.approx(8 + 0.5 * 10 * 0.1)
    assert (noon.part, noon.used_up) == (dawn["a.example.org"].part, False)
    assert now(3, 23, {"a.example.org": noon})["a.example.org"].used_up, "a tenth is more than its part"
    assert quotas_now(CountFiles(tmp_path), (held, *others), Policy(), dawn, at(4)) == {}
    assert quotas_now(CountFiles(tmp_path), others, policy, dawn, at(4)) == {}
