"""How far down the ladder the lists stand, over all repositories: what operators and visitors look at first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mirrorlist.core.catalogue import Catalogue, published
from mirrorlist.core.model import Mirror, Query
from mirrorlist.core.policy import Policy
from mirrorlist.core.usability import HealthTable, Rung, usability


def rungs(
    mirrors: Sequence[Mirror], health: HealthTable, catalogue: Catalogue, policy: Policy
) -> dict[str, int] | None:
    """How many repositories' lists stand on each rung, by its name in small letters; None while nothing is known."""
    if not health.holds:
        return None
    found: Counter[Rung] = Counter()
    for target, arch in published(catalogue):
        query = Query(target, arch, policy.protocol_order)
        if query.path in health.holds:
            found[usability(mirrors, health, query, None).rung] += 1
    return {rung.name.lower(): found[rung] for rung in Rung if found[rung]}
