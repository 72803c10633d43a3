"""The knobs of selection, from service.yml: the only ones that the core sees."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

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


def weight_of(mirror: Mirror, policy: Policy, lowered: WeightReduction | None = None) -> int:
    """A mirror's weight in its group: its bandwidth up to the cap, times the maintainers' factor; at least 1.

    ``lowered`` takes away what the prober found too much for the mirror.
    """
    whole = full_weight(mirror.name, mirror.bandwidth_mbps, policy)
    return max(1, round(whole * (lowered.factor if lowered else 1.0)))


def full_weight(name: str, bandwidth_mbps: int | None, policy: Policy) -> float:
    """What a mirror's weight is made of before anything is taken away or rounded."""
    declared = policy.weight_default_mbps if bandwidth_mbps is None else bandwidth_mbps
    return min(declared, policy.weight_cap_mbps) * policy.weights.get(name, 1.0)
