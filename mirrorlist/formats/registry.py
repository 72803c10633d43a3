"""The formats by the names that clients ask for with ``format=``.

To add one: write its file beside these, and a line here; the contract test wants a row and a golden file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mirrorlist.core.model import RepoMetadata
from mirrorlist.core.selection.answer import Selection
from mirrorlist.formats import apk, apt, isolist, json, metalink3, metalink4, mirrorlist, pacman


@dataclass(frozen=True, slots=True)
class ListFormat:
    """Writes a selection."""

    content_type: str
    write: Callable[[Selection], bytes]


@dataclass(frozen=True, slots=True)
class MetalinkFormat:
    """Writes a selection under the checksums of its repository."""

    content_type: str
    write: Callable[[Selection, RepoMetadata], bytes]


LISTS: Mapping[str, ListFormat] = {
    "mirrorlist": ListFormat(mirrorlist.CONTENT_TYPE, mirrorlist.mirrorlist),
    "apt": ListFormat(apt.CONTENT_TYPE, apt.apt),
    "pacman": ListFormat(pacman.CONTENT_TYPE, pacman.pacman),
    "apk": ListFormat(apk.CONTENT_TYPE, apk.apk),
    "json": ListFormat(json.CONTENT_TYPE, json.json),
    "isolist": ListFormat(isolist.CONTENT_TYPE, isolist.isolist),
}
METALINKS: Mapping[str, MetalinkFormat] = {
    "metalink3": MetalinkFormat(metalink3.CONTENT_TYPE, metalink3.metalink),
    "metalink4": MetalinkFormat(metalink4.CONTENT_TYPE, metalink4.metalink4),
}
