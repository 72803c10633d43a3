"""The real service: processes, open connections, changes good and bad, and kills."""

from __future__ import annotations

import http.client
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

from mirrorlist.publishing.watch import LOOK_SECONDS
from mirrorlist.server import RESTART_SECONDS, Companion
from mirrorlist.settings import read_settings
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

ROOT = Path(__file__).parents[1]
FIRST = "https://a.example.org/linux/9.8/BaseOS/$basearch/os/\n"
FEWEST_REQUESTS = 10_000
PATIENCE = 60.0
SECONDS_TO_BE_SEEN = 2.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A public mirror and a private one, behind a proxy; a test leaves it as it was."""
    directory = tmp_path_factory.mktemp("running")
    config = checkout(directory, "a.example.org")
    put(config, SERVICE + "trusted_proxies: [127.0.0.1]\napproved: [own.example.org]\n")
    private = mirror_file("own.example.org") + "private: true\nsubnets: [198.51.100.0/24]\n"
    put(directory / "mirrors.d" / "own.example.org.yml", private)
    with serving(config) as service:
        yield service


@pytest.mark.slow
def test_answers_and_ends_with_all_its_processes(tmp_path: Path) -> None:
    with serving(checkout(tmp_path, "a.example.org")) as service:
        assert ask(service.port) == (200, FIRST)
        assert ask(service.port, "/nothing")[0] == 404
        started = {service.process.pid, *service.workers(), *service.publishers()}
        assert len(started) == 4
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(PATIENCE) == 0
        until(PATIENCE, lambda: not started & processes().keys())
    assert "Traceback" not in service.log()


def raw(port: int, target: bytes, headers: bytes = b"") -> tuple[int, bytes]:
    """Status and body of a request whose bytes no client library would send."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n" + headers + b"Connection: close\r\n\r\n")
        received = b""
        while chunk := connection.recv(65_536):
            received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body


@pytest.mark.slow
def test_bytes_that_no_client_should_send_are_no_internal_error(running: Service) -> None:
    path = PATH.encode()
    for target, status in [
        (b"/mirrorlist/9%2E8/baseos", 200), (path + b"?x=\xc3\xa9", 200), (path + b"?x=\xe2\x82\xac", 200),
        (path + b"?country=%E2%82%AC", 400), (path + b"?country=\xe2\x82\xac", 400), (path + b"?x=%FF%00", 200),
        (b"/mirrorlist/9/\xe2\x82\xac", 404), (b"/mirrorlist/9/%FF", 404), (b"/mirrorlist/9/%00", 404),
        (b"/mirrorlist/9/%0D%0AX:y", 404), (b"//mirrorlist/9/baseos", 200), (b"/" + b"a" * 30_000, 404),
        (path + b"?" + b"a" * 30_000, 200),
    ]:  # fmt: skip
        got, body = raw(running.port, target)
        assert (got, target[:40]) == (status, target[:40])
        assert body == FIRST.encode() if status == 200 else re.fullmatch(rb"# [ -~]+\n", body)
    for header in (
        b"X-Forwarded-For: \xff\xfe",
        b"Accept-Encoding: gzip;q=\xff",
        b"X-Forwarded-For: " + b"1.2.3.4," * 900,
    ):
        assert raw(running.port, path, header + b"\r\n") == (200, FIRST.encode())
    assert raw(running.port, path, b"Host: <\r\n") == (400, b"# send one Host header\n")  # the second one


def test_client_named_by_a_trusted_proxy_counts_however_its_headers_come(running: Service) -> None:
    for headers, owns in [
        (b"X-Forwarded-For: 198.51.100.1\r\n", True),
        (b"X-Forwarded-For: 203.0.113.1, 198.51.100.1\r\n", True),
        (b"X-Forwarded-For: 203.0.113.1\r\nX-Forwarded-For: 198.51.100.1\r\n", True),
        (b"X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 203.0.113.1\r\n", False),  # added by a proxy below it
        (b"X-Forwarded-For: 198.51.100.1, 203.0.113.1\r\n", False),
        (b"X-Forwarded-For: 198.51.100.1\xff\r\n", False),
        (b"X-Forwarded-For:\r\n", False),
        (b"", False),
    ]:  # fmt: skip
        status, body = raw(running.port, PATH.encode(), headers)
        assert (status, b"own.example.org" in body, headers) == (200, owns, headers)


