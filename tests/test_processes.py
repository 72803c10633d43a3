"""The processes of the real service: one port, one owner; they end together, and come back one by one."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import (
    PATH,
    SERVICE,
    Service,
    answers,
    ask,
    checkout,
    free_port,
    mirror_file,
    processes,
    put,
    serving,
    until,
)

PATIENCE = 60.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service; a test leaves it with two workers."""
    with serving(checkout(tmp_path_factory.mktemp("running"), "a.example.org")) as service:
        yield service


def second(config: Path, port: int, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mirrorlist", "--config", str(config), "serve", "--port", str(port), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_second_service_on_a_port_ends_with_one_line(running: Service, tmp_path: Path, host: str) -> None:
    other = checkout(tmp_path / "other", "b.example.org")
    for config in (running.directory / "service.yml", other):
        ended = second(config, running.port, "--host", host)
        told = f"error: port {running.port} is in use; choose another with --port\n"
        assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", told)
    assert not (tmp_path / "other" / "state").exists()
    assert "b.example.org" not in ask(running.port)[1]


@pytest.mark.slow
def test_a_port_of_another_program_is_in_use_and_a_wrong_host_is_named(tmp_path: Path) -> None:
    config = checkout(tmp_path, "a.example.org")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = second(config, port)
    assert (ended.returncode, ended.stderr) == (1, f"error: port {port} is in use; choose another with --port\n")
    ended = second(config, free_port(), "--host", "localhost")
    assert (ended.returncode, ended.stderr.count("\n"), "127.0.0.1" in ended.stderr) == (1, 1, True)


def test_a_second_service_on_a_state_directory_ends_with_one_line(running: Service) -> None:
    ended = second(running.directory / "service.yml", free_port())
    state = running.directory / "state"
    told = f"error: another serve (process {running.process.pid}) works on {state}; stop it, or name another"
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (1, "", 1)
    assert ended.stderr.startswith(told)


def test_every_line_of_a_log_that_nobody_looks_at_is_json(running: Service) -> None:
    events = [json.loads(line) for line in running.log().splitlines()]
    assert events[0]["event"] == "serving"
    assert events[0]["address"] == f"http://127.0.0.1:{running.port}"


@pytest.mark.slow
def test_a_service_that_is_told_to_renew_while_it_starts_starts(tmp_path: Path) -> None:
    config, port = checkout(tmp_path, "a.example.org"), free_port()
    command = [sys.executable, "-m", "mirrorlist", "--config", str(config), "serve", "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert "serving" in process.stderr.readline()
            for _ in range(20):
                process.send_signal(signal.SIGHUP)
                time.sleep(0.02)
            threading.Thread(target=process.stderr.read, daemon=True).start()
            until(PATIENCE, lambda: process.poll() is not None or answers(port))
            assert process.poll() is None
        finally:
            process.terminate()


@pytest.mark.slow
def test_workers_load_no_rich(running: Service) -> None:
    for pid in {*running.workers(), running.process.pid}:
        assert "sys.modules['rich'] = None" in Path(f"/proc/{pid}/cmdline").read_text()


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


@pytest.mark.slow
def test_workers_are_renewed_without_a_request_that_fails(tmp_path: Path) -> None:
    with serving(checkout(tmp_path, "a.example.org")) as service:
        before, outcomes, stop = service.workers(), [], threading.Event()

        def ask_on() -> None:
            while not stop.is_set():
                outcomes.append(answers(service.port))

        asking = threading.Thread(target=ask_on)
        asking.start()
        try:
            service.process.send_signal(signal.SIGHUP)
            until(PATIENCE, lambda: len(service.workers()) == 2 and not service.workers() & before)
        finally:
            stop.set()
            asking.join()
        assert set(outcomes) == {True}


UNIX = SERVICE + "trusted_proxies: [unix]\napproved: [own.example.org]\n"


def over(path: Path, address: str) -> str:
    """The list for a client that a proxy behind the socket names."""
    command = ["curl", "-sS", "-m", "30", "--unix-socket", path, f"http://x{PATH}", "-H", f"X-Forwarded-For: {address}"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@pytest.mark.slow
@pytest.mark.parametrize("activates", [False, True])
def test_a_unix_socket_serves_its_own_or_one_that_systemd_passes(tmp_path: Path, activates: bool) -> None:
    config, path = checkout(tmp_path, "a.example.org"), tmp_path / "a.sock"
    put(config, UNIX)
    private = mirror_file("own.example.org") + "private: true\nsubnets: [198.51.100.0/24]\n"
    put(tmp_path / "mirrors.d" / "own.example.org.yml", private)
    command = [sys.executable, "-m", "mirrorlist", "--config", str(config), "serve"]
    if activates:
        command = ["systemd-socket-activate", "-l", str(path), "-E", "PYTHONPATH", *command]
    else:
        command += ["--unix-socket", str(path)]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log)
    try:
        until(PATIENCE, lambda: "a.example.org" in over(path, "192.0.2.1"))
        assert "own.example.org" in over(path, "198.51.100.1")
        assert "own.example.org" not in over(path, "192.0.2.1")
    finally:
        process.terminate()
        assert process.wait(PATIENCE) == 0
    assert path.exists() is activates
    assert f"unix:{path}" in (tmp_path / "log").read_text()


@pytest.mark.slow
def test_systemd_is_told_of_readiness_life_renewal_and_stop(tmp_path: Path) -> None:
    config = checkout(tmp_path, "a.example.org")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(PATIENCE)
        environment = os.environ | {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
        command = [sys.executable, "-m", "mirrorlist", "--config", str(config), "serve", "--port", str(free_port())]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment) as process:

            def told(wanted: str) -> list[str]:
                """What is received until one begins so."""
                received = [""]
                while not received[-1].startswith(wanted):
                    received.append(manager.recv(4096).decode())
                return received

            assert any(each.startswith("STATUS=answers at http://127.0.0.1:") for each in told("READY=1"))
            told("WATCHDOG=1")
            process.send_signal(signal.SIGHUP)
            [_, _, at] = told("RELOADING=1")[-1].partition("\nMONOTONIC_USEC=")
            assert 0 <= time.monotonic_ns() // 1000 - int(at) < PATIENCE * 1e6
            told("READY=1")
            process.send_signal(signal.SIGTERM)
            told("STOPPING=1")
            assert process.wait(PATIENCE) == 0


@pytest.mark.slow
def test_metrics_sum_what_all_workers_answered_and_the_last_answers_before_a_stop_count(tmp_path: Path) -> None:
    port = free_port()
    with serving(checkout(tmp_path, "a.example.org"), "--metrics-port", str(port)) as service:
        assert [ask(service.port, path)[0] for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 404]
        for _ in range(100):
            ask(service.port)
        before = service.workers()
        service.process.send_signal(signal.SIGHUP)
        until(PATIENCE, lambda: len(service.workers()) == 2 and not service.workers() & before)
        wanted = re.compile(r'^mirrorlist_requests_total\{route="mirrorlist",status="200"\} (\d+)', re.MULTILINE)
        until(PATIENCE, lambda: any(int(found) >= 100 for found in wanted.findall(ask(port, "/metrics")[1])))
