"""The service while what it reads is away: it answers, says what is wrong, and recovers by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from mirrorlist.cli.main import main
from mirrorlist.core.health.probe_run import RunResult
from mirrorlist.core.health.verdicts import Family, Override, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import MAIN, Protocol
from mirrorlist.store.database import FILE_NAME, open_database
from mirrorlist.store.health import HealthStore
from mirrorlist.store.metadata import MetadataStore
from mirrorlist.store.snapshot_files import read_newest
from tests.publishing.test_publisher import A
from tests.serving import SERVICE, Service, ask, checkout, mirror_file, put, serving, until

PATIENCE = 30.0
METALINK = "/metalink/9/baseos?arch=x86_64"
REPOSITORY = "9.8/BaseOS/x86_64/os/"
EVERYTHING = SERVICE + "geo: {databases: [places.mmdb]}\norigin: http://127.0.0.1:1/\n"
TREE = Subject("b.example.org", MAIN, Protocol.HTTPS, Family.IPV4)


def site(directory: Path) -> Path:
    """A service with places, metadata, a mirror that is out by its probes and one that a person took out."""
    config = checkout(directory, "a.example.org", "b.example.org", "c.example.org")
    writer = MMDBWriter(6, "GeoLite2-Country", languages=["en"], ipv4_compatible=True)
    writer.insert_network(IPSet(["192.0.2.0/24"]), {"country": {"iso_code": "DE"}})
    writer.to_db_file(str(directory / "places.mmdb"))
    put(config, EVERYTHING)
    engine = open_database(directory / "state")
    MetadataStore(engine).record(REPOSITORY, A, time.time())
    down = Verdict(False, time.time(), ProbeOutcome.TIMEOUT, time.time(), "told", 2)
    families = [Subject(TREE.mirror, MAIN, Protocol.HTTPS, family) for family in Family]
    HealthStore(engine).record(RunResult(dict.fromkeys(families, down), (), ()), {})
    HealthStore(engine).override(Override("c.example.org", "disk", "ada", time.time(), time.time() + 3600))
    return config


def garbage(database: Path) -> None:
    database.write_bytes(b"garbage" * 1000)


def removed(database: Path) -> None:
    for path in database.parent.glob(f"{FILE_NAME}*"):
        path.unlink()


def unreadable(database: Path) -> None:
    removed(database)
    database.mkdir()


def listed(service: Service) -> set[str]:
    return {name for name in "abcdef" if f"//{name}.example.org/" in ask(service.port)[1]}


def quiet(service: Service, publishers: set[int], seconds: float = 5.0) -> None:
    """The publisher is not started again."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert service.publishers() == publishers
        time.sleep(0.25)


