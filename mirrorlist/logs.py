"""Configure logging: one line per event on standard error, in colour on a terminal, JSON otherwise."""

from __future__ import annotations

import sys

import structlog
from structlog.typing import Processor


def set_up_logs() -> None:
    """Sets up the logs of this process."""
    terminal = sys.stderr.isatty()
    shapes: list[Processor] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    if terminal:
        shapes = [structlog.dev.ConsoleRenderer()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *shapes,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
