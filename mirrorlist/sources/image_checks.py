"""What is wrong with the images of a service.yml that its schema accepts.

A further check is a function that yields findings, and its place in IMAGE_CHECKS; its code is a row in
docs/service-yml.md and a refused example in tests/sources/test_service_file.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from mirrorlist.core.catalogue import VERSION_MARK, release, spelled_versions
from mirrorlist.core.errors import Finding
from mirrorlist.core.images import BASEARCH
from mirrorlist.sources.catalogue_checks import arches_of_versions
from mirrorlist.sources.documents import shown
from mirrorlist.sources.service_draft import Check, Draft, ServiceCode, nearest


def image_paths(draft: Draft) -> Iterator[Finding]:
    """An image's path stays below the mirror's tree, and varies by version and architecture only."""
    for index, image in enumerate(draft.text.images):
        if fault := _path_fault(image.path):
            yield draft.error(("images", index, "path"), ServiceCode.BAD_PATH, f"{shown(image.path)}, {fault}")


def _path_fault(path: str) -> str | None:
    if {".", ".."} & set(path.split("/")):
        return "which has a . or .. in it; write the plain path below the version's directory"
    rest = path.replace(VERSION_MARK, "").replace(BASEARCH, "")
    if "{" in rest or "}" in rest or "$" in rest:
        return f"in which more varies than {VERSION_MARK} and {BASEARCH}; write one entry for each file"
    return None


def image_versions(draft: Draft) -> Iterator[Finding]:
    """The versions of an image exist, and mirrors carry them."""
    found = {version: release(draft.catalogue, version) for version in spelled_versions(draft.catalogue)}
    known = [version for version in found if not found[version].vault]
    known = list(dict.fromkeys([*known, *(found[version].arches_key for version in known)]))
    for index, image in enumerate(draft.text.images):
        for number, version in enumerate(image.versions or ()):
            if version not in known:
                remedy = nearest(version, known, "add it to versions or remove it here")
                what = f"{shown(version)}, which is no version that mirrors carry; {remedy}"
                yield draft.error(("images", index, "versions", number), ServiceCode.UNKNOWN_VERSION, what)


def image_arches(draft: Draft) -> Iterator[Finding]:
    """The architectures of an image are some version's."""
    yield from arches_of_versions(draft, "images", draft.text.images)


IMAGE_CHECKS: tuple[Check, ...] = (image_paths, image_versions, image_arches)
