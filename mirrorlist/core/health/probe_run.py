"""The result of a whole probe run: new verdicts, changes, and failures that say more of the prober or the origin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mirrorlist.core.content import content_key
from mirrorlist.core.health.verdicts import (
    FAULTS,
    GOOD_OUTCOMES,
    ORIGIN,
    SAYS_NOTHING,
    SOURCE_PREFIX,
    Family,
    HealthPolicy,
    Probe,
    ProbeOutcome,
    Subject,
    Verdict,
    is_our_own_fault,
    judged,
)

WITHOUT_ANSWER = frozenset(
    {
        ProbeOutcome.UNREACHABLE,
        ProbeOutcome.CLOSED,
        ProbeOutcome.TIMEOUT,
        ProbeOutcome.NO_ADDRESS,
        ProbeOutcome.FORBIDDEN,
        ProbeOutcome.CERTIFICATE,
        ProbeOutcome.UNCHECKED,
    }
)
"""Outcomes that do not prove that the prober can use the address family."""
FEW = 2
"""Of this many mirrors a refused connection is believed without a witness."""


@dataclass(frozen=True, slots=True)
class HealthChange:
    """A subject became good or bad: when, and the probe's words."""

    subject: Subject
    good_now: bool
    at: float
    outcome: ProbeOutcome
    detail: str


@dataclass(frozen=True, slots=True)
class RunResult:
    """The outcome of a run. ``verdicts`` are those of the subjects that were probed.

    ``kept``: the families in which the run says too little about the mirrors, so that the former verdicts stay.
    ``noted``: the probes worth keeping: those that changed something, and one per mirror. A verdict says since when
    and until when the same came back; kept one by one the bad ones alone would be over a gigabyte in 30 days.
    """

    verdicts: Mapping[Subject, Verdict]
    changes: tuple[HealthChange, ...]
    noted: tuple[Probe, ...]
    kept: frozenset[Family] = frozenset()


def apply_run(
    before: Mapping[Subject, Verdict],
    probes: Sequence[Probe],
    policy: HealthPolicy,
    controls: Mapping[Family, bool],
) -> RunResult:
    """The verdicts after all probes of a run.

    ``controls`` says for a family whether what the project runs itself answered. A family without controls is
    judged by whether any mirror answered, and if none did, by whether the one or two that there are refused: some
    machine said so. That more of them refuse at once is rather the prober's own firewall, and silence says nothing.
    """
    routes = {probe.subject.family for probe in probes if answers(probe)} | {
        each for each in controls if controls[each]
    }
    routes |= {family for family in Family if family not in controls and _few_refuse(probes, family)}
    probes = [probe if probe.subject.family in routes else _unjudged(probe) for probe in probes]
    kept = frozenset(
        family for family in Family if suspicious(before, probes, family) and not controls.get(family, family in routes)
    )
    counted = [probe for probe in probes if probe.subject.family not in kept]
    verdicts: dict[Subject, Verdict] = {}
    for probe in counted:
        known = verdicts.get(probe.subject) or before.get(probe.subject)
        verdicts[probe.subject] = judged(known, probe, policy)
    changes = tuple(_changes(before, verdicts, counted))
    return RunResult(verdicts, changes, tuple(_noted(before, verdicts, probes)), kept)


def fairly_ahead(
    before: Mapping[Subject, Verdict], probes: Iterable[Probe], confirmed: Mapping[str, float | None]
) -> list[Probe]:
    """The probes, where a version that is newer than the origin's counts only if the origin was asked meanwhile.

    ``confirmed``: when the origin last said what it publishes, by path. While the origin does not answer, those who
    sync first would else be taken for bad, one after the other, and only those who do not would stay.
    """
    return [
        replace(
            probe,
            outcome=ProbeOutcome.UNCHECKED,
            detail=f"{probe.outcome}, which did not answer since the last probe",
        )
        if _is_unfair(before.get(probe.subject), probe, confirmed)
        else probe
        for probe in probes
    ]


def _is_unfair(known: Verdict | None, probe: Probe, confirmed: Mapping[str, float | None]) -> bool:
    if probe.outcome is not ProbeOutcome.AHEAD or known is None or probe.subject.key not in confirmed:
        return False
    at = confirmed[probe.subject.key]
    return at is None or at <= known.checked_at


