"""Package managers that read a repository: as service.yml says, else by its files, else by its path.

To add one: a member of PackageManager, its trace in TRACES, and its lines in web/yours_page.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from mirrorlist.core.model import Repository


class PackageManager(StrEnum):
    """What people install packages with."""

    DNF = "dnf"
    ZYPPER = "zypper"
    APT = "apt"
    PACMAN = "pacman"
    APK = "apk"


RPM = (PackageManager.DNF, PackageManager.ZYPPER)
TRACES: Mapping[str, tuple[PackageManager, ...]] = {
    "repodata/repomd.xml": RPM,
    "dists": (PackageManager.APT,),
    "InRelease": (PackageManager.APT,),
    "Release": (PackageManager.APT,),
    "{name}.db": (PackageManager.PACMAN,),
    "APKINDEX.tar.gz": (PackageManager.APK,),
}
"""A file or directory in a repository, and who reads it."""
WORDS: Mapping[str, tuple[PackageManager, ...]] = {
    **dict.fromkeys(("apt", "deb", "debian", "ubuntu", "dists", "pool"), (PackageManager.APT,)),
    **dict.fromkeys(("$repo", "$arch", "arch", "archlinux", "pacman"), (PackageManager.PACMAN,)),
    **dict.fromkeys(("apk", "alpine"), (PackageManager.APK,)),
    **dict.fromkeys(("$basearch", "baseos", "appstream", "rpm", "rpms", "yum", "dnf"), RPM),
}
"""A directory in a repository's path, or its name, in small letters; the first row that fits counts."""


def package_managers(
    repository: Repository, directory: str, is_there: Callable[[str], bool] | None
) -> tuple[PackageManager, ...]:
    """Who reads a repository; everybody where nothing tells.

    ``is_there`` says whether the origin has a file or directory below the tree; None where its files are not known.
    """
    if repository.clients:
        return tuple(PackageManager(name) for name in repository.clients)
    if is_there is not None:
        for trace, readers in TRACES.items():
            if is_there(f"{directory.strip('/')}/{trace.format(name=repository.name)}".lstrip("/")):
                return readers
    steps = {*repository.path.lower().split("/"), repository.name.lower()}
    return next((readers for word, readers in WORDS.items() if word in steps), tuple(PackageManager))
