"""The images that a distribution publishes: every path that the patterns of service.yml stand for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mirrorlist.core.catalogue import VERSION_MARK, Catalogue, Image, Release, path_in, release, spelled_versions

BASEARCH = "$basearch"

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
