"""The commit that the mirror files are at, where they lie in a Git repository."""

from __future__ import annotations

import re
from pathlib import Path

from dulwich.errors import FileFormatException, NotGitRepository
from dulwich.repo import Repo

_HASH = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


def commit_of(directory: Path) -> str | None:
    """The hash of the commit that is checked out around a directory, or None."""
    try:
        with Repo.discover(str(directory)) as repository:
            found = repository.head().decode("ascii")
    except (NotGitRepository, FileFormatException, KeyError, OSError, ValueError):
        return None
    return found if _HASH.fullmatch(found) else None
