"""Decide when the prober looks next, and which mirrors it visits first."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mirrorlist.store.count_files import CountFiles
from mirrorlist.store.marks import Mark, MarkName
from mirrorlist.store.snapshot_files import NAME

EARLIEST_SECONDS = 60.0
"""How soon after a run began a change of the origin starts another: mirrors need a moment to take it up."""


def wait_for_turn(
    begun: float,
    every: float,
    clock: Callable[[], float],
    has_changed: Callable[[float], bool],
    ends: Sequence[threading.Event],
) -> None:
    """Until the next run is due: ``every`` seconds after the last one began, or a minute after it where the origin has
    changed since; at once when one of the events is set."""
    deadline = time.monotonic() + max(begun + every - clock(), 0)
    while not any(event.is_set() for event in ends) and (left := deadline - time.monotonic()) > 0:
        if clock() - begun >= EARLIEST_SECONDS and has_changed(begun):
            return
        ends[0].wait(min(left, 0.5))


def has_changed(state_dir: Path, since: float) -> bool:
    """Whether the origin has changed since then, and a snapshot says so."""
    mark, snapshot = Mark(state_dir, MarkName.PROBE).read(), state_dir / NAME
    return mark is not None and mark.at > since and snapshot.exists() and snapshot.stat().st_mtime >= mark.at


def needed(counts: CountFiles, now: float) -> Counter[str]:
    """How many clients got each mirror first, today and yesterday (UTC)."""
    today, found = datetime.fromtimestamp(now, UTC).date(), Counter[str]()
    for sums in counts.read(today - timedelta(days=1), today):
        found.update(sums.get("first", {}))
    return found
