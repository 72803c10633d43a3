"""Results of updates: one for each file of the origin, list of networks, or tree that was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class UpdateOutcome(StrEnum):
    """The outcome of one step of an update; the value is what people read."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    MISSING = "missing"
    FAILED = "failed"
    HELD = "held"
    REFUSED = "refused"
    LISTED = "listed"
    ASKED = "asked"
    KEPT = "kept"
    BUILT = "index"
    WARNING = "warning"
    SENT = "sent"


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """The outcome for one path, mirror or tree, in a module where that matters, and more about it for people."""

    what: str
    outcome: UpdateOutcome
    detail: str = ""
    module: str = ""
