"""Tell faults of the prober's own network from faults of mirrors, by what other mirrors showed at the same time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mirrorlist.core.health.verdicts import Family

MANY_AT_ONCE = 5
"""More mirrors than that do not die at once, if they are a large part of those that were looked at."""
LARGE_PART = 0.25
FEW = 2
"""Where there are so few mirrors, a refusal by a machine is believed without a witness."""
ENOUGH = 10
"""This many mirrors, or all, have to be looked at since before a large part of them is believed to fail."""


class Trust(Enum):
    """Whether failures are the mirrors' own."""

    BELIEVED = 0
    UNWITNESSED = 1
    """Too little was looked at since; others have to be."""
    DOUBTED = 2
    """Too many at once."""


@dataclass(frozen=True, slots=True)
class LookResult:
    """What a look showed of a mirror over one family. ``counts``: it was good before, and it is a mirror."""

    at: float
    failed: bool
    answered: bool
    counts: bool = True


class OwnNetwork:
    """The newest look at each mirror over each family."""

    def __init__(self) -> None:
        self._newest: dict[Family, dict[str, LookResult]] = {family: {} for family in Family}

    def note(self, mirror: str, family: Family, result: LookResult) -> None:
        """Notes what a look showed."""
        self._newest[family][mirror] = result

    def forget(self, mirror: str) -> None:
        """Forgets a mirror that is not followed any more."""
        for results in self._newest.values():
            results.pop(mirror, None)

    def trust(self, family: Family, since: float, refused: bool) -> Trust:
        """Whether a mirror that fails over a family since then is believed to be at fault itself.

        ``refused``: a machine said so.
        """
        results = self._newest[family].values()
        counted = [each for each in results if each.counts]
        failing = sum(each.failed for each in counted)
        looked = [each for each in counted if each.at >= since]
        if failing <= LARGE_PART * (failing + sum(not each.failed for each in looked)):
            return Trust.BELIEVED
        if failing > MANY_AT_ONCE:
            return Trust.DOUBTED
        if refused and len(counted) <= FEW:
            return Trust.BELIEVED
        is_witnessed = any(each.answered and each.at >= since for each in results)
        return Trust.BELIEVED if is_witnessed and len(looked) >= min(ENOUGH, len(counted)) else Trust.UNWITNESSED

    def unseen(self, family: Family, since: float) -> list[str]:
        """The mirrors that were not looked at since then, those of the longest time first."""
        found = [(each.at, name) for name, each in self._newest[family].items() if each.at < since]
        return [name for _, name in sorted(found)]
