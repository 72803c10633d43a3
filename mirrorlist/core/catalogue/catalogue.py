"""The repositories of each version and architecture, and the one that a client's spelling leads to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from mirrorlist.core.content import Content, ContentKind
from mirrorlist.core.errors import NotFound
from mirrorlist.core.model import MAIN, Repository, RepositoryTarget

VERSION_MARK = "{version}"
"""What stands for a version in paths and aliases of service.yml."""
BASEARCH = "$basearch"
"""What stands for the architecture in paths; dnf fills it in."""
_VERSION = re.compile(r"(?P<major>0|[1-9][0-9]{0,5})(?:\.(?P<minor>0|[1-9][0-9]{0,5}))?", re.ASCII)

LONGEST_WORD, LEAST_ALIKE = 64, 0.7
"""Of a mistyped name: more characters are not compared, and how alike a known one has to be, as difflib measures."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image, or any other single file that mirrors carry.

    ``path`` is as a repository's, but of a file, and ``{version}`` may be anywhere in it. ``versions`` and
    ``arches``: where it exists; ``None`` means everywhere.
    """

    path: str
    versions: tuple[str, ...] | None = None
    arches: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What the distribution publishes, from service.yml.

    ``latest`` maps a major version to the version served for it (``9`` to ``9.8``). ``module_versions`` maps
    a module to its versions without the suffix (``kitten`` to ``10``, asked for as ``10-kitten``).
    ``arches`` is keyed by major version or by a module's version (``9``, ``10-kitten``). ``aliases`` maps
    another spelling of ``repo=`` to a repository; ``{version}`` in it stands for the version. ``plain`` are the modules
    without repositories, with the files that service.yml names to stand for them.
    """

    versions: tuple[str, ...]
    latest: Mapping[str, str]
    arches: Mapping[str, tuple[str, ...]]
    repositories: Mapping[str, Repository]
    module_versions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    vault_versions: tuple[str, ...] = ()
    vault_urls: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    images: tuple[Image, ...] = ()
    plain: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Release:
    """A version as served: its full number, the key of its arches, its module, and whether the vault has it."""

    version: str
    arches_key: str
    module: str
    vault: bool


def release(catalogue: Catalogue, version: str) -> Release:
    """The release that a client's spelling of a version means.

    A major is its current minor, a minor newer than that is the current one too (clients ask for it on
    release day), an older one is the vault's where it is listed there.

    Raises:
        NotFound: no such version.
    """
    if version in catalogue.latest:
        current = catalogue.latest[version]
        return Release(current, version if version in catalogue.arches else _major(current), MAIN, False)
    if version in catalogue.vault_versions:
        return Release(version, _major(version), MAIN, True)
    if version in catalogue.versions:
        return Release(version, _major(version), MAIN, False)
    for module, versions in catalogue.module_versions.items():
        base, dash, suffix = version.rpartition("-")
        if dash and suffix == module and base in versions:
            return Release(version, version, module, False)
    if major := _major_of_a_future_minor(catalogue, version):
        return Release(catalogue.latest[major], major, MAIN, False)
    if near := nearest_name(version, spelled_versions(catalogue)):
        raise NotFound("unknown version; did you mean %(near)s?", near=near)
    raise NotFound("unknown version; known are %(known)s", known=", ".join(carried_versions(catalogue)))


def nearest_name(word: str, known: Iterable[str]) -> str | None:
    """The known name that a mistyped one is nearest to; None where none is near."""
    return next(iter(get_close_matches(word[:LONGEST_WORD], list(known), n=1, cutoff=LEAST_ALIKE)), None)


def _major_of_a_future_minor(catalogue: Catalogue, version: str) -> str | None:
    match = _VERSION.fullmatch(version)
    now = _VERSION.fullmatch(catalogue.latest.get(match["major"], "")) if match else None
    if match and now and int(match["minor"] or 0) > int(now["minor"] or 0):
        return match["major"]
    return None


def _major(version: str) -> str:
    return version.partition("-")[0].partition(".")[0]


def spelled_versions(catalogue: Catalogue) -> tuple[str, ...]:
    """Every version that is listed by name, in the order of service.yml: current, modules', vault."""
    names = list(dict.fromkeys([*catalogue.versions, *catalogue.latest]))
    names += [f"{base}-{module}" for module, bases in catalogue.module_versions.items() for base in bases]
    return tuple(dict.fromkeys([*names, *catalogue.vault_versions]))


