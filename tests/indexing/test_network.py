"""The whole way: real rsync daemons and a web server, ``update files``, a snapshot, and what it says."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from mirrorlist.core.files.index import FileIndex, Holding
from mirrorlist.core.model import MAIN
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.store.index_files import current_indexes, index_path, read_index, with_indexes
from mirrorlist.store.snapshot_files import read_newest
from tests.cli.commands import Commanded
from tests.indexing.daemons import needs_rsync, rsync_daemon, web_server

pytestmark = needs_rsync

SERVICE = """\
name: Example Linux
versions: ["8"]
arches: {"8": [x86_64]}
repos:
  - {name: base, path: base/$basearch/}
origin: origin
allowed_outdate: 12h
profile: intranet
intranet_networks: [127.0.0.0/8]
"""
DAY = 86_400
ISO = "isos/8/xcp.iso"
PACKAGE = "8/base/x86_64/Packages/hello.rpm"
UPDATE = "8/base/x86_64/Packages/hello-2.rpm"
REPOMD = "8/base/x86_64/repodata/repomd.xml"
FILES = (ISO, PACKAGE, UPDATE, REPOMD)
NAMES = ("complete", "partial", "outdated", "broken", "web")


def write(tree: Path, path: str, data: bytes, age: float) -> None:
    file = tree / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    at = time.time() - age
    os.utime(file, (at, at))


def fill(tree: Path) -> None:
    """A tree whose last update came three days ago."""
    write(tree, ISO, b"i" * 5000, 30 * DAY)
    write(tree, "isos/8/SHA256SUMS", f"{hashlib.sha256(b'i' * 5000).hexdigest()}  xcp.iso\n".encode(), 30 * DAY)
    write(tree, PACKAGE, b"p" * 300, 20 * DAY)
    write(tree, UPDATE, b"u" * 310, 3 * DAY)
    write(tree, REPOMD, b"<new/>", 3 * DAY)
    (tree / "latest.iso").symlink_to("isos/8/xcp.iso")


@dataclass
class Network(Commanded):
    """A service, its origin, and a directory for each mirror."""

    def tree(self, name: str) -> Path:
        return self.directory / name

    def updated(self) -> str:
        return self.told("update", "files", "--once")

    @property
    def state(self) -> Path:
        return self.directory / "state"

    @property
    def snapshot(self) -> Snapshot:
        return with_indexes(read_newest(self.state), self.state, {}, refuse)

    @property
    def index(self) -> FileIndex:
        """The newest index, bound to the mirrors of the snapshot."""
        found = read_index(index_path(self.state, current_indexes(self.state)[MAIN]))
        return found.bound([mirror.name for mirror in self.snapshot.mirrors])

    def stand(self, path: str) -> dict[str, Holding]:
        """How each mirror stands with a file."""
        return standing(self.snapshot, self.index, path)


def standing(snapshot: Snapshot, index: FileIndex, path: str) -> dict[str, Holding]:
    number = index.find(path)
    assert number is not None, path
    holders = index.holders(number)
    return {mirror.name.split(".")[0]: holders.of(at) for at, mirror in enumerate(snapshot.mirrors)}


def refuse(module: str, reason: str) -> None:
    raise AssertionError(f"{module}: {reason}")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Servers of the mirrors' directories, and a snapshot that knows them: publishing takes a second."""
    made = Network(tmp_path_factory.mktemp("network"))
    (made.directory / "service.yml").write_text(SERVICE)
    (made.directory / "mirrors.d").mkdir()
    made.tree("origin").mkdir()
    with ExitStack() as stack:
        for name in NAMES:
            made.tree(name).mkdir()
            stack.enter_context(mirror(made, name))
        made.told("publish")
        yield made


def mirror(made: Network, name: str) -> ExitStack:
    """A mirror that runs, and its file."""
    stack = ExitStack()
    port = stack.enter_context(web_server(made.tree(name)))
    address = {"http": f"http://127.0.0.1:{port}/"}
    if name != "web":
        port = stack.enter_context(rsync_daemon(made.tree(name), made.directory / f"{name}.conf"))
        address["rsync"] = f"rsync://127.0.0.1:{port}/linux/"
    text = {"name": f"{name}.example.org", "address": address, "update_frequency": "30m", "sponsor": "Example",
            "sponsor_url": "https://example.org/", "email": "a@example.org"}  # fmt: skip
    (made.directory / "mirrors.d" / f"{name}.example.org.yml").write_text(yaml.safe_dump(text))
    return stack


@pytest.fixture
def network(running: Network) -> Network:
    """Complete; partial, without images; outdated by three days; broken, for its directory is gone; and web only."""
    for name in ("origin", *NAMES):
        shutil.rmtree(running.tree(name), ignore_errors=True)
    shutil.rmtree(running.state / "files", ignore_errors=True)
    fill(running.tree("origin"))
    for name in NAMES:
        if name != "broken":
            shutil.copytree(running.tree("origin"), running.tree(name), symlinks=True)
    shutil.rmtree(running.tree("partial") / "isos")
    (running.tree("outdated") / UPDATE).unlink()
    write(running.tree("outdated"), REPOMD, b"<old/>", 20 * DAY)
    (running.tree("web") / PACKAGE).unlink()
    return running


HAS, LACKS, UNKNOWN = Holding.HAS, Holding.LACKS, Holding.UNKNOWN


PARTLY = {"complete": HAS, "partial": LACKS, "outdated": LACKS, "broken": LACKS, "web": HAS}
WHOLLY = {"complete": HAS, "partial": HAS, "outdated": LACKS, "broken": LACKS, "web": HAS}


