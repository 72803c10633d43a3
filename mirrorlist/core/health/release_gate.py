"""The minor version that a major means on release day, while the mirrors still fetch the new one.

service.yml says where a major leads (``9`` to ``9.8``), and every address that it is answered with names the minor. So
a new minor is only taken up once enough mirrors have it; until then the major means the former one. The whole release
moves at once, all repositories and architectures together: what comes from two minors does not fit together, and an
address with ``$basearch`` in it stands for every architecture. A major that is a directory of its own on the mirrors
leads nowhere else, and has nothing to wait for.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mirrorlist.core.catalogue.catalogue import Catalogue, PendingRelease, path_in, target
from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.errors import NotFound
from mirrorlist.core.health.columns import SEEN_CURRENT, HealthTable, SyncState, is_in_reach
from mirrorlist.core.model import MAIN, Mirror, Repository
from mirrorlist.core.rules import is_open_to_strangers

AT_LEAST = 5
_MINOR = re.compile(r"([0-9]{1,6})\.([0-9]{1,6})", re.ASCII)
_CARRIES = SEEN_CURRENT | {SyncState.LAGGING}


@dataclass(frozen=True, slots=True)
class Releases:
    """The catalogue as it is served now, and which majors wait in it."""

    catalogue: Catalogue
    waiting: tuple[PendingRelease, ...] = ()


@dataclass(frozen=True, slots=True)
class ReleaseObservations:
    """What is known of the mirrors when it is decided: ``published`` are the paths that the origin publishes."""

    mirrors: Sequence[Mirror]
    health: HealthTable
    published: Collection[str]


def releases(catalogue: Catalogue, meant: Mapping[str, str], seen: ReleaseObservations, policy: Policy) -> Releases:
    """The catalogue to serve by. ``meant`` is what each major meant last: what was taken up once is not given up
    again, whatever becomes of the mirrors. Without any health nothing waits."""
    waiting = tuple(
        found
        for major, newest in catalogue.latest.items()
        if policy.release_minimum_percent
        and (former := _former(catalogue, major, newest, meant.get(major))) is not None
        and (found := _waiting(catalogue, major, former, newest, seen, policy.release_minimum_percent)) is not None
    )
    for each in waiting:
        repositories = {
            name: _also_in(repository, each, seen.published) for name, repository in catalogue.repositories.items()
        }
        latest = {**catalogue.latest, each.major: each.meanwhile}
        catalogue = replace(catalogue, latest=latest, repositories=repositories)
    return Releases(catalogue, waiting)


def _former(catalogue: Catalogue, major: str, newest: str, meant: str | None) -> str | None:
    """The minor before, that a major meant last; where nobody knows, the one that the mirrors carry beside it."""
    known = [meant] if meant is not None else catalogue.versions
    older = [version for version in known if _number(version, major) < _number(newest, major)]
    return max((version for version in older if _number(version, major) >= 0), key=lambda v: _number(v, major),
               default=None)  # fmt: skip


def _number(version: str, major: str) -> int:
    """The minor's number; -1 for what is no minor of this major."""
    found = _MINOR.fullmatch(version)
    return int(found[2]) if found and found[1] == major else -1


def _waiting(
    catalogue: Catalogue, major: str, former: str, newest: str, seen: ReleaseObservations, percent: int
) -> PendingRelease | None:  # fmt: skip
    """What a major still waits for; None where enough mirrors have the new minor.

    Mirrors that carry the former minor count, in all and of each architecture; those are there that have everything
    of the new one that they carry of the former.
    """
    pairs = _pairs(catalogue, major, former, newest, seen)
    able = [
        number
        for number, mirror in enumerate(seen.mirrors)
        if is_open_to_strangers(mirror, MAIN)
        and number not in seen.health.out
        and is_in_reach(number, mirror, seen.health.bad_reach, MAIN)
    ]
    carriers: set[int] = set()
    behind: set[int] = set()
    shortages: list[PendingRelease] = []
    for arch, paths in pairs.items():
        carrying = {number for number in able if any(_holds(seen, old, number) in _CARRIES for old, _ in paths)}
        late = {
            number
            for number in carrying
            if not all(
                _holds(seen, new, number) in SEEN_CURRENT for old, new in paths if _holds(seen, old, number) in _CARRIES
            )
        }
        carriers |= carrying
        behind |= late
        needed, have = _share(len(carrying), percent), len(carrying) - len(late)
        if have < needed:
            shortages.append(PendingRelease(major, former, newest, needed, have, arch))
    needed, have = min(len(carriers), max(AT_LEAST, _share(len(carriers), percent))), len(carriers - behind)
    if have < needed:
        return PendingRelease(major, former, newest, needed, have)
    return shortages[0] if shortages else None


def _share(count: int, percent: int) -> int:
    """This many of a count, rounded up."""
    return -(-count * percent // 100)


def _pairs(
    catalogue: Catalogue, major: str, former: str, newest: str, seen: ReleaseObservations
) -> dict[str, list[tuple[str, str]]]:
    """For each arch the former and the new path of each repository of which something is known.

    What the origin does not publish in the new minor has no new path, unless it publishes nothing of it yet.
    """
    found = [
        (arch, old.replace("$basearch", arch), new.replace("$basearch", arch))
        for repository, arches in _repositories(catalogue, major)
        for old, new in [(path_in(repository.path, former), path_in(repository.path, newest))]
        for arch in (arches if old != new else ())
    ]
    begun = any(new in seen.published for _, _, new in found)
    pairs: dict[str, list[tuple[str, str]]] = {}
    for arch, old, new in found:
        if old in seen.health.holds and (new in seen.published or not begun):
            pairs.setdefault(arch, []).append((old, new))
    return pairs


def _repositories(catalogue: Catalogue, major: str) -> Iterator[tuple[Repository, tuple[str, ...]]]:
    """The repositories of a major that mirrors carry, with their arches."""
    for name, repository in catalogue.repositories.items():
        try:
            found = target(catalogue, major, name)
        except NotFound:
            continue
        if not found.vault:
            yield repository, found.arches


def _holds(seen: ReleaseObservations, path: str, number: int) -> SyncState:
    column = seen.health.holds.get(path)
    return SyncState(column[number]) if column else SyncState.UNKNOWN


def _also_in(repository: Repository, waiting: PendingRelease, published: Collection[str]) -> Repository:
    """The repository in a catalogue in which a major means its former minor.

    One that service.yml names for the new minor only exists in the former one too, if the origin had it there.
    """
    versions = repository.versions
    if versions is None or waiting.newest not in versions or waiting.meanwhile in versions:
        return repository
    before, _, after = path_in(repository.path, waiting.meanwhile).partition("$basearch")
    if any(path.startswith(before) and path.endswith(after) for path in published):
        return replace(repository, versions=(*versions, waiting.meanwhile))
    return repository
