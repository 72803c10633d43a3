"""What everything is measured against: a WSGI application that answers 1.5 KB and does nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

BODY = b"x" * 1535 + b"\n"
HEADERS = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(BODY)))]


def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """The whole application."""
    start_response("200 OK", HEADERS)
    return (BODY,)
