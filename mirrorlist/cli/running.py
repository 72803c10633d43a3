"""What the commands about health share: the running service's snapshot, and the database beside it."""

from __future__ import annotations

from pathlib import Path

from mirrorlist.cli.context import Context
from mirrorlist.core.errors import NotFound
from mirrorlist.core.model import Mirror
from mirrorlist.core.snapshot import Facts
from mirrorlist.store.snapshot_files import read_newest


def state_dir_of(context: Context) -> Path:
    """The directory of the state; the service file is read only where no option names it."""
    return context.settings.state or Path(context.service().state_dir)


def published_facts(state_dir: Path) -> Facts:
    """What the newest snapshot says.

    Raises:
        SnapshotError: there is none.
    """
    return read_newest(state_dir).facts


def mirror_called(facts: Facts, name: str) -> Mirror:
    """Raises NotFound where the snapshot has no mirror of this name."""
    for mirror in facts.mirrors:
        if mirror.name == name:
            return mirror
    raise NotFound(f"no mirror is called {name}; mirrorlist mirrors --names tells all")
