"""Several processes that would do one work: one leads, and one that was paused and continues overwrites nothing."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml

from mirrorlist.core.errors import FilesBehind, LeadLost
from mirrorlist.core.snapshot import Pulled
from mirrorlist.publishing.publisher import Inputs, Publisher
from mirrorlist.sources.origin.commit import write_pulled
from mirrorlist.sources.service.file import read_service
from mirrorlist.store.publications import PublisherLead
from mirrorlist.store.records import Recorded, Records
from mirrorlist.store.snapshot_files import read_newest
from mirrorlist.store.tables import LEADS, RUNS
from tests.building import NOW
from tests.postgres import Server
from tests.publishing.test_publisher import Site
from tests.serving import checkout, mirror_file, put, until

SILENT_SECONDS = "2"
PATIENCE = 60.0


@dataclass(frozen=True)
class Started:
    """A process of the program, and its log."""

    process: subprocess.Popen[bytes]
    file: Path

    def log(self) -> str:
        return self.file.read_text()

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def started(name: str, config: Path, url: str, *words: str, within: Sequence[str] = ()) -> Iterator[Started]:
    """Runs a command until the end; ``within`` is a command that becomes another one."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MIRRORLIST_")}
    environment |= {"MIRRORLIST_DATABASE": url, "MIRRORLIST_LEAD_SECONDS": SILENT_SECONDS, "PYTHONUNBUFFERED": "1"}
    file = config.parent / f"{name}.log"
    command = [*within, sys.executable, "-m", "mirrorlist", "--config", str(config), *words]
    with file.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        yield Started(process, file)
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(PATIENCE)
        finally:
            process.kill()


def generation(state: Path) -> int:
    return read_newest(state).facts.generation if (state / "snapshot.bin").exists() else 0


def names(state: Path) -> list[str]:
    return [mirror.name for mirror in read_newest(state).mirrors]


@pytest.mark.slow
def test_a_paused_publisher_is_replaced_and_overwrites_nothing_when_it_goes_on(
    engine: sa.Engine, url: str, tmp_path: Path
) -> None:
    config = checkout(tmp_path / "site", "a.example.org")
    mirrors, state = config.parent / "mirrors.d", config.parent / "state"
    watch = ("publish", "--watch")
    with started("first", config, url, *watch) as first:
        until(PATIENCE, lambda: generation(state) == 1)
        with started("second", config, url, *watch) as second:
            until(PATIENCE, lambda: "another process leads, this one waits" in second.log())
            first.pause()
            put(mirrors / "b.example.org.yml", mirror_file("b.example.org"))
            until(PATIENCE, lambda: names(state) == ["a.example.org", "b.example.org"])
            assert "the leader gives no sign of life" in second.log()
            taken = generation(state)
            first.go_on()
            until(PATIENCE, lambda: "another process leads, this one waits" in first.log())
            assert "the lead is lost" in first.log() or "leads no longer" in first.log()
            put(mirrors / "c.example.org.yml", mirror_file("c.example.org"))
            until(PATIENCE, lambda: "c.example.org" in names(state))
            assert first.process.poll() is None
            assert first.log().count('"event": "published"') == 1
            assert generation(state) > taken
        until(PATIENCE, lambda: "this process leads" in first.log())
        put(mirrors / "d.example.org.yml", mirror_file("d.example.org"))
        until(PATIENCE, lambda: "d.example.org" in names(state))
    with engine.connect() as connection:
        found = connection.execute(sa.select(LEADS.c.epoch, LEADS.c.generation)).one()
    assert tuple(found) == (3, generation(state))
    assert "Traceback" not in first.log() + second.log()


@pytest.mark.slow
def test_publishers_with_state_directories_of_their_own_go_on_from_each_other(postgres: Server, tmp_path: Path) -> None:
    url, watch = postgres.new_database(), ("publish", "--watch")
    sites = [checkout(tmp_path / name, "a.example.org") for name in ("east", "west")]
    east, west = (config.parent / "state" for config in sites)

    def put_everywhere(name: str) -> None:
        for config in sites:
            put(config.parent / "mirrors.d" / f"{name}.yml", mirror_file(name))

    with started("publisher", sites[0], url, *watch) as first:
        until(PATIENCE, lambda: generation(east) == 1)
        with started("publisher", sites[1], url, *watch) as second:
            until(PATIENCE, lambda: generation(west) == 1)
            assert read_newest(west).facts.key == read_newest(east).facts.key
            first.pause()
            put_everywhere("b.example.org")
            until(PATIENCE, lambda: names(west) == ["a.example.org", "b.example.org"])
            assert "the leader gives no sign of life" in second.log()
            assert names(east) == ["a.example.org"]
            first.go_on()
            until(PATIENCE, lambda: names(east) == ["a.example.org", "b.example.org"])
            assert first.log().count('"event": "published"') == 1
            put_everywhere("c.example.org")
            until(PATIENCE, lambda: "c.example.org" in names(west) and "c.example.org" in names(east))
            until(PATIENCE, lambda: generation(east) == generation(west))
            assert first.log().count('"event": "published"') == 1
            last = generation(west)
        put_everywhere("d.example.org")
        until(PATIENCE, lambda: "d.example.org" in names(east))
        assert generation(east) > last
        assert "Traceback" not in first.log() + second.log()