def answers(probe: Probe) -> bool:
    """Whether a host spoke at all."""
    return probe.outcome not in WITHOUT_ANSWER


def suspicious(before: Mapping[Subject, Verdict], probes: Collection[Probe], family: Family) -> bool:
    """Whether enough mirrors turned bad over a family for the controls to be asked again."""
    # A mirror without an address of the family, or about which nothing is known, is not among the good ones.
    good: dict[str, bool] = {}
    for probe in probes:
        subject, known = probe.subject, before.get(probe.subject)
        counts = subject.family is family and subject.is_tree and (known is None or known.good_now)
        if counts and _tells(probe, known):
            good[subject.mirror] = good.get(subject.mirror, False) or probe.outcome in GOOD_OUTCOMES
    return is_our_own_fault(len(good), sum(not found for found in good.values()), controls_reachable=False)


def _few_refuse(probes: Collection[Probe], family: Family) -> bool:
    """Whether there are one or two mirrors with an address of a family, and one of them refuses connections."""
    found = [each for each in probes if each.subject.family is family and each.outcome is not ProbeOutcome.NO_ADDRESS]
    is_few = len({probe.subject.mirror for probe in found}) <= FEW
    return is_few and any(probe.outcome is ProbeOutcome.CLOSED for probe in found)


def _unjudged(probe: Probe) -> Probe:
    """Without a route of its own the prober cannot tell whether a mirror is reachable."""
    if probe.outcome not in (ProbeOutcome.UNREACHABLE, ProbeOutcome.CLOSED):
        return probe
    return replace(
        probe, outcome=ProbeOutcome.UNCHECKED, detail=f"over this family nothing can be reached: {probe.detail}"
    )


def _tells(probe: Probe, known: Verdict | None) -> bool:
    """Whether a probe says something of the net: also one that cannot be made where one succeeded before."""
    if probe.outcome is ProbeOutcome.UNCHECKED:
        return known is not None and known.outcome in GOOD_OUTCOMES
    return probe.outcome not in SAYS_NOTHING and probe.outcome is not ProbeOutcome.NO_ADDRESS


def _changes(
    before: Mapping[Subject, Verdict], after: Mapping[Subject, Verdict], probes: Iterable[Probe]
) -> Iterable[HealthChange]:
    for probe in probes:
        was, found = before.get(probe.subject), after[probe.subject]
        never_there = was is None and probe.outcome is ProbeOutcome.NO_ADDRESS
        if not never_there and found.good_now != (was is None or was.good_now):
            yield HealthChange(probe.subject, found.good_now, probe.at, probe.outcome, probe.detail)


def _noted(
    before: Mapping[Subject, Verdict], after: Mapping[Subject, Verdict], probes: Iterable[Probe]
) -> Iterable[Probe]:
    seen: set[str] = set()
    for probe in probes:
        subject = probe.subject
        was, found = before.get(subject), after.get(subject)
        first = subject.is_tree and subject.mirror not in seen
        if first:
            seen.add(subject.mirror)
        if first or was is None or found is None or _said(was) != _said(found):
            yield probe


def _said(verdict: Verdict) -> object:
    return verdict.outcome, verdict.sha256, verdict.good_now


def excused_by_origin(probes: Sequence[Probe]) -> list[Probe]:
    """The probes, where mirrors are not blamed for a file that the origin lacks in the same way.

    That is known only of an origin on the web, which is visited too. A directory's files are checked when its metadata
    is read.
    """
    lacked = {
        (probe.subject.module, probe.subject.path, fault)
        for probe in probes
        if probe.outcome is ProbeOutcome.INCOMPLETE and probe.subject.mirror == SOURCE_PREFIX + ORIGIN
        for fault in probe.detail.split(FAULTS)
    }

    def excused(probe: Probe) -> Probe:
        if probe.outcome is not ProbeOutcome.INCOMPLETE or probe.subject.mirror.startswith(SOURCE_PREFIX):
            return probe
        of, faults = (probe.subject.module, probe.subject.path), probe.detail.split(FAULTS)
        if own := [fault for fault in faults if (*of, fault) not in lacked]:
            return replace(probe, detail=FAULTS.join(own))
        detail = f"not compared: it is the same at the origin ({probe.detail})"
        return replace(probe, outcome=ProbeOutcome.GOOD, detail=detail)

    return [excused(probe) for probe in probes]


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
