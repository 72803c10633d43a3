"""The demo's mirror server with single byte ranges, which downloaders with several sources want."""

from __future__ import annotations

import argparse
import io
import os
import re
import signal
import sys
import threading
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from mirrorlist.demo.mirror_server import MirrorHandler, MirrorServer, wait_for_the_end

RANGE = re.compile(r"bytes=([0-9]+)-([0-9]*)", re.ASCII)


class RangeHandler(MirrorHandler):
    """Answers ``Range: bytes=0-99`` and ``bytes=100-`` with 206; other requests as the demo does."""

    def send_head(self) -> BinaryIO | None:  # type: ignore[override]  # the library returns either kind of file
        wanted = RANGE.fullmatch(self.headers.get("Range", ""))
        path = Path(self.translate_path(self.path))
        if not wanted or not path.is_file():
            return super().send_head()  # type: ignore[return-value]  # the same
        data = path.read_bytes()
        first, last = int(wanted[1]), min(int(wanted[2] or len(data)), len(data) - 1)
        if first > last:
            self.send_error(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            return None
        self.send_response(HTTPStatus.PARTIAL_CONTENT)
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        return io.BytesIO(data[first : last + 1])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.clients.mirror_server", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="the tree to serve")
    parser.add_argument("--host", required=True, help="a loopback address")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--log", type=Path, required=True, help="the file that gets one line a request")
    return parser.parse_args()


def main() -> None:
    parent = os.getppid()
    options = arguments()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with options.log.open("a", encoding="utf-8", errors="backslashreplace", buffering=1) as log:
        handler = partial(RangeHandler, log=log, directory=str(options.root))
        server = MirrorServer((options.host, options.port), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        wait_for_the_end(stop, parent)


if __name__ == "__main__":
    main()
