"""When the prober looks next, and at whom first."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from mirrorlist.probing.prober import EARLIEST_SECONDS, has_changed, needed, wait_for_turn
from mirrorlist.store.count_files import CountFiles
from mirrorlist.store.marks import Mark, MarkName
from mirrorlist.store.snapshot_files import NAME
from tests.building import NOW


def waited(now: float, changed: bool, every: float = 900.0, stop: bool = False) -> bool:
    """Whether the wait after a run that began at 0 is over at once."""
    ended, asked = threading.Event(), list[float]()
    if stop:
        ended.set()

    def has_changed(since: float) -> bool:
        asked.append(since)
        return changed

    began = time.monotonic()
    threading.Timer(0.3, ended.set).start()
    wait_for_turn(0.0, every, lambda: now, has_changed, (ended, threading.Event()))
    assert set(asked) <= {0.0}
    return time.monotonic() - began < 0.25


@pytest.mark.parametrize(
    ("now", "changed", "expected"),
    [
        (1.0, False, False),
        (1.0, True, False),
        (EARLIEST_SECONDS - 0.1, True, False),
        (EARLIEST_SECONDS, True, True),
        (EARLIEST_SECONDS, False, False),
        (900.0, False, True),
        (-1000.0, True, False),
    ],
)
def test_a_change_of_the_origin_starts_the_next_run_early(now: float, changed: bool, expected: bool) -> None:
    assert waited(now, changed) is expected


def test_a_prober_that_is_told_to_stop_does_not_wait() -> None:
    assert waited(1.0, False, stop=True)


def test_a_change_counts_when_it_is_published(tmp_path: Path) -> None:
    assert not has_changed(tmp_path, NOW)
    Mark(tmp_path, MarkName.PROBE).leave(NOW + 10, ("a/",))
    assert not has_changed(tmp_path, NOW), "no snapshot yet"
    (tmp_path / NAME).write_bytes(b"")
    for written, since, expected in ((NOW + 5, NOW, False), (NOW + 11, NOW, True), (NOW + 11, NOW + 10, False)):
        os.utime(tmp_path / NAME, (written, written))
        assert has_changed(tmp_path, since) is expected


def test_mirrors_that_most_clients_get_first_are_needed_most(tmp_path: Path) -> None:
    assert needed(CountFiles(tmp_path), NOW) == {}
    CountFiles(tmp_path).add({"first": {"old.example.org": 50}}, NOW - 3 * 86_400)
    CountFiles(tmp_path).add({"first": {"a.example.org": 5}, "country": {"DE": 9}}, NOW - 86_400)
    CountFiles(tmp_path).add({"first": {"a.example.org": 2, "b.example.org": 9}}, NOW)
    assert needed(CountFiles(tmp_path), NOW).most_common() == [("b.example.org", 9), ("a.example.org", 7)]
