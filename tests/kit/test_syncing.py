"""The script of a kit at work: a real rsync, a real rsyncd, and a tree that changes."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mirrorlist.core.catalogue.service import Module
from mirrorlist.core.model import MAIN
from tests.clients.tools import TIMEOUT_SECONDS, need
from tests.kit.kits import plan, put
from tests.serving import free_port, until

pytestmark = pytest.mark.client

LARGE = 4 * 1024 * 1024


@dataclass(frozen=True)
class Place:
    """A source's tree and a mirror's, and the mirror's script."""

    source: Path
    target: Path
    state: Path
    script: Path
    settings: Path

    def command(self, *options: str) -> list[str]:
        return [str(self.script), "--settings", str(self.settings), *options]

    def sync(self, *options: str, path: str = "") -> tuple[int, str]:
        """How it ended, and what it said, without what rsync said."""
        environment = os.environ | {"PATH": f"{path}:{os.environ['PATH']}"} if path else None
        done = subprocess.run(self.command(*options), capture_output=True, text=True, timeout=TIMEOUT_SECONDS,
                              check=False, env=environment)  # fmt: skip
        said = [line for line in done.stderr.splitlines() if line.startswith(f"{self.script.name}: ")]
        return done.returncode, "\n".join(line.partition(": ")[2] for line in said)

    def write(self, path: str, text: str) -> None:
        (self.source / path).parent.mkdir(parents=True, exist_ok=True)
        (self.source / path).write_text(text)

    def publish(self, stamp: int) -> None:
        """What the origin does last: a TIME of another size, so that no clock matters."""
        self.write("TIME", f"{stamp}\n")

    def has(self) -> dict[str, str]:
        """The mirror's files, without what is about to be put into place."""
        files = [each for each in self.target.rglob("*") if each.is_file() and ".~tmp~" not in each.parts]
        return {str(each.relative_to(self.target)): each.read_text() for each in files}