@pytest.mark.slow
def test_each_mirror_serves_what_it_has(network: Network) -> None:
    """XCP-ng's ask: outdated and broken mirrors are out by rsync inspection, without anybody doing anything."""
    told = network.updated()
    assert "with 5 of 5 mirrors" in told
    assert "failed  main  broken.example.org  rsync ended" in told
    assert "asked   main  broken.example.org  it has 0 of 5 files" in told
    assert network.stand(ISO) == PARTLY
    assert network.stand(REPOMD) == WHOLLY
    assert network.stand(PACKAGE)["web"] is LACKS


@pytest.mark.slow
def test_a_snapshot_carries_the_index(network: Network) -> None:
    network.updated()
    network.told("publish")
    snapshot = network.snapshot
    assert standing(snapshot, snapshot.files[MAIN], ISO) == PARTLY
    tell_which(network)


def tell_which(network: Network) -> None:
    told = network.told("which", REPOMD)
    assert max(map(len, told.splitlines())) <= 80
    assert "3 have it, 2 do not, 0 not indexed" in told
    assert "outdated: it has not" in told
    told = network.told("which", "/latest.iso")
    assert f"main: {ISO}" in told
    assert "it was asked, and does not have it" in told
    assert re.search(r"^mirror +in +has it +listed +why *$", told, re.MULTILINE), "and in which places"
    [found] = json.loads(network.told("which", "--json", "/latest.iso"))
    assert all({"country", "city"} == each.keys() for row in found["mirrors"] for each in row["places"])
    assert not any(row["global"] for row in found["mirrors"])
    missing = network.run("which", "nothing")
    assert (missing.exit_code, "the origin has no file nothing" in missing.output) == (1, True)


@pytest.mark.slow
def test_a_mirror_that_catches_up_is_back(network: Network) -> None:
    network.updated()
    for path in (UPDATE, REPOMD):
        shutil.copy2(network.tree("origin") / path, network.tree("outdated") / path)
    network.updated()
    assert {path: network.stand(path)["outdated"] for path in FILES} == dict.fromkeys(FILES, HAS)


@pytest.mark.slow
def test_a_mirror_that_is_just_behind_keeps_what_it_has(network: Network) -> None:
    """The origin changed an hour ago, which is within allowed_outdate."""
    write(network.tree("origin"), REPOMD, b"<newer/>", 3600)
    network.updated()
    assert network.stand(REPOMD)["complete"] is LACKS
    assert network.stand(PACKAGE)["complete"] is HAS


@pytest.mark.slow
def test_the_last_good_list_counts_until_it_is_too_old(network: Network) -> None:
    """Over it counts what its web server says now."""
    network.updated()
    shutil.rmtree(network.tree("complete"))
    told = network.updated()
    assert "kept    main  complete.example.org" in told
    assert network.stand(ISO)["complete"] is LACKS
    for path in (network.directory / "state" / "files" / MAIN).glob("complete*"):
        assert path.stat().st_size > 0


@pytest.mark.slow
def test_files_have_sizes_times_checksums_and_links(network: Network) -> None:
    network.updated()
    index = network.index
    number = index.find("latest.iso")
    assert number == index.find(ISO)
    assert number is not None
    file = index.file(number)
    assert (file.path, file.size) == (ISO, 5000)
    assert file.mtime == int((network.tree("origin") / ISO).stat().st_mtime)
    assert file.sha256 == hashlib.sha256(b"i" * 5000).digest()
    entries = index.entries("")
    assert entries is not None
    assert [(entry.name, entry.is_directory) for entry in entries] == [
        ("8", True), ("isos", True), ("latest.iso", False),
    ]  # fmt: skip


@pytest.mark.slow
def test_one_mirror_alone_is_listed_anew(network: Network) -> None:
    network.updated()
    shutil.copytree(network.tree("origin") / "isos", network.tree("partial") / "isos")
    told = network.told("update", "files", "--mirror", "partial.example.org")
    assert "listed  main  partial.example.org" in told
    found = json.loads(network.told("update", "files", "--mirror", "partial.example.org", "--json"))
    assert ("partial.example.org", "listed") in [(each["what"], each["outcome"]) for each in found]
    assert "complete.example.org" not in told
    assert network.stand(ISO)["partial"] is HAS


@pytest.mark.slow
def test_it_runs_until_it_is_told_to_end(network: Network) -> None:
    config = str(network.directory / "service.yml")
    command = [sys.executable, "-m", "mirrorlist", "--config", config, "update", "files", "--every", "1h"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not current_indexes(network.state) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert network.stand(ISO) == PARTLY


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--once", "--module", "kiten"), "--module kiten: unknown; known are main"),
        (("--mirror", "nobody"), "no mirror is called nobody"),
    ],
)
def test_what_does_not_exist_is_told(words: tuple[str, ...], told: str, network: Network) -> None:
    found = network.run("update", "files", *words)
    assert (found.exit_code, told in found.output) == (1, True)


def test_a_second_run_at_the_same_time_is_told(network: Network) -> None:
    directory = network.state / "files"
    directory.mkdir()
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = network.run("update", "files", "--once")
    assert (found.exit_code, "another process updates the indexes" in found.output) == (1, True)


@pytest.mark.slow
def test_an_origin_that_is_gone_ends_with_status_1_and_keeps_the_index(network: Network) -> None:
    network.updated()
    shutil.rmtree(network.tree("origin"))
    found = network.run("update", "files", "--once")
    assert found.exit_code == 1
    assert "kept    main  the origin" in found.output
    assert network.stand(ISO) == PARTLY
