"""Workers in real processes, with an application that is slow, hangs or dies."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mirrorlist.worker import MOST_OPERATORS, answer_operators
from tests.serving import free_port, processes, until

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ROOT = Path(__file__).parents[1]
PATIENCE = 60.0
APPLICATION = """
import os, time

def gateway(shared):
    return answer

def answer(scope, exchange):
    path = scope["path"]
    if path == "/slow":
        time.sleep(0.7)
    if path == "/hang":
        time.sleep(600)
    if path == "/raise":
        raise ValueError("told")
    exchange.send({"type": "http.response.start", "status": 200, "headers": []})
    exchange.send({"type": "http.response.body", "body": str(os.getpid()).encode()})
"""
SUPERVISOR = """
import sys
from mirrorlist import workers
from mirrorlist.logs import set_up_logs
from mirrorlist.ports import claimed_port

set_up_logs()
sys.executable = sys.argv[4]
claimed = claimed_port("127.0.0.1", int(sys.argv[1]))
with workers.received_signals() as signals:
    sys.exit(0 if workers.Workers(sys.argv[2], claimed, int(sys.argv[3])).run(signals) else 1)
"""


@contextmanager
def supervised(
    directory: Path, workers: int = 1, application: str = APPLICATION, python: str = sys.executable
) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    (directory / "application.py").write_text(application)
    port = free_port()
    command = [sys.executable, "-c", SUPERVISOR, str(port), "application:gateway", str(workers), python]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{directory}"}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    with process:
        try:
            yield port, process
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            finally:
                process.kill()


def ask(port: int, path: str = "/") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def asked(port: int) -> bool:
    try:
        return ask(port)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def children(process: subprocess.Popen[str]) -> set[int]:
    return {row.pid for row in processes().values() if row.parent == process.pid}


def test_monitoring_is_answered_beside_clients_that_say_nothing() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [])
        return [b"ok"]

    answer_operators(listening, application, patience_seconds=PATIENCE)
    with ExitStack() as silent:

        def say_nothing() -> None:
            silent.enter_context(socket.create_connection(("127.0.0.1", port)))

        def is_full() -> bool:
            say_nothing()
            return not asked(port)

        for _ in range(MOST_OPERATORS - 4):  # an answer may keep its turn for a moment after it was read
            say_nothing()
        begun = time.monotonic()
        assert [ask(port) for _ in range(3)] == [(200, b"ok")] * 3
        assert time.monotonic() - begun < PATIENCE
        until(PATIENCE, is_full)
    until(PATIENCE, lambda: asked(port))


def test_what_is_being_answered_at_the_stop_is_answered(tmp_path: Path) -> None:
    with supervised(tmp_path) as (port, process):
        until(PATIENCE, lambda: asked(port))
        assert ask(port, "/raise")[0] == 500
        found: list[int] = []
        asking = threading.Thread(target=lambda: found.append(ask(port, "/slow")[0]))
        asking.start()
        time.sleep(0.3)
        process.terminate()
        asking.join(PATIENCE)
        assert (found, process.wait(PATIENCE)) == ([200], 0)
        assert process.stderr is not None
        log = process.stderr.read()
    assert "ValueError: told" in log and "killed" not in log


@pytest.mark.slow
def test_workers_end_whenever_they_are_told_to(tmp_path: Path) -> None:
    """Also while they load, which is when a handler would not be there yet."""
    for pause in (0.0, 0.1, 0.3):
        with supervised(tmp_path, workers=3) as (_, process):
            until(PATIENCE, lambda process=process: len(children(process)) == 3)  # type: ignore[misc]
            time.sleep(pause)
            started = children(process)
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 0
            assert not started & processes().keys()


def test_a_worker_that_is_stopped_by_hand_is_replaced(tmp_path: Path) -> None:
    with supervised(tmp_path) as (port, process):
        until(PATIENCE, lambda: asked(port))
        [former] = children(process)
        os.kill(former, signal.SIGTERM)
        until(PATIENCE, lambda: asked(port) and children(process) != {former})


@pytest.mark.slow
def test_a_service_without_workers_waits_for_the_next_one_for_seconds(tmp_path: Path) -> None:
    with supervised(tmp_path) as (port, process):
        until(PATIENCE, lambda: asked(port))
        waited = []
        for _ in range(6):
            [former] = children(process)
            os.kill(former, signal.SIGKILL)
            waited.append(until(PATIENCE, lambda former=former: bool(children(process) - {former})))  # type: ignore[misc]
        assert waited[1] < waited[2] < waited[3] < 6, waited
        assert max(waited) < 8, waited
        until(PATIENCE, lambda: asked(port))


def program(path: Path) -> None:
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    path.chmod(0o755)


@pytest.mark.slow
def test_a_service_goes_on_while_no_process_can_be_started(tmp_path: Path) -> None:
    """As where memory or processes are short for a while; here the program is away."""
    program(python := tmp_path / "python")
    with supervised(tmp_path, workers=2, python=str(python)) as (port, process):
        until(PATIENCE, lambda: len(children(process)) == 2 and asked(port))
        python.unlink()
        process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        os.kill(max(children(process)), signal.SIGKILL)
        until(PATIENCE, lambda: len(children(process)) == 1)
        for _ in range(10):
            time.sleep(0.1)
            assert asked(port)
        os.kill(max(children(process)), signal.SIGKILL)
        until(PATIENCE, lambda: not children(process))
        time.sleep(1)
        program(python)
        until(PATIENCE, lambda: len(children(process)) == 2 and asked(port))
        assert process.poll() is None


@pytest.mark.slow
def test_a_service_that_can_start_no_process_ends_with_status_1(tmp_path: Path) -> None:
    with supervised(tmp_path, python="/nonexistent") as (_, process):
        assert process.wait(PATIENCE) == 1
        assert process.stderr is not None
        log = process.stderr.read()
    assert log.count("a worker cannot be started yet") == 3
    assert "no worker can be started" in log and "Traceback" not in log


@pytest.mark.slow
def test_a_worker_that_hangs_is_killed_and_replaced(tmp_path: Path) -> None:
    with supervised(tmp_path) as (port, process):
        until(PATIENCE, lambda: asked(port))
        [former] = children(process)
        os.kill(former, signal.SIGSTOP)
        until(2 * PATIENCE, lambda: former not in children(process))
        until(PATIENCE, lambda: asked(port))


@pytest.mark.slow
def test_a_supervisor_whose_workers_never_start_ends_with_status_1(tmp_path: Path) -> None:
    with supervised(tmp_path, application="raise SystemExit(3)") as (_, process):
        assert process.wait(PATIENCE) == 1
        assert process.stderr is not None
        log = process.stderr.read()
    assert log.count("a worker ended and is started again") == 3
    assert '"status": 3' in log and "no worker can be started" in log
