"""Asking rsync servers: which addresses, which words, and what its endings mean."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mirrorlist.checks.fetching.subprocesses import MOST_TOLD
from mirrorlist.checks.probing.rsync import Client, client_of, installed_client, probe
from mirrorlist.core.health.verdicts import Family, ProbeOutcome, Subject
from mirrorlist.core.model import MAIN, Protocol
from tests.checks.asking import LOOPBACK, guard, names
from tests.checks.servers import ALLOWED_HOST, serving, stays_silent

GUARD = guard(LOOPBACK, names({"m.test": [ALLOWED_HOST], "inside.test": ["10.0.0.1"], "both.test": ["10.0.0.1"]}))
needs_rsync = pytest.mark.skipif(shutil.which("rsync") is None, reason="the rsync client is not installed")


def asked(
    url: str, client: Client | None, family: Family = Family.IPV4, seconds: float = 30.0
) -> tuple[ProbeOutcome, str]:
    found = probe(Subject("m", MAIN, Protocol.RSYNC, family), url, seconds, GUARD, client)
    return found.outcome, found.detail


def ends(status: int, said: str = "") -> Client:
    return lambda arguments, seconds: (status, said)


def hangs(arguments: list[str], seconds: float) -> tuple[int, str]:
    raise TimeoutError("no list within 1 s")


@pytest.mark.parametrize(
    ("url", "client", "outcome"),
    [
        ("rsync://m.test/linux/", ends(0), ProbeOutcome.GOOD),
        ("rsync://m.test/linux/", ends(5, "@ERROR: Unknown module 'linux'"), ProbeOutcome.MISSING),
        (
            "rsync://m.test/linux/",
            ends(5, "@ERROR: max connections (9) reached -- try again later"),
            ProbeOutcome.LIMITED,
        ),
        ("rsync://m.test/linux/", ends(10, "Connection refused"), ProbeOutcome.UNREACHABLE),
        ("rsync://m.test/linux/", hangs, ProbeOutcome.TIMEOUT),
        ("rsync://m.test/linux/", None, ProbeOutcome.UNCHECKED),
        ("rsync://inside.test/linux/", ends(0), ProbeOutcome.FORBIDDEN),
        ("rsync://unknown.test/linux/", ends(0), ProbeOutcome.UNREACHABLE),
        ("rsync://user@m.test/linux/", ends(0), ProbeOutcome.FORBIDDEN),
        ("rsync://m.test/", ends(0), ProbeOutcome.FORBIDDEN),
        ("rsync://m.test/-e/x;y", ends(0), ProbeOutcome.FORBIDDEN),
        ("rsync://m.test:99999/linux/", ends(0), ProbeOutcome.FORBIDDEN),
        ("http://m.test/linux/", ends(0), ProbeOutcome.FORBIDDEN),
    ],
)
def test_how_rsync_ends_is_what_it_comes_to(url: str, client: Client | None, outcome: ProbeOutcome) -> None:
    assert asked(url, client)[0] is outcome


def test_the_client_connects_to_the_address_that_was_judged() -> None:
    told: list[str] = []

    def client(arguments: list[str], seconds: float) -> tuple[int, str]:
        told.extend(arguments)
        return 0, ""

    asked("rsync://m.test:8730/linux/", client)
    assert told[-1] == f"rsync://{ALLOWED_HOST}:8730/linux/"
    assert "--list-only" in told


def test_a_family_without_an_address_is_told() -> None:
    assert asked("rsync://m.test/linux/", ends(0), Family.IPV6)[0] is ProbeOutcome.NO_ADDRESS


@contextmanager
def daemon(directory: Path) -> Iterator[int]:
    """An rsync daemon with a module called linux."""
    (directory / "tree").mkdir()
    with socket.socket() as free:
        free.bind((ALLOWED_HOST, 0))
        port = int(free.getsockname()[1])
    config = directory / "rsyncd.conf"
    config.write_text(f"use chroot = no\n[linux]\npath = {directory / 'tree'}\nread only = yes\n")
    command = ["rsync", "--daemon", "--no-detach", f"--port={port}", f"--address={ALLOWED_HOST}", f"--config={config}"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        try:
            for _ in range(100):
                with socket.socket() as tried:
                    if tried.connect_ex((ALLOWED_HOST, port)) == 0:
                        break
                time.sleep(0.02)
            yield port
        finally:
            process.kill()


@needs_rsync
def test_a_real_server_lists_its_module_and_no_other(tmp_path: Path) -> None:
    with daemon(tmp_path) as port:
        client = installed_client()
        assert asked(f"rsync://m.test:{port}/linux/", client) == (ProbeOutcome.GOOD, "")
        assert asked(f"rsync://m.test:{port}/other/", client)[0] is ProbeOutcome.MISSING


@needs_rsync
def test_a_server_that_stays_silent_is_too_slow() -> None:
    with serving(stays_silent) as server:
        start = time.monotonic()
        found = asked(f"rsync://m.test:{server.port}/linux/", installed_client(), seconds=1.0)
    assert found[0] in (ProbeOutcome.TIMEOUT, ProbeOutcome.UNREACHABLE)
    assert time.monotonic() - start < 15


def program(directory: Path, text: str) -> Client:
    file = directory / "rsync"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return client_of(str(file))


def test_what_a_server_says_without_end_is_cut(tmp_path: Path) -> None:
    status, said = program(tmp_path, "/usr/bin/head -c 30000000 /dev/zero | /usr/bin/tr '\\0' x >&2; exit 5")([], 30.0)
    assert (status, len(said)) == (5, MOST_TOLD)


def test_a_client_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    client = program(tmp_path, "/bin/sleep 300 & echo $! > pid; cd /; wait".replace("pid", str(tmp_path / "pid")))
    with pytest.raises(TimeoutError, match="no list within 2 s"):
        client([], 2.0)
    started = Path("/proc") / (tmp_path / "pid").read_text().strip()
    deadline = time.monotonic() + 30
    while started.exists() and "\tZ" not in (started / "status").read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not started.exists() or "\tZ" in (started / "status").read_text()
