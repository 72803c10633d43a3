"""Sums of repeated requests as files, by which workers tell the prober which mirrors to look at next.

Each worker replaces one small JSON file below ``repeats/`` of the state directory: the sums of its last minutes, row by
row, ``[[seconds since 1970, {mirror's name: times}], ...]``. No address is in it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec

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
