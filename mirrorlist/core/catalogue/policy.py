"""The knobs of selection, from service.yml: the only ones that the core sees; and what a mirror's weight is made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from mirrorlist.core.model import WEB_PROTOCOLS, Mirror, Protocol, ReachPair


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How mirrors are chosen and weighed; docs/service-yml.md says what each knob means.

    Three are not in service.yml: ``near``, how many of its nearest mirrors a place keeps in order; ``variants``, how
    many such orders it has; and ``weight_default_mbps``, the bandwidth of a mirror whose file names none.
    """

    limit: int = 20
    protocol_order: tuple[Protocol, ...] = WEB_PROTOCOLS
    bands_km: tuple[int, ...] = (100, 250, 500, 1000, 2000, 4000, 8000)
    border_km: int = 150
    global_km: int = 2000
    far_km: int = 4000
    near: int = 64
    variants: int = 16
    weight_cap_mbps: int = 10_000
    weight_default_mbps: int = 1000
    turn_seconds: int = 7 * 86_400
    lag_grace_seconds: int = 6 * 3600
    release_minimum_percent: int = 30
    fallback_minimum: int = 5
    alternates_days: float = 4.0
    repeat_seconds: int = 10
    weights: Mapping[str, float] = field(default_factory=dict)
    """A maintainer's factor on a mirror's weight, by mirror name."""
    reach: tuple[ReachPair, ...] = ()
    tib_per_month: float | None = None
    """What all mirrors together carry in a month; None where the operator does not know, and quotas mean nothing."""
    peak_hours: tuple[int, int] = (8 * 60, 23 * 60)
    """When mirrors with ``off_peak_only`` rest, in minutes after midnight where they are; may go beyond midnight."""


@dataclass(frozen=True, slots=True)
class WeightReduction:
    """A weight that was lowered by steps of a half: since when, and why, in words."""

    step: int
    since: float
    why: str

    @property
    def factor(self) -> float:
        """What is left of the weight: 1/2, 1/4 or 1/8."""
        return math.ldexp(1.0, -self.step)


@dataclass(frozen=True, slots=True)
class MeasuredBandwidth:
    """The most that was measured of a mirror lately from anywhere, in Mbit/s, when last, and what it takes from the
    weight. ``slow`` and ``well`` count the measurements in a row that speak for less weight, and for more."""

    mbps: float
    at: float
    lowered: WeightReduction | None = None
    slow: int = 0
    well: int = 0


class Weights(NamedTuple):
    """The weights of mirrors in their groups, by number: ``now``, and ``whole`` as if nobody had a quota."""

    now: Sequence[int]
    whole: Sequence[int]


def weight_of(mirror: Mirror, policy: Policy, *taken: WeightReduction | QuotaShare | None) -> int:
    """A mirror's weight in its group: its bandwidth up to the cap, times the maintainers' factor; at least 1.

    ``taken`` leave a part of it: what the prober found too much for the mirror, and its quota.
    """
    whole = full_weight(mirror.name, mirror.bandwidth_mbps, policy)
    return max(1, round(whole * math.prod(each.factor for each in taken if each is not None)))


def full_weight(name: str, bandwidth_mbps: int | None, policy: Policy) -> float:
    """What a mirror's weight is made of before anything is taken away or rounded."""
    return counted_mbps(bandwidth_mbps, policy) * policy.weights.get(name, 1.0)


def counted_mbps(bandwidth_mbps: int | None, policy: Policy) -> int:
    """The bandwidth that counts for a mirror: what its file declares, or the default, up to the cap."""
    return min(policy.weight_default_mbps if bandwidth_mbps is None else bandwidth_mbps, policy.weight_cap_mbps)


# Quotas: how much of its weight a mirror has, so that it carries in a month what its file allows.

LEAST_PART = 1e-4
MOST_CHANGE = 4.0
"""From one day to the next a part changes at most by this factor: a day's answers are chance, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthTime:
    """Where in a month it is (UTC): ``days`` has the month, of which ``past`` are over, and ``part`` of today."""

    day: str
    days: int
    past: int
    part: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerShares:
    """Which part of all answers named a mirror first: on this month's days before today, yesterday, and today.

    None where there were no answers. The first two matter once a day.
    """

    month: float | None = None
    yesterday: float | None = None
    today: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaShare:
    """How a mirror is held to its quota on a day: ``part`` of its weight counts, or next to nothing when it is
    ``used_up``: what it should carry on this day. ``share`` of all answers is to name it first until the month ends.
    ``carried_tib`` is what it carried this month by its part of the answers, ``before_tib`` that until today."""

    day: str
    part: float
    share: float
    before_tib: float
    carried_tib: float
    used_up: bool = False

    @property
    def factor(self) -> float:
        """What is left of the weight."""
        return LEAST_PART if self.used_up else self.part


def quota_share(
    quota_tib: float, total_tib: float, time: MonthTime, shares: AnswerShares, former: QuotaShare | None, usual: float
) -> QuotaShare:
    """How a mirror is held to its quota now; all mirrors carry ``total_tib`` in a month, the same every day.

    The part of its weight is set once a day, by what its last one led to; ``usual`` is the share to expect where nobody
    counted yet. On a day on which the mirror has carried what it should before the day is over, it rests.
    """
    daily = total_tib / time.days
    if former is None or former.day != time.day:
        before = daily * time.past * (shares.month or 0.0)
        share = min(1.0, max(0.0, quota_tib - before) / (daily * (time.days - time.past)))
        part = _part(share, shares.yesterday, former, usual)
        former = QuotaShare(day=time.day, part=part, share=share, before_tib=before, carried_tib=before)
    today = daily * time.part * (shares.today or 0.0)
    now = replace(former, carried_tib=former.before_tib + today)
    if former.used_up or today < daily * former.share:
        return now
    seen = shares.today or former.share
    part = former.part * max(former.share / seen, 1 / MOST_CHANGE) if former.share and seen else former.part
    return replace(now, part=max(part, LEAST_PART), used_up=True)


def _part(share: float, seen: float | None, former: QuotaShare | None, usual: float) -> float:
    """The part of a mirror's weight by which it should have a share of the answers, by what it had yesterday."""
    if former is None:
        return min(max(share / (seen or usual), LEAST_PART), 1.0)
    if not share:
        return former.part
    # One that is used up had its part set then, and rested after that.
    return next_part(former.part, share, former.share if former.used_up else seen)


def next_part(part: float, share: float, seen: float | None) -> float:
    """The part of a mirror's weight by which it should have a share, after one that led to the share ``seen``."""
    change = min(max(share / seen, 1 / MOST_CHANGE), MOST_CHANGE) if seen else MOST_CHANGE
    return min(max(part * change, LEAST_PART), 1.0)
