"""A publisher's questions to a database that goes and comes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from mirrorlist.core.health.columns import HealthTable
from mirrorlist.core.health.probe_run import RunResult
from mirrorlist.core.health.verdicts import EventKind, Override, ProbeOutcome, Verdict
from mirrorlist.core.model import Checksummed, RepoMetadata
from mirrorlist.store.database import FILE_NAME, open_database
from mirrorlist.store.health import HealthStore
from mirrorlist.store.history import AUTHOR, OVERRIDE_SECONDS, restore
from mirrorlist.store.metadata import MetadataStore
from mirrorlist.store.records import LONGEST_PAUSE, Records
from tests.building import NOW, mirror, snapshot
from tests.store.test_health import OVERRIDE, TREE
from tests.store.test_leader_election import Clock
from tests.store.test_metadata import OTHER, PATH, A, B, C


class Site:
    """A database that a test takes away, and the records of a publisher."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / FILE_NAME
        self.clock = Clock()
        self.opened = 0
        self.records = Records(lambda: self._open(directory), self.clock)

    def _open(self, directory: Path) -> sa.Engine:
        self.opened += 1
        return open_database(directory)

    def away(self) -> None:
        """As if its disk were gone: what stands under its name is no database."""
        for path in self.file.parent.glob(f"{FILE_NAME}*"):
            path.rename(path.with_name(f"kept.{path.name}"))
        self.file.write_bytes(b"garbage" * 1000)

    def back(self) -> None:
        self.file.unlink()
        for path in self.file.parent.glob("kept.*"):
            path.rename(path.with_name(path.name.removeprefix("kept.")))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.records.close()


def fill(directory: Path) -> None:
    engine = open_database(directory)
    MetadataStore(engine).record(PATH, A, NOW)
    HealthStore(engine).record(RunResult({TREE: Verdict(True, 1.0, ProbeOutcome.GOOD, 2.0)}, (), ()), {})
    HealthStore(engine).override(OVERRIDE)


def test_last_answers_stay_while_the_database_is_away(site: Site, tmp_path: Path) -> None:
    fill(tmp_path)
    said, version = site.records.read(NOW), site.records.version(NOW)
    assert said is not None
    assert (list(said.changes), list(said.verdicts), list(said.overrides)) == ([PATH], [TREE], [OVERRIDE.mirror])
    site.away()
    assert site.records.read(NOW) == said
    assert site.records.version(NOW) == version
    ended = site.records.read(OVERRIDE.until + 1)
    assert ended == replace(said, overrides={})
    assert site.records.begin(b"key", 4, NOW) is None


def test_one_that_was_always_away_says_nothing(site: Site) -> None:
    site.file.write_bytes(b"garbage" * 1000)
    assert site.records.read(NOW) is None
    assert site.records.version(NOW) == (None, None)


def test_each_change_is_told_once_and_asking_pauses_for_longer_and_longer(site: Site, tmp_path: Path) -> None:
    fill(tmp_path)
    with capture_logs() as logs:
        site.records.version(NOW)
        site.away()
        for second in range(1000):
            site.clock.now = float(second)
            site.records.version(NOW)
        site.back()
        asked = site.opened
        while site.records.version(NOW)[0] is None or site.opened == asked:  # type: ignore[index]
            site.clock.now += 1
        site.records.version(NOW)
    assert [each["event"] for each in logs] == [
        "the database is away, its last answers stay current",
        "the database answers again",
    ]
    assert "file is not a database; restore it from a backup, or move it away" in logs[0]["reason"]
    assert asked <= 7 + 1000 / LONGEST_PAUSE
    assert site.clock.now <= 1000 + LONGEST_PAUSE


def test_what_changed_meanwhile_is_seen_when_it_is_back(site: Site, tmp_path: Path) -> None:
    fill(tmp_path)
    before = site.records.version(NOW)
    site.away()
    assert site.records.version(NOW) == before
    site.back()
    MetadataStore(open_database(tmp_path)).record(PATH, B, NOW)
    site.clock.now += LONGEST_PAUSE
    assert site.records.version(NOW) != before


def test_a_database_that_was_replaced_under_its_name_is_the_one_that_is_asked(site: Site, tmp_path: Path) -> None:
    fill(tmp_path)
    site.records.read(NOW)
    for path in tmp_path.glob(f"{FILE_NAME}*"):
        path.unlink()
    MetadataStore(open_database(tmp_path)).record(OTHER, B, NOW)
    site.clock.now += LONGEST_PAUSE
    said = site.records.read(NOW)
    assert said is not None
    assert (list(said.changes), said.overrides) == ([OTHER], {})


FACTS = replace(
    snapshot([mirror("a", "berlin"), mirror("b", "tokyo")]).facts,
    metadata={PATH: RepoMetadata(PATH, C, NOW - 60, (B, A)), OTHER: RepoMetadata(OTHER, A, NOW - 90)},
    health=HealthTable(out=(1,)),
)


def test_a_new_database_learns_what_the_last_snapshot_knows(engine: sa.Engine) -> None:
    assert restore(engine, FACTS, NOW)
    found = MetadataStore(engine).changes()
    versions: dict[str, list[Checksummed]] = {path: [each.version for each in found[path]] for path in found}
    assert versions == {PATH: [A, B, C], OTHER: [A]}
    assert {each.seen_at for each in found[PATH]} == {NOW - 60}
    assert HealthStore(engine).overrides(NOW) == {
        "b.example.org": Override(
            "b.example.org", "taken out before the database was lost; say again why and for how long, or --clear it",
            AUTHOR, NOW, NOW + OVERRIDE_SECONDS,
        )
    }  # fmt: skip
    assert not restore(engine, FACTS, NOW)
    assert len(MetadataStore(engine).changes()[PATH]) == 3


def test_a_database_with_a_history_of_its_own_learns_nothing(engine: sa.Engine) -> None:
    HealthStore(engine).override(OVERRIDE)
    HealthStore(engine).clear_override(OVERRIDE.mirror, "ada", NOW)
    assert not restore(engine, FACTS, NOW)
    assert MetadataStore(engine).changes() == {}
    assert [event.kind for event in HealthStore(engine).events()] == [EventKind.CLEARED, EventKind.OVERRIDDEN]
