"""Detect an overloaded mirror by how fast it answers probes, and a slow one by how fast it sends a large file.

Probes are compared with the mirror's own, run by run. A mirror that asks for patience (429, 503), or whose answers take
far longer than they usually do, gets half of its weight after two such runs, a quarter after two more, an eighth at the
least; two calm runs give a step back. What most mirrors share in a run is the prober's own trouble and lowers nobody.
No mirror's weight ever grows by this.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median, median_low

from mirrorlist.core.catalogue.policy import MeasuredBandwidth, WeightReduction
from mirrorlist.core.health.probe_run import WITHOUT_ANSWER
from mirrorlist.core.health.verdicts import Family, Probe, ProbeOutcome
from mirrorlist.core.model import WEB_PROTOCOLS

ROUNDS = 2
"""This many rounds of one kind in a row change the weight by a step."""
MOST_STEPS = 3
FAR_ABOVE = 3.0
"""Slow is a run in which answers take this many times as long as they usually do, and ``LEAST_SECONDS`` more."""
LEAST_SECONDS = 0.5
TIMES_KEPT = 96
"""A day of runs every quarter of an hour: what a mirror's usual time is taken from."""
FEWEST_TIMES = 8
FEWEST_MIRRORS = 3
"""With fewer mirrors in a run nothing distinguishes theirs from the prober's own trouble."""
SLOW_TIMES_KEPT = 4
"""Of a mirror's slow rounds in a row one in this many counts for its usual time: in two days slow becomes usual."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What is known of how a mirror answers.

    ``bad`` and ``calm`` count the rounds in a row, ``times`` are the seconds of former rounds, the oldest first.
    ``lowered`` is None while the mirror has its whole weight.
    """

    at: float
    lowered: WeightReduction | None = None
    bad: int = 0
    calm: int = 0
    times: tuple[float, ...] = ()

    @property
    def usual_seconds(self) -> float | None:
        """The median of the former rounds; None while too few are known."""
        return median(self.times) if len(self.times) >= FEWEST_TIMES else None


@dataclass(frozen=True, slots=True)
class RunResponseTime:
    """How a mirror answered in one run: the median of its answers' seconds, None where there was none."""

    seconds: float | None
    limited: bool


def paces_after(
    before: Mapping[str, Pace], probes: Iterable[Probe], kept: Collection[Family], now: float
) -> dict[str, Pace]:
    """The paces of the mirrors that answered in a run. ``kept`` are families in which the run says nothing.

    Empty where the run says too little: it has under three mirrors, or most of them asked for patience.
    """
    round_ = measured(probes, kept)
    limited = sum(each.limited for each in round_.values())
    if len(round_) < FEWEST_MIRRORS or 2 * limited > len(round_):
        return {}
    shift = shift_of(before, round_)
    return {name: _after(before.get(name, Pace(now)), each, shift, now) for name, each in round_.items()}


def measured(probes: Iterable[Probe], kept: Collection[Family]) -> dict[str, RunResponseTime]:
    """What a run shows of each mirror that answered; rsync is another matter."""
    seconds: dict[str, list[float]] = {}
    limited: set[str] = set()
    for probe in probes:
        subject = probe.subject
        if subject.family in kept or subject.protocol not in WEB_PROTOCOLS or probe.outcome in WITHOUT_ANSWER:
            continue
        times = seconds.setdefault(subject.mirror, [])
        if probe.outcome is ProbeOutcome.LIMITED:
            limited.add(subject.mirror)
        else:
            times.append(probe.seconds)
    return {name: RunResponseTime(median(times) if times else None, name in limited) for name, times in seconds.items()}


def shift_of(before: Mapping[str, Pace], round_: Mapping[str, RunResponseTime]) -> float:
    """By how much everything takes longer than usual in a run: the middle one of the mirrors, at least 1."""
    ratios = [
        each.seconds / usual
        for name, each in round_.items()
        if each.seconds is not None and name in before and (usual := before[name].usual_seconds)
    ]
    return max(1.0, median_low(ratios)) if ratios else 1.0


def _after(before: Pace, found: RunResponseTime, shift: float, now: float) -> Pace:
    why = _complaint(before, found, shift)
    bad, calm = (before.bad + 1, 0) if why else (0, before.calm + 1)
    counts = found.seconds is not None and (not why or bad % SLOW_TIMES_KEPT == 0)
    times = (*before.times, round(found.seconds or 0.0, 3))[-TIMES_KEPT:] if counts else before.times
    return Pace(now, _stepped(before.lowered, bad, calm, why, now), bad, calm, times)


