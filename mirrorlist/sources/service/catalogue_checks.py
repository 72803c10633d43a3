"""Check the catalogue of a service.yml: versions, architectures, repositories and aliases.

A further check is a function that yields findings, and its place in CHECKS; its code is a row in
docs/service-yml.md and a refused example in tests/sources/service/test_file.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mirrorlist.core.catalogue.catalogue import VERSION_MARK, release, spelled_versions, target
from mirrorlist.core.errors import Finding, NotFound
from mirrorlist.sources.service.text import Check, ImageText, RepositoryText, ServiceCode, ServiceDraft, nearest
from mirrorlist.sources.yaml.documents import Code, Pointer, shown

BASEARCH = "$basearch"
_NUMBERS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})*", re.ASCII)


def _arches_key(draft: ServiceDraft, version: str) -> str:
    return release(draft.catalogue, version).arches_key


def current_minors(draft: ServiceDraft) -> Iterator[Finding]:
    """A major's current version is one of its own, and mirrors carry it."""
    for major, version in draft.text.duplicated_versions.items():
        pointer = ("duplicated_versions", major)
        if version not in draft.text.versions:
            remedy = nearest(version, draft.text.versions, "add it there")
            what = f"{shown(version)}, which versions does not name; {remedy}"
            yield draft.error(pointer, ServiceCode.UNKNOWN_VERSION, what)
        elif _arches_key(draft, version) != major:
            what = f"{shown(version)}, which is no version of {shown(major)}; write one that is"
            yield draft.error(pointer, ServiceCode.WRONG_MAJOR, what)


def versions_of_one_kind(draft: ServiceDraft) -> Iterator[Finding]:
    """A version is the mirrors', a module's or the vault's, and not two of them."""
    optional = draft.text.optional_module_versions.items()
    modules = {f"{version}-{module}": module for module, versions in optional for version in versions}  # 10-kitten
    current = {*draft.text.versions, *draft.text.duplicated_versions}
    for pointer, version in _placed_versions(draft):
        if version in modules:
            what = f"{shown(version)}, which is the module {modules[version]}'s; remove it here"
            yield draft.error(pointer, ServiceCode.VERSION_TWICE, what)
        elif pointer[0] == "vault_versions" and version in current:
            what = f"{shown(version)}, which mirrors carry too; remove it here or in versions"
            yield draft.error(pointer, ServiceCode.VERSION_TWICE, what)


def vault_is_older(draft: ServiceDraft) -> Iterator[Finding]:
    """The vault has what was replaced: nothing that is newer than its major's current version."""
    for index, version in enumerate(draft.text.vault_versions):
        current = draft.text.duplicated_versions.get(_arches_key(draft, version))
        if current and _numbers(version) > _numbers(current) > ():
            what = f"{shown(version)}, which is newer than the current {current}; name it under versions"
            yield draft.error(("vault_versions", index), ServiceCode.VAULT_TOO_NEW, what)


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version, to be compared; none for one that is more than numbers, such as 9.8-beta."""
    return tuple(map(int, version.split("."))) if _NUMBERS.fullmatch(version) else ()


def vault_has_address(draft: ServiceDraft) -> Iterator[Finding]:
    """What is in the vault needs the vault's address."""
    if draft.catalogue.vault_urls:
        return
    remedy = "add vault_mirror with the vault's address"
    if draft.text.vault_versions:
        message = f"vault_versions is given without vault_mirror; {remedy}"
        yield draft.key_error(("vault_versions",), ServiceCode.NO_VAULT, message)
    for index, repository in enumerate(draft.text.repos):
        if repository.vault:
            message = f"repos[{index}].vault is true without vault_mirror; {remedy}"
            yield draft.document.error(("repos", index, "vault"), ServiceCode.NO_VAULT, message)


def versions_have_arches(draft: ServiceDraft) -> Iterator[Finding]:
    """Every version has its architectures: a version under its major, a module's under its whole name."""
    for pointer, version in _placed_versions(draft):
        if (key := _arches_key(draft, version)) not in draft.text.arches:
            what = f"{shown(version)}, for which there are no architectures; add '{key}' to arches"
            yield draft.error(pointer, ServiceCode.NO_ARCHES, what)
    for module, versions in draft.text.optional_module_versions.items():
        for index, version in enumerate(versions):
            if (key := f"{version}-{module}") not in draft.text.arches:
                what = f"{shown(version)}, for which there are no architectures; add '{key}' to arches"
                yield draft.error(("optional_module_versions", module, index), ServiceCode.NO_ARCHES, what)


def _placed_versions(draft: ServiceDraft) -> Iterator[tuple[Pointer, str]]:
    for index, version in enumerate(draft.text.versions):
        yield ("versions", index), version
    for index, version in enumerate(draft.text.vault_versions):
        yield ("vault_versions", index), version


def arches_have_versions(draft: ServiceDraft) -> Iterator[Finding]:
    """Architectures are under a name by which they are looked up."""
    known = dict.fromkeys(_arches_key(draft, version) for version in spelled_versions(draft.catalogue))
    for key in draft.text.arches:
        if key not in known:
            message = f"arches.{key} is never looked up; write {' or '.join(known)}, or remove it"
            yield draft.key_error(("arches", key), ServiceCode.UNKNOWN_VERSION, message)


