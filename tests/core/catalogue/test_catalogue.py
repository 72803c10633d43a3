""""""

from __future__ import annotations

from dataclasses import replace

import pytest

from mirrorlist.core.catalogue.catalogue import (
    Catalogue,
    Release,
    check_arch,
    published,
    published_contents,
    release,
    repo_names,
    spelled_versions,
    target,
)
from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.catalogue.query import Spellings
from mirrorlist.core.content import ContentKind
from mirrorlist.core.errors import NotFound
from mirrorlist.core.model import MAIN, Repository, RepositoryTarget

MINORS = ("8.10", "9.8", "10.2")

REPOSITORIES = (
    Repository("baseos", "BaseOS/$basearch/os/"),
    Repository("powertools", "PowerTools/$basearch/os/", versions=("8.10",)),
    Repository("crb", "CRB/$basearch/os/", versions=("9.8", "10.2")),
    Repository("nfv", "NFV/$basearch/os/", versions=MINORS, arches=("x86_64",)),
    Repository("extras", "extras/$basearch/os/", versions=("8", "9", "10")),
    Repository("extras-common", "extras-common/$basearch/os/", versions=("10-kitten",)),
    Repository("keys", "keys/"),
    Repository("baseos-source", "BaseOS/Source/", vault=True),
)

CATALOGUE = Catalogue(
    versions=("8", "8.10", "9", "9.8", "10", "10.2"),
    latest={"8": "8.10", "9": "9.8", "10": "10.2"},
    arches={
        "8": ("x86_64", "aarch64"),
        "9": ("x86_64", "aarch64"),
        "10": ("x86_64", "x86_64_v2"),
        "10-kitten": ("x86_64", "aarch64"),
    },
    repositories={repository.name: repository for repository in REPOSITORIES},
    module_versions={"kitten": ("10",)},
    vault_versions=("8.9", "8.10-beta", "9.1", "9.2", "9.2-beta"),
    vault_urls=("http://vault.example.org/",),
    aliases={"os-{version}": "baseos", "powertools-f{version}": "powertools", "newest": "crb"},
)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("9", Release("9.8", "9", MAIN, False)),
        ("9.8", Release("9.8", "9", MAIN, False)),
        ("9.9", Release("9.8", "9", MAIN, False)),
        ("9.10", Release("9.8", "9", MAIN, False)),  # a number, not a text: later than 9.8
        ("9.99", Release("9.8", "9", MAIN, False)),
        ("10.3", Release("10.2", "10", MAIN, False)),
        ("10.10", Release("10.2", "10", MAIN, False)),
        ("8.11", Release("8.10", "8", MAIN, False)),
        ("8.10", Release("8.10", "8", MAIN, False)),
        ("9.2", Release("9.2", "9", MAIN, True)),
        ("9.2-beta", Release("9.2-beta", "9", MAIN, True)),
        ("8.10-beta", Release("8.10-beta", "8", MAIN, True)),
        ("10-kitten", Release("10-kitten", "10-kitten", "kitten", False)),
    ],
)
def test_a_spelling_means_a_release(version: str, expected: Release) -> None:
    assert release(CATALOGUE, version) == expected


@pytest.mark.parametrize(
    "version",
    [
        "8.2",  # older than the current one and not in the vault
        "9.0",
        "8.0",
        "9-beta",
        "9.99-beta",
        "8foo",
        "8.foo",
        "100",
        "7",
        "0",
        "",
        " ",
        "9 ",
        "9\n",
        "09",
        "9.",
        "9.09",
        ".9",
        "9.8.1",
        "-9",
        "+9",
        "9.1e3",
        "٩",  # a digit of another script
        "9.9999999",
        "kitten",
        "-kitten",
        "9-kitten",
        "10.2-kitten",
        "10-kitten-kitten",
        "10-main",
        "../9",
        "9/..",
    ],
)
def test_what_is_no_version_is_not_found(version: str) -> None:
    with pytest.raises(NotFound, match=r"^unknown version; (did you mean [0-9.a-z-]+\?|known are 8, 8\.10, 9, 9\.8)"):
        release(CATALOGUE, version)


@pytest.mark.parametrize(
    ("version", "said"),
    [("10-kiten", "did you mean 10-kitten?"), ("9.8.1", "did you mean 9.8?"), ("banana", "known are 8, ")],
)
def test_an_unknown_version_is_told_the_nearest_or_those_that_mirrors_carry(version: str, said: str) -> None:
    with pytest.raises(NotFound) as caught:
        release(CATALOGUE, version)
    assert str(caught.value).startswith(f"unknown version; {said}")
    assert not {*CATALOGUE.vault_versions} & {*str(caught.value).split(", ")}


