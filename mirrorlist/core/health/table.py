"""Lay out the prober's verdicts as the columns that selection looks at."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mirrorlist.core.catalogue.catalogue import Catalogue, directories, published_contents
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.content import content_key
from mirrorlist.core.health.columns import (
    MOMENT,
    SEEN_CURRENT,
    HealthTable,
    HeldContent,
    SyncState,
    contents,
    contents_over,
    held_key,
    reach_key,
    reach_of,
    sync_state_of,
    told_key,
    worst_held,
)
from mirrorlist.core.health.verdicts import (
    Family,
    Override,
    ProbeOutcome,
    Standing,
    Subject,
    Verdict,
    replaced,
    standing,
)
from mirrorlist.core.model import Mirror, RepoMetadata


def health_table(
    mirrors: Sequence[Mirror],
    verdicts: Mapping[Subject, Verdict],
    metadata: Mapping[str, RepoMetadata],
    overrides: Mapping[str, Override],
    service: Service,
    now: float,
    images: Iterable[str] = (),
) -> HealthTable:
    """The table of these mirrors. ``overrides`` are the operators' words that keep mirrors out, by names.

    A missing image leaves a mirror out of what is asked for by the image's path, or its directory's, alone.
    """
    numbers = {mirror.name: number for number, mirror in enumerate(mirrors)}
    judging = _Judging(mirrors, metadata, service, now, tuple(images))
    general = contents(verdicts)
    since: dict[str, bytearray] = {}
    holds = judging.columns(_by_path(general), since)
    holds_over: dict[str, bytes] = {}
    for family, over in contents_over(verdicts, general).items():
        paths = {content_key(module, path) for _, module, path in over}
        mixed = {key: over.get(key, verdict) for key, verdict in general.items()}
        noted: dict[str, bytearray] = {}
        for path, column in judging.columns(_by_path(mixed), noted, paths).items():
            if column != holds.get(path):
                holds_over[held_key(family, path)] = column
                if path in noted:
                    since[held_key(family, path)] = noted[path]
    bad_reach = _bad_reach(numbers, verdicts, since)
    answering = _answering_trees(verdicts)
    out = sorted((numbers[name], override) for name, override in overrides.items() if name in numbers)
    return HealthTable(
        holds=holds,
        bad_reach=bad_reach,
        out=tuple(number for number, _ in out),
        overrides=tuple(override for _, override in out),
        since={key: bytes(column) for key, column in sorted(since.items())},
        dead_trees=tuple(sorted(tree for tree, families in answering.items() if not any(families.values()))),
        holds_over=holds_over,
        dead_trees_over=_dead_over(answering),
        told=_told(numbers, verdicts),
    )


_ByPath = Mapping[str, Mapping[str, Verdict]]


def _by_path(found: Mapping[HeldContent, Verdict]) -> _ByPath:
    """The verdicts by the name of what they are on, then by mirror."""
    by_path: dict[str, dict[str, Verdict]] = {}
    for (name, module, path), verdict in found.items():
        by_path.setdefault(content_key(module, path), {})[name] = verdict
    return by_path


@dataclass(frozen=True, slots=True)
class _Judging:
    """What verdicts on repositories and images are measured by."""

    mirrors: Sequence[Mirror]
    metadata: Mapping[str, RepoMetadata]
    service: Service
    now: float
    images: tuple[str, ...]

    def columns(
        self, by_path: _ByPath, since: dict[str, bytearray], only: Container[str] | None = None
    ) -> dict[str, bytes]:
        """The columns of all paths, or of some and the directories of images."""
        images = [path for path in self.images if path in by_path]
        if only is not None and not any(path in only for path in images):
            images = []
        of_images = {path: _holds_image(path, self.mirrors, by_path[path], since) for path in images}
        found = of_images | {
            directory: bytes(map(worst_held, zip(*(of_images[path] for path in paths), strict=True)))
            for directory, paths in directories(of_images).items()
        }
        held = {
            path: _holds(self.mirrors, by_path[path], known, self.service, self.now, since)
            for path, known in self.metadata.items()
            if path in by_path and (only is None or path in only)
        }
        return found | _of_wholes(held, self.service.catalogue) | held


def _of_wholes(held: Mapping[str, bytes], catalogue: Catalogue) -> dict[str, bytes]:
    """The columns of repositories that are compared in parts: the worst of what a mirror has of them.

    That it lacks a part altogether counts where it lacks all: a partial mirror is good for what it carries.
    """
    parts: dict[str, list[bytes]] = {}
    for each in published_contents(catalogue):
        if each.part_of is not None and each.key in held:
            parts.setdefault(content_key(each.module, each.part_of), []).append(held[each.key])
    return {
        key: bytes(
            worst_held([state for state in states if state != SyncState.MISSING] or states)
            for states in zip(*columns, strict=True)
        )
        for key, columns in parts.items()
    }


def _holds(
    mirrors: Sequence[Mirror],
    verdicts: Mapping[str, Verdict],
    metadata: RepoMetadata,
    service: Service,
    now: float,
    since: dict[str, bytearray],
) -> bytes:
    column = bytearray(len(mirrors))
    for number, mirror in enumerate(mirrors):
        verdict = verdicts.get(mirror.name)
        if verdict is None:
            continue
        grace = grace_seconds(mirror, service)
        stands = standing(verdict, metadata, now, grace)
        column[number] = sync_state_of(verdict, stands)
        if began := _began(verdict, stands, metadata, grace):
            _note(since, metadata.path, number, len(mirrors), began)
    excused = sum(each.good_now and each.outcome is ProbeOutcome.GOOD for each in verdicts.values())
    if excused > sum(state in SEEN_CURRENT for state in column):
        # nearly all mirrors contradict the origin, so those that do not are no better known
        return bytes(SyncState.UNKNOWN if state in SEEN_CURRENT else state for state in column)
    return bytes(column)


def _holds_image(
    path: str, mirrors: Sequence[Mirror], verdicts: Mapping[str, Verdict], since: dict[str, bytearray]
) -> bytes:
    column = bytearray(len(mirrors))
    for number, mirror in enumerate(mirrors):
        verdict = verdicts.get(mirror.name)
        if verdict is not None and verdict.good_now:
            seen = verdict.outcome is ProbeOutcome.GOOD and not verdict.detail
            column[number] = SyncState.FRESH if seen else SyncState.UNKNOWN
        elif verdict is not None:
            column[number] = sync_state_of(verdict, Standing.BAD)
            _note(since, path, number, len(mirrors), verdict.since)
    return bytes(column)


def grace_seconds(mirror: Mirror, service: Service) -> float:
    """How long a mirror may lag behind a change: its own interval, at most what the service allows all of them."""
    most = min(service.allowed_outdate_seconds, service.policy.lag_grace_seconds)
    own = mirror.update_frequency_seconds
    return float(most if own is None else min(own, most))


def _began(verdict: Verdict, stands: Standing, metadata: RepoMetadata, grace: float) -> float | None:
    """Since when a mirror is in its state, where that keeps it out of lists.

    It lags since its grace ended. Where that is not known, and where it is stale though its last probe found nothing
    wrong, the origin's last change is what is known.
    """
    if stands is Standing.BAD:
        return verdict.since
    if stands is Standing.LAGGING:
        replaced_at = replaced(metadata, verdict.sha256)
        return replaced_at + grace if replaced_at else metadata.first_seen
    return metadata.first_seen if stands is Standing.STALE else None


def _bad_reach(
    numbers: Mapping[str, int], verdicts: Mapping[Subject, Verdict], since: dict[str, bytearray]
) -> dict[str, bytes]:
    columns: dict[str, bytearray] = {}
    for subject, verdict in verdicts.items():
        if not subject.is_tree or verdict.good_now or subject.mirror not in numbers:
            continue
        key = reach_key(subject.module, subject.protocol, subject.family)
        columns.setdefault(key, bytearray(len(numbers)))[numbers[subject.mirror]] = reach_of(verdict)
        _note(since, key, numbers[subject.mirror], len(numbers), verdict.since)
    return {key: bytes(column) for key, column in sorted(columns.items())}


def _told(numbers: Mapping[str, int], verdicts: Mapping[Subject, Verdict]) -> dict[str, str]:
    """What came back over each way that does not work."""
    return {
        told_key(reach_key(subject.module, subject.protocol, subject.family), subject.mirror): (
            f"{verdict.outcome}: {verdict.detail}" if verdict.detail else str(verdict.outcome)
        )
        for subject, verdict in verdicts.items()
        if subject.is_tree and not verdict.good_now and subject.mirror in numbers
    }


def _note(since: dict[str, bytearray], key: str, number: int, count: int, at: float) -> None:
    column = since.setdefault(key, bytearray(count * MOMENT.size))
    MOMENT.pack_into(column, number * MOMENT.size, max(1, min(int(at), 0xFFFF_FFFF)))


def _answering_trees(verdicts: Mapping[Subject, Verdict]) -> dict[str, dict[Family, bool]]:
    """Whether each of the project's own trees, which are probed under their URLs as names, answers, by family."""
    answers: dict[str, dict[Family, bool]] = {}
    for subject, verdict in verdicts.items():
        if "://" in subject.mirror and subject.is_tree:
            answers.setdefault(subject.mirror, {})[subject.family] = verdict.good_now
    return answers


def _dead_over(answering: Mapping[str, Mapping[Family, bool]]) -> dict[str, tuple[str, ...]]:
    """By family the trees that do not answer over it, of those that answer over another one."""
    living = {tree: families for tree, families in answering.items() if any(families.values())}
    dead = {
        family.value: tuple(sorted(tree for tree, families in living.items() if not families.get(family, True)))
        for family in Family
    }
    return {family: trees for family, trees in dead.items() if trees}
