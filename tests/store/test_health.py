"""The health of mirrors in the database, and which prober leads."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from mirrorlist.core.health.probe_run import RunResult, apply_run
from mirrorlist.core.health.verdicts import (
    Event,
    EventKind,
    Family,
    HealthPolicy,
    Override,
    Probe,
    ProbeOutcome,
    Subject,
    Verdict,
)
from mirrorlist.core.model import MAIN, Protocol
from mirrorlist.store.health import KEPT_SECONDS, HealthStore, Run
from tests.building import NOW

TREE = Subject("a.example.org", MAIN, Protocol.HTTPS, Family.IPV4)
REPOSITORY = replace(TREE, path="9.8/BaseOS/x86_64/os/")
OTHER = replace(TREE, mirror="b.example.org", family=Family.IPV6)
GOOD = {Family.IPV4: True, Family.IPV6: True}


@pytest.fixture
def store(engine: sa.Engine) -> HealthStore:
    return HealthStore(engine)


def probe(subject: Subject, outcome: ProbeOutcome, at: float = NOW, sha256: str | None = None) -> Probe:
    return Probe(subject, at, 0.25, outcome, "told", sha256)


def run(store: HealthStore, *probes: Probe) -> bool:
    """Records the outcome of a run; whether it mattered."""
    before = store.verdicts()
    return store.record(apply_run(before, probes, HealthPolicy(), GOOD), before)


def test_verdicts_come_back_as_they_were(store: HealthStore) -> None:
    whole = Verdict(False, 1.5, ProbeOutcome.STALE, 2.5, "told", 3, 0, 2, 9.5, "a" * 64, 1.25)
    root = replace(TREE, path="")  # a repository at the root is not the tree
    known = {TREE: Verdict(True, 1.0, ProbeOutcome.GOOD, 2.0), REPOSITORY: whole, OTHER: whole, root: whole}
    store.record(RunResult(known, (), ()), {})
    assert store.verdicts() == known
    assert store.verdicts(OTHER.mirror) == {OTHER: whole}


def test_a_later_verdict_replaces_the_former(store: HealthStore) -> None:
    for number, outcome in enumerate((ProbeOutcome.FRESH, ProbeOutcome.STALE, ProbeOutcome.STALE)):
        run(store, probe(REPOSITORY, outcome, NOW + number))
    found = store.verdicts()[REPOSITORY]
    assert (found.good_now, found.since, found.outcome, found.bad) == (False, NOW + 2, ProbeOutcome.STALE, 2)


@pytest.mark.slow
def test_many_verdicts_are_written_at_once(store: HealthStore) -> None:
    known = {replace(TREE, path=f"{number}/"): Verdict(True, 1.0, ProbeOutcome.FRESH, 2.0) for number in range(2500)}
    store.record(RunResult(known, (), ()), {})
    assert store.verdicts() == known


def test_what_is_not_followed_any_more_is_forgotten(store: HealthStore) -> None:
    run(store, probe(TREE, ProbeOutcome.GOOD), probe(REPOSITORY, ProbeOutcome.FRESH))
    before = store.verdicts()
    assert store.record(RunResult({}, (), ()), before, {REPOSITORY, OTHER})
    assert list(store.verdicts()) == [TREE]


def test_the_version_changes_with_what_matters_only(store: HealthStore) -> None:
    seen = [store.version(NOW)]
    for number, (outcome, sha256) in enumerate(
        [
            (ProbeOutcome.FRESH, "a" * 64),
            (ProbeOutcome.FRESH, "a" * 64),
            (ProbeOutcome.FRESH, "b" * 64),
            (ProbeOutcome.STALE, None),
            (ProbeOutcome.STALE, None),
            (ProbeOutcome.STALE, None),
        ]
    ):
        run(store, probe(REPOSITORY, outcome, NOW + number, sha256))
        seen.append(store.version(NOW))
    assert [number for number, *_ in seen] == [0, 1, 1, 2, 3, 4, 4]


def test_kept_probes_are_told_the_newest_first(store: HealthStore) -> None:
    run(store, probe(TREE, ProbeOutcome.GOOD, NOW), probe(OTHER, ProbeOutcome.TIMEOUT, NOW))
    run(store, probe(TREE, ProbeOutcome.TIMEOUT, NOW + 900))
    assert store.probes(TREE.mirror) == [
        probe(TREE, ProbeOutcome.TIMEOUT, NOW + 900),
        probe(TREE, ProbeOutcome.GOOD, NOW),
    ]
    assert store.probes(TREE.mirror, since=NOW + 1) == [probe(TREE, ProbeOutcome.TIMEOUT, NOW + 900)]


def test_ups_and_downs_are_events_with_their_reason(store: HealthStore) -> None:
    for number, outcome in enumerate(
        (ProbeOutcome.GOOD, ProbeOutcome.CERTIFICATE, ProbeOutcome.GOOD, ProbeOutcome.GOOD)
    ):
        run(store, probe(TREE, outcome, NOW + number))
    assert store.events(TREE.mirror) == [
        Event(TREE.mirror, EventKind.UP, NOW + 3, "reachable: told", TREE),
        Event(TREE.mirror, EventKind.DOWN, NOW + 1, "bad certificate: told", TREE),
    ]
    assert store.events(OTHER.mirror) == []
    assert len(store.events(limit=1)) == 1


OVERRIDE = Override("a.example.org", "disk replaced", "ada", NOW, NOW + 3600)


def test_an_override_is_in_force_until_it_ends(store: HealthStore) -> None:
    store.override(OVERRIDE)
    assert store.overrides(NOW) == {"a.example.org": OVERRIDE}
    assert store.overrides(NOW + 3600) == {}
    assert store.version(NOW + 3599) != store.version(NOW + 3600)


def test_an_override_is_replaced_by_a_later_one_and_cleared(store: HealthStore) -> None:
    versions = [store.version(NOW)]
    store.override(OVERRIDE)
    versions.append(store.version(NOW))
    longer = replace(OVERRIDE, until=NOW + 7200, reason="still")
    store.override(longer)
    versions.append(store.version(NOW))
    assert store.overrides(NOW) == {"a.example.org": longer}
    assert store.clear_override("a.example.org", "grace", NOW + 60)
    versions.append(store.version(NOW))
    assert not store.clear_override("a.example.org", "grace", NOW + 60)
    assert store.overrides(NOW) == {}
    assert len(set(versions)) == 4
    assert [(event.kind, event.why, event.author) for event in store.events("a.example.org")] == [
        (EventKind.CLEARED, "the override was cleared", "grace"),
        (EventKind.OVERRIDDEN, "still", "ada"),
        (EventKind.OVERRIDDEN, "disk replaced", "ada"),
    ]


def test_runs_are_numbered_one_after_the_other(store: HealthStore) -> None:
    assert store.last_run() is None
    first, second = store.begin_run(NOW), store.begin_run(NOW + 900)
    assert second == first + 1
    done = Run(first, NOW, 12.5, 530, 9000, (Family.IPV6,))
    store.end_run(done)
    assert store.last_run() == done


def test_numbers_go_on_after_old_runs_are_forgotten(store: HealthStore) -> None:
    first = store.begin_run(NOW)
    second = store.begin_run(NOW + 2 * KEPT_SECONDS)
    store.prune(NOW + 2.5 * KEPT_SECONDS)
    assert store.begin_run(NOW + 2.5 * KEPT_SECONDS) == second + 1 == first + 2


@pytest.mark.parametrize("jump", [12 * 86400.0, 365 * 86400.0, 100 * 365 * 86400.0, -365 * 86400.0])
def test_a_clock_that_jumps_and_comes_back_costs_nothing(store: HealthStore, jump: float) -> None:
    run(store, probe(TREE, ProbeOutcome.CERTIFICATE, NOW))
    store.begin_run(NOW)
    store.override(OVERRIDE)
    before = store.overrides(NOW), store.events(TREE.mirror), store.probes(TREE.mirror), store.verdicts()
    for hours in range(20):
        store.begin_run(NOW + jump + 3600 * hours)
        store.prune(NOW + jump + 3600 * hours)
    assert (store.overrides(NOW), store.events(TREE.mirror), store.probes(TREE.mirror), store.verdicts()) == before


def test_thirty_days_are_kept(store: HealthStore) -> None:
    run(store, probe(TREE, ProbeOutcome.CERTIFICATE, NOW), probe(OTHER, ProbeOutcome.CERTIFICATE, NOW + 10))
    store.override(OVERRIDE)
    before = store.version(NOW)
    store.begin_run(NOW + KEPT_SECONDS / 2)
    store.prune(NOW + KEPT_SECONDS + 5)
    assert list(store.verdicts()) == [OTHER]
    assert store.probes(TREE.mirror) == []
    assert store.events(TREE.mirror) == []
    assert len(store.probes(OTHER.mirror)) == len(store.events(OTHER.mirror)) == 1
    assert store.version(NOW)[0] == before[0] + 1
