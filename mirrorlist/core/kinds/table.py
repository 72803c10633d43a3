"""Kinds of content whose index is compared with the origin's; to add one, write its file and a row here.

Plain content has no index: files of it are asked for (checks/probing/visit.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mirrorlist.core.content import Content, ContentKind, NamedFiles
from mirrorlist.core.kinds import apt, archives, rpm


@dataclass(frozen=True, slots=True)
class Kind:
    """How the bytes of an index are read.

    ``name`` is what people call it. ``fault`` says what is wrong with bytes, nothing where they are one; ``written``
    when the origin made it, in seconds since 1970, 0 where it does not say; ``named`` which files it names, reading
    others where it needs to, and why no packages, where it names none; ``expired`` whether clients refuse it by now,
    which they do not where it is good for ever.
    """

    name: str
    fault: Callable[[bytes], str]
    written: Callable[[bytes], int]
    named: Callable[[bytes, Content, rpm.Read], tuple[NamedFiles, str]]
    expired: Callable[[bytes, float], bool] = lambda *_: False


KINDS: Mapping[ContentKind, Kind] = MappingProxyType(
    {
        ContentKind.RPM: Kind("a repomd.xml", rpm.fault, rpm.written, rpm.named),
        ContentKind.APT: Kind("an InRelease", apt.fault, apt.written, apt.named, apt.expired),
        ContentKind.PACMAN: Kind("a database", archives.fault, archives.written, archives.pacman),
        ContentKind.APK: Kind("an APKINDEX", archives.fault, archives.written, archives.apk),
    }
)
