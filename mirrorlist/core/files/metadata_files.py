"""Files by which package managers learn what else there is: all of them have to be of one moment.

They change in place, or are named by one that does: a mirror that lags behind it lacks them. What each client reads:
apt ``Release``, its signatures, and the indexes that it names (Debian's RepositoryFormat); pacman ``*.db`` and
``*.files``; apk ``APKINDEX.tar.gz``, and ``*.adb`` of its third version; dnf and zypper ``repodata/``; zypper also
``content``, ``media.1/`` and what YaST has in ``setup/descr/``; anaconda and virt-install ``treeinfo``; all of them
keys, and people lists of checksums.

To add one: a row in the tables, and an example in tests/core/files/test_metadata_files.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate
from functools import lru_cache

_PACKED = r"(\.(gz|bz2|xz|lzma|lz4|zst))?"
_SIGNED = r"(\.(asc|gpg|sig|sign|key))?"
_DIRECTORIES = (r"repodata", r"by-hash", r"media\.\d+", r"descr", r".*\.diff")
"""Whatever lies in them, but for what dnf knows by checksum: that is the same everywhere, and large. ``*.diff`` holds
apt's patches of its indexes, ``setup/descr`` the packages of YaST."""
_NAMES = (
    r"InRelease", r"Release(\.gpg)?", r"Index",
    rf"(Packages|Sources|Translation-[\w@.-]+|Contents-[\w.-]+|Commands-[\w-]+|Components-[\w-]+\.yml){_PACKED}",
    rf"icons-[\w@-]+\.tar{_PACKED}", r"Packages\.(sig|manifest|asc)",
    rf"[^/]+\.(db|files|links)(\.tar{_PACKED})?(\.sig)?", r"last(sync|update|-updated)",
    rf"APKINDEX\.(tar{_PACKED}|adb|json)", r"(packages|index)\.adb", r"latest-releases\.yaml",
    r"repomd\.xml(\.asc)?", r"\.?treeinfo", r"\.discinfo", r"media\.repo", r"\.composeinfo", r"COMPOSE_ID",
    r"content(\.asc)?", r"directory\.yast",
    r"RPM-GPG-KEY[^/]*", r"gpg-pubkey-[^/]+",
    r"(?i:[^/]*key(ring)?s?([-_.]\w+)?\.(asc|gpg|pgp|pub)|[^/]+\.(key|rsa\.pub))",
    rf"(?i:(md5|sha\d+|b2)sums?(\.txt)?{_SIGNED}|([^/]+[-_.])?checksums?(\.txt)?{_SIGNED})",
)  # fmt: skip
_CHECKSUMMED = re.compile("[0-9a-f]{32,128}-")
_DIRECTORY, _NAME = (re.compile("|".join(each), re.ASCII) for each in (_DIRECTORIES, _NAMES))


def lists_others(path: str) -> bool:
    """Whether a file points a client to others, so that it has to fit the newest of them."""
    directory, _, name = path.rpartition("/")
    above = directory.split("/")
    if any(map(_DIRECTORY.fullmatch, above)):
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
