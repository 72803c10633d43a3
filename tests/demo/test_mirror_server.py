"""A mirror is one process that serves one tree, tells what it was asked, and never outlives its starter."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mirrorlist.demo.mirror_server import LoggedRequest
from tests.demo.servers import mirror_server, read_log


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "repodata").mkdir(parents=True)
    (root / "repodata" / "repomd.xml").write_bytes(b"<repomd/>\n")
    return root


def connect(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    assert parts.hostname and parts.port
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def test_one_connection_gets_several_files_with_their_lengths(tree: Path, tmp_path: Path) -> None:
    with mirror_server(tree, tmp_path / "log") as (url, _):
        connection = connect(url)
        for _ in range(3):
            connection.request("GET", "/repodata/repomd.xml")
            response = connection.getresponse()
            assert (response.version, response.status, response.getheader("Content-Length")) == (11, 200, "10")
            assert response.read() == b"<repomd/>\n"
        connection.close()


def test_head_tells_the_length_and_sends_nothing(tree: Path, tmp_path: Path) -> None:
    with mirror_server(tree, tmp_path / "log") as (url, _):
        connection = connect(url)
        connection.request("HEAD", "/repodata/repomd.xml")
        response = connection.getresponse()
        assert (response.status, response.getheader("Content-Length"), response.read()) == (200, "10", b"")
        connection.close()


def test_every_request_is_one_line_of_the_log(tree: Path, tmp_path: Path) -> None:
    asked = (
        ("GET", "/repodata/repomd.xml", "libdnf (Demo Linux 9; generic; Linux.x86_64)"),
        ("HEAD", "/repodata/repomd.xml", "ZYpp 17.25.7 (curl 7.88.1) "),
        ("GET", "/missing?a=b", "tab\there"),
        ("POST", "/repodata/repomd.xml", ""),
    )
    with mirror_server(tree, tmp_path / "log") as (url, _):
        for method, path, agent in asked:
            connection = connect(url)
            connection.request(method, path, headers={"User-Agent": agent})
            connection.getresponse().read()
            connection.close()
        logged = read_log(tmp_path / "log")
    assert logged == (
        LoggedRequest("GET", "/repodata/repomd.xml", "libdnf (Demo Linux 9; generic; Linux.x86_64)", 200),
        LoggedRequest("HEAD", "/repodata/repomd.xml", "ZYpp 17.25.7 (curl 7.88.1)", 200),
        LoggedRequest("GET", "/missing?a=b", "tab here", 404),
        LoggedRequest("POST", "/repodata/repomd.xml", "-", 501),
    )


@pytest.mark.parametrize("request_line", [b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.x\r\n\r\n"])
def test_a_request_that_cannot_be_read_is_logged_too(tree: Path, tmp_path: Path, request_line: bytes) -> None:
    with mirror_server(tree, tmp_path / "log") as (url, _):
        with socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=10) as raw:
            raw.sendall(request_line)
            assert raw.recv(4096)
        (logged,) = read_log(tmp_path / "log")
    assert logged.status == 400


def test_nothing_outside_the_tree_is_served(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    with mirror_server(tree, tmp_path / "log") as (url, _):
        connection = connect(url)
        connection.request("GET", "/../secret")
        assert connection.getresponse().status == 404
        connection.close()


def test_a_log_that_is_not_there_yet_has_no_requests(tmp_path: Path) -> None:
    assert read_log(tmp_path / "log") == ()


def test_two_mirrors_have_two_ports_and_processes(tree: Path, tmp_path: Path) -> None:
    with mirror_server(tree, tmp_path / "a") as (a, one), mirror_server(tree, tmp_path / "b") as (b, other):
        assert a != b
        assert one.pid != other.pid


def test_sigterm_ends_it_at_once_though_a_connection_is_open(tree: Path, tmp_path: Path) -> None:
    with mirror_server(tree, tmp_path / "log") as (url, process):
        connection = connect(url)
        connection.request("GET", "/repodata/repomd.xml")
        connection.getresponse().read()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 0
        connection.close()


def test_it_ends_when_its_starter_is_gone(tree: Path, tmp_path: Path) -> None:
    """The starter ends without a word to the mirror, as after kill -9."""
    starter = (
        "import subprocess, sys\n"
        f"arguments = ['--root', {str(tree)!r}, '--log', {str(tmp_path / 'log')!r}]\n"
        "command = [sys.executable, '-m', 'mirrorlist.demo.mirror_server', *arguments]\n"
        "mirror = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)\n"
        "print(mirror.stdout.readline(), flush=True)\n"
        "sys.stdin.readline()\n"
        "import os; os._exit(9)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", starter], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stdin
        port = int(process.stdout.readline())
        assert answers(port)
        process.stdin.write("end\n")
        process.stdin.flush()
        assert process.wait(timeout=10) == 9
    deadline = time.monotonic() + 10
    while answers(port) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not answers(port)