@pytest.mark.parametrize(
    ("version", "repository", "expected"),
    [
        (
            "9",
            "baseos",
            RepositoryTarget("baseos", "9.8", MAIN, "9.8/BaseOS/$basearch/os/", False, ("x86_64", "aarch64")),
        ),
        ("9", "nfv", RepositoryTarget("nfv", "9.8", MAIN, "9.8/NFV/$basearch/os/", False, ("x86_64",))),
        (
            "9.3000",
            "extras",
            RepositoryTarget("extras", "9.8", MAIN, "9.8/extras/$basearch/os/", False, ("x86_64", "aarch64")),
        ),
        (
            "9.2",
            "baseos",
            RepositoryTarget("baseos", "9.2", MAIN, "9.2/BaseOS/$basearch/os/", True, ("x86_64", "aarch64")),
        ),
        (
            "9",
            "baseos-source",
            RepositoryTarget("baseos-source", "9.8", MAIN, "9.8/BaseOS/Source/", True, ("x86_64", "aarch64")),
        ),
        (
            "10-kitten",
            "baseos",
            RepositoryTarget(
                "baseos", "10-kitten", "kitten", "10-kitten/BaseOS/$basearch/os/", False, ("x86_64", "aarch64")
            ),
        ),
    ],
)
def test_a_target_is_whole(version: str, repository: str, expected: RepositoryTarget) -> None:
    assert target(CATALOGUE, version, repository) == expected


@pytest.mark.parametrize(
    ("version", "repository", "found"),
    [
        ("8", "powertools", True),
        ("8.10", "powertools", True),
        ("9", "powertools", False),
        ("9.8", "powertools", False),
        ("10", "powertools", False),
        ("10-kitten", "baseos", True),  # names no version
        ("10-kitten", "extras-common", True),  # names this one
        ("10-kitten", "crb", False),  # names 10.2
        ("10-kitten", "extras", False),  # names 10
        ("10", "extras-common", False),
        ("9.2", "crb", True),  # a vault version asks whether its major has the repository
        ("9.2-beta", "crb", True),
        ("9.2", "powertools", False),
        ("8.9", "powertools", True),
        ("8.9", "crb", False),
        ("8.9", "extras", True),
        ("9.2", "extras-common", False),
        ("9", "nope", False),
        ("9", "", False),
        ("9", "BaseOS", False),
        ("9.0", "baseos", False),
    ],
)
def test_only_combinations_that_exist_are_found(version: str, repository: str, found: bool) -> None:
    try:
        target(CATALOGUE, version, repository)
    except NotFound:
        assert not found
    else:
        assert found


def test_an_unknown_repository_names_the_known_ones_and_not_what_was_asked() -> None:
    with pytest.raises(NotFound, match=r"^unknown repository; known are baseos, powertools, crb, nfv"):
        target(CATALOGUE, "9", "<script>")


def test_a_version_without_arches_has_no_repository() -> None:
    catalogue = Catalogue(
        versions=("9",), latest={}, arches={}, repositories={"baseos": Repository("baseos", "BaseOS/")}
    )
    with pytest.raises(NotFound, match="repository baseos does not exist in version 9"):
        target(catalogue, "9", "baseos")


def test_a_repository_without_an_arch_of_the_version_does_not_exist_there() -> None:
    repository = Repository("pi", "pi/$basearch/", arches=("aarch64",))
    catalogue = Catalogue(versions=("10",), latest={}, arches={"10": ("x86_64",)}, repositories={"pi": repository})
    with pytest.raises(NotFound, match="repository pi does not exist in version 10"):
        target(catalogue, "10", "pi")


@pytest.mark.parametrize(
    ("version", "repository", "arch", "known"),
    [
        ("9", "baseos", "aarch64", True),
        ("9", "nfv", "aarch64", False),
        ("9", "baseos", "x86_64_v2", False),
        ("10", "baseos", "x86_64_v2", True),
        ("9", "baseos", "", False),
    ],
)
def test_an_arch_is_checked_against_version_and_repository(
    version: str, repository: str, arch: str, known: bool
) -> None:
    found = target(CATALOGUE, version, repository)
    if known:
        check_arch(found, arch)
        return
    with pytest.raises(NotFound, match=f"repository {repository} does not exist for this arch"):
        check_arch(found, arch)


