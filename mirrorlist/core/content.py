"""Content that mirrors hold and that is compared as one: its kind, where it lies, and the name of its records."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum


class ContentKind(StrEnum):
    """How content names its files; the value is that of service.yml. Each is a row of core/kinds/table.py."""

    RPM = "rpm"
    APT = "apt"
    PACMAN = "pacman"
    APK = "apk"
    PLAIN = "plain"
    """Files that nothing lists: some of them stand for all."""


def content_key(module: str, path: str) -> str:
    """The name under which what lies at a path of a module's tree is recorded: the path, or ``/module`` at its root.

    No path begins with a slash, so nothing else has that name.
    """
    return path or f"/{module}"


@dataclass(frozen=True, slots=True)
class Content:
    """One of them. ``path`` is below the tree of ``module``, empty at its root.

    ``index`` is the file below it that lists the others, empty for a plain one. ``part_of`` is the path of the
    repository that it is a part of, as a suite of an apt repository is. ``arches`` are those that clients ask for,
    ``canaries`` files that an operator named.
    """

    module: str
    path: str
    kind: ContentKind = ContentKind.RPM
    index: str = "repodata/repomd.xml"
    part_of: str | None = None
    arches: tuple[str, ...] = ()
    canaries: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The name under which its health and its history are recorded."""
        return content_key(self.module, self.path)


# What the index of content names.


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file by its path below the module's tree, and its size in bytes, where the metadata gives that."""

    path: str
    size: int | None = None


@dataclass(frozen=True, slots=True)
class NamedFiles:
    """What one version of a repository's metadata names.

    ``files`` are looked at after a change, in this order; ``pool`` is what a day's draw chooses from.
    """

    files: tuple[NamedFile, ...] = ()
    pool: tuple[NamedFile, ...] = ()


Named = Mapping[str, Mapping[str, NamedFiles]]
"""The name of a repository (``content_key``) to the SHA-256 of its metadata to what that names."""


def written_at(date: str) -> float | None:
    """Seconds since 1970 of a date as HTTP and Debian write it, in UTC where it names no zone; None for others."""
    with suppress(ValueError, OverflowError):
        found = parsedate_to_datetime(date)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    return None
