"""Datagrams to the service manager, as sd_notify(3) describes them."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from mirrorlist.settings import Supervision, read_supervision
from mirrorlist.systemd import Manager


@pytest.mark.parametrize("is_abstract", [False, True])
def test_a_manager_is_told_by_datagrams(tmp_path: Path, is_abstract: bool) -> None:
    name = f"@mirrorlist-test-{os.getpid()}" if is_abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name[1:] if is_abstract else name)
        listening.settimeout(5)
        manager = Manager(name, 30.0)
        for tell in (manager.ready, manager.alive, manager.stopping):
            tell()
        manager.status("well")
        told = [listening.recv(100).decode() for _ in range(4)]
    assert told == ["READY=1", "WATCHDOG=1", "STOPPING=1", "STATUS=well"]
    assert manager.beat_seconds == 15.0


@pytest.mark.parametrize("address", [None, "/nonexistent/notify"])
def test_a_manager_that_is_away_is_no_fault(address: str | None) -> None:
    manager = Manager(address, None)
    manager.ready()
    manager.alive()
    assert manager.beat_seconds is None


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, Supervision()),
        ({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "30000000"}, Supervision("/run/n", 30.0)),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, Supervision(None, 30.0)),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, Supervision()),
        ({"WATCHDOG_USEC": "soon"}, Supervision()),
        ({"LISTEN_FDS": "1", "LISTEN_PID": "7"}, Supervision(sockets=1)),
        ({"LISTEN_FDS": "1", "LISTEN_PID": "8"}, Supervision()),
        ({"LISTEN_FDS": "1"}, Supervision()),
        ({"LISTEN_FDS": "-1", "LISTEN_PID": "7"}, Supervision()),
    ],
)
def test_only_what_is_meant_for_this_process_counts(environ: dict[str, str], expected: Supervision) -> None:
    assert read_supervision(environ, 7) == expected