def test_a_publisher_whose_files_are_older_than_those_of_another_waits_for_newer_ones(site: Site) -> None:
    site.add("a")
    config = site.directory / "service.yml"
    first, second = site.publisher(), site.publisher()
    for each in (first, second):
        each.lead(PublisherLead.DATABASE)
    write_pulled(config, Pulled("b" * 40, NOW))
    first.publish(NOW)
    write_pulled(config, Pulled("a" * 40, NOW - 60))
    with pytest.raises(FilesBehind, match=f"files of commit {'b' * 40}.*{'a' * 40}.*run mirrorlist pull"):
        second.publish(NOW)
    second.lead(PublisherLead.DATABASE)
    assert second.publish(NOW, force=True).facts.generation == 2
    write_pulled(config, Pulled("0" * 40, NOW - 120))  # what its operator has accepted
    assert second.publish(NOW).facts.generation == 3
    write_pulled(config, Pulled("c" * 40, NOW + 60))
    first.lead(PublisherLead.DATABASE)
    assert first.publish(NOW).facts.generation == 4


OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount")


@pytest.mark.slow
def test_a_leader_whose_state_directory_becomes_read_only_says_so_and_goes_on_when_it_can(tmp_path: Path) -> None:
    if shutil.which("unshare") is None or subprocess.run([*OWN_MOUNTS, "true"], check=False).returncode != 0:
        pytest.skip("this user may not mount anything, not even in a namespace of its own")
    config = checkout(tmp_path / "site", "a.example.org")
    state = config.parent / "state"
    with started("publisher", config, "", "publish", "--watch", within=OWN_MOUNTS) as publisher:
        until(PATIENCE, lambda: generation(state) == 1)

        def as_seen_there(*command: str) -> None:
            there = ("nsenter", "-t", str(publisher.process.pid), "--user", "--mount", "--preserve-credentials")
            subprocess.run([*there, *command], check=True)

        as_seen_there("mount", "--bind", str(state), str(state))
        as_seen_there("mount", "-o", "remount,bind,ro", str(state))
        put(config.parent / "mirrors.d" / "b.example.org.yml", mirror_file("b.example.org"))
        told = "publish.lead cannot be written: Read-only file system; mount its file system for writing"
        until(PATIENCE, lambda: publisher.log().count(told) == 2)
        assert "the lead is lost" in publisher.log()
        assert "this process cannot lead, the former snapshot stays current" in publisher.log()
        assert "another" not in publisher.log()
        as_seen_there("umount", str(state))
        until(PATIENCE, lambda: names(state) == ["a.example.org", "b.example.org"])
        assert "this process can lead again" in publisher.log()
    assert publisher.log().count(told) == 2, "once each"
    assert "Traceback" not in publisher.log()


@contextmanager
def mute() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def probed(directory: Path, port: int) -> Path:
    """A service whose one mirror keeps each visit of it waiting."""
    (directory / "mirrors.d").mkdir(parents=True)
    text = {"name": "a.example.org", "address": {"http": f"http://127.0.0.1:{port}/"}, "update_frequency": "3h",
            "sponsor": "Example", "sponsor_url": "https://example.org/", "email": "a@example.org"}  # fmt: skip
    put(directory / "mirrors.d" / "a.example.org.yml", yaml.safe_dump(text))
    put(
        directory / "service.yml",
        'versions: ["9"]\narches: {"9": [x86_64]}\nrepos:\n  - {name: baseos, path: BaseOS/$basearch/os/}\n'
        "profile: intranet\nintranet_networks: [127.0.0.0/8]\n",
    )
    return directory / "service.yml"


def runs(engine: sa.Engine) -> list[tuple[int, bool]]:
    """The number of each run, and whether it ended."""
    with engine.connect() as connection:
        return [(row.id, row.seconds is not None) for row in connection.execute(sa.select(RUNS).order_by(RUNS.c.id))]