@contextmanager
def rsyncd(config: Path, text: str) -> Iterator[int]:
    """A daemon on loopback; its port."""
    port = free_port()
    config.write_text(text)
    command = ["rsync", "--daemon", "--no-detach", f"--config={config}", "--address=127.0.0.1", f"--port={port}"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as daemon:
        try:
            until(30, lambda: not subprocess.run(["rsync", f"rsync://127.0.0.1:{port}/"], capture_output=True,
                                                 check=False).returncode)  # fmt: skip
            yield port
        finally:
            daemon.terminate()
            daemon.wait(30)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    need("rsync", "flock", "bash")
    source = tmp_path / "origin" / "linux"
    source.mkdir(parents=True)
    text = f"use chroot = no\nuid = {os.geteuid()}\ngid = {os.getegid()}\n[linux]\npath = {source}\n"
    with rsyncd(tmp_path / "rsyncd.conf", text) as port:
        url = f"rsync://127.0.0.1:{port}/linux/"
        kit = plan(root=str(tmp_path / "trees"), modules={MAIN: Module(title="Main", rsync=url),
                                                         "kitten": Module(title="K", rsync=url)})  # fmt: skip
        script = put(kit, tmp_path / "kit") / "sync" / kit.modules[0].unit
        settings, state = tmp_path / "settings", tmp_path / "state"
        settings.write_text(f"STATE={state}\nKEEP_FREE_KIB=1\n")
        found = Place(source, Path(kit.modules[0].directory), state, script, settings)
        found.write("9/BaseOS/repodata/repomd.xml", "old")
        found.write("9/BaseOS/a.rpm", "a")
        found.publish(1)
        yield found


def test_the_first_sync_copies_all_and_the_next_does_nothing(place: Place) -> None:
    assert place.sync()[0] == 0
    assert place.has() == {"9/BaseOS/repodata/repomd.xml": "old", "9/BaseOS/a.rpm": "a", "TIME": "1\n"}
    assert place.sync() == (0, "the source has not changed since the last sync")


def test_nothing_is_asked_for_while_time_stays_and_everything_with_full(place: Place) -> None:
    place.sync()
    place.write("9/BaseOS/b.rpm", "b")
    assert place.sync() == (0, "the source has not changed since the last sync")
    assert "9/BaseOS/b.rpm" not in place.has()
    assert place.sync("--full") == (0, "")
    assert "9/BaseOS/b.rpm" in place.has()


def test_a_new_time_brings_what_is_new_and_takes_what_is_gone(place: Place) -> None:
    place.sync()
    place.write("9/BaseOS/repodata/repomd.xml", "newer")
    (place.source / "9/BaseOS/a.rpm").unlink()
    place.publish(20)
    assert place.sync() == (0, "")
    assert place.has() == {"9/BaseOS/repodata/repomd.xml": "newer", "TIME": "20\n"}


def test_after_a_day_everything_is_compared_again(place: Place) -> None:
    place.sync()
    (place.target / "9/BaseOS/a.rpm").unlink()
    yesterday = time.time() - 90_000
    os.utime(place.state / "synced", (yesterday, yesterday))
    assert place.sync() == (0, "")
    assert "9/BaseOS/a.rpm" in place.has()


@pytest.mark.slow
def test_a_sync_that_fails_publishes_no_time_and_the_next_goes_on(place: Place) -> None:
    place.sync()
    place.publish(20)
    place.write("9/BaseOS/b.rpm", "b")
    place.settings.write_text(place.settings.read_text() + "RSYNC_MORE=(--no-such-option)\n")
    status, said = place.sync()
    assert (status, said) == (1, "rsync ended with status 1; the next run goes on from here")
    assert place.has()["TIME"] == "1\n"
    place.settings.write_text(place.settings.read_text() + "RSYNC_MORE=()\n")
    assert place.sync() == (0, "")
    assert (place.has()["TIME"], place.has()["9/BaseOS/b.rpm"]) == ("20\n", "b")


def test_without_the_sources_time_nothing_is_touched(place: Place) -> None:
    place.sync()
    shutil.rmtree(place.source / "9")
    (place.source / "TIME").unlink()
    status, said = place.sync()
    assert status == 23
    assert said.endswith("/linux/TIME cannot be fetched; nothing was synced")
    assert "9/BaseOS/a.rpm" in place.has()


def test_a_second_sync_leaves_the_first_alone(place: Place) -> None:
    place.state.mkdir()
    holder = subprocess.Popen(["flock", str(place.state / "lock"), "sleep", "600"])
    try:
        until(30, lambda: subprocess.run(["flock", "-n", str(place.state / "lock"), "true"], check=False).returncode)
        assert place.sync() == (0, "another sync is under way; nothing to do")
        assert place.has() == {}
    finally:
        subprocess.run(["kill", *_children(holder.pid)], check=False)
        holder.wait(30)


def _children(pid: int) -> list[str]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [*text.split(), str(pid)]


def test_nothing_begins_when_the_disk_is_nearly_full(place: Place) -> None:
    place.settings.write_text(f"STATE={place.state}\nKEEP_FREE_KIB=9000000000000\n")
    status, said = place.sync()
    assert status == 1
    assert "less than 9000000000000; nothing was synced; make room" in said
    assert place.has() == {}


@pytest.mark.slow
def test_a_sync_that_fills_the_disk_is_stopped_and_what_was_there_stays(place: Place, tmp_path: Path) -> None:
    place.sync()
    place.write("9/BaseOS/a.rpm", "n" * LARGE)
    place.publish(20)
    place.settings.write_text(
        f"STATE={place.state}\nKEEP_FREE_KIB=1000\nRSYNC_MORE=(--bwlimit=100)\nLOOK_AT_DISK_SECONDS=0.05\n"
    )
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "df").write_text(  # a disk that fills up while rsync works
        f"#!/bin/sh\nfree=9000\nif pgrep -f 'bwlimit=100.*{place.target}/' >/dev/null; then free=10; fi\n"
        'printf "Filesystem 1024-blocks Used Available Capacity Mounted\\ndisk 1 1 %s 1%% /\\n" "$free"\n'
    )
    (tmp_path / "bin" / "df").chmod(0o755)
    status, said = place.sync(path=str(tmp_path / "bin"))
    assert status == 1
    assert said.startswith("stopped, as ")
    assert (place.has()["9/BaseOS/a.rpm"], place.has()["TIME"]) == ("a", "1\n")
    place.settings.write_text(f"STATE={place.state}\nKEEP_FREE_KIB=1\n")
    assert place.sync() == (0, "")
    assert (len(place.has()["9/BaseOS/a.rpm"]), place.has()["TIME"]) == (LARGE, "20\n")