class Asker(threading.Thread):
    """Asks over one open connection until it is stopped; counts, and keeps what went wrong."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port
        self._stop_asking = threading.Event()
        self.requests = 0
        self.failures: list[str] = []
        self.seen: set[str] = set()

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        connection.connect()
        opened = connection.sock
        while not self._stop_asking.is_set():
            try:
                connection.request("GET", PATH)
                answer = connection.getresponse()
                body = answer.read().decode()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                return
            self.requests += 1
            self.seen.add(body)
            if answer.status != 200 or not body.startswith("https://"):
                self.failures.append(f"{answer.status} {body!r}")
            if connection.sock is not opened:
                self.failures.append("the connection was closed")
                return
        connection.close()

    def finish(self) -> None:
        self._stop_asking.set()
        self.join(10)


def change(service: Service, number: int) -> None:
    """Change number 0 to 19: every second one is bad."""
    good = service.directory / "mirrors.d" / f"good{number}.example.org.yml"
    broken = service.directory / "mirrors.d" / "a.example.org.yml"
    snapshot = service.directory / "state" / "snapshot.bin"
    if number % 2 == 0:
        put(broken, mirror_file("a.example.org"))
        put(service.directory / "service.yml", SERVICE)
        put(good, mirror_file(f"good{number}.example.org"))
        until(PATIENCE, lambda: all(f"https://good{number}.example.org/" in ask(service.port)[1] for _ in range(20)))
    elif number % 6 == 1:
        put(broken, "name: [")
    elif number % 6 == 3:
        put(service.directory / "service.yml", SERVICE + "polcy: {")
    else:
        put(snapshot, snapshot.read_bytes()[: 1000 + number])
    if number % 2:
        time.sleep(0.9)
        assert f"https://good{number - 1}.example.org/" in ask(service.port)[1], "a bad change was taken up"


@pytest.mark.slow
def test_open_connections_survive_20_changes_half_of_them_bad(tmp_path: Path) -> None:
    with serving(checkout(tmp_path, "a.example.org")) as service:
        before = (service.process.pid, service.workers(), service.publishers())
        askers = [Asker(service.port) for _ in range(2)]
        for asker in askers:
            asker.start()
        for number in range(20):
            change(service, number)
        until(PATIENCE, lambda: sum(asker.requests for asker in askers) >= FEWEST_REQUESTS)
        for asker in askers:
            asker.finish()
        assert [asker.failures for asker in askers] == [[], []]
        assert sum(asker.requests for asker in askers) >= FEWEST_REQUESTS
        assert (service.process.pid, service.workers(), service.publishers()) == before
        for asker in askers:
            assert {
                f"good{number}" for number in range(0, 20, 2) if any(f"good{number}." in body for body in asker.seen)
            } == {f"good{number}" for number in range(0, 20, 2)}
            assert all("https://a.example.org/" in body for body in asker.seen)


@pytest.mark.slow
def test_change_is_seen_by_both_workers(running: Service) -> None:
    file = running.directory / "mirrors.d" / "b.example.org.yml"
    put(file, mirror_file("b.example.org"))
    until(PATIENCE, lambda: all("b.example.org" in ask(running.port)[1] for _ in range(20)))
    file.unlink()
    until(PATIENCE, lambda: all(ask(running.port) == (200, FIRST) for _ in range(20)))


def test_changes_are_looked_for_so_often_that_they_are_seen_in_time() -> None:
    """Half of the time is left for compiling and taking up, which bench/compile measures."""
    assert LOOK_SECONDS + read_settings({}).reload_seconds <= SECONDS_TO_BE_SEEN / 2


@pytest.mark.slow
def test_killed_worker_is_replaced_and_the_other_serves_on(tmp_path: Path) -> None:
    with serving(checkout(tmp_path, "a.example.org")) as service:
        before = service.workers()
        victim = min(before)
        os.kill(victim, signal.SIGKILL)
        start = time.monotonic()
        outcomes = []
        while time.monotonic() - start < PATIENCE:
            outcomes.append(answers(service.port))
            time.sleep(0.02)  # what fails, fails at once: without a pause its few milliseconds weigh like seconds
            if len(service.workers() - {victim}) == 2 and len(outcomes) > 50:
                break
        assert len(service.workers() - {victim}) == 2
        assert before - {victim} <= service.workers()
        assert outcomes.count(False) <= max(3, 0.1 * len(outcomes))  # what the dead one had accepted is lost
        until(PATIENCE, lambda: all(answers(service.port) for _ in range(50)))


@pytest.mark.slow
def test_killed_publisher_comes_back_and_publishes(tmp_path: Path) -> None:
    with serving(checkout(tmp_path, "a.example.org")) as service:
        workers, [publisher] = service.workers(), service.publishers()
        os.kill(publisher, signal.SIGKILL)
        assert answers(service.port)
        put(tmp_path / "mirrors.d" / "b.example.org.yml", mirror_file("b.example.org"))
        until(PATIENCE, lambda: "b.example.org" in ask(service.port)[1])
        [successor] = service.publishers()
        assert successor != publisher
        assert service.workers() == workers


def test_broken_service_file_stops_the_start_with_a_line_for_each_fault(tmp_path: Path) -> None:
    config = checkout(tmp_path, "a.example.org")
    config.write_text(SERVICE + "polcy: {}\nname: 5\n")
    command = [sys.executable, "-m", "mirrorlist", "--config", str(config), "serve", "--port", str(free_port())]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert [re.sub(r"\].*", "]", line) for line in ended.stderr.splitlines()] == [
        f"{config}:6:1: error [unknown-key]", f"{config}:7:7: error [wrong-type]",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_companion_that_cannot_be_started_for_a_while_comes_back(tmp_path: Path) -> None:
    job, log = tmp_path / "job", tmp_path / "log"

    def write() -> None:
        put(job, f"#!/bin/sh\necho begun >>{log}\n")
        job.chmod(0o755)

    write()
    with Companion("job", [str(job)]) as companion:
        until(PATIENCE, log.exists)
        job.unlink()
        companion.keep()
        time.sleep(RESTART_SECONDS + 0.5)
        write()
        until(PATIENCE, lambda: log.read_text().count("begun") > 1)


CLOSED = """
import os
from mirrorlist.cli.main import main
try:
    main(["--version"])
