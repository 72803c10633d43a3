"""The versions of a repository that clients may accept, from the order in which its origin changed.

Timestamps play no part in it: an origin that goes back to an older repomd.xml makes that one current again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from mirrorlist.core.model import Checksummed, RepoMetadata

REPODATA = "repodata/"
"""Where the metadata of a repository lies, below its path."""
REPOMD = "repodata/repomd.xml"
MOST_ALTERNATES = 10
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class MetadataChange:
    """The origin was seen to publish this version, at this time. ``accepted`` ends with a security push."""

    version: Checksummed
    seen_at: float
    accepted: bool = True


def metadata_from(path: str, changes: Sequence[MetadataChange], now: float, alternates_days: float) -> RepoMetadata:
    """The current version, and as alternates those superseded less than ``alternates_days`` ago, newest first.

    ``changes`` are in the order in which they were seen; there is at least one.
    """
    current = changes[-1]
    alternates: dict[str, tuple[Checksummed, float]] = {}
    for older, newer in reversed(list(pairwise(changes))):
        superseded_at = newer.seen_at
        if older.accepted and now - superseded_at < alternates_days * _DAY:
            alternates.setdefault(older.version.sha256, (older.version, superseded_at))
    alternates.pop(current.version.sha256, None)
    accepted = tuple(alternates.values())[:MOST_ALTERNATES]
    versions, replaced_at = tuple(version for version, _ in accepted), tuple(at for _, at in accepted)
    return RepoMetadata(path, current.version, current.seen_at, versions, replaced_at)
