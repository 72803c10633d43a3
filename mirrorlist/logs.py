"""Logging: one line per event on standard error, in colour on a terminal, JSON otherwise; lasting faults once."""

from __future__ import annotations

import sys

import structlog
from structlog.typing import Processor


def set_up_logs(log_format: str = "auto", colour: bool = True) -> None:
    """Sets up the logs of this process: ``text``, ``json``, or ``auto``, which is text on a terminal.

    ``colour``: whether text on a terminal may have some.
    """
    terminal = sys.stderr.isatty()
    shapes: list[Processor] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    if not is_json(log_format):
        plain = structlog.dev.plain_traceback  # whether or not rich is installed, which workers never load
        shapes = [structlog.dev.ConsoleRenderer(colors=terminal and colour, exception_formatter=plain)]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *shapes,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def is_json(log_format: str) -> bool:
    """Whether this is a format for programs here."""
    return log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())


class LastingFault:
    """A fault that is logged when it begins or changes, not again while it stays the same."""

    def __init__(self) -> None:
        self.reason = ""

    def is_new(self, reason: str) -> bool:
        """Notes the fault; whether it is not the one that was noted last."""
        former, self.reason = self.reason, reason
        return reason != former

    def is_over(self) -> bool:
        """Forgets the fault; whether there was one."""
        former, self.reason = self.reason, ""
        return former != ""
