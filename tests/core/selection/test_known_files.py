""""""

from __future__ import annotations

from dataclasses import replace

import pytest

from mirrorlist.core.model import Repository
from mirrorlist.core.selection.known_files import RepositoryLocator, changes_in_place
from tests.building import CATALOGUE

BELONGING = RepositoryLocator(CATALOGUE)


@pytest.mark.parametrize(
    ("module", "path", "repository"),
    [
        ("main", "9.8/BaseOS/x86_64/os/Packages/a.rpm", "9.8/BaseOS/x86_64/os/"),
        ("main", "9.8/BaseOS/x86_64/os/", "9.8/BaseOS/x86_64/os/"),
        ("main", "9/BaseOS/x86_64/os/repodata/repomd.xml", "9.8/BaseOS/x86_64/os/"),
        ("main", "9.8/BaseOS/x86_64/os", None),
        ("main", "9.8/BaseOS/ppc64le/os/a", None),
        ("main", "9.8/isos/x86_64/x.iso", None),
        ("main", "x.iso", None),
        ("main", "", None),
        ("kitten", "10-kitten/BaseOS/x86_64/os/a", "10-kitten/BaseOS/x86_64/os/"),
        ("kitten", "9.8/BaseOS/x86_64/os/a", None),
        ("unheard_of", "9.8/BaseOS/x86_64/os/a", None),
    ],
)
def test_a_file_lies_in_the_repository_above_it(module: str, path: str, repository: str | None) -> None:
    assert BELONGING.repository(module, path) == repository


@pytest.mark.parametrize(
    ("path", "repository"),
    [
        ("9.8/BaseOS/x86_64/os/repodata/repomd.xml", "9.8/BaseOS/x86_64/os/"),
        ("9/BaseOS/x86_64/os/repodata/repomd.xml", "9.8/BaseOS/x86_64/os/"),
        ("9.8/BaseOS/x86_64/os/copy/repodata/repomd.xml", None),
        ("9.8/BaseOS/x86_64/os/", None),
    ],
)
def test_a_repomd_is_its_own_repositorys_only(path: str, repository: str | None) -> None:
    assert BELONGING.described("main", path) == repository


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("9.8/BaseOS/x86_64/os/repodata/repomd.xml", True),
        ("repomd.xml", True),
        ("9.8/BaseOS/x86_64/os/repodata/repomd.xml.asc", True),
        ("dists/stable/InRelease", True),
        ("extra/os/x86_64/extra.db", True),
        ("extra/os/x86_64/extra.db.tar.gz.sig", True),
        ("9.8/BaseOS/x86_64/os/repodata/0a1b-primary.xml.gz", False),
        ("9.8/BaseOS/x86_64/os/Packages/a.rpm", False),
        ("repomd.xml/a.rpm", False),
        ("dists/InRelease.d/a", False),
    ],
)
def test_files_that_list_others_are_written_again_under_their_names(path: str, changes: bool) -> None:
    assert changes_in_place(path) is changes


def test_only_versions_that_mirrors_gave_up_are_the_vaults() -> None:
    assert BELONGING.is_in_vault("main", "9.2/BaseOS/x86_64/os/a")
    assert not BELONGING.is_in_vault("main", "9.8/BaseOS/x86_64/os/a")
    assert not BELONGING.is_in_vault("kitten", "9.2/a")


def test_a_repository_at_the_root_holds_all_that_lies_in_no_other() -> None:
    """Its path is empty, which is no sign for nothing: its name is that of the module's root."""
    root = replace(CATALOGUE, repositories={**CATALOGUE.repositories, "all": Repository("all", "/")})
    belonging = RepositoryLocator(root)
    for path in ("x.iso", "repodata/repomd.xml", "", "9.8/BaseOS/x86_64/os"):
        assert belonging.repository("main", path) == "/main"
    assert belonging.repository("main", "9.8/BaseOS/x86_64/os/a") == "9.8/BaseOS/x86_64/os/"
    assert belonging.described("main", "repodata/repomd.xml") == "/main"
    assert belonging.described("main", "9/repodata/repomd.xml") is None