def test_without_a_time_file_every_run_compares(tmp_path: Path, place: Place) -> None:
    text = place.script.read_text().replace("TIME_FILE=TIME", "TIME_FILE=''")
    other = replace(place, script=tmp_path / place.script.name)
    other.script.write_text(text)
    other.script.chmod(0o755)
    assert other.sync()[0] == 0
    place.write("9/BaseOS/b.rpm", "b")
    assert other.sync() == (0, "")
    assert {"9/BaseOS/b.rpm", "TIME"} <= other.has().keys()


def test_an_old_rsync_is_told_of(place: Place, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    real = shutil.which("rsync")
    (tmp_path / "bin" / "rsync").write_text(
        f'#!/bin/sh\nif [ "$1" = --version ]; then echo "rsync version 3.1.3"; exit 0; fi\nexec {real} "$@"\n'
    )
    (tmp_path / "bin" / "rsync").chmod(0o755)
    status, said = place.sync(path=str(tmp_path / "bin"))
    assert status == 0
    assert said == "this rsync has no xxhash; rsync 3.2 or later with it makes less work for you and the source"
    place.publish(20)
    assert place.sync(path=str(tmp_path / "bin")) == (0, "")


def test_a_wrong_word_is_told(place: Place) -> None:
    assert place.sync("--now") == (2, "unknown option --now; there are --delay, --full and --settings FILE")


@pytest.mark.slow
def test_what_the_kits_rsyncd_serves_is_the_tree_and_nothing_that_is_unfinished(place: Place, tmp_path: Path) -> None:
    place.sync()
    unfinished = place.target / "9" / ".~tmp~"
    unfinished.mkdir()
    (unfinished / "half.rpm").write_text("half")
    kit = plan(root=str(tmp_path / "trees"))
    text = (put(kit, tmp_path / "other") / "rsyncd.conf").read_text()
    text = text.replace("use chroot = yes", "use chroot = no").replace("uid = nobody", f"uid = {os.geteuid()}")
    for path in (tmp_path / "trees",):
        path.chmod(0o755)
    text = text.replace("gid = nogroup", f"gid = {os.getegid()}")
    with rsyncd(tmp_path / "own.conf", text) as port:
        url = f"rsync://127.0.0.1:{port}/"
        names = subprocess.run(["rsync", url], capture_output=True, text=True, check=True).stdout
        assert [line.split()[0] for line in names.splitlines()] == ["linux", "linux-kitten"]
        listed = subprocess.run(["rsync", "-r", f"{url}linux/"], capture_output=True, text=True, check=True).stdout
        assert "a.rpm" in listed
        assert "~tmp~" not in listed
        asked = ["rsync", f"{url}linux/9/.~tmp~/half.rpm", str(tmp_path / "stolen")]
        assert subprocess.run(asked, capture_output=True, check=False).returncode != 0
        put_there = ["rsync", str(place.script), f"{url}linux/"]
        assert subprocess.run(put_there, capture_output=True, check=False).returncode != 0