def repository_names(draft: ServiceDraft) -> Iterator[Finding]:
    """A repository's name is its own."""
    first: dict[str, int] = {}
    for index, repository in enumerate(draft.text.repos):
        if first.setdefault(repository.name, index) != index:
            line = draft.document.place(("repos", first[repository.name])).line
            what = f"{shown(repository.name)}, as in line {line} already; write another name or remove one"
            yield draft.error(("repos", index, "name"), Code.DUPLICATE_NAME, what)


CLIENT_VARIABLES = (BASEARCH, "$repo", "$arch")
"""What dnf and pacman fill in."""


def repository_paths(draft: ServiceDraft) -> Iterator[Finding]:
    """A repository's path stays below the mirror's tree, and varies only by what clients fill in."""
    for index, repository in enumerate(draft.text.repos):
        if fault := _path_fault(repository.path):
            what = f"{shown(repository.path)}, {fault}"
            yield draft.error(("repos", index, "path"), ServiceCode.BAD_PATH, what)


def _path_fault(path: str) -> str | None:
    if {".", ".."} & set(path.split("/")):
        return "which has a . or .. in it; write the plain path below the version's directory"
    rest = path.replace(VERSION_MARK, "") if path.startswith("/") else path
    if "{" in rest or "}" in rest:
        return f"which has braces; only {VERSION_MARK} may be in them, after a slash at the beginning"
    for variable in CLIENT_VARIABLES:
        rest = rest.replace(variable, "")
    if "$" in rest:
        return f"which has a $ that is none of {', '.join(CLIENT_VARIABLES)}"
    return None


def repository_versions(draft: ServiceDraft) -> Iterator[Finding]:
    """The versions of a repository exist."""
    spelled_ones = spelled_versions(draft.catalogue)
    known = dict.fromkeys([*spelled_ones, *(_arches_key(draft, version) for version in spelled_ones)])
    for index, repository in enumerate(draft.text.repos):
        for number, version in enumerate(repository.versions or ()):
            if version not in known:
                remedy = nearest(version, known, "add it to versions or remove it here")
                what = f"{shown(version)}, which is no version of this file; {remedy}"
                pointer = ("repos", index, "versions", number)
                yield draft.error(pointer, ServiceCode.UNKNOWN_VERSION, what)


def repository_arches(draft: ServiceDraft) -> Iterator[Finding]:
    """The architectures of a repository are some version's."""
    yield from arches_of_versions(draft, "repos", draft.text.repos)


def arches_of_versions(
    draft: ServiceDraft, key: str, entries: Iterable[RepositoryText | ImageText]
) -> Iterator[Finding]:
    """The architectures of the entries under a key that no version has."""
    known = dict.fromkeys(arch for arches in draft.text.arches.values() for arch in arches)
    for index, entry in enumerate(entries):
        for number, arch in enumerate(entry.arches or ()):
            if arch not in known:
                remedy = nearest(arch, known, "add it to arches or remove it here")
                what = f"{shown(arch)}, which no version has; {remedy}"
                yield draft.error((key, index, "arches", number), ServiceCode.UNKNOWN_ARCH, what)


def aliases_lead_somewhere(draft: ServiceDraft) -> Iterator[Finding]:
    """An alias names a repository, and has the version in one place at most."""
    names = [repository.name for repository in draft.text.repos]
    for alias, name in draft.text.aliases.items():
        rest = alias.replace(VERSION_MARK, "", 1)
        if "{" in rest or "}" in rest:
            message = f"aliases has the key {shown(alias)}; write {VERSION_MARK} once, and no other braces"
            yield draft.key_error(("aliases", alias), ServiceCode.BAD_ALIAS, message)
        if name not in names:
            remedy = nearest(name, names, "add it to repos")
            what = f"{shown(name)}, which is no repository of this file; {remedy}"
            yield draft.error(("aliases", alias), ServiceCode.UNKNOWN_REPOSITORY, what)


def repositories_exist(draft: ServiceDraft) -> Iterator[Finding]:
    """Every repository exists in some version for some architecture."""
    for index, repository in enumerate(draft.text.repos):
        if not any(_exists(draft, version, repository.name) for version in spelled_versions(draft.catalogue)):
            what = f"{shown(repository.name)}, which none of its versions has an architecture for; correct them"
            yield draft.error(("repos", index, "name"), ServiceCode.EXISTS_NOWHERE, what)


def _exists(draft: ServiceDraft, version: str, repository: str) -> bool:
    try:
        target(draft.catalogue, version, repository)
    except NotFound:
        return False
    return True


def aliases_are_used(draft: ServiceDraft) -> Iterator[Finding]:
    """An alias gives a name that no repository has already, and that means something."""
    repositories = {
        f"{repository.name}-{version}"
        for repository in draft.text.repos
        for version in spelled_versions(draft.catalogue)
    }
    for alias in draft.text.aliases:
        meant = {alias.replace(VERSION_MARK, version) for version in spelled_versions(draft.catalogue)}
        if taken := sorted(meant & repositories):
            message = f"aliases.{alias} means {shown(taken[0])}, which is a repository's name; write another"
            yield draft.key_error(("aliases", alias), ServiceCode.BAD_ALIAS, message)


CATALOGUE_CHECKS: tuple[Check, ...] = (
    current_minors,
    versions_of_one_kind,
    vault_is_older,
    vault_has_address,
    versions_have_arches,
    arches_have_versions,
    repository_names,
    repository_paths,
    repository_versions,
    repository_arches,
    aliases_lead_somewhere,
)

WHOLE_CATALOGUE_CHECKS: tuple[Check, ...] = (repositories_exist, aliases_are_used)
"""What only makes sense when every name in the file is right."""
