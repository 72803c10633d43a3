"""Fedora's ``path=``: a directory or file below a mirror's tree, and the repository it belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from mirrorlist.core.catalogue import VERSION_MARK, Catalogue, Release, release, spelled_versions, target
from mirrorlist.core.errors import BadRequest, NotFound
from mirrorlist.core.model import Target

_SEGMENT = re.compile(r"\.?[A-Za-z0-9_+~:@$][A-Za-z0-9._+~:@$-]*", re.ASCII)
_LONGEST = 512


class Paths:
    """The directories that a catalogue publishes."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known = dict(_directories(catalogue))
        self._heads = dict.fromkeys(_head(repository.path) for repository in catalogue.repositories.values())

    def target(self, path: str) -> Target:
        """The target of a path; ``9/`` at its beginning is the current ``9.8/``.

        A known repository is its directory, with or without the slash at the end. Whatever else lies below a
        version's directory is passed on as it is: what is there, the mirrors know.

        Raises:
            BadRequest: the path is malformed.
            NotFound: it lies below no version that exists.
        """
        segments, slash = _segments(path), "/" if path.endswith("/") else ""
        if found := self._known_above(segments, slash):
            return found
        rel, in_full = self._in_full(segments)
        return self._known_above(in_full, slash) or Target(
            "", rel.version, rel.module, "/".join(in_full) + slash, rel.vault, ()
        )

    def is_repository(self, path: str) -> bool:
        """Whether the path of a target is a whole repository."""
        return path in self._known

    def _known_above(self, segments: list[str], slash: str) -> Target | None:
        """The innermost known repository that a path leads to or into."""
        for count in range(len(segments), 0, -1):
            directory = "/".join(segments[:count]) + "/"
            if found := self._known.get(directory):
                below = "/".join(segments[count:])
                return replace(found, path=directory + below + (slash if below else ""), arches=())
        return None

    def _in_full(self, segments: list[str]) -> tuple[Release, list[str]]:
        """The version that a path names, and the path with the version that is served for it."""
        for head in self._heads:
            if head is None or not _matches(head, segments):
                continue
            try:
                rel = release(self._catalogue, _version_in(head[-1], segments[len(head) - 1]))
            except NotFound:
                continue
            named = head[-1].replace(VERSION_MARK, rel.version)
            return rel, [*segments[: len(head) - 1], named, *segments[len(head) :]]
        known = ", ".join(spelled_versions(self._catalogue))
        raise NotFound(f"path is below no version's directory; known versions are {known}")


def _directories(catalogue: Catalogue) -> Iterator[tuple[str, Target]]:
    """Every repository of the versions that mirrors carry, by its directories: the vault's are known as its own."""
    for version in spelled_versions(catalogue):
        for repository in catalogue.repositories if version not in catalogue.vault_versions else ():
            try:
                found = target(catalogue, version, repository)
            except NotFound:
                continue
            for arch in found.arches:
                yield found.path.replace("$basearch", arch), found


def _head(path: str) -> tuple[str, ...] | None:
    """The segments of a repository's path up to the one that names the version; None if none does."""
    if not path.startswith("/"):
        return (VERSION_MARK,)
    segments = path[1:].split("/")
    last = next((number for number, segment in enumerate(segments) if VERSION_MARK in segment), None)
    return None if last is None else tuple(segments[: last + 1])


def _matches(head: tuple[str, ...], segments: list[str]) -> bool:
    return len(segments) >= len(head) and list(head[:-1]) == segments[: len(head) - 1]


def _version_in(template: str, segment: str) -> str:
    """The version in ``f39`` under ``f{version}``; empty, and so no version, where the rest differs."""
    before, _, after = template.partition(VERSION_MARK)
    fits = segment.startswith(before) and segment.endswith(after) and len(segment) > len(before + after)
    return segment[len(before) : len(segment) - len(after)] if fits else ""


def _segments(path: str) -> list[str]:
    """The parts between the slashes, doubled ones collapsed."""
    if len(path) > _LONGEST:
        raise BadRequest(f"path is longer than {_LONGEST} characters")
    segments = [segment for segment in path.split("/") if segment]
    if not segments or not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise BadRequest("path is malformed; write a directory or file below a mirror's tree")
    return segments
