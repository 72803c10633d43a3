"""A distribution's whole network in small: publishers and probers at two sites that share one PostgreSQL, three nodes.

The database is stopped and started, leaders are killed in their work, pieces of the channel are tampered with and old
ones played again, while clients ask all nodes: none may fail, get a wrong answer, or be long behind another.
"""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from mirrorlist.core.snapshot import Facts
from mirrorlist.store.snapshot_files import read_newest
from tests.checks.trees import repomd
from tests.postgres import postgresql, programs
from tests.serving import PATH, Service, ask, put, serving, until
from tests.test_leads import PATIENCE, Started, started
from tests.test_nodes import web_server

SKEW_SECONDS = 5.0
TAKEOVER_SECONDS = 60.0
"""The session of a process that was killed ends at once; the rest is for a slow machine."""
SERVICE = """\
versions: ["9"]
arches: {"9": [x86_64]}
repos:
  - {name: baseos, path: BaseOS/$basearch/os/}
profile: intranet
intranet_networks: [127.0.0.0/8]
channel: {directory: CHANNEL, key_file: KEY}
"""


def mirror_text(name: str, server: str) -> str:
    return yaml.safe_dump({
        "name": name, "address": {"http": f"{server}{name}/"}, "update_frequency": "3h",
        "sponsor": "Example", "sponsor_url": "https://example.org/", "email": "a@example.org",
    })  # fmt: skip


@dataclass
class Clients:
    """They ask every node in turn, and note what went wrong and when each list was first and last seen."""

    nodes: list[Service]
    asked: int = 0
    failed: list[str] = field(default_factory=list)
    seen: list[dict[frozenset[str], tuple[float, float]]] = field(default_factory=list)

    def ask(self, ended: threading.Event) -> None:
        self.seen = [{} for _ in self.nodes]
        while not ended.wait(0.05):
            for number, node in enumerate(self.nodes):
                self.asked += 1
                now = time.monotonic()
                try:
                    status, text = ask(node.port, PATH)
                except (OSError, http.client.HTTPException) as error:
                    self.failed.append(f"node {number}: {error!r}")
                    continue
                if status != 200:
                    self.failed.append(f"node {number}: {status} {text[:200]}")
                names = frozenset(line.split("/")[3] for line in text.splitlines() if line.startswith("http"))
                first, _ = self.seen[number].get(names, (now, now))
                self.seen[number][names] = first, now

    def skew(self, names: set[str]) -> float:
        """Seconds between the first and the last node that gave this list."""
        firsts = [seen[frozenset(names)][0] for seen in self.seen]
        return max(firsts) - min(firsts)


@contextmanager
def asking(nodes: list[Service]) -> Iterator[Clients]:
    clients, ended = Clients(nodes), threading.Event()
    thread = threading.Thread(target=clients.ask, args=(ended,))
    thread.start()
    try:
        yield clients
    finally:
        ended.set()
        thread.join()


def machine(directory: Path, key: Path, channel: Path) -> Path:
    (directory / "mirrors.d").mkdir(parents=True)
    put(directory / "service.yml", SERVICE.replace("CHANNEL", str(channel)).replace("KEY", str(key)))
    return directory / "service.yml"


WAITS = "another process leads, this one waits"


