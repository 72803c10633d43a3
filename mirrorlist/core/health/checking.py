"""Checks of content: by what they compare, how many files there are, and when the prober looks next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from mirrorlist.core.content import Content, ContentKind
from mirrorlist.core.health.probe_plan import DAY, runs_until
from mirrorlist.core.health.verdicts import Subject, Verdict
from mirrorlist.core.model import RepoMetadata

MOST_RUNS = 10
"""The runs by which the time between them is known."""
LATE_SECONDS = 600.0
"""A run is so late at times, as after a restart."""


@dataclass(frozen=True, slots=True)
class RunPace:
    """How often the prober runs: the number of its last run, when about the next is, and the seconds between two."""

    run: int
    next_at: float
    seconds: float


def pace_of(runs: Sequence[tuple[int, float]], now: float) -> RunPace | None:
    """The pace by the numbers and beginnings of the last runs, the newest first.

    None where there were too few, or the next is long overdue.
    """
    apart = [newer - older for (_, newer), (_, older) in pairwise(runs[:MOST_RUNS])]
    if not apart:
        return None
    (run, began), seconds = runs[0], median(apart)
    due = began + seconds
    return RunPace(run, max(due, now), seconds) if now < due + max(seconds, LATE_SECONDS) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checking:
    """How content is checked, and when.

    ``contents`` and ``metadata`` are by name, ``named`` says by name and SHA-256 how many files an index names.
    ``pace`` is that of the prober, where it is known.
    """

    contents: Mapping[str, Content] = field(default_factory=dict)
    metadata: Mapping[str, RepoMetadata] = field(default_factory=dict)
    named: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    pace: RunPace | None = None

    def next_look(self, subject: Subject, verdict: Verdict) -> float | None:
        """When about a subject is looked at again, a day after the last look at the latest."""
        if self.pace is None or subject.path is None:
            return self.pace.next_at if self.pace else None
        content = self.contents.get(subject.key)
        named = self.named.get(subject.key, {}).get(verdict.sha256 or "", 0)
        is_whole = verdict.whole_sha256 == verdict.sha256 and verdict.looked >= named if named else True
        is_plain = content is not None and content.kind is ContentKind.PLAIN
        metadata = self.metadata.get(subject.key)
        runs = runs_until(subject.path, verdict, metadata, self.pace.run, is_whole and not is_plain)
        return min(self.pace.next_at + (runs - 1) * self.pace.seconds, max(self.pace.next_at, verdict.checked_at + DAY))


NO_CHECKING = Checking()
