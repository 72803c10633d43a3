"""What quick looks write, beside the runs of the prober, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from mirrorlist.core.errors import LeadLost
from mirrorlist.core.health.probe_run import HealthChange, RunResult, apply_run
from mirrorlist.core.health.quick_look import AddressFault
from mirrorlist.core.health.verdicts import EventKind, Family, HealthPolicy, Probe, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import MAIN, Protocol
from mirrorlist.store.database import open_database
from mirrorlist.store.health import HealthStore
from mirrorlist.store.leader_election import Leadership, LostLock, take_epoch
from mirrorlist.store.quick_looks import QuickLookStore
from tests.building import NOW

TREE = Subject("m.example.org", MAIN, Protocol.HTTPS, Family.IPV4)
POLICY = HealthPolicy()
DOWN = HealthChange(TREE, False, NOW, ProbeOutcome.CLOSED, "192.0.2.1 port 443")
UP = HealthChange(TREE, True, NOW + 100, ProbeOutcome.GOOD, "")


@pytest.fixture
def engine(url: str, tmp_path: Path) -> Iterator[sa.Engine]:
    found = open_database(tmp_path, url)
    yield found
    found.dispose()


def recorded(engine: sa.Engine, *probes: Probe, before: dict[Subject, Verdict] | None = None) -> RunResult:
    """What a run found is written down, judged from what was known when it began."""
    known = HealthStore(engine).verdicts() if before is None else before
    found = apply_run(known, probes, POLICY, {Family.IPV4: True})
    HealthStore(engine).record(found, known)
    return found


def test_a_turn_is_seen_by_everybody_who_reads_verdicts_events_and_versions(engine: sa.Engine) -> None:
    store, health = QuickLookStore(engine), HealthStore(engine)
    before = health.version(NOW)
    assert store.turn([DOWN], POLICY) == (DOWN,)
    verdict = health.verdicts()[TREE]
    assert (verdict.good_now, verdict.outcome, verdict.detail) == (False, ProbeOutcome.CLOSED, "192.0.2.1 port 443")
    assert health.version(NOW) != before
    assert store.turn([replace(DOWN, at=NOW + 50)], POLICY) == ()
    assert store.turn([UP], POLICY) == (UP,)
    assert store.tree_verdicts()[TREE].good_now
    assert [(event.kind, event.at) for event in health.events()] == [(EventKind.UP, NOW + 100), (EventKind.DOWN, NOW)]


def test_a_turn_keeps_what_only_visits_see(engine: sa.Engine) -> None:
    good = Probe(TREE, NOW - 900, 0.1, ProbeOutcome.GOOD, certificate_days=40)
    recorded(engine, good)
    QuickLookStore(engine).turn([DOWN], POLICY)
    assert HealthStore(engine).verdicts()[TREE].certificate_days == 40


def test_a_tree_that_turned_during_a_run_keeps_the_later_verdict(engine: sa.Engine) -> None:
    recorded(engine, Probe(TREE, NOW - 900, 0.1, ProbeOutcome.GOOD))
    before = HealthStore(engine).verdicts()
    QuickLookStore(engine).turn([DOWN], POLICY)
    recorded(engine, Probe(TREE, NOW - 60, 0.1, ProbeOutcome.GOOD), before=before)
    assert not HealthStore(engine).verdicts()[TREE].good_now
    before = HealthStore(engine).verdicts()
    QuickLookStore(engine).turn([UP], POLICY)
    bad = Probe(TREE, NOW + 20, 0.1, ProbeOutcome.CLOSED)
    recorded(engine, bad, replace(bad, at=NOW + 21), before=before)
    assert HealthStore(engine).verdicts()[TREE].good_now
    for at in (NOW + 200, NOW + 1100):
        recorded(engine, replace(bad, at=at))
    assert not HealthStore(engine).verdicts()[TREE].good_now
    assert [event.at for event in HealthStore(engine).events()] == [NOW + 1100, NOW + 100, NOW]


def test_a_prober_that_leads_no_more_turns_nothing(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        lead = Leadership("probe", take_epoch(connection, "probe", NOW), LostLock())
        take_epoch(connection, "probe", NOW)
    with pytest.raises(LeadLost):
        QuickLookStore(engine, lead).turn([DOWN], POLICY)
    with pytest.raises(LeadLost):
        QuickLookStore(engine, lead).note_faults([])
    assert HealthStore(engine).verdicts() == {}


def test_the_path_of_a_good_repository_is_found_for_each_module_also_at_the_root(engine: sa.Engine) -> None:
    def seen(path: str | None, module: str, outcome: ProbeOutcome = ProbeOutcome.FRESH) -> Probe:
        return Probe(replace(TREE, path=path, module=module), NOW, 0.1, outcome, sha256="a" * 64)

    recorded(
        engine,
        seen("9/B/", MAIN), seen("9/A/", MAIN, ProbeOutcome.WRONG), seen("", "kitten"), seen(None, "images"),
    )  # fmt: skip
    assert QuickLookStore(engine).good_paths() == {(TREE.mirror, MAIN): "9/B/", (TREE.mirror, "kitten"): ""}


def test_the_addresses_that_fail_are_those_that_fail_now(engine: sa.Engine) -> None:
    store = QuickLookStore(engine)
    one = AddressFault(TREE, "192.0.2.1", ProbeOutcome.CLOSED, "port 443", NOW)
    other = AddressFault(replace(TREE, family=Family.IPV6), "2001:db8::1", ProbeOutcome.TIMEOUT, "port 443", NOW + 1)
    store.note_faults([other, one, replace(one, tree=replace(TREE, mirror="another"))])
    assert store.faults(TREE.mirror) == [one, other]
    store.note_faults([other])
    assert store.faults(TREE.mirror) == [other]
    store.note_faults([])
    assert store.faults(TREE.mirror) == store.faults("nobody") == []
