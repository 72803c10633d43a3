"""kill -9 of a publisher that publishes all the time from changing inputs: nothing is torn, and nothing is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from mirrorlist.core.health.verdicts import EventKind
from mirrorlist.store.database import open_database
from mirrorlist.store.health import HealthStore
from mirrorlist.store.snapshot_files import FORMER, NAME, read_snapshot
from mirrorlist.store.tables import LEADS
from tests.serving import checkout

PUBLISHER = """
import itertools, os, sys, time
from pathlib import Path
from mirrorlist.core.health.verdicts import Override
from mirrorlist.core.model import Checksummed
from mirrorlist.logs import set_up_logs
from mirrorlist.publishing.publisher import Inputs, Publisher
from mirrorlist.sources.service.file import read_service
from mirrorlist.store.database import open_database
from mirrorlist.store.health import HealthStore
from mirrorlist.store.metadata import MetadataStore
from mirrorlist.store.publications import PublisherLead
from mirrorlist.store.records import Records
from tests.serving import mirror_file, put

set_up_logs()
config = Path(sys.argv[1])
service = read_service(config)[0]
state = Path(service.state_dir)
records = Records(lambda: open_database(state))
publisher = Publisher(Inputs(config), records, service, lambda: b"k" * 32)
publisher.publish(time.time())  # what it reads once for all is shared with the processes forked below
records.close()  # connections are not

def say(word, number):
    os.write(1, f"{word} {number}\\n".encode())  # whole, whoever else writes to this pipe, and whoever is killed

def work(first):
    engine = open_database(state)
    health, metadata = HealthStore(engine), MetadataStore(engine)
    publisher.lead(PublisherLead.DIRECTORY)
    for number in itertools.count(first):
        now, mark = time.time(), f"{number:064x}"
        put(config.parent / "mirrors.d" / "b.example.org.yml", mirror_file("b.example.org") + f"bandwidth_mbps: {number + 1}\\n")
        health.override(Override(f"m{number % 7}.example.org", f"{number}", "ada", now, now + 3600))
        say("overridden", number)
        metadata.record("9.8/BaseOS/x86_64/os/", Checksummed(number, number, mark, mark * 2), now)
        publisher.publish(now)
        say("published", number)

for line in sys.stdin:
    process = os.fork()
    if not process:
        work(int(line))
    say("started", process)
    os.waitpid(process, 0)
    say("ended", process)
"""


class Killed:
    """Publishers that are started from one that has read everything, and killed one after the other."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.overridden: list[int] = []
        self.published: list[int] = []
        self._seconds = 0.0

    def one(self, chance: random.Random) -> None:
        """One that stores at least one override, and is killed while it publishes that, or soon after.

        The first one publishes twice, which tells how long that takes on this machine.
        """
        assert self._process.stdin
        print((self.overridden or [-1])[-1] + 1, file=self._process.stdin, flush=True)
        running = 0
        while True:
            word, number = self._line()
            if word == "started":
                running = number
            if running and word == "overridden":
                break
        if self._seconds:
            time.sleep(chance.uniform(0, 1.2 * self._seconds))
        else:
            self._measure()
        os.kill(running, signal.SIGKILL)
        while self._line()[0] != "ended":
            pass

    def _measure(self) -> None:
        while len(self.published) < 2:
            start = time.monotonic()
            while self._line()[0] != "published":
                pass
            self._seconds = time.monotonic() - start

    def _line(self) -> tuple[str, int]:
        assert self._process.stdout
        words = self._process.stdout.readline().split()
        assert len(words) == 2, "the publisher ended by itself"
        word, number = words[0], int(words[1])
        if word in ("overridden", "published"):
            getattr(self, word).append(number)
        return word, number


@contextmanager
def publishers(config: Path) -> Iterator[Killed]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with (config.parent / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", PUBLISHER, str(config)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            text=True, env=environment,
        )  # fmt: skip
        with process:
            try:
                yield Killed(process)
            finally:
                process.kill()


@pytest.mark.parametrize("kills", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_a_killed_publisher_tears_and_loses_nothing(tmp_path: Path, kills: int) -> None:
    chance = random.Random(kills)
    config = checkout(tmp_path / "site", "a.example.org", "b.example.org")
    state = config.parent / "state"
    generation, torn, between = 0, 0, 0
    with publishers(config) as killed:
        for _ in range(kills):
            killed.one(chance)
            found = read_snapshot(state / NAME).facts
            for name in FORMER:
                if (state / name).exists():
                    read_snapshot(state / name)
            assert found.generation >= generation
            generation = found.generation
            engine = open_database(state)
            with engine.connect() as connection:
                assert connection.execute(sa.text("PRAGMA quick_check")).scalars().all() == ["ok"]
                claimed = connection.execute(sa.select(LEADS.c.generation)).scalar_one()
            assert claimed >= generation  # more where one was killed between the two, also several times
            between += claimed > generation
            torn += any(state.glob("snapshot.tmp.*"))
            last = HealthStore(engine).overrides(time.time())[f"m{killed.overridden[-1] % 7}.example.org"]
            assert int(last.reason) >= killed.overridden[-1]
    events = HealthStore(open_database(state)).events(limit=10**6)
    assert {str(number) for number in killed.overridden} <= {
        each.why for each in events if each.kind is EventKind.OVERRIDDEN
    }
    assert killed.published == sorted(set(killed.published))
    sys.stdout.write(
        f"{kills} kills: {torn} in a write of the snapshot, {between} between database and file, "
        f"{len(killed.published)} generations, {len(killed.overridden)} overrides\n"
    )
    if kills >= 200:
        assert torn