def test_versions_are_listed_once_current_ones_first() -> None:
    assert spelled_versions(CATALOGUE) == (
        *("8", "8.10", "9", "9.8", "10", "10.2"),
        "10-kitten",
        *("8.9", "8.10-beta", "9.1", "9.2", "9.2-beta"),
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("baseos-9", ("9", "baseos")),
        ("baseos-9.8", ("9.8", "baseos")),
        ("baseos-9.2", ("9.2", "baseos")),
        ("baseos-9.2-beta", ("9.2-beta", "baseos")),
        ("baseos-source-9", ("9", "baseos-source")),
        ("baseos-10-kitten", ("10-kitten", "baseos")),
        ("extras-common-10-kitten", ("10-kitten", "extras-common")),
        ("extras-10", ("10", "extras")),
        ("os-9", ("9", "baseos")),
        ("os-10-kitten", ("10-kitten", "baseos")),
        ("powertools-f8", ("8", "powertools")),
        ("newest", ("10", "crb")),
        ("powertools-9", None),
        ("powertools-f9", None),
        ("extras-10-kitten", None),
        ("extras-common-10", None),
        ("baseos", None),
        ("baseos-", None),
        ("baseos-9.99", None),
        ("os-{version}", None),
    ],
)
def test_names_with_dashes_are_looked_up(name: str, expected: tuple[str, str] | None) -> None:
    assert repo_names(CATALOGUE).get(name) == expected


def test_every_name_leads_to_a_target() -> None:
    for version, repository in repo_names(CATALOGUE).values():
        assert target(CATALOGUE, version, repository).repository == repository


def test_an_alias_does_not_take_a_repositorys_name() -> None:
    repositories = {"a": Repository("a", "a/"), "b": Repository("b", "b/")}
    catalogue = Catalogue(
        versions=("9",),
        latest={"9": "9"},
        arches={"9": ("x86_64",)},
        repositories=repositories,
        aliases={"a-{version}": "b"},
    )
    assert repo_names(catalogue) == {"a-9": ("9", "a"), "b-9": ("9", "b")}


def test_what_mirrors_publish_is_told_once_for_each_path_and_arch() -> None:
    found = [(of.path, arch) for of, arch in published(CATALOGUE)]
    assert found == [
        ("8.10/BaseOS/$basearch/os/", "x86_64"),
        ("8.10/BaseOS/$basearch/os/", "aarch64"),
        ("8.10/PowerTools/$basearch/os/", "x86_64"),
        ("8.10/PowerTools/$basearch/os/", "aarch64"),
        ("8.10/NFV/$basearch/os/", "x86_64"),
        ("8.10/extras/$basearch/os/", "x86_64"),
        ("8.10/extras/$basearch/os/", "aarch64"),
        ("8.10/keys/", None),
        ("9.8/BaseOS/$basearch/os/", "x86_64"),
        ("9.8/BaseOS/$basearch/os/", "aarch64"),
        ("9.8/CRB/$basearch/os/", "x86_64"),
        ("9.8/CRB/$basearch/os/", "aarch64"),
        ("9.8/NFV/$basearch/os/", "x86_64"),
        ("9.8/extras/$basearch/os/", "x86_64"),
        ("9.8/extras/$basearch/os/", "aarch64"),
        ("9.8/keys/", None),
        ("10.2/BaseOS/$basearch/os/", "x86_64"),
        ("10.2/BaseOS/$basearch/os/", "x86_64_v2"),
        ("10.2/CRB/$basearch/os/", "x86_64"),
        ("10.2/CRB/$basearch/os/", "x86_64_v2"),
        ("10.2/NFV/$basearch/os/", "x86_64"),
        ("10.2/extras/$basearch/os/", "x86_64"),
        ("10.2/extras/$basearch/os/", "x86_64_v2"),
        ("10.2/keys/", None),
        ("10-kitten/BaseOS/$basearch/os/", "x86_64"),
        ("10-kitten/BaseOS/$basearch/os/", "aarch64"),
        ("10-kitten/extras-common/$basearch/os/", "x86_64"),
        ("10-kitten/extras-common/$basearch/os/", "aarch64"),
        ("10-kitten/keys/", None),
    ]
    assert {of.module for of, _ in published(CATALOGUE) if of.version == "10-kitten"} == {"kitten"}


def test_the_vault_is_not_the_mirrors_business() -> None:
    assert not any(of.vault for of, _ in published(CATALOGUE))


