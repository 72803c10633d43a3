"""Leave marks in the state directory, by which one process asks another to look sooner.

A mark is a small file that is replaced whole. Whoever waits for it remembers the sign that it saw last, so any number
of processes may wait for one mark, and one that was left while nobody waited is seen later.
"""

from __future__ import annotations

from collections.abc import Hashable
from enum import StrEnum
from pathlib import Path

import msgspec

from mirrorlist.core.errors import MirrorlistError
from mirrorlist.files_on_disk import write_whole


class MarkName(StrEnum):
    """The file of each mark."""

    ORIGIN = "origin.mark"
    """The origin says that it changed: whoever follows it asks at once."""
    PROBE = "probe.mark"
    """The origin's metadata changed: the prober looks which mirrors have it."""


class MarkText(msgspec.Struct, frozen=True):
    """The content: when the mark was left, in seconds since 1970, and the paths that it is about."""

    at: float
    paths: tuple[str, ...] = ()


class Mark:
    """One mark of a state directory."""

    def __init__(self, state_dir: Path, name: MarkName) -> None:
        self._path = state_dir / name.value

    def leave(self, now: float, paths: tuple[str, ...] = ()) -> None:
        """Leaves the mark, whether or not anybody waits for it.

        Raises:
            MirrorlistError: the state directory cannot be written to.
        """
        try:
            write_whole(self._path, [msgspec.json.encode(MarkText(now, paths))])
        except OSError as error:
            message = f"{self._path}: {error.strerror}; let this user write to the state directory"
            raise MirrorlistError(message) from None

    def sign(self) -> Hashable:
        """A value that differs after each ``leave``; None while nobody left the mark."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    def read(self) -> MarkText | None:
        """The content; None where there is none, or it cannot be read."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=MarkText)
        except (OSError, msgspec.MsgspecError):
            return None
