"""The places that a list of files cannot see into: links, closed directories, and lines that nobody understands.

Below such a place a mirror may have everything or nothing. Its web server, which clients meet, can be asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mirrorlist.core.files.list_parser import Line, ListedFile, Refusal, SymbolicLink

MOST_UNSEEN = 10_000
"""With more such places, whatever is not in a list counts as unknown."""
BLIND = (Refusal.FORMAT, Refusal.SIZE)
"""Lines that may have been files."""


@dataclass(slots=True)
class Sight:
    """Reads the lines of one list. ``refused`` counts what was left out of it, by reason."""

    refused: Counter[Refusal] = field(default_factory=Counter)
    _links: set[bytes] = field(default_factory=set)
    _directories: dict[bytes, bool] = field(default_factory=dict)
    _parents: set[bytes] = field(default_factory=set)

    def rows(self, lines: Iterable[Line]) -> Iterator[ListedFile]:
        """The files among the lines; the rest is noted."""
        parent: bytes | None = None
        for line in lines:
            if isinstance(line, Refusal):
                self.refused[line] += 1
                continue
            if line is None:
                continue
            if line.path:  # the tree itself is in no directory of its list
                above = line.path.rpartition(b"/")[0]
                if above != parent:
                    self._parents.add(above)
                    parent = above
            if isinstance(line, ListedFile):
                yield line
            elif isinstance(line, SymbolicLink):
                self._links.add(line.path)
            else:
                self._directories[line.path] = line.is_open

    @property
    def unseen(self) -> tuple[bytes, ...]:
        """The paths at and below which the list says nothing: links, and empty directories that were closed."""
        all_are_doubtful = self.refused[Refusal.UNREAD] > 0
        empty = (
            path
            for path, is_open in self._directories.items()
            if path not in self._parents and (all_are_doubtful or not is_open)
        )
        return tuple(sorted({*self._links, *empty})[:MOST_UNSEEN])

    @property
    def is_whole(self) -> bool:
        """Whether a file that is neither in the list nor below an unseen path is not there."""
        return len(self.unseen) < MOST_UNSEEN and not any(self.refused[reason] for reason in BLIND)