def carried_versions(catalogue: Catalogue) -> tuple[str, ...]:
    """The versions that mirrors carry, as people spell them: those of the vault are left out."""
    return tuple(version for version in spelled_versions(catalogue) if version not in catalogue.vault_versions)


def _exists_in(repository: Repository, rel: Release) -> bool:
    """A vault release is checked by its major: service.yml names only the current minors."""
    if repository.versions is None or rel.version in repository.versions or rel.arches_key in repository.versions:
        return True
    return rel.vault and any(
        _major(version) == rel.arches_key and "-" not in version for version in repository.versions
    )


def target(catalogue: Catalogue, version: str, repository: str) -> RepositoryTarget:
    """The target of a version and a repository as a client spells them.

    Raises:
        NotFound: no such version, no such repository, or not this repository in this version.
    """
    rel = release(catalogue, version)
    known = catalogue.repositories.get(repository)
    if known is None:
        if near := nearest_name(repository, catalogue.repositories):
            raise NotFound("unknown repository; did you mean %(near)s?", near=near)
        raise NotFound("unknown repository; known are %(known)s", known=", ".join(catalogue.repositories))
    everywhere = catalogue.arches.get(rel.arches_key, ())
    arches = tuple(arch for arch in everywhere if known.arches is None or arch in known.arches)
    if not _exists_in(known, rel) or not arches:
        raise NotFound(
            "repository %(name)s does not exist in version %(version)s", name=known.name, version=rel.version
        )
    path = path_in(known.path, rel.version)
    parts = tuple(each.path for each in _parts(known, rel, path, arches)) if known.kind is ContentKind.APT else ()
    return RepositoryTarget(known.name, rel.version, rel.module, path, rel.vault or known.vault, arches, parts)


def path_in(path: str, version: str) -> str:
    """A repository's path in a version: below the version's directory, or from the tree's root if it begins with a
    slash; then it may name the version itself: ``/releases/{version}/Everything/$basearch/os/``."""
    if path.startswith("/"):
        return path[1:].replace(VERSION_MARK, version)
    return f"{version}/{path}"


def check_arch(found: RepositoryTarget, arch: str) -> None:
    """Raises NotFound unless the target exists for this architecture."""
    if arch not in found.arches:
        raise NotFound(
            "repository %(name)s does not exist for this arch in version %(version)s; known are %(known)s",
            name=found.repository,
            version=found.version,
            known=", ".join(found.arches),
        )


def repo_names(catalogue: Catalogue) -> dict[str, tuple[str, str]]:
    """Every valid value of ``repo=`` with the version and repository that it means.

    ``<repository>-<version>`` for each listed version, and the aliases. It is a dictionary because names
    contain dashes: ``baseos-source-9`` cannot be split by a rule.
    """
    names: dict[str, tuple[str, str]] = {}
    for version in spelled_versions(catalogue):
        for repository in catalogue.repositories:
            if _is_there(catalogue, version, repository):
                names[f"{repository}-{version}"] = (version, repository)
    for alias, repository in catalogue.aliases.items():
        there = [version for version in spelled_versions(catalogue) if _is_there(catalogue, version, repository)]
        if VERSION_MARK not in alias:  # the newest: a major if there is one, else the last that service.yml lists
            majors = [version for version in there if version in catalogue.latest]
            carried = [version for version in there if version not in catalogue.vault_versions]
            there = (majors or carried or there)[-1:]
        for version in there:
            names.setdefault(alias.replace(VERSION_MARK, version), (version, repository))
    return names


def _is_there(catalogue: Catalogue, version: str, repository: str) -> bool:
    try:
        target(catalogue, version, repository)
    except NotFound:
        return False
    return True


def published(catalogue: Catalogue) -> Iterator[tuple[RepositoryTarget, str | None]]:
    """Every repository that mirrors carry, once for each path: with each arch its path is different for."""
    seen: set[str] = set()
    for version in spelled_versions(catalogue):
        for repository in catalogue.repositories:
            try:
                found = target(catalogue, version, repository)
            except NotFound:
                continue
            for arch in found.arches if "$basearch" in found.path else (None,):
                path = found.path.replace("$basearch", arch or "")
                if not found.vault and path not in seen:
                    seen.add(path)
                    yield found, arch


# What mirrors hold that is compared: repositories, suites of apt repositories, and plain modules.


