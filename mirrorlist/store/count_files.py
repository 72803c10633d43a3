"""Counts of workers as files: one directory per day (UTC), one JSON file per worker, written atomically.

A file holds the sums of one worker's day so far: ``{"country": {"DE": 12, ...}, "first": {...}, ...}``. No address
is in it. Days older than ``KEPT_DAYS`` go.

Repeated requests are files of their own, below ``repeats/``, from which the prober learns where to look next: the sums
of a worker's last minutes, row by row, ``[[seconds since 1970, {mirror's name: times}], ...]``.
"""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec

KEPT_DAYS = 400
Sums = Mapping[str, Mapping[str, int]]
_Read = dict[str, dict[str, int]]


class CountFiles:
    """The files below ``counts/`` of a state directory; one object a process."""

    def __init__(self, state_dir: Path) -> None:
        self._directory = state_dir / "counts"
        self._writes: tuple[int, date] | None = None
        self._name = ""
        self._today: dict[str, Counter[str]] = {}

    def add(self, sums: Sums, now: float) -> None:
        """Adds to what this process counted on the day of ``now``.

        Raises:
            OSError: the file cannot be written; the sums are kept for the next time.
        """
        day = datetime.fromtimestamp(now, UTC).date()
        if self._writes != (os.getpid(), day):
            # A new day, or a new process, which must not write into its parent's file
            self._writes = os.getpid(), day
            self._name = f"{os.getpid()}-{time.time_ns()}.json"
            self._today = {}
            for old in self._days():
                if old < day - timedelta(days=KEPT_DAYS):
                    shutil.rmtree(self._directory / old.isoformat(), ignore_errors=True)
        for dimension, counted in sums.items():
            self._today.setdefault(dimension, Counter()).update(counted)
        directory = self._directory / day.isoformat()
        directory.mkdir(parents=True, exist_ok=True)
        half = directory / f".{self._name}"
        half.write_bytes(msgspec.json.encode(self._today))
        half.replace(directory / self._name)

    def read(self, first: date, last: date) -> Iterator[Sums]:
        """The sums of all workers on the days from ``first`` to ``last``; files that cannot be read are passed over."""
        for day in self._days():
            if first <= day <= last:
                for file in sorted((self._directory / day.isoformat()).glob("*.json")):
                    try:
                        yield msgspec.json.decode(file.read_bytes(), type=_Read)
                    except (OSError, msgspec.MsgspecError):
                        continue

    def _days(self) -> list[date]:
        found = []
        for directory in sorted(self._directory.iterdir()) if self._directory.is_dir() else ():
            try:
                found.append(date.fromisoformat(directory.name))
            except ValueError:
                continue
        return found


KEPT_SECONDS = 600
_Rows = list[tuple[float, dict[str, int]]]


class RepeatFiles:
    """The files of a state directory; one object per process."""

    def __init__(self, state_dir: Path) -> None:
        self._directory = state_dir / "repeats"
        self._writer = 0
        self._rows: _Rows = []

    def add(self, sums: Mapping[str, int], now: float) -> None:
        """Adds what this process counted since the last time; a file whose worker is gone for long goes.

        Raises:
            OSError: the file cannot be written.
        """
        if self._writer != os.getpid():  # a forked process must not write into its parent's file
            self._writer, self._rows = os.getpid(), []
        self._rows = [row for row in self._rows if abs(now - row[0]) < KEPT_SECONDS]
        self._rows.append((now, dict(sums)))
        self._directory.mkdir(parents=True, exist_ok=True)
        half = self._directory / f".{self._writer}"
        half.write_bytes(msgspec.json.encode(self._rows))
        half.replace(self._directory / f"{self._writer}.json")
        for file in self._directory.glob("*.json"):
            if now - _modified(file, now) > KEPT_SECONDS:
                file.unlink(missing_ok=True)

    def since(self, moment: float) -> Counter[str]:
        """How often clients who had been sent to each mirror came back within seconds for the same file, after a moment
        of the last ``KEPT_SECONDS``; all workers together. Files that cannot be read are passed over.

        The prober looks at these mirrors next, those with the highest sums first.
        """
        found: Counter[str] = Counter()
        for file in sorted(self._directory.glob("*.json")):
            try:
                rows = msgspec.json.decode(file.read_bytes(), type=_Rows)
            except (OSError, msgspec.MsgspecError):
                continue
            for at, sums in rows:
                if at > moment:
                    found.update(sums)
        return found


def _modified(file: Path, otherwise: float) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return otherwise