ROOTED = Catalogue(
    versions=("43", "44", "9", "9.8"),
    latest={"9": "9.8"},
    arches={"43": ("x86_64",), "44": ("x86_64", "aarch64"), "9": ("x86_64",)},
    repositories={
        "fedora": Repository("fedora", "/releases/{version}/Everything/$basearch/os/", versions=("43", "44")),
        "source": Repository("source", "/releases/{version}/Everything/source/tree/", versions=("44",)),
        "twice": Repository("twice", "/f{version}/of-{version}/$basearch/", versions=("44",)),
        "keys": Repository("keys", "/keys/"),
        "debian": Repository("debian", "/", versions=("9",)),
        "epel": Repository("epel", "/epel/{version}/$basearch/", versions=("9.8",)),
        "plain": Repository("plain", "BaseOS/$basearch/os/", versions=("9.8",)),
    },
    aliases={"rawhide": "fedora", "updates-f{version}": "fedora", "Plain-{version}-debug": "plain"},
)


@pytest.mark.parametrize(
    ("version", "repository", "path"),
    [
        ("44", "fedora", "releases/44/Everything/$basearch/os/"),
        ("43", "fedora", "releases/43/Everything/$basearch/os/"),
        ("44", "source", "releases/44/Everything/source/tree/"),
        ("44", "twice", "f44/of-44/$basearch/"),
        ("44", "keys", "keys/"),
        ("9", "keys", "keys/"),
        ("9", "debian", ""),
        ("9", "epel", "epel/9.8/$basearch/"),
        ("9.99", "epel", "epel/9.8/$basearch/"),
        ("9", "plain", "9.8/BaseOS/$basearch/os/"),
    ],
)
def test_a_path_with_a_slash_in_front_begins_at_the_trees_root(version: str, repository: str, path: str) -> None:
    assert target(ROOTED, version, repository).path == path


def test_a_rooted_path_is_published_once_however_many_versions_share_it() -> None:
    found = [of.path.replace("$basearch", arch or "") for of, arch in published(ROOTED)]
    assert len(found) == len(set(found))
    assert {"keys/", "releases/44/Everything/aarch64/os/", "releases/43/Everything/x86_64/os/"} <= set(found)


def test_an_alias_with_a_version_names_it_and_one_without_means_the_newest() -> None:
    names = repo_names(ROOTED)
    assert (names["updates-f43"], names["updates-f44"]) == (("43", "fedora"), ("44", "fedora"))
    assert names["rawhide"] == ("44", "fedora")
    assert names["Plain-9-debug"] == ("9", "plain")
    assert "updates-f9" not in names


def test_the_images_of_a_release_are_asked_for_by_their_directory() -> None:
    found = Spellings(CATALOGUE, Policy()).by_isos("9", "x86_64", {})
    assert found.target == RepositoryTarget("isos", "9.8", MAIN, "9.8/isos/x86_64", False, ())
    assert (found.file, found.arch) == ("9.8/isos/x86_64", None)


def test_an_apt_repository_is_compared_suite_by_suite() -> None:
    suites = ("stable", "./", "./flat/", "extra/")
    debs = Repository("debs", "/debs/", kind=ContentKind.APT, suites=suites)
    catalogue = replace(CATALOGUE, versions=("9",), latest={}, module_versions={}, repositories={"debs": debs})
    found = [(each.path, each.index, each.part_of) for each in published_contents(catalogue)]
    paths = ("debs/dists/stable/", "debs/", "debs/flat/", "debs/extra/")
    assert found == [(path, "InRelease", "debs/") for path in paths]


ARCH = Repository("arch", "/arch/$repo/os/$arch/", arches=("x86_64",), kind=ContentKind.PACMAN)


@pytest.mark.parametrize(
    ("repository", "expected"),
    [
        (ARCH, [("arch/core/os/x86_64/", "core.db"), ("arch/extra/os/x86_64/", "extra.db")]),
        (replace(ARCH, suites=("multilib",)), [("arch/multilib/os/x86_64/", "multilib.db")]),
        (
            replace(ARCH, suites=("alarm",), arches=None),
            [("arch/alarm/os/x86_64/", "alarm.db"), ("arch/alarm/os/aarch64/", "alarm.db")],
        ),
        (
            replace(ARCH, path="/tools/$arch/"),
            [("tools/x86_64/", "arch.db")],
        ),
        (replace(ARCH, path="/core/os/", name="core"), [("core/os/", "core.db")]),
        (replace(ARCH, path="/$repo/", index="all.db", suites=("a",)), [("a/", "all.db")]),
    ],
)
def test_what_pacman_fills_in_is_compared_part_by_part(repository: Repository, expected: list[tuple[str, str]]) -> None:
    catalogue = replace(
        CATALOGUE, versions=("9",), latest={}, module_versions={}, repositories={repository.name: repository}
    )
    found = published_contents(catalogue)
    assert [(each.path, each.index) for each in found] == expected
    is_whole = "$" not in repository.path
    assert {each.part_of for each in found} == {None if is_whole else repository.path.removeprefix("/")}
