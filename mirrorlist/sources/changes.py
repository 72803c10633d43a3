"""A change of mirror files, read: all mirrors as they are without it and with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from mirrorlist.core.lifecycle import status_on
from mirrorlist.core.model import Mirror, Status
from mirrorlist.core.preview import Change
from mirrorlist.sources.guarded_mirrors import guarded_files
from mirrorlist.sources.locations import placed
from mirrorlist.sources.mirror_files import read_mirror_files
from mirrorlist.sources.submission import Terms
from mirrorlist.sources.subnet_lists import with_published_subnets

NOT_YET = frozenset({Status.OFFERED, Status.ACCEPTED, Status.PAPERWORK, Status.DEPLOYING, Status.SYNCING})
"""Who has one of these is shown as if it were live: that is what its file is for."""


@dataclass(frozen=True, slots=True)
class Told:
    """A change that was read. ``not_yet`` are the statuses of mirrors that are shown as if they were live, by name;
    ``missing`` the names of removed files that are nowhere."""

    change: Change
    not_yet: Mapping[str, Status]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Directories:
    """That of all mirrors, that of the files as they were (None: the same one), and the state."""

    mirrors: Path
    former: Path | None
    state: Path


def read_change(
    files: Mapping[Path, Mirror | None], removed: Sequence[str], where: Directories, terms: Terms, now: float
) -> Told:
    """What files that were accepted change, together with the files of these names that are removed.

    A file that lies in the directory itself is new unless ``former`` has one of its name.
    """
    reader = _Reader(terms, where.state, now)
    around = reader.directory(where.mirrors)
    former = reader.directory(where.former) if where.former else around
    new = [reader.read(mirror) for mirror in files.values() if mirror]
    inside = {path.name for path in files if where.former is None and _is_in(path, where.mirrors)}
    touched = {path.name for path in files} | set(removed)
    old = [former[name] for name in sorted(touched - inside) if name in former]
    others = [mirror for name, mirror in around.items() if name not in touched]
    after = _by_name([*others, *map(_as_live, new)])
    return Told(
        Change(_by_name([*others, *old]), after, tuple(dict.fromkeys(mirror.name for mirror in [*new, *old]))),
        {mirror.name: mirror.status for mirror in new if mirror.status in NOT_YET},
        tuple(name for name in removed if name not in former),
    )


class _Reader:
    """Takes mirrors as the service would today."""

    def __init__(self, terms: Terms, state: Path, now: float) -> None:
        self._terms = terms
        self._state = state
        self._now = now

    def directory(self, directory: Path) -> dict[str, Mirror]:
        """The mirrors of a directory, by file name."""
        modules = frozenset(self._terms.service.modules)
        files = read_mirror_files(directory, modules, self._terms.atlas.countries)
        served = guarded_files(files, directory, self._terms, self._listed)
        return {name: self._placed(mirror) for name, mirror in served.items()}

    def read(self, mirror: Mirror) -> Mirror:
        """The mirror with its place, today's status, and the subnets that it published, as far as they are known."""
        return self._placed(self._listed(mirror))

    def _listed(self, mirror: Mirror) -> Mirror:
        return with_published_subnets(mirror, self._state, self._now)

    def _placed(self, mirror: Mirror) -> Mirror:
        today = datetime.fromtimestamp(self._now, UTC).date()
        return placed(status_on(mirror, today), self._terms.atlas)


def _as_live(mirror: Mirror) -> Mirror:
    return replace(mirror, status=Status.LIVE) if mirror.status in NOT_YET else mirror


def _by_name(mirrors: Sequence[Mirror]) -> tuple[Mirror, ...]:
    return tuple({mirror.name: mirror for mirror in mirrors}.values())


def _is_in(path: Path, directory: Path) -> bool:
    return path.parent.resolve() == directory.resolve()
