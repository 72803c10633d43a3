"""The source of snapshots for the application: it holds the newest and announces the next."""

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
