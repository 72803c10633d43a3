"""Tests of logging set-up."""

from __future__ import annotations

import json

import pytest
import structlog
from structlog.testing import capture_logs

from mirrorlist.logs import set_up_logs


def test_a_logger_that_was_used_follows_a_later_set_up(capsys: pytest.CaptureFixture[str]) -> None:
    """Commands that run in one process set up the logs each; no logger may keep the streams of a former one."""
    log = structlog.get_logger("once")
    try:
        set_up_logs()
        log.info("first")
        set_up_logs()
        log.info("second")
        with capture_logs() as captured:
            log.info("third")
    finally:
        structlog.reset_defaults()
    written = [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]
    assert (written, [line["event"] for line in captured]) == (["first", "second"], ["third"])