@pytest.mark.slow
def test_whatever_fails_in_the_centre_every_client_is_served_alike(tmp_path: Path) -> None:
    found = programs()
    if found is None:
        if os.environ.get("MIRRORLIST_TEST_REQUIRE_CLIENTS") == "1":
            pytest.fail("not installed: postgresql", pytrace=False)
        pytest.skip("not installed: postgresql")
    channel, key = tmp_path / "channel", tmp_path / "key"
    channel.mkdir()
    made = subprocess.run(
        [sys.executable, "-m", "mirrorlist", "channel-key", str(key)], capture_output=True, text=True, check=True
    )
    public = made.stdout.strip()
    for name in "abcdm":
        repository = tmp_path / "mirrors" / name / "9" / "BaseOS" / "x86_64" / "os" / "repodata"
        repository.mkdir(parents=True)
        (repository / "repomd.xml").write_bytes(repomd(1))
    with ExitStack() as stack:
        database = stack.enter_context(postgresql(found))
        url = database.new_database()
        sites = [machine(tmp_path / name, key, channel) for name in ("east", "west")]
        alive = stack.enter_context(web_server(tmp_path / "mirrors"))
        dying = ExitStack()
        stack.enter_context(dying)
        mortal = dying.enter_context(web_server(tmp_path / "mirrors"))

        def put_mirror(name: str, server: str) -> None:
            for site in sites:
                put(site.parent / "mirrors.d" / f"{name}.yml", mirror_text(name, server))

        put_mirror("a", alive)
        put_mirror("m", mortal)
        watch = ("publish", "--watch")
        look = ("probe", "--every", "2s", "--timeout", "2")

        def pair(kind: str, *words: str) -> tuple[Path, Started]:
            """Starts one at each site; which of them leads, and where it is."""
            one, other = (stack.enter_context(started(kind, config, url, *words)) for config in sites)
            until(PATIENCE, lambda: (WAITS in one.log()) != (WAITS in other.log()))
            return (sites[1], other) if WAITS in one.log() else (sites[0], one)

        def states() -> list[Facts]:
            """What the publishers' own state directories hold."""
            return [read_newest(config.parent / "state").facts for config in sites]

        where, publisher = pair("publisher", *watch)
        until(PATIENCE, (channel / "latest.json").exists)
        address = stack.enter_context(web_server(channel))
        until(PATIENCE, lambda: len({facts.generation for facts in states()}) == 1)
        assert len({facts.key for facts in states()}) == 1, "the one that waits goes on with the other's key"
        _, prober = pair("prober", *look)
        nodes = []
        for name in ("one", "two", "three"):
            (tmp_path / name).mkdir()
            config = tmp_path / name / "service.yml"
            nodes.append(stack.enter_context(serving(config, "--follow", address, "--key", public)))
        clients = stack.enter_context(asking(nodes))

        def reach(*names: str) -> None:
            """Every node comes to give this list."""
            wanted = frozenset(names)
            until(PATIENCE, lambda: all(wanted in seen for seen in clients.seen))
            assert clients.skew(set(names)) < SKEW_SECONDS

        reach("a", "m")
        first = (channel / "latest.json").read_bytes()

        publisher.process.send_signal(signal.SIGKILL)
        killed, last = time.monotonic(), max(facts.generation for facts in states())
        put_mirror("b", alive)
        reach("a", "b", "m")
        assert time.monotonic() - killed < TAKEOVER_SECONDS
        back = stack.enter_context(started("back", where, url, *watch))
        until(PATIENCE, lambda: WAITS in back.log())
        until(PATIENCE, lambda: all(facts.generation > last for facts in states()))
        assert len({facts.key for facts in states()}) == 1

        database.stop()
        put_mirror("c", alive)
        time.sleep(5)
        assert frozenset("abcm") not in clients.seen[0], "nobody can know who leads, so nothing is published"
        database.start()
        reach("a", "b", "c", "m")

        prober.process.send_signal(signal.SIGKILL)
        dying.close()
        reach("a", "b", "c")

        newest = (channel / "latest.json").read_bytes()
        for wrong in (first, newest[:-20], newest.replace(b'"generation"', b'"generatiom"'), b""):
            put(channel / "latest.json", wrong)
            time.sleep(3)
        put_mirror("d", alive)
        reach("a", "b", "c", "d")
        channel.rename(tmp_path / "gone")
        time.sleep(3)
    assert not [log for log in tmp_path.glob("*/*log") if "Traceback" in log.read_text()]
    assert clients.failed == []
    assert clients.asked > 150
    allowed = [{"a", "m"}, {"a", "b", "m"}, {"a", "b", "c", "m"}, {"a", "b", "c"}, {"a", "b", "c", "d"}]
    for seen in clients.seen:
        assert [set(each) for each in seen] == allowed, "each list once, in order: no older one came back"
