"""What a running service keeps of a mirror file that breaks: its last good version, for a week."""

from __future__ import annotations

from collections.abc import Mapping

from mirrorlist.core.model import Mirror
from mirrorlist.sources.mirror_files import MirrorFiles

KEPT_SECONDS = 7 * 86_400


class LastGood:
    """Remembers the last good mirror of each file, and since when a file is broken."""

    def __init__(self) -> None:
        self._mirrors: dict[str, Mirror] = {}
        self._broken_since: dict[str, float] = {}

    def merged(self, files: MirrorFiles, now: float) -> dict[str, Mirror]:
        """The mirrors of these files, by file name in order, broken ones in their last good version.

        A file that is gone is gone on purpose. Of two mirrors with one name the first by file name stays.
        """
        broken = files.files.keys() - files.mirrors.keys()
        self._broken_since = {name: self._broken_since.get(name, now) for name in broken}
        kept = {
            name: self._mirrors[name]
            for name in broken & self._mirrors.keys()
            if now - self._broken_since[name] < KEPT_SECONDS
        }
        self._mirrors = {**files.mirrors, **kept}
        return _unique(self._mirrors)


def _unique(mirrors: Mapping[str, Mirror]) -> dict[str, Mirror]:
    holders: dict[str, str] = {}
    for file_name in sorted(mirrors):
        holders.setdefault(mirrors[file_name].name, file_name)
    return {file_name: mirrors[file_name] for file_name in holders.values()}