def published_contents(catalogue: Catalogue) -> tuple[Content, ...]:
    """Everything that mirrors carry and that is compared, once for each path."""
    found: dict[tuple[str, str], Content] = {}
    for version in spelled_versions(catalogue):
        rel = release(catalogue, version)
        for repository in catalogue.repositories.values():
            if not _is_there(catalogue, version, repository.name):
                continue
            known = target(catalogue, version, repository.name)
            for each in _parts(repository, rel, known.path, known.arches) if not known.vault else ():
                variable = next((one for one in ARCH_VARIABLES if one in each.path), "")
                for arch in known.arches if variable else ("",):
                    one = replace(each, path=each.path.replace(variable, arch))
                    found.setdefault((one.module, one.path), one)
    plain = (Content(module, "", ContentKind.PLAIN, "", canaries=each) for module, each in catalogue.plain.items())
    return (*found.values(), *plain)


ARCH_VARIABLES = (BASEARCH, "$arch")
"""What dnf and pacman fill in with the architecture."""
ARCH_LINUX = ("core", "extra")
"""The repositories behind ``$repo``, which pacman fills in, where service.yml names none: those of Arch Linux."""


def _parts(repository: Repository, rel: Release, path: str, arches: tuple[str, ...]) -> Iterator[Content]:
    """What a repository in a release is compared by; its index is named as its kind does."""
    if repository.kind is ContentKind.APT:
        for suite in repository.suites or (rel.version,):
            below = f"dists/{suite}/" if not suite.endswith("/") else suite.removeprefix("./")
            yield Content(rel.module, path + below, repository.kind, repository.index or "InRelease", path, arches)
        return
    if repository.kind is ContentKind.PACMAN and {"$repo", "$arch"} & set(path.split("/")):
        for name in repository.suites or ARCH_LINUX if "$repo" in path else (repository.name,):
            index = repository.index or f"{name}.db"
            yield Content(rel.module, path.replace("$repo", name), repository.kind, index, path, arches)
        return
    found = Content(rel.module, path, repository.kind, arches=arches, canaries=repository.canaries)
    index = {
        ContentKind.PACMAN: repository.index or f"{repository.name}.db",
        ContentKind.APK: repository.index or "APKINDEX.tar.gz",
        ContentKind.PLAIN: "",
    }.get(repository.kind, found.index)
    yield replace(found, index=index)


# The images that a distribution publishes: every path that the patterns of service.yml stand for.

Images = Mapping[str, Mapping[str, int | None]]
"""Module to the paths of its images, each with the size in bytes that the origin's has, where that is known."""


def published_images(catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """Module and path of every image that mirrors carry, each path once."""
    seen: set[str] = set()
    for version in spelled_versions(catalogue):
        found = release(catalogue, version)
        for image in catalogue.images if not found.vault else ():
            for path in _paths(catalogue, image, version, found):
                if path not in seen:
                    seen.add(path)
                    yield found.module, path


def _paths(catalogue: Catalogue, image: Image, spelled: str, found: Release) -> Iterator[str]:
    if image.versions is not None and not {spelled, found.version, found.arches_key} & set(image.versions):
        return
    known = catalogue.arches.get(found.arches_key, ())
    arches = [arch for arch in known if image.arches is None or arch in image.arches]
    path = path_in(image.path, found.version).replace(VERSION_MARK, found.version)
    for arch in arches if BASEARCH in path else arches[:1]:
        yield path.replace(BASEARCH, arch)


def wanted_images(catalogue: Catalogue, sizes: Mapping[str, int | None]) -> Images:
    """The images by module. ``sizes`` are the origin's, None for those that it lacks: these nobody needs to have."""
    found: dict[str, dict[str, int | None]] = {}
    for module, path in published_images(catalogue):
        if sizes.get(path, 0) is not None:
            found.setdefault(module, {})[path] = sizes.get(path)
    return found


def directories(paths: Iterable[str]) -> dict[str, list[str]]:
    """The directories of these files, with the files in each; both spellings, as clients ask for them."""
    found: dict[str, list[str]] = {}
    for path in paths:
        directory = path.rpartition("/")[0]
        for spelling in (directory, f"{directory}/") if directory else ():
            found.setdefault(spelling, []).append(path)
    return found


@dataclass(frozen=True, slots=True)
class PendingRelease:
    """A major that still means a former minor: what it waits for, of which architecture (None: of any)."""

    major: str
    meanwhile: str
    newest: str
    needed: int
    have: int
    arch: str | None = None

    def __str__(self) -> str:
        of = f" for {self.arch}" if self.arch else ""
        return (
            f"{self.major} means {self.meanwhile} until {self.needed} mirrors have {self.newest}{of}; "
            f"{self.have} {'has' if self.have == 1 else 'have'} it"
        )
