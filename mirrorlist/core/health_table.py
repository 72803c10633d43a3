"""Lays out the prober's verdicts as the columns that selection looks at."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from mirrorlist.core.health import Standing, Subject, Verdict, standing
from mirrorlist.core.images import directories
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
    images: Iterable[str] = (),
) -> HealthTable:
    """The table of these mirrors. ``taken_out`` are names of mirrors that operators took out.

    A missing image leaves a mirror out of what is asked for by the image's path, or its directory's, alone.
    """
    numbers = {mirror.name: number for number, mirror in enumerate(mirrors)}
    by_path: dict[str, dict[str, Verdict]] = {}
    for (name, _, path), verdict in contents(verdicts).items():
        by_path.setdefault(path, {})[name] = verdict
    of_images = {path: _holds_image(mirrors, by_path[path]) for path in images if path in by_path}
    return HealthTable(
        holds=of_images
        | {
            directory: bytes(map(max, zip(*(of_images[path] for path in paths), strict=True)))
            for directory, paths in directories(of_images).items()
        }
        | {
            path: _holds(mirrors, by_path[path], known, policy, now)
            for path, known in metadata.items()
            if path in by_path
        },
        bad_reach=_bad_reach(numbers, verdicts),
        out=tuple(sorted(numbers[name] for name in taken_out if name in numbers)),
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


def _holds_image(mirrors: Iterable[Mirror], verdicts: Mapping[str, Verdict]) -> bytes:
    found = (verdicts.get(mirror.name) for mirror in mirrors)
    return bytes(Holds.UNKNOWN if each is None or each.good_now else holds_of(each, Standing.BAD) for each in found)


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