@pytest.mark.slow
def test_a_prober_that_is_paused_in_a_run_is_replaced_and_its_run_does_not_count(
    engine: sa.Engine, url: str, tmp_path: Path
) -> None:
    words = ("probe", "--every", "1s", "--timeout", "1")
    with mute() as port, ExitStack() as stack:
        config = probed(tmp_path / "site", port)
        with started("publisher", config, url, "publish") as publisher:
            assert publisher.process.wait(PATIENCE) == 0, publisher.log()
        first = stack.enter_context(started("first", config, url, *words))
        until(PATIENCE, lambda: (1, True) in runs(engine) and runs(engine)[-1][1] is False)
        first.pause()
        broken = runs(engine)[-1][0]
        second = stack.enter_context(started("second", config, url, *words))
        until(PATIENCE, lambda: any(ended for number, ended in runs(engine) if number > broken))
        assert "the leader gives no sign of life" in second.log()
        first.go_on()
        until(PATIENCE, lambda: "another process leads, this one waits" in first.log())
        assert "the run does not count" in first.log()
        assert f"process {second.process.pid} on " in first.log()
        seen = runs(engine)[-1][0]
        until(PATIENCE, lambda: runs(engine)[-1][0] > seen + 1)
        assert (broken, False) in runs(engine)
        assert first.process.poll() is None
        second.process.terminate()
        second.process.wait(PATIENCE)
        seen = runs(engine)[-1][0]
        until(PATIENCE, lambda: any(ended for number, ended in runs(engine) if number > seen))
        with engine.connect() as connection:
            assert connection.execute(sa.select(LEADS.c.epoch).where(LEADS.c.name == "probe")).scalar_one() == 3
        assert "Traceback" not in first.log() + second.log()


@pytest.mark.slow
def test_a_prober_whose_session_was_ended_gives_the_lead_away_and_goes_on(postgres: Server, tmp_path: Path) -> None:
    url = postgres.new_database()
    words = ("probe", "--every", "1s", "--timeout", "1")
    with mute() as port, ExitStack() as stack:
        config = probed(tmp_path / "site", port)
        with started("publisher", config, url, "publish") as publisher:
            assert publisher.process.wait(PATIENCE) == 0, publisher.log()
        first = stack.enter_context(started("first", config, url, *words))
        until(PATIENCE, lambda: "1 mirrors, " in first.log())
        first.pause()
        name = url.partition("@/")[2].partition("?")[0]
        postgres.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        second = stack.enter_context(started("second", config, url, *words))
        until(PATIENCE, lambda: "1 mirrors, " in second.log())
        assert "no sign of life" not in second.log()  # the lock was free at once
        first.go_on()
        until(PATIENCE, lambda: "another process leads, this one waits" in first.log())
        assert first.log().count("1 mirrors, ") < 20
        assert "Traceback" not in first.log() + second.log()
        assert first.process.poll() is None


class Interrupted(Records):
    """Records in the middle of whose reading something else happens, once."""

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__(lambda: engine)
        self.meanwhile: list[Publisher] = []

    def read(self, now: float) -> Recorded | None:
        while self.meanwhile:
            self.meanwhile.pop().publish(now)
        return super().read(now)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.engine.dispose()


def interrupted(site: Site) -> tuple[Publisher, Interrupted]:
    config, records = site.directory / "service.yml", Interrupted(site.engine)
    return Publisher(Inputs(config), records, read_service(config)[0], lambda: next(site.keys)), records


@pytest.mark.slow
def test_a_publisher_that_was_overtaken_compiles_anew(site: Site) -> None:
    site.add("a")
    publisher, records = interrupted(site)
    for expected in (2, 4):
        records.meanwhile = [site.publisher()]
        assert publisher.publish(NOW).facts.generation == expected
    assert read_newest(site.state).facts.key == b"\2" * 32  # of the two first ones the faster one's stays


def test_a_publisher_that_lost_its_lead_while_it_compiled_writes_nothing(site: Site) -> None:
    site.add("a")
    publisher, records = interrupted(site)
    publisher.lead(PublisherLead.DIRECTORY)
    publisher.publish(NOW)
    successor = site.publisher()
    successor.lead(PublisherLead.DIRECTORY)
    records.meanwhile = [successor]
    with pytest.raises(LeadLost):
        publisher.publish(NOW)
    assert read_newest(site.state).facts.generation == 2
    publisher.lead(PublisherLead.DIRECTORY)
    assert publisher.publish(NOW).facts.generation == 3


def test_without_a_database_the_file_tells_who_was_faster(site: Site) -> None:
    site.add("a")
    site.engine.dispose()
    database = site.state / "mirrorlist.sqlite"
    database.write_bytes(b"garbage" * 1000)
    publisher, records = interrupted(site)
    records.meanwhile = [site.publisher()]
    assert publisher.publish(NOW).facts.generation == 2
    assert publisher.publish(NOW).facts.generation == 3


@pytest.mark.slow
def test_a_prober_that_has_no_snapshot_leaves_the_lead_to_one_that_has(
    engine: sa.Engine, url: str, tmp_path: Path
) -> None:
    words = ("probe", "--every", "1s", "--timeout", "1")
    with mute() as port, ExitStack() as stack:
        empty, config = probed(tmp_path / "empty", port), probed(tmp_path / "site", port)
        without = stack.enter_context(started("without", empty, url, *words))
        until(PATIENCE, lambda: "nothing is published in" in without.log())
        with started("publisher", config, url, "publish") as publisher:
            assert publisher.process.wait(PATIENCE) == 0, publisher.log()
        stack.enter_context(started("first", config, url, *words))
        until(PATIENCE, lambda: (1, True) in runs(engine))
        assert without.log().count("nothing is published in") == 1
