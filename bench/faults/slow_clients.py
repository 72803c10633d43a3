"""Clients that never finish their request, at the server alone or through the proxies of deploy/."""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from bench.faults.held import Case, Held
from tests.clients.proxies import Proxied
from tests.serving import ask, checkout, serving


def slow_clients(proxy: Callable[[Path, int], AbstractContextManager[Proxied]] | None = None) -> Case:
    """A case of 200 clients that never finish their request, at the server alone or through a file of deploy/: others
    are answered, p99 under a second."""

    def run(_: bool) -> Held:
        with tempfile.TemporaryDirectory() as directory, ExitStack() as running:
            service = running.enter_context(serving(checkout(Path(directory) / "x", "a.example.org")))
            port = service.port
            if proxy:
                port = running.enter_context(proxy(Path(directory) / "proxy", port)).http
            return _probed(port)

    return run


def _probed(port: int, slow: int = 200, probes: int = 500) -> Held:
    """Probes a port while each of the slow clients sends a byte now and then, and comes back when it is sent away."""
    times, lost, sockets = [], 0, [_slow_client(port) for _ in range(slow)]
    for number in range(probes):
        try:
            sockets[number % slow].sendall(b"a")
        except OSError:
            sockets[number % slow].close()
            sockets[number % slow] = _slow_client(port)
        began = time.monotonic()
        try:
            lost += ask(port)[0] != 200
        except OSError:
            lost += 1
        times.append(time.monotonic() - began)
        time.sleep(0.03)  # 15 s in all, past the time in which a proxy wants the whole head
    for each in sockets:
        each.close()
    p99 = sorted(times)[len(times) * 99 // 100]
    return Held(lost <= probes / 100 and p99 < 1, f"{probes - lost} of {probes} answered, p99 {p99 * 1000:.1f} ms")


def _slow_client(port: int) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(b"GET /mirrorlist/9/baseos HTTP/1.1\r\nHost: x\r\nX-")
    return client
