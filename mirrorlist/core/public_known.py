"""What the public record is made from, gathered from a snapshot and from what only the database knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from mirrorlist.core.found_files import FoundFiles
from mirrorlist.core.health import Override, Subject, Verdict
from mirrorlist.core.metadata import Change
from mirrorlist.core.model import MAIN
from mirrorlist.core.observed import superseded
from mirrorlist.core.public import Logo
from mirrorlist.core.public_record import History, Known
from mirrorlist.core.rungs import rungs
from mirrorlist.core.shares import shares
from mirrorlist.core.snapshot import Facts, Snapshot
from mirrorlist.core.visits import wanted_repositories


def known_of(
    snapshot: Snapshot,
    *,
    verdicts: Mapping[Subject, Verdict],
    overrides: Mapping[str, Override],
    changes: Mapping[str, Sequence[Change]],
    history: History,
    logos: Mapping[str, Logo],
    origin_faults: tuple[str, ...] = (),
    commit: str | None,
    now: float,
    files: Mapping[str, Mapping[str, FoundFiles]] = MappingProxyType({}),
) -> Known:
    """All of it; what is told is chosen by ``public_record``."""
    facts = snapshot.facts
    by_module = wanted_repositories(facts.service.catalogue, facts.metadata)
    return Known(
        mirrors=facts.mirrors,
        health=facts.health,
        modules={path: module for module, paths in by_module.items() for path in paths},
        now=now,
        verdicts=verdicts,
        overrides=overrides,
        history=history,
        old=superseded(changes),
        shares=shares(
            facts.mirrors,
            snapshot.orders[MAIN],
            facts.country_places,
            frozenset(range(len(facts.mirrors))).difference(facts.health.out),
        ),
        rungs=rung_counts(facts),
        logos=logos,
        files=files,
        origin_faults=origin_faults,
        commit=commit,
        origin_changed_at=max((seen[-1].seen_at for seen in changes.values() if seen), default=None),
    )


def rung_counts(facts: Facts) -> dict[str, int] | None:
    """How many repositories' lists stand on each rung, by its name in small letters; None while nothing is known."""
    if not facts.health.holds:
        return None
    found = Counter(rung for path, rung in rungs(facts).items() if path in facts.health.holds)
    return {rung.name.lower(): times for rung, times in sorted(found.items())}
