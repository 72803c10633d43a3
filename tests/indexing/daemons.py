"""Real servers of trees on loopback: rsync daemons as processes, and plain web servers."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.serving import served

HOST = "127.0.0.1"
REQUIRED = os.environ.get("MIRRORLIST_TEST_REQUIRE_CLIENTS") == "1"
needs_rsync = pytest.mark.skipif(shutil.which("rsync") is None and not REQUIRED, reason="rsync is not installed")


@contextmanager
def rsync_daemon(tree: Path, config: Path, more: str = "") -> Iterator[int]:
    """A daemon that serves a tree as the module linux; its port."""
    port = free_port()
    config.write_text(f"use chroot = no\n[linux]\npath = {tree}\nread only = yes\n{more}")
    command = ["rsync", "--daemon", "--no-detach", f"--port={port}", f"--address={HOST}", f"--config={config}"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(port)
            yield port
        finally:
            process.kill()


def free_port() -> int:
    with socket.socket() as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as tried:
            if tried.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nobody listens on port {port}")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def web_server(tree: Path) -> Iterator[int]:
    """A web server of a directory; its port."""
    server = ThreadingHTTPServer((HOST, 0), partial(_Quiet, directory=str(tree)))
    with served(server):
        yield server.server_port
