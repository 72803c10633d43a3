"""Lays out the prober's verdicts as the columns that selection looks at."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from mirrorlist.core.health import Subject, Verdict, standing
from mirrorlist.core.model import Mirror, RepoMetadata
from mirrorlist.core.policy import Policy
from mirrorlist.core.usability import HealthTable, Holds, holds_of, reach_key
from mirrorlist.core.visits import contents


def health_table(
    mirrors: Sequence[Mirror],
    verdicts: Mapping[Subject, Verdict],
    metadata: Mapping[str, RepoMetadata],
    taken_out: Collection[str],
    policy: Policy,
    now: float,
) -> HealthTable:
    """The table of these mirrors. ``taken_out`` are names of mirrors that operators took out."""
    numbers = {mirror.name: number for number, mirror in enumerate(mirrors)}
    by_path: dict[str, dict[str, Verdict]] = {}
    for (name, _, path), verdict in contents(verdicts).items():
        by_path.setdefault(path, {})[name] = verdict
    return HealthTable(
        holds={
            path: _holds(mirrors, by_path[path], known, policy, now)
            for path, known in metadata.items()
            if path in by_path
        },
        bad_reach=_bad_reach(numbers, verdicts),
        out=tuple(sorted(numbers[name] for name in taken_out if name in numbers)),
        dead_trees=_dead_trees(verdicts),
    )


def _holds(
    mirrors: Iterable[Mirror], verdicts: Mapping[str, Verdict], metadata: RepoMetadata, policy: Policy, now: float
) -> bytes:
    column = bytearray()
    for mirror in mirrors:
        verdict = verdicts.get(mirror.name)
        stands = standing(verdict, metadata, now, grace_seconds(mirror, policy))
        column.append(holds_of(verdict, stands) if verdict else Holds.UNKNOWN)
    return bytes(column)


def grace_seconds(mirror: Mirror, policy: Policy) -> float:
    """How long a mirror may lag behind a change: its own interval, at most what the policy grants."""
    own = mirror.update_frequency_seconds
    return float(policy.lag_grace_seconds if own is None else min(own, policy.lag_grace_seconds))


def _bad_reach(numbers: Mapping[str, int], verdicts: Mapping[Subject, Verdict]) -> dict[str, bytes]:
    columns: dict[str, bytearray] = {}
    for subject, verdict in verdicts.items():
        if subject.path or verdict.good_now or subject.mirror not in numbers:
            continue
        key = reach_key(subject.module, subject.protocol, subject.family)
        columns.setdefault(key, bytearray(len(numbers)))[numbers[subject.mirror]] = 1
    return {key: bytes(column) for key, column in sorted(columns.items())}


def _dead_trees(verdicts: Mapping[Subject, Verdict]) -> tuple[str, ...]:
    """The project's own trees, which are probed under their URLs as names, that answer over no address family."""
    answers: dict[str, bool] = {}
    for subject, verdict in verdicts.items():
        if "://" in subject.mirror and not subject.path:
            answers[subject.mirror] = answers.get(subject.mirror, False) or verdict.good_now
    return tuple(sorted(tree for tree, good in answers.items() if not good))
