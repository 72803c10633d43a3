"""Where the application gets its snapshots from: something that holds the newest one and tells of the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from mirrorlist.core.selection.prepared import Prepared


class Generations(Protocol):
    """The newest generation; read ``current`` once for each request. It is None before the first one."""

    @property
    def current(self) -> Prepared | None:
        """The newest generation."""

    def subscribe(self, taker: Callable[[Prepared], None]) -> None:
        """``taker`` is called with every new generation, and now if there is one."""
