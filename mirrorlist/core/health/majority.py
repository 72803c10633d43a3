"""Detect a wrong origin: nearly all mirrors contradict it, and in one way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from mirrorlist.core.content import content_key
from mirrorlist.core.health.verdicts import GOOD_OUTCOMES, Probe, ProbeOutcome

FEWEST = 2
"""One mirror alone is no majority."""
NEARLY_ALL = 0.9
COMPARED = GOOD_OUTCOMES | {
    ProbeOutcome.STALE,
    ProbeOutcome.WRONG,
    ProbeOutcome.AHEAD,
    ProbeOutcome.OUTDATED,
    ProbeOutcome.FUTURE,
}
"""Outcomes that show that a mirror gave something that was compared."""

_File = tuple[str, str | None]
_Claim = tuple[ProbeOutcome, str]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Of ``compared`` mirrors this many say the same of a file, which is not what the origin says.

    ``path`` is a repository's; without one it is the time file of ``module``.
    """

    module: str
    path: str | None
    claim: tuple[ProbeOutcome, str]
    mirrors: int
    compared: int

    @property
    def what(self) -> str:
        """The file in words."""
        return f"the time file of {self.module}" if self.path is None else content_key(self.module, self.path)

    def __str__(self) -> str:
        return (
            f"{self.mirrors} of {self.compared} mirrors contradict the origin in the same way ({self.claim[0]}), so it "
            "is not held against them; look whether the origin in service.yml is current, and its clock right"
        )


def weighed(probes: Iterable[Probe]) -> tuple[list[Probe], list[Contradiction]]:
    """The probes, without what nearly all mirrors say against the origin, and where they do."""
    reported = list(probes)
    claims: dict[_File, dict[str, set[_Claim | None]]] = {}
    for probe in reported:
        is_mirror = "://" not in probe.subject.mirror  # the project's own trees have URLs as names
        if probe.outcome in COMPARED and is_mirror:
            claims.setdefault(_file(probe), {}).setdefault(probe.subject.mirror, set()).add(_claim(probe))
    found = {file: each for file, mirrors in claims.items() if (each := _contradiction(file, mirrors))}
    excused = []
    for probe in reported:
        contradiction = found.get(_file(probe))
        if contradiction is not None and _claim(probe) == contradiction.claim:
            why = f"not compared: nearly all mirrors contradict the origin in the same way ({probe.outcome})"
            probe = replace(probe, outcome=ProbeOutcome.GOOD, detail=why)
        excused.append(probe)
    return excused, list(found.values())


def _file(probe: Probe) -> _File:
    return probe.subject.module, probe.subject.path


def _claim(probe: Probe) -> _Claim | None:
    """What a probe says that would be right if the origin were wrong."""
    return None if probe.said is None or probe.outcome in GOOD_OUTCOMES else (probe.outcome, probe.said)


def _contradiction(file: _File, mirrors: Mapping[str, set[_Claim | None]]) -> Contradiction | None:
    counts = Counter(claim for claims in mirrors.values() for claim in claims if claim)
    for claim, count in counts.most_common(1):
        if count >= max(FEWEST, NEARLY_ALL * len(mirrors)):
            return Contradiction(*file, claim, count, len(mirrors))
    return None