finally:
    for number in range(3):
        assert os.readlink(f"/proc/self/fd/{number}") == os.devnull and os.get_inheritable(number)
"""


def test_no_socket_gets_the_descriptor_of_a_closed_output() -> None:
    command = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "-", sys.executable, "-c", CLOSED]
    assert subprocess.run(command, cwd=ROOT, timeout=PATIENCE, check=False).returncode == 0


WSGI = """
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server
{wanted}

class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass

with make_server("127.0.0.1", int(sys.argv[1]), application, handler_class=Quiet) as server:
    server.serve_forever()
"""


WAYS = ("from wsgi import application", "from mirrorlist.app import application")


@pytest.mark.slow
def test_any_wsgi_server_serves_and_several_compile_once(tmp_path: Path) -> None:
    config = checkout(tmp_path, "a.example.org")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MIRRORLIST_")}
    environment |= {"MIRRORLIST_CONFIG": str(config), "PYTHONPATH": str(ROOT)}
    programs = {free_port(): WSGI.format(wanted=wanted) for wanted in (*WAYS, WAYS[0])}
    ports = list(programs)
    started = [
        subprocess.Popen([sys.executable, "-c", program, str(port)], env=environment, cwd=ROOT, stderr=subprocess.PIPE)
        for port, program in programs.items()
    ]
    try:
        for port in ports:
            until(PATIENCE, lambda port=port: answers(port))  # type: ignore[misc]
        assert [ask(port) for port in ports] == [(200, FIRST)] * 3
    finally:
        for process in started:
            process.terminate()
        told = b"".join(process.communicate(timeout=10)[1] for process in started).decode()
    assert told.count('"event": "published"') == 1
    assert "Traceback" not in told
    assert {path.name for path in (tmp_path / "state").glob("snapshot*")} == {"snapshot.bin"}
