"""The quick lane from end to end: real mirrors that die, are busy and come back, and what the service hands out."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from mirrorlist.cli.main import main
from mirrorlist.core.catalogue.metadata import REPOMD
from mirrorlist.store.jobs import JobRecords
from tests.checks.servers import answer, serving
from tests.checks.trees import CURRENT, Tree
from tests.serving import Service, ask, processes, until
from tests.serving import serving as service_of

SERVICE = """\
versions: ["9"]
arches: {"9": [x86_64]}
repos:
  - {name: baseos, path: BaseOS/$basearch/os/}
origin: origin
profile: intranet
intranet_networks: [127.0.0.0/8]
"""
PATH = "9/BaseOS/x86_64/os/"
PATIENCE = 60
NAMES = ("dies", "busy", "mute", "good")
AT_MOST = 120
"""Requests of the prober per minute that the owner of "dies" allows; the looks of these tests take about half of them."""


@dataclass
class Mirror:
    """A server that can be stopped, started again, and told to answer otherwise."""

    tree: Tree = field(default_factory=lambda: Tree({PATH + REPOMD: CURRENT}))
    status: str = ""
    is_mute: bool = False
    port: int = 0
    running: ExitStack = field(default_factory=ExitStack)
    ended: threading.Event = field(default_factory=threading.Event)

    def __call__(self, connection: socket.socket, head: bytes) -> None:
        if self.is_mute:
            self.ended.wait(PATIENCE)
        elif self.status:
            connection.sendall(answer(self.status))
        else:
            self.tree(connection, head)

    def start(self) -> None:
        self.port = self.running.enter_context(serving(self, "127.0.0.1", port=self.port)).port

    def stop(self) -> None:
        self.ended.set()
        self.running.close()


@contextmanager
def network(directory: Path) -> Iterator[dict[str, Mirror]]:
    """A service file, an origin and the mirrors, which run."""
    mirrors = {name: Mirror() for name in NAMES}
    (directory / "mirrors.d").mkdir()
    (directory / "service.yml").write_text(SERVICE)
    origin = directory / "origin" / PATH / REPOMD
    origin.parent.mkdir(parents=True)
    origin.write_bytes(CURRENT)
    with ExitStack() as ending:
        for name, mirror in mirrors.items():
            mirror.start()
            ending.callback(mirror.stop)
            text: dict[str, object] = {"name": f"{name}.example.org", "address": {"http": f"http://127.0.0.1:{mirror.port}/"},
                    "update_frequency": "3h", "sponsor": "Example", "sponsor_url": "https://example.org/",
                    "email": "a@example.org"}  # fmt: skip
            if name == "dies":
                text["probe"] = {"at_most": AT_MOST}
            (directory / "mirrors.d" / f"{name}.yml").write_text(yaml.safe_dump(text))
        yield mirrors


@contextmanager
def probing(directory: Path) -> Iterator[Path]:
    """``mirrorlist probe`` whose quick looks follow each other by the second; its output."""
    out = directory / "probe.log"
    command = [
        sys.executable,
        "-m",
        "mirrorlist",
        "--config",
        str(directory / "service.yml"),
        "probe",
        "--timeout",
        "1",
    ]
    with out.open("w") as log:
        process = subprocess.Popen([*command, "--quick-every", "2s", "--quick-again", "1s"], stdout=log, stderr=log)
    try:
        yield out
    finally:
        process.terminate()
        assert process.wait(20) == 0, out.read_text()


def listed(service: Service, mirrors: dict[str, Mirror], form: str = "/mirrorlist/9/baseos") -> set[str]:
    text = ask(service.port, form)[1]
    return {name for name, mirror in mirrors.items() if f":{mirror.port}/" in text}


@pytest.mark.slow
def test_what_dies_is_busy_or_mute_leaves_every_list_and_comes_back(tmp_path: Path) -> None:
    with network(tmp_path) as mirrors, service_of(tmp_path / "service.yml") as service, probing(tmp_path) as told:
        until(PATIENCE, lambda: "4 mirrors" in told.read_text())  # the first run
        assert listed(service, mirrors) == {*NAMES}
        mirrors["dies"].stop()
        mirrors["busy"].status = "503 Service Unavailable"
        mirrors["mute"].is_mute = True
        until(PATIENCE, lambda: listed(service, mirrors) == {"good"})
        for form in ("/metalink?repo=baseos-9&arch=x86_64", "/mirrorlist/9/baseos?protocol=http"):
            until(PATIENCE, lambda form=form: listed(service, mirrors, form) == {"good"})  # type: ignore[misc]
        run = CliRunner()
        health = run.invoke(main, ["--config", str(tmp_path / "service.yml"), "health", "dies.example.org"]).output
        assert f"connection refused: 127.0.0.1 port {mirrors['dies'].port}" in " ".join(health.split())
        assert "an address fails quick looks: 127.0.0.1 over http: connection refused: port" in " ".join(health.split())
        health = run.invoke(main, ["--config", str(tmp_path / "service.yml"), "health", "busy.example.org"]).output
        assert "127.0.0.1 answers with status 503" in " ".join(health.split())
        shown = run.invoke(
            main,
            [
                "--config",
                str(tmp_path / "service.yml"),
                "explain",
                "--all",
                "--ip",
                "127.0.0.1",
                "--version",
                "9",
                "--repo",
                "baseos",
            ],
        ).output
        assert f"(connection refused: 127.0.0.1 port {mirrors['dies'].port})" in " ".join(shown.split())
        mirrors["dies"].start()
        mirrors["busy"].status = ""
        mirrors["mute"].is_mute = False
        mirrors["mute"].ended.set()
        until(PATIENCE, lambda: listed(service, mirrors) == {*NAMES})
        record = JobRecords(tmp_path / "state").read("quick")
        assert record is not None
        assert (record.error, record.next_at) != (None, None)
    said = told.read_text()
    assert "down  dies.example.org  http ipv4  the whole tree: connection refused: 127.0.0.1 port" in said
    assert "up    dies.example.org  http ipv4  the whole tree: reachable" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_one_command_serves_and_probes_and_ends_with_all_of_it(tmp_path: Path) -> None:
    with network(tmp_path) as mirrors:
        mirrors["dies"].stop()
        with service_of(tmp_path / "service.yml", "--probe") as service:
            until(PATIENCE, lambda: "4 mirrors" in service.log())
            [prober] = service.probers()
            os.kill(prober, signal.SIGKILL)
            until(PATIENCE, lambda: bool(service.probers() - {prober}))
            pids = {service.process.pid, *service.workers(), *service.publishers(), *service.probers()}
        until(PATIENCE, lambda: not pids & processes().keys())
        assert "the prober ended and is started again" in service.log()