@pytest.mark.slow
@pytest.mark.parametrize("damage", [garbage, removed, unreadable])
def test_the_last_snapshot_is_enough_to_start_from(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    """Database, places and network are gone at once; a day later the machine is started again."""
    config = site(tmp_path)
    with serving(config) as service:
        assert listed(service) == {"a"}
        metalink = ask(service.port, METALINK)
        assert metalink[0] == 200
    before = read_newest(tmp_path / "state")
    (tmp_path / "places.mmdb").unlink()
    damage(tmp_path / "state" / FILE_NAME)
    with serving(config) as service:
        until(PATIENCE, lambda: read_newest(tmp_path / "state").facts.generation > before.facts.generation)
        publishers = service.publishers()
        assert listed(service) == {"a"}
        assert ask(service.port, METALINK) == metalink
        found = read_newest(tmp_path / "state")
        assert found.facts.places[found.located.at(bytes([192, 0, 2, 1]))].country == "DE"
        put(tmp_path / "mirrors.d" / "d.example.org.yml", mirror_file("d.example.org"))
        until(PATIENCE, lambda: listed(service) == {"a", "d"})
        quiet(service, publishers)
        log = service.log()
        assert "Traceback" not in log
        assert "places.mmdb" in log
        if damage is removed:
            assert "the database is new: the origin's history and who is out were taken from the last snapshot" in log
        else:
            assert log.count("the database is away, its last answers stay current") == 1
            removed(tmp_path / "state" / FILE_NAME) if damage is garbage else (tmp_path / "state" / FILE_NAME).rmdir()
            until(90, lambda: "the database answers again" in service.log())
            put(tmp_path / "mirrors.d" / "e.example.org.yml", mirror_file("e.example.org"))
            until(PATIENCE, lambda: listed(service) == {"a", "d", "e"})
            assert ask(service.port, METALINK)[0] == 200
            assert service.publishers() == publishers


@pytest.mark.slow
def test_a_publisher_that_is_started_again_while_the_service_file_is_broken_goes_on(tmp_path: Path) -> None:
    config = checkout(tmp_path, "a.example.org")
    with serving(config) as service:
        put(config, SERVICE + "polcy: {")
        [publisher] = service.publishers()
        os.kill(publisher, signal.SIGKILL)
        until(PATIENCE, lambda: service.publishers() - {publisher} != set())
        until(PATIENCE, lambda: "using that of the last snapshot" in service.log())
        publishers = service.publishers()
        put(tmp_path / "mirrors.d" / "b.example.org.yml", mirror_file("b.example.org"))
        until(PATIENCE, lambda: listed(service) == {"a", "b"})
        quiet(service, publishers)
        put(config, SERVICE + "name: Repaired\n")
        until(PATIENCE, lambda: read_newest(tmp_path / "state").facts.service.name == "Repaired")
        assert service.publishers() == publishers
        config.unlink()
        os.kill(min(publishers), signal.SIGKILL)
        until(PATIENCE, lambda: service.log().count("using that of the last snapshot") == 2)
        quiet(service, service.publishers())
        assert listed(service) == {"a", "b"}


@pytest.mark.slow
def test_what_the_prober_and_people_write_is_served(engine: sa.Engine, url: str, tmp_path: Path) -> None:
    """As the prober and the command write it, by both workers; how often they look is told in test_server.py."""
    config = checkout(tmp_path / "site", "a.example.org", "b.example.org", "c.example.org")
    store = HealthStore(engine)
    steps = list(written(store))
    with serving(config, database=url) as service:
        assert listed(service) == {"a", "b", "c"}
        for step, expected in steps:
            step()
            until(PATIENCE, partial(serves, service, expected))


def serves(service: Service, expected: set[str]) -> bool:
    return all(listed(service) == expected for _ in range(12))


def written(store: HealthStore) -> Iterator[tuple[Callable[[], object], set[str]]]:
    now = time.time()
    subjects = [Subject(TREE.mirror, MAIN, Protocol.HTTPS, family) for family in Family]
    down = dict.fromkeys(subjects, Verdict(False, now, ProbeOutcome.TIMEOUT, now, "told", 2))
    good = dict.fromkeys(subjects, Verdict(True, now + 1, ProbeOutcome.GOOD, now + 1))
    yield lambda: store.record(RunResult(down, (), ()), {}), {"a", "c"}
    out = Override("c.example.org", "disk", "ada", now, now + 3600)
    yield lambda: store.override(out), {"a"}
    yield lambda: store.record(RunResult(good, (), ()), down), {"a", "b"}
    yield lambda: store.clear_override("c.example.org", "ada", now), {"a", "b", "c"}


AWAY = {
    "postgresql://nobody@127.0.0.1:1/x": "see that the server runs",
    "sqlite:////nonexistent/x.sqlite": "see that its directory exists",
    "nonsense": "write postgresql://",
    "oracle://x@y/z": "only SQLite and PostgreSQL are known",
}
COMMANDS = {
    "health": ("health", "a.example.org"),
    "override": ("override", "a.example.org", "--clear"),
    "probe": ("probe", "--once"),
    "watch": ("probe", "--every", "1m"),
    "metadata": ("update", "metadata"),
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The service file of one that was published once."""
    config = checkout(tmp_path_factory.mktemp("published") / "site", "a.example.org")
    put(config, SERVICE + "origin: origin\n")
    assert command(config, "", "publish").returncode == 0
    return config


def command(config: Path, url: str, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MIRRORLIST_")}
    return subprocess.run(
        [sys.executable, "-m", "mirrorlist", "--config", str(config), *words], capture_output=True, text=True,
        env=environment | {"MIRRORLIST_DATABASE": url}, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("url", "words"), [*zip(AWAY, list(COMMANDS)[:4], strict=True), (next(iter(AWAY)), "metadata")]
)
def test_a_command_without_its_database_says_so_in_a_line(published: Path, url: str, words: str) -> None:
    ended = CliRunner().invoke(main, ["--config", str(published), *COMMANDS[words]], env={"MIRRORLIST_DATABASE": url})
    [line] = ended.stderr.splitlines()
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert line.startswith("error: ")
    assert AWAY[url] in line


@pytest.mark.slow
def test_lists_and_publications_need_no_database(published: Path) -> None:
    for words in (("list", "--ip", "192.0.2.1", "--version", "9", "--repo", "baseos"), ("publish",)):
        ended = command(published, next(iter(AWAY)), *words)
        assert ended.returncode == 0
        assert "a.example.org" in ended.stdout or ended.stdout.endswith(": 1 mirror\n")
        assert "the database is away" in ended.stderr
        assert "Traceback" not in ended.stderr
