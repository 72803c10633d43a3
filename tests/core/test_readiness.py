"""Readiness of a generation: its age, clocks, checks and the origin."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mirrorlist.core.model import Status
from mirrorlist.core.public.types import MirrorState, PublicMirror, PublicNetwork
from mirrorlist.core.readiness import OLD_SECONDS, Readiness, readiness
from tests.building import NOW, mirror, snapshot

FACTS = replace(snapshot([mirror("a", "berlin")]).facts, built_at=NOW)


def network(state: MirrorState = MirrorState.UP, checked_at: float | None = NOW, **fields: object) -> PublicNetwork:
    shown = PublicMirror(name="a", state=state, status=next(iter(Status)), urls={}, checked_at=checked_at)
    return PublicNetwork(mirrors=(shown,), **fields)  # type: ignore[arg-type]


def test_a_young_generation_whose_mirrors_were_checked_is_ready() -> None:
    found = readiness(FACTS, network(), NOW + OLD_SECONDS)
    assert (found.status, found.reasons, found.age_seconds) == (Readiness.READY, (), OLD_SECONDS)
    assert found.generation == FACTS.generation


@pytest.mark.parametrize(
    ("seconds", "shown", "reason"),
    [
        (3700, network(), "the generation is 1.0 hours old: the publisher stopped or cannot compile"),
        (365 * 86_400, network(), "the generation is 365 days old"),
        (-365 * 86_400, network(), "this machine's clock is 365 days behind the publisher's: set the clock"),
        (0, network(checked_at=NOW - 7 * 3600), "no mirror was checked for 7.0 hours: the prober stopped"),
        (0, network(MirrorState.DOWN), "no public mirror is usable"),
        (0, network(origin_faults=("repomd.xml is empty",)), "the origin is at fault: repomd.xml is empty"),
    ],
)
def test_what_is_wrong_is_told_and_degrades(seconds: float, shown: PublicNetwork, reason: str) -> None:
    found = readiness(FACTS, shown, NOW + seconds)
    assert found.status is Readiness.DEGRADED
    [told] = found.reasons
    assert told.startswith(reason)


def test_a_clock_that_is_a_little_behind_and_a_network_never_checked_are_no_faults() -> None:
    assert readiness(FACTS, network(checked_at=None), NOW - 200).status is Readiness.READY
    assert readiness(FACTS, PublicNetwork(), NOW).status is Readiness.READY


def test_refused_mirror_files_degrade() -> None:
    behind = replace(FACTS, behind="no mirror is left")
    assert readiness(behind, network(), NOW).reasons == ("the newest mirror files are not in use: no mirror is left",)