def _complaint(before: Pace, found: RunResponseTime, shift: float) -> str | None:
    """What is wrong with a mirror in a run; None where nothing is."""
    if found.limited:
        return "it asked for patience (429 or 503)"
    usual = before.usual_seconds
    if usual is None or found.seconds is None:
        return None
    expected = usual * shift
    if found.seconds <= FAR_ABOVE * expected or found.seconds - expected <= LEAST_SECONDS:
        return None
    return f"it answered in {found.seconds:.1f} s, usually in {usual:.1f} s"


def _stepped(
    lowered: WeightReduction | None, bad: int, calm: int, why: str | None, now: float
) -> WeightReduction | None:
    if why and bad % ROUNDS == 0:
        step = min(lowered.step + 1 if lowered else 1, MOST_STEPS)
        return WeightReduction(step, lowered.since if lowered else now, why)
    if lowered and not why and calm % ROUNDS == 0:
        return replace(lowered, step=lowered.step - 1) if lowered.step > 1 else None
    return lowered


# Bandwidth: what measurements with large files come to, held against what a mirror's file declares.

SPEEDS_KEPT_SECONDS = 7 * 86_400.0
SPEEDS_JUDGED = 4
"""Of this many last measurements of a mirror from one place the fastest counts: one bad one changes nothing."""
FEWEST_SPEEDS = 2


@dataclass(frozen=True, slots=True)
class SpeedSample:
    """One measurement of a mirror from a place: a vantage point's name, or "" for the prober.

    ``size`` is what it took at most, in bytes; ``mbps`` is None where it came to nothing, or did not end.
    """

    mirror: str
    place: str
    at: float
    size: int
    mbps: float | None = None


Seen = Mapping[str, Mapping[str, Sequence[float]]]
"""By place and mirror the last measurements in Mbit/s, the latest last."""


def seen_speeds(speeds: Iterable[SpeedSample]) -> Seen:
    """What counts of measurements."""
    found: dict[str, dict[str, list[float]]] = {}
    for each in sorted(speeds, key=lambda speed: speed.at):
        if each.mbps is not None:
            found.setdefault(each.place, {}).setdefault(each.mirror, []).append(each.mbps)
    return {
        place: {mirror: values[-SPEEDS_JUDGED:] for mirror, values in by_mirror.items()}
        for place, by_mirror in found.items()
    }


def bandwidth_after(
    before: MeasuredBandwidth | None, mirror: str, declared_mbps: int, seen: Seen, now: float
) -> MeasuredBandwidth | None:
    """What is known of a mirror's bandwidth after a measurement; None before the first.

    A place speaks against a mirror that is slower there than half of what it declares, and than half of what most
    mirrors do: how fast these are is what the place's own line carries. The place that says the best decides, and what
    counts is never less than anybody saw.
    """
    mine = {place: by_mirror[mirror] for place, by_mirror in seen.items() if mirror in by_mirror}
    if not mine:
        return before
    most = max(max(values) for values in mine.values())
    told = [
        _halvings(min(declared_mbps, median_low(map(max, seen[place].values()))), max(values))
        for place, values in mine.items()
        if len(values) >= FEWEST_SPEEDS and len(seen[place]) >= FEWEST_MIRRORS
    ]
    known = before or MeasuredBandwidth(most, now)
    step, due = known.lowered.step if known.lowered else 0, min(told, default=0)
    lowered, slow, well = known.lowered, 0, 0
    if due != step:
        slow, well = (known.slow + 1, 0) if due > step else (0, known.well + 1)
        why = f"{most:.0f} Mbit/s is the most that was measured, {declared_mbps} count by its file" if slow else None
        lowered = _stepped(lowered, slow, well, why, now)
    if lowered and lowered.step > (most_steps := _halvings(declared_mbps, most)):
        lowered = replace(lowered, step=most_steps) if most_steps else None
    return MeasuredBandwidth(most, now, lowered, slow, well)


def _halvings(whole: float, part: float) -> int:
    """How often a whole can be halved and is no less than a part of it; at most ``MOST_STEPS`` times."""
    return min(MOST_STEPS, max(0, math.floor(math.log2(whole / max(part, 0.001)))))
