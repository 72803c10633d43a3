"""Leadership, and that a former leader writes nothing. Each of a pair stands for a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from mirrorlist.core.errors import LeadLost
from mirrorlist.core.health.probe_run import RunResult
from mirrorlist.core.health.verdicts import ProbeOutcome, Subject, Verdict
from mirrorlist.store.database import open_database
from mirrorlist.store.health import HealthStore, Run
from mirrorlist.store.leader_election import (
    PROBER,
    AdvisoryLock,
    FileLock,
    LeaderCandidate,
    Leadership,
    Lock,
    leading,
    prober_lock,
)
from tests.building import NOW
from tests.serving import until
from tests.store.test_health import OVERRIDE, TREE

KNOWN = {TREE: Verdict(True, 1.0, ProbeOutcome.GOOD, 2.0)}


@pytest.fixture
def other(url: str, tmp_path: Path, engine: sa.Engine) -> Iterator[sa.Engine]:
    """The same database in another process."""
    opened = open_database(tmp_path, url)
    yield opened
    opened.dispose()


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def at() -> float:
    return NOW


def record(engine: sa.Engine, lead: Leadership | None, known: dict[Subject, Verdict] = KNOWN) -> bool:
    return HealthStore(engine, lead).record(RunResult(known, (), ()), {})


def test_one_leads_and_each_taking_raises_the_epoch(engine: sa.Engine, other: sa.Engine, tmp_path: Path) -> None:
    first, second = (LeaderCandidate(prober_lock(each, tmp_path)) for each in (engine, other))
    with leading(engine, first, PROBER, at) as lead, leading(other, second, PROBER, at) as none:
        assert (lead and lead.epoch, none) == (1, None)
    with leading(other, second, PROBER, at) as lead:
        assert lead and lead.epoch == 2
    with leading(engine, first, PROBER, at) as lead:
        assert lead and lead.epoch == 3


def test_a_leader_writes_and_one_that_lost_its_lead_writes_nothing(
    engine: sa.Engine, other: sa.Engine, tmp_path: Path
) -> None:
    """The former one holds no lock any more and does not know: all that stops it is the epoch."""
    former = LeaderCandidate(prober_lock(engine, tmp_path))
    with leading(engine, former, PROBER, at) as old:
        assert old
        number = HealthStore(engine, old).begin_run(NOW)
        assert record(engine, old)
    with leading(other, LeaderCandidate(prober_lock(other, tmp_path)), PROBER, at) as new:
        writes: list[Callable[[HealthStore], object]] = [
            lambda store: store.begin_run(NOW), lambda store: store.end_run(Run(number, NOW, 1.0)),
            lambda store: store.record(RunResult({TREE: Verdict(False, 9.0, ProbeOutcome.TIMEOUT, 9.0)}, (), ()), KNOWN),
            lambda store: store.prune(NOW),
        ]  # fmt: skip
        for write in writes:
            with pytest.raises(LeadLost, match=r"process \d+ on .* took the lead; what it found is not written"):
                write(HealthStore(engine, old))
        assert HealthStore(engine).verdicts() == KNOWN
        assert HealthStore(engine).last_run() is None
        record(other, new, {})
        HealthStore(engine, old).override(OVERRIDE)  # a person's word needs no lead


def test_a_lead_cannot_be_taken_while_its_holder_writes(engine: sa.Engine, other: sa.Engine, tmp_path: Path) -> None:
    with leading(engine, LeaderCandidate(prober_lock(engine, tmp_path)), PROBER, at) as lead:
        assert lead
        with engine.begin() as writing:
            lead.hold(writing)
            with other.connect() as connection:
                wait = "PRAGMA busy_timeout=100" if other.dialect.name == "sqlite" else "SET lock_timeout = '100ms'"
                connection.exec_driver_sql(wait)
                with pytest.raises(Exception, match="lock"):
                    connection.execute(sa.text("UPDATE leads SET epoch = epoch + 1"))


def test_a_leader_that_gives_no_sign_of_life_is_replaced_and_hears_of_it(
    engine: sa.Engine, other: sa.Engine, tmp_path: Path
) -> None:
    clock = Clock()
    held, waiting = prober_lock(engine, tmp_path), prober_lock(other, tmp_path)
    candidate = LeaderCandidate(waiting, 60, clock)
    with leading(engine, LeaderCandidate(held), PROBER, at) as old:  # its first sign of life is 15 s away
        assert old

        def taken() -> bool:
            with candidate.leading() as lost:
                return lost is not None

        assert not taken()
        clock.now = 50
        assert held.beat() is None
        assert not taken()
        clock.now = 109
        assert not taken()
        clock.now = 112
        until(10, taken)
        assert held.beat()
        with leading(other, candidate, PROBER, at), pytest.raises(LeadLost):
            record(engine, old)


def test_a_lost_lock_is_noticed_while_leading(engine: sa.Engine, other: sa.Engine, tmp_path: Path) -> None:
    with leading(engine, LeaderCandidate(prober_lock(engine, tmp_path), 0.2), PROBER, at) as lead:
        assert lead
        prober_lock(other, tmp_path).destroy()
        assert lead.lost.wait(10)


def test_each_kind_of_database_has_its_lock(engine: sa.Engine, tmp_path: Path) -> None:
    kind: type[Lock] = AdvisoryLock if engine.dialect.name == "postgresql" else FileLock
    assert isinstance(prober_lock(engine, tmp_path), kind)


def test_of_many_that_break_one_file_lock_one_holds_it(tmp_path: Path) -> None:
    locks = [FileLock(tmp_path / "lock") for _ in range(5)]
    assert [lock.take() for lock in locks] == [True, False, False, False, False]
    for lock in locks[1:]:
        lock.destroy()
    assert [lock.take() for lock in locks[1:]] == [True, False, False, False]
    assert [lock.beat() is None for lock in locks] == [False, True, False, False, False]
    locks[1].release()
    assert locks[0].take()
    locks[0].release()
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]
