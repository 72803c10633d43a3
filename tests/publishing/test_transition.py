""""""

from __future__ import annotations

from mirrorlist.core.health.columns import HealthTable, SyncState
from mirrorlist.core.model import Checksummed, RepoMetadata
from mirrorlist.publishing.transition import carried_health, carried_metadata
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
