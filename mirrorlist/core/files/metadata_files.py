"""Files by which package managers learn what else there is: all of them have to be of one moment.

They change in place, or are named by one that does: a mirror that lags behind it lacks them. What each client reads:
apt ``Release``, its signatures, and the indexes that it names (Debian's RepositoryFormat); pacman ``*.db`` and
``*.files``; apk ``APKINDEX.tar.gz``, and ``*.adb`` of its third version; dnf and zypper ``repodata/``; zypper also
``content`` and ``media.1/``; anaconda and virt-install ``treeinfo``.

To add one: a row in the tables, and an example in tests/core/files/test_metadata_files.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate
from functools import lru_cache

DIRECTORIES = ("repodata", "by-hash", "media.1")
"""Whatever lies in them, but for what dnf knows by checksum: that is the same everywhere, and large."""
DIRECTORY_ENDS = (".diff",)
"""``Packages.diff``: apt's patches of its indexes."""
_PACKED = r"(\.(gz|bz2|xz|lzma|lz4|zst))?"
_NAMES = (
    r"InRelease", r"Release", r"Release\.gpg",
    rf"(Packages|Sources|Translation-[\w@.-]+|Contents-[\w.-]+|Commands-[\w-]+|Components-[\w-]+\.yml){_PACKED}",
    rf"icons-\d+x\d+(@\d)?\.tar{_PACKED}", r"Packages\.(sig|manifest|asc)",
    rf"[^/]+\.(db|files|links)(\.tar{_PACKED})?(\.sig)?", r"last(sync|update)",
    r"APKINDEX\.tar\.gz", r"(packages|index|APKINDEX)\.adb",
    r"repomd\.xml(\.(asc|key))?", r"\.?treeinfo", r"\.discinfo", r"media\.repo",
    r"content(\.(asc|key))?", r"\.composeinfo", r"COMPOSE_ID",
)  # fmt: skip
_CHECKSUMMED = re.compile("[0-9a-f]{32,128}-")
_NAME = re.compile("|".join(_NAMES), re.ASCII)


def lists_others(path: str) -> bool:
    """Whether a file points a client to others, so that it has to fit the newest of them."""
    directory, _, name = path.rpartition("/")
    above = directory.split("/")
    if any(each in DIRECTORIES for each in above) or above[-1].endswith(DIRECTORY_ENDS):
        return "repodata" not in above or _CHECKSUMMED.match(name) is None
    return _NAME.fullmatch(name) is not None


def fits_one(path: str, patterns: Iterable[str]) -> bool:
    """Whether a path below a tree fits one of an operator's patterns: one without a slash is of the file's name.

    ``*`` stands for any text, slashes too, ``?`` for one character.
    """
    name = path.rpartition("/")[2]
    return any(_compiled(each).match(path if "/" in each else name) is not None for each in patterns)


@lru_cache(1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern.removeprefix("/")))
