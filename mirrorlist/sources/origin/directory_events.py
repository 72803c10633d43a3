"""Hear of changes in the origin's directories by inotify, without walking them.

Watched are the directories that hold the wanted files and the ones above these, because ``createrepo_c`` replaces
``repodata`` as a whole. What inotify cannot tell (another machine's writes on a network file system, a link above that
is turned) is left to whoever looks at the files themselves now and then.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from inotify_simple import INotify, flags

SETTLING_SECONDS = 0.2
"""Events that follow each other so quickly are one change."""
LONGEST_SETTLING_SECONDS = 2.0
_CHANGES = (
    flags.CLOSE_WRITE | flags.MOVED_TO | flags.MOVED_FROM | flags.CREATE | flags.DELETE | flags.DELETE_SELF
    | flags.MOVE_SELF | flags.ONLYDIR
)  # fmt: skip
_OF_ITSELF = flags.DELETE_SELF | flags.MOVE_SELF | flags.Q_OVERFLOW


class DirectoryEvents:
    """Waits for changes of some files. Use it as a context. Where there is no inotify it hears of nothing.

    ``fault`` says why it does not hear of all, or is empty.
    """

    def __init__(self) -> None:
        self.fault = ""
        self._names: frozenset[str] = frozenset()
        self._watched: set[int] = set()
        self._inotify: INotify | None = None
        try:
            self._inotify = INotify()
        except (OSError, AttributeError, TypeError) as error:  # the latter two: a system without inotify
            self.fault = f"inotify cannot be used: {error}"

    def __enter__(self) -> DirectoryEvents:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._inotify is not None:
            self._inotify.close()

    def watch(self, files: Iterable[Path]) -> None:
        """Watches these files from now on, and no others. Directories that are not there are left out."""
        if self._inotify is None:
            return
        wanted = [*files]
        self._names = frozenset(name for file in wanted for name in (file.name, file.parent.name))
        watched, self.fault = set[int](), ""
        for directory in dict.fromkeys(above for file in wanted for above in (file.parent, file.parent.parent)):
            try:
                watched.add(self._inotify.add_watch(directory, _CHANGES))
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                self.fault = f"{directory} is not watched by inotify: {error.strerror}"
        for gone in self._watched - watched:
            try:
                self._inotify.rm_watch(gone)
            except OSError:  # the directory is gone, and its watch with it
                continue
        self._watched = watched

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        """Whether one of the files may have changed; returns when that is so and the changes have settled.

        Returns at the latest after ``seconds``, or shortly after ``stop`` is set.
        """
        if self._inotify is None or not self._watched:
            stop.wait(seconds)
            return False
        if not self._heard(seconds):
            return False
        settling = 0.0
        while settling < LONGEST_SETTLING_SECONDS and not stop.is_set() and self._heard(SETTLING_SECONDS):
            settling += SETTLING_SECONDS
        return True

    def _heard(self, seconds: float) -> bool:
        """Whether anything that matters happened within a time."""
        assert self._inotify is not None
        events = self._inotify.read(timeout=round(seconds * 1000))
        return any(event.mask & _OF_ITSELF or event.name in self._names for event in events)
