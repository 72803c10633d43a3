"""Serve one tree over HTTP on 127.0.0.1 as a mirror: a process of its own that logs each request.

``python -m mirrorlist.demo.mirror_server --root DIR --port 0 --log FILE`` prints its port as the first line.
It ends on SIGTERM, and when the process that started it is gone.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TextIO

PARENT_CHECK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One line of a mirror's log: method, path, user agent and status, with tabs between them."""

    method: str
    path: str
    user_agent: str
    status: int

    def __str__(self) -> str:
        return f"{self.method}\t{self.path}\t{self.user_agent}\t{self.status}"


class MirrorHandler(SimpleHTTPRequestHandler):
    """Answers GET and HEAD from a directory, keeps connections open, and logs one line a request."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *args: object, log: TextIO, directory: str) -> None:
        self.log = log
        super().__init__(*args, directory=directory)  # type: ignore[arg-type]  # what the server hands over

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        status = code.value if isinstance(code, HTTPStatus) else code
        method, path = [*self.requestline.split(), "-", "-"][:2]
        headers = getattr(self, "headers", None)  # a request line that cannot be read leaves none
        user_agent = headers.get("User-Agent", "-") if headers else "-"
        request = LoggedRequest(method, path, " ".join(user_agent.split()) or "-", int(status))
        self.log.write(f"{request}\n")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing beside the requests is logged."""


class MirrorServer(ThreadingHTTPServer):
    """A client that goes away in the middle of an answer is not a fault of the mirror."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # passed on as it came


def serve(root: Path, port: int, log: TextIO) -> MirrorServer:
    """A server of ``root`` that answers already, on a free port if ``port`` is 0."""
    server = MirrorServer(("127.0.0.1", port), partial(MirrorHandler, log=log, directory=str(root)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def wait_for_the_end(stop: threading.Event, parent: int) -> None:
    """Return once ``stop`` is set or the parent is gone, so that another process has taken its place."""
    while not stop.wait(PARENT_CHECK_SECONDS) and os.getppid() == parent:
        pass


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m mirrorlist.demo.mirror_server", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="the tree to serve")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--log", type=Path, required=True, help="the file that gets one line a request")
    return parser.parse_args()


def main() -> None:
    parent = os.getppid()  # read before the port is reported: whoever knows the port may be gone at once
    options = arguments()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with options.log.open("a", encoding="utf-8", errors="backslashreplace", buffering=1) as log:
        server = serve(options.root, options.port, log)
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        wait_for_the_end(stop, parent)


if __name__ == "__main__":
    main()
