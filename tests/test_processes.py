"""The processes of the real service: one port, one owner; they end together, and come back one by one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Service, answers, ask, checkout, free_port, processes, serving, until

PATIENCE = 60.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service; a test leaves it with two workers."""
    with serving(checkout(tmp_path_factory.mktemp("running"), "a.example.org")) as service:
        yield service


def second(config: Path, port: int, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mirrorlist", "--config", str(config), "serve", "--port", str(port), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_second_service_on_a_port_ends_with_one_line(running: Service, tmp_path: Path, host: str) -> None:
    other = checkout(tmp_path / "other", "b.example.org")
    for config in (running.directory / "service.yml", other):
        ended = second(config, running.port, "--host", host)
        told = f"error: port {running.port} is in use; choose another with --port\n"
        assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", told)
    assert not (tmp_path / "other" / "state").exists()
    assert "b.example.org" not in ask(running.port)[1]


def test_a_port_of_another_program_is_in_use_and_a_wrong_host_is_named(tmp_path: Path) -> None:
    config = checkout(tmp_path, "a.example.org")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = second(config, port)
    assert (ended.returncode, ended.stderr) == (1, f"error: port {port} is in use; choose another with --port\n")
    ended = second(config, free_port(), "--host", "localhost")
    assert (ended.returncode, ended.stderr.count("\n"), "127.0.0.1" in ended.stderr) == (1, 1, True)


def replaced(service: Service, before: set[int]) -> bool:
    return len(service.workers()) == 2 and bool(service.workers() - before)


@pytest.mark.slow
def test_workers_that_die_again_and_again_do_not_end_the_service(running: Service) -> None:
    pauses = []
    for _ in range(3):
        before = running.workers()
        os.kill(max(before), signal.SIGKILL)
        until(5, lambda before=before: running.workers() != before)  # type: ignore[misc]
        pauses.append(until(PATIENCE, lambda before=before: replaced(running, before)))  # type: ignore[misc]
        assert running.process.poll() is None
    until(PATIENCE, lambda: all(answers(running.port) for _ in range(20)))
    assert pauses[-1] > 1.0, pauses
    assert "Traceback" not in running.log()


@pytest.mark.slow
def test_all_workers_dying_at_once_come_back(running: Service) -> None:
    before = running.workers()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(PATIENCE, lambda: len(running.workers() - before) == 2)
    until(PATIENCE, lambda: all(answers(running.port) for _ in range(20)))


@pytest.mark.slow
def test_a_service_that_waits_to_replace_a_worker_ends_when_told(tmp_path: Path) -> None:
    with serving(checkout(tmp_path, "a.example.org")) as service:
        started = {service.process.pid, *service.workers(), *service.publishers()}
        for _ in range(3):
            before = service.workers()
            started |= before
            os.kill(max(before), signal.SIGKILL)
            time.sleep(0.7)
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(PATIENCE) == 0
        until(PATIENCE, lambda: not started & processes().keys())


@pytest.mark.slow
def test_killed_master_leaves_no_process_behind_and_the_port_free(tmp_path: Path) -> None:
    config = checkout(tmp_path, "a.example.org")
    with serving(config) as service:
        started = service.publishers() | service.workers()
        assert len(started) == 3
        os.kill(service.process.pid, signal.SIGKILL)
        service.process.wait(5)
        try:
            until(PATIENCE, lambda: not started & processes().keys())
        finally:
            for pid in started & processes().keys():
                os.kill(pid, signal.SIGKILL)
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(("127.0.0.1", service.port))
