"""Tests of logging set-up."""

from __future__ import annotations

import json

import pytest
import structlog
from structlog.testing import capture_logs

from mirrorlist.logs import LastingFault, set_up_logs


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


@pytest.mark.parametrize(("log_format", "is_json"), [("auto", True), ("json", True), ("text", False)])
def test_logs_are_json_unless_text_is_wanted_or_somebody_looks(
    log_format: str, is_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        set_up_logs(log_format)
        log = structlog.get_logger("format")
        try:
            raise ValueError("boom")
        except ValueError:
            log.error("first", place="here", exc_info=True)
    finally:
        structlog.reset_defaults()
    written = capsys.readouterr().err
    assert ("ValueError: boom" in written, "\x1b" in written) == (True, False)
    if is_json:
        assert json.loads(written)["place"] == "here"
    else:
        assert "first" in written.splitlines()[0] and "place=here" in written.splitlines()[0]
        assert "╭" not in written  # rich's frame


def test_a_fault_is_new_when_it_begins_changes_or_comes_back() -> None:
    fault = LastingFault()
    assert [fault.is_new(reason) for reason in ("away", "away", "full", "away")] == [True, False, True, True]
    assert (fault.is_over(), fault.is_over(), fault.is_new("away")) == (True, False, True)
