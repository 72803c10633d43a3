""""""

from __future__ import annotations

from dataclasses import replace

import pytest

from mirrorlist.core.catalogue.catalogue import Image
from mirrorlist.core.catalogue.trees import RedirectTree, TreePath
from mirrorlist.core.files.build import IndexDraft
from mirrorlist.core.files.folder import decode_index
from mirrorlist.core.files.index import File, FilePieces, IndexFacts
from mirrorlist.core.health.columns import SyncState
from mirrorlist.core.model import MAIN, Repository
from mirrorlist.core.selection.known_files import (
    YEAR_10000,
    FileMetadata,
    Pieces,
    RepositoryLocator,
    changes_in_place,
    known_file,
    narrowed,
)
from mirrorlist.core.selection.usability import NO_EXCLUSIONS
from tests.building import CATALOGUE, NOW, mirror, query, snapshot
from tests.file_indexes import Has, indexed

BELONGING = RepositoryLocator(CATALOGUE)
DL = RedirectTree(prefix="/dl/", module=MAIN)


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
        ("extra/os/x86_64/extra.files", True),
        ("extra/os/x86_64/extra.files.sig", True),
        ("v3.22/main/x86_64/APKINDEX.tar.gz", True),
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


def test_a_file_has_the_name_version_and_arch_of_its_repository() -> None:
    assert BELONGING.named("main", "9/BaseOS/aarch64/os/Packages/a.rpm") == ("baseos", "9.8", "aarch64")
    assert BELONGING.named("main", "10.2/PowerTools/x86_64/os/") == ("powertools", "10.2", "x86_64")
    assert BELONGING.named("kitten", "10-kitten/AppStream/x86_64/os/a") == ("appstream", "10-kitten", "x86_64")
    assert BELONGING.named("main", "9.8/isos/x86_64/x.iso") is None


def test_images_and_their_directories_are_known_under_both_names_of_a_version() -> None:
    images = (Image("isos/$basearch/a.iso", versions=("9.8",)), Image("b.iso", versions=("9.8",)))
    belonging = RepositoryLocator(replace(CATALOGUE, images=images))
    for below in ("/isos/x86_64/a.iso", "/isos/aarch64", "/isos/aarch64/", "/b.iso", "", "/"):
        for version in ("9", "9.8"):
            assert belonging.image("main", version + below) == f"9.8{below}"
        assert belonging.image("kitten", f"9{below}") is belonging.image("main", f"9.80{below}") is None
    assert belonging.images_in("main", "9/isos/x86_64") == {"a.iso"}
    assert belonging.images_in("main", "9") == {"b.iso"}


def test_in_a_plain_module_its_tree_is_judged_too() -> None:
    belonging = RepositoryLocator(replace(CATALOGUE, plain={"kitten": ()}))
    assert belonging.judged("kitten", "x.img") == (None, None, "/kitten")
    assert belonging.judged("main", "9/BaseOS/x86_64/os/a") == ("9.8/BaseOS/x86_64/os/", None, None)


@pytest.mark.parametrize(
    ("mtime", "told"),
    [
        (0, 0),
        (1_790_000_000, 1_790_000_000),
        (YEAR_10000 - 1, YEAR_10000 - 1),
        (YEAR_10000, None),
        (-5, None),
        (None, None),
    ],
)
def test_a_time_that_no_calendar_has_is_not_told(mtime: int | None, told: int | None) -> None:
    snap = indexed(snapshot([]), {"x.iso": Has(7, b"\1" * 32, mtime=mtime)})
    assert known_file(snap, BELONGING, TreePath(DL, "x.iso")) == FileMetadata(size=7, mtime=told, sha256="01" * 32)


def test_pieces_are_told_one_by_one() -> None:
    draft = IndexDraft([File("x.iso", 7, 1, pieces=FilePieces(4, b"\1" * 32 + b"\2" * 32))], 0)
    index = decode_index(memoryview(b"".join(draft.sealed(IndexFacts(MAIN, NOW, NOW, "test", ())).parts)))
    found = known_file(replace(snapshot([]), files={MAIN: index}), BELONGING, TreePath(DL, "x.iso"))
    assert found == FileMetadata(size=7, mtime=1, pieces=Pieces(4, ("01" * 32, "02" * 32)))


@pytest.mark.parametrize(
    ("repository", "partly"), [(None, SyncState.STALE), ("9.8/BaseOS/x86_64/os/", SyncState.UNKNOWN)]
)
def test_who_has_some_of_a_directory_comes_before_who_has_none(repository: str | None, partly: SyncState) -> None:
    """In a repository the files come and go: there it is as good as who has all."""
    mirrors = [mirror("whole"), mirror("part"), mirror("none")]
    snap = indexed(snapshot(mirrors), {"X/a": Has(lacking=("none",)), "X/b": Has(lacking=("part", "none"))})
    asked = replace(query(), file="X/", within=(repository, None, None))
    assert narrowed(snap, asked, NO_EXCLUSIONS).holds == bytes([SyncState.UNKNOWN, partly, SyncState.MISSING])
    assert narrowed(snap, replace(asked, file="X/a"), NO_EXCLUSIONS).holds is None
