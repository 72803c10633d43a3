"""Which package managers read a repository."""

from __future__ import annotations

import pytest

from mirrorlist.core.model import Repository
from mirrorlist.core.selection.client import RPM, PackageManager, package_managers

APT, PACMAN, APK = (PackageManager.APT,), (PackageManager.PACMAN,), (PackageManager.APK,)


@pytest.mark.parametrize(
    ("name", "path", "readers"),
    [
        ("baseos", "BaseOS/$basearch/os/", RPM),
        ("fedora", "/releases/{version}/Everything/$basearch/os/", RPM),
        ("source", "yum/source/", RPM),
        ("apt", "/", APT),
        ("debian", "/debian/", APT),
        ("main", "/ubuntu/dists/stable/", APT),
        ("core", "/$repo/os/$arch/", PACMAN),
        ("extra", "/archlinux/extra/os/x86_64/", PACMAN),
        ("main", "/alpine/v3.20/main/", APK),
        ("main", "/alpine/v3.20/main/$basearch/", APK),
        ("tools", "/tools/", tuple(PackageManager)),
    ],
)
def test_a_path_tells_where_the_files_are_not_known(name: str, path: str, readers: tuple[PackageManager, ...]) -> None:
    assert package_managers(Repository(name, path), path, None) == readers


@pytest.mark.parametrize(
    ("there", "readers"),
    [
        ("9/x/repodata/repomd.xml", RPM),
        ("9/x/dists", APT),
        ("9/x/InRelease", APT),
        ("9/x/core.db", PACMAN),
        ("9/x/APKINDEX.tar.gz", APK),
        ("9/x/other", RPM),
    ],
)
def test_files_say_more_than_the_path(there: str, readers: tuple[PackageManager, ...]) -> None:
    assert package_managers(Repository("core", "x/$basearch/"), "9/x/", {there}.__contains__) == readers


def test_the_operator_has_the_last_word() -> None:
    repository = Repository("core", "x/$basearch/", clients=("zypper", "apt"))

    found = package_managers(repository, "9/x/", {"9/x/repodata/repomd.xml"}.__contains__)

    assert found == (PackageManager.ZYPPER, PackageManager.APT)
