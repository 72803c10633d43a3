"""Fedora's ``path=``: a directory or file below a mirror's tree, and the repository it belongs to."""

from __future__ import annotations

import re
from dataclasses import replace

from mirrorlist.core.catalogue import Catalogue, published, release
from mirrorlist.core.errors import BadRequest
from mirrorlist.core.model import Target

_SEGMENT = re.compile(r"[A-Za-z0-9_+~:@$][A-Za-z0-9._+~:@$-]*", re.ASCII)
_LONGEST = 512
_REPOMD = "repodata/repomd.xml"


class Paths:
    """The directories that a catalogue publishes."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known = {
            found.path.replace("$basearch", arch) if arch else found.path: found for found, arch in published(catalogue)
        }

    def target(self, path: str) -> Target:
        """The target of a path; ``9/`` at its beginning is the current ``9.8/``.

        A known repository is its directory, with or without the slash at the end, and so is its repomd.xml.
        Whatever else lies below a version's directory is passed on as it is: what is there, the mirrors know.

        Raises:
            BadRequest: the path is malformed.
            NotFound: it lies below no version that exists.
        """
        spelled, slash = self._in_full(_segments(path)), "/" if path.endswith("/") else ""
        for directory, found in self._known.items():
            if f"{spelled}/".startswith(directory):
                rest = spelled[len(directory) :]
                below = "" if rest in ("", _REPOMD) else rest + slash
                return replace(found, path=directory + below, arches=())
        rel = release(self._catalogue, spelled.partition("/")[0])
        return Target("", rel.version, rel.module, spelled + slash, rel.vault, ())

    def _in_full(self, segments: list[str]) -> str:
        """The path with the version that is served for the one it begins with."""
        first = segments[0]
        if not any(directory.startswith(f"{first}/") for directory in self._known):
            first = release(self._catalogue, first).version
        return "/".join([first, *segments[1:]])


def _segments(path: str) -> list[str]:
    """The parts between the slashes, doubled ones collapsed."""
    if len(path) > _LONGEST:
        raise BadRequest(f"path is longer than {_LONGEST} characters")
    segments = [segment for segment in path.split("/") if segment]
    if not segments or not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise BadRequest("path is malformed; write a directory or file below a mirror's tree")
    return segments
