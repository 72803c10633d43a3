from __future__ import annotations

from pathlib import Path

import pytest

from mirrorlist.core.health.history import DAY, Sighting
from mirrorlist.core.health.probe_run import HealthChange, RunResult
from mirrorlist.core.health.verdicts import EventKind, Family, Override, Probe, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import Protocol
from mirrorlist.core.public.record import PROBES_OF_ONE
from mirrorlist.core.public.types import PublicRun
from mirrorlist.store.database import open_database
from mirrorlist.store.health import HealthStore, Run
from mirrorlist.store.history import RECENT_SECONDS, HistoryStore

NOW = 1_795_000_000.0
TREE = Subject("a.example.org", "main", Protocol.HTTPS, Family.IPV4)
REPOSITORY = Subject("a.example.org", "main", Protocol.HTTPS, Family.IPV4, "9.8/BaseOS/x86_64/os/")


@pytest.fixture
def stores(tmp_path: Path) -> tuple[HealthStore, HistoryStore]:
    engine = open_database(tmp_path)
    return HealthStore(engine), HistoryStore(engine)


def note(store: HealthStore, *probes: Probe, changes: tuple[HealthChange, ...] = ()) -> None:
    verdicts = {probe.subject: Verdict(True, probe.at, probe.outcome, probe.at) for probe in probes}
    store.record(RunResult(verdicts, changes, probes), {})


def test_an_empty_database_has_an_empty_history(stores: tuple[HealthStore, HistoryStore]) -> None:
    found = stores[1].history(NOW)
    assert (found.events, found.probes, found.sightings, found.runs) == ({}, {}, {}, ())
    assert stores[1].version() == 0


def test_probes_are_the_recent_ones_newest_first(stores: tuple[HealthStore, HistoryStore]) -> None:
    health, history = stores
    probes = [Probe(TREE, NOW - minute * 60, 0.1, ProbeOutcome.GOOD) for minute in range(PROBES_OF_ONE + 5)]
    old = Probe(TREE, NOW - RECENT_SECONDS - 1, 0.1, ProbeOutcome.TIMEOUT)
    note(health, *reversed(probes), old)
    assert history.history(NOW).probes["a.example.org"] == probes[:PROBES_OF_ONE]
    assert history.history(NOW).first_seen["a.example.org"] == old.at


def test_sightings_are_read_on(stores: tuple[HealthStore, HistoryStore]) -> None:
    health, history = stores
    first = Probe(REPOSITORY, NOW - 2 * DAY, 0.1, ProbeOutcome.FRESH, sha256="a" * 64)
    note(health, first)
    assert history.history(NOW).sightings == {
        "a.example.org": [Sighting("9.8/BaseOS/x86_64/os/", NOW - 2 * DAY, "a" * 64)]
    }
    note(health, Probe(REPOSITORY, NOW - DAY, 0.1, ProbeOutcome.FRESH, sha256="b" * 64))
    assert [each.sha256[0] for each in history.history(NOW).sightings["a.example.org"]] == ["a", "b"]


def test_of_what_is_over_the_last_sighting_stays(stores: tuple[HealthStore, HistoryStore]) -> None:
    health, history = stores
    for days, digit in ((29, "a"), (28, "b"), (1, "c")):
        note(health, Probe(REPOSITORY, NOW - days * DAY, 0.1, ProbeOutcome.FRESH, sha256=digit * 64))
    history.history(NOW)
    later = history.history(NOW + 5 * DAY)
    assert [each.sha256[0] for each in later.sightings["a.example.org"]] == ["b", "c"]


def test_events_are_those_of_each_mirror(stores: tuple[HealthStore, HistoryStore]) -> None:
    health, history = stores
    note(health, changes=(HealthChange(TREE, False, NOW - 90, ProbeOutcome.TIMEOUT, "no answer"),))
    health.override(Override("b.example.org", "disks", "boss", NOW - 60, NOW + 60))
    found = history.history(NOW).events
    assert [(event.kind, event.why) for event in found["a.example.org"]] == [(EventKind.DOWN, "too slow: no answer")]
    assert [(event.kind, event.subject) for event in found["b.example.org"]] == [(EventKind.OVERRIDDEN, None)]


def test_runs_are_told_and_the_version_grows_with_them(stores: tuple[HealthStore, HistoryStore]) -> None:
    health, history = stores
    number = health.begin_run(NOW)
    assert history.version() == 0
    health.end_run(Run(number, NOW, 84.0, 530, 21_000, (Family.IPV6,)))
    assert history.version() == number
    assert history.history(NOW).runs == (
        PublicRun(number=number, started_at=NOW, seconds=84.0, mirrors=530, requests=21_000, kept=(Family.IPV6,)),
    )


def test_the_same_content_seen_again_is_one_sighting(stores: tuple[HealthStore, HistoryStore]) -> None:
    health, history = stores
    for minute, digit in ((90, "a"), (75, "a"), (60, "a"), (45, "b"), (30, "a")):
        note(health, Probe(REPOSITORY, NOW - minute * 60, 0.1, ProbeOutcome.STALE, sha256=digit * 64))
    found = history.history(NOW).sightings["a.example.org"]
    assert [(NOW - each.at) / 60 for each in found] == [90, 45, 30]


def test_a_new_mirror_is_seen_for_the_first_time(stores: tuple[HealthStore, HistoryStore]) -> None:
    health, history = stores
    note(health, Probe(TREE, NOW - 600, 0.1, ProbeOutcome.GOOD))
    assert history.history(NOW).first_seen == {"a.example.org": NOW - 600}
    other = Subject("b.example.org", "main", Protocol.HTTPS, Family.IPV4)
    note(health, Probe(other, NOW + 60, 0.1, ProbeOutcome.GOOD), Probe(other, NOW + 120, 0.1, ProbeOutcome.GOOD))
    assert history.history(NOW + 180).first_seen == {"a.example.org": NOW - 600, "b.example.org": NOW + 60}


def test_what_happened_to_repositories_is_told_for_a_week(stores: tuple[HealthStore, HistoryStore]) -> None:
    health, history = stores
    changes = tuple(
        HealthChange(subject, False, NOW - days * DAY, ProbeOutcome.STALE, "")
        for subject in (TREE, REPOSITORY)
        for days in (2, 20)
    )
    note(health, changes=changes)
    found = [(event.subject and event.subject.spelled, round((NOW - event.at) / DAY)) for event in
             history.history(NOW).events["a.example.org"]]  # fmt: skip
    assert sorted(found) == [("", 2), ("", 20), (REPOSITORY.path, 2)]
