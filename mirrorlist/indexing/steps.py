"""The steps that an update of file indexes reports while it works."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

ORIGIN = "the origin"


class IndexOutcome(StrEnum):
    """What came of one step; the value is what people read."""

    LISTED = "listed"
    ASKED = "asked"
    KEPT = "kept"
    FAILED = "failed"
    BUILT = "index"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Step:
    """One tree that was listed, a mirror that was asked for single files, or an index that was built."""

    module: str
    who: str
    outcome: IndexOutcome
    detail: str

    @property
    def is_origins(self) -> bool:
        """Whether this is about the origin itself."""
        return self.who == ORIGIN
