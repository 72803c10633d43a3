"""Measure how a change of the origin spreads: which share of the mirrors, and of their bandwidth, has it when.

Only mirrors count that are given to everybody, can be reached and carry the repository. One has a change when it holds
the version that came with it, or a later one, and nothing is wrong with it. Times are those at which the prober saw it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mirrorlist.core.catalogue.metadata import MetadataChange
from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.content import content_key
from mirrorlist.core.health.columns import contents
from mirrorlist.core.health.verdicts import ProbeOutcome, Subject, Verdict
from mirrorlist.core.mirror import is_public
from mirrorlist.core.model import WEB_PROTOCOLS, Mirror
from mirrorlist.core.rules import is_open_to_strangers

MOST_FOLLOWED = 5
"""Changes of one repository that are followed at the same time, the newest."""
FOLLOWED_SECONDS = 7 * 86_400.0
MOST_POINTS = 96
_NOT_CARRIED = frozenset({ProbeOutcome.MISSING, ProbeOutcome.ELSEWHERE, ProbeOutcome.UNCHECKED})


@dataclass(frozen=True, slots=True)
class SpreadPoint:
    """How far a change has come this many seconds after the origin was seen to have it."""

    seconds: float
    mirrors: int
    of_mirrors: int
    bandwidth_mbps: int
    of_bandwidth_mbps: int

    @property
    def bandwidth_percent(self) -> float:
        """The share of their bandwidth."""
        return 100.0 * self.bandwidth_mbps / self.of_bandwidth_mbps if self.of_bandwidth_mbps else 0.0

    def has_come_as_far_as(self, other: SpreadPoint) -> bool:
        """Whether both say the same, whenever."""
        return (self.mirrors, self.of_mirrors, self.bandwidth_mbps, self.of_bandwidth_mbps) == (
            other.mirrors, other.of_mirrors, other.bandwidth_mbps, other.of_bandwidth_mbps,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spread:
    """A change of the repository at a path, and how it spread; the points in the order of time."""

    path: str
    changed_at: float
    sha256: str
    points: tuple[SpreadPoint, ...] = ()


@dataclass(frozen=True, slots=True)
class Carrying:
    """Which mirrors carry what: by path each mirror's name, and its version's sha256 where nothing is wrong with it."""

    held: Mapping[str, Mapping[str, str | None]]
    bandwidth_mbps: Mapping[str, int]

    def point(self, path: str, versions: Iterable[str], seconds: float) -> SpreadPoint:
        """How many have one of these versions."""
        wanted, held = frozenset(versions), self.held.get(path, {})
        having = [name for name, sha256 in held.items() if sha256 in wanted]
        return SpreadPoint(
            seconds=seconds,
            mirrors=len(having),
            of_mirrors=len(held),
            bandwidth_mbps=sum(self.bandwidth_mbps[name] for name in having),
            of_bandwidth_mbps=sum(self.bandwidth_mbps[name] for name in held),
        )


def carrying(
    mirrors: Iterable[Mirror], verdicts: Mapping[Subject, Verdict], policy: Policy, paths: Collection[str]
) -> Carrying:
    """What the mirrors for everybody carry of these paths, which the origin's history has by their content keys.

    Of each no more bandwidth counts than the cap of weights, because more gets no clients.
    """
    found = {mirror.name: mirror for mirror in mirrors if is_public(mirror)}
    wanted = {
        subject: verdict
        for subject, verdict in verdicts.items()
        if subject.mirror in found and (subject.is_tree or subject.key in paths)
    }
    reached = {
        (subject.mirror, subject.module)
        for subject, verdict in wanted.items()
        if subject.is_tree and verdict.good_now and subject.protocol in WEB_PROTOCOLS
    }
    counted = {(name, module) for name, module in reached if is_open_to_strangers(found[name], module)}
    held: dict[str, dict[str, str | None]] = {}
    for (name, module, path), verdict in contents(wanted).items():
        if (name, module) in counted and verdict.outcome not in _NOT_CARRIED:
            held.setdefault(content_key(module, path), {})[name] = verdict.sha256 if verdict.good_now else None
    return Carrying(
        held,
        {
            name: min(policy.weight_cap_mbps, mirror.bandwidth_mbps or policy.weight_default_mbps)
            for name, mirror in found.items()
        },
    )


def followed(changes: Mapping[str, Sequence[MetadataChange]], now: float) -> frozenset[str]:
    """The paths at which something changed lately. What was there first is no change."""
    return frozenset(
        path for path, history in changes.items() if len(history) > 1 and now - history[-1].seen_at <= FOLLOWED_SECONDS
    )


def spreads(changes: Mapping[str, Sequence[MetadataChange]], has: Carrying, now: float) -> Iterator[Spread]:
    """How far each change has come that is followed, one point each. What was there first is no change."""
    for path, history in changes.items():
        for number in range(max(1, len(history) - MOST_FOLLOWED), len(history)):
            change = history[number]
            if now - change.seen_at <= FOLLOWED_SECONDS:
                versions = (each.version.sha256 for each in history[number:])
                point = has.point(path, versions, max(0.0, now - change.seen_at))
                yield Spread(path, change.seen_at, change.version.sha256, (point,))


def continued(before: Sequence[SpreadPoint], point: SpreadPoint) -> tuple[SpreadPoint, ...]:
    """The points with one more, if it says something else than the last; of too many every second one goes."""
    if before and before[-1].has_come_as_far_as(point):
        return tuple(before)
    points = [*before, point]
    if len(points) > MOST_POINTS:
        points = points[:-1][::2] + points[-1:]
    return tuple(points)


def at_age(spread: Spread, seconds: float) -> SpreadPoint | None:
    """The last point that is known this many seconds after the change; None before the first."""
    return max((each for each in spread.points if each.seconds <= seconds), key=lambda each: each.seconds, default=None)
