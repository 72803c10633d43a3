"""The pages of installation images: which there are, and from which mirrors you get them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from mirrorlist.core.catalogue import release
from mirrorlist.core.errors import MirrorlistError, NotFound
from mirrorlist.core.explanation import PROXIMITY_WORDS, explanation
from mirrorlist.core.locate import CountryOf
from mirrorlist.core.model import MAIN
from mirrorlist.core.offer import Wanted, offer
from mirrorlist.core.select import select
from mirrorlist.core.trees import Place, Tree, quoted
from mirrorlist.web.image_files import image_files
from mirrorlist.web.lists import asking
from mirrorlist.web.published import Published

NEAREST = 5


@dataclass(frozen=True, slots=True)
class Release:
    """A version with images: how it is asked for, what is served for it, and its architectures."""

    asked: str
    version: str
    arches: tuple[str, ...]


def releases(published: Published, module: str | None) -> list[Release]:
    """The versions of a module that mirrors carry, each once under the name that it is asked for by.

    Raises:
        NotFound: there is no such module.
    """
    wanted = module or MAIN
    if wanted not in published.modules:
        raise NotFound(f"there is no module {wanted}")
    catalogue = published.service.catalogue
    found: dict[str, Release] = {}
    for asked in published.versions:
        rel = release(catalogue, asked)
        arches = catalogue.arches.get(rel.arches_key, ())
        if rel.module == wanted and arches:
            found.setdefault(rel.version, Release(asked, rel.version, arches))
    return list(found.values())


def other_modules(published: Published) -> dict[str, list[Release]]:
    """The releases of every module but the main one, as far as there are any."""
    found = {name: releases(published, name) for name in published.modules if name != MAIN}
    return {name: rows for name, rows in found.items() if rows}


def images_page(
    published: Published, country_of: CountryOf, now: float, arch: str, version: str, module: str | None
) -> dict[str, Any]:
    """What the page of one version and architecture shows; raises NotFound for what there is not."""
    asked = version if module is None or version.endswith(f"-{module}") else f"{version}-{module}"
    question = published.questions.read(f"/isolist/{asked}/{arch}", "")
    client = asking(published.snapshot, country_of)
    with suppress(NotFound):  # there may be a page where the index knows no files
        question = published.questions.located(published.snapshot, question, now)
    found = explanation(published.snapshot, select(published.snapshot, question.query, client, now))
    target = question.query.target
    if module is not None and target.module != module:
        raise NotFound(f"module {module} has no version {version}")
    directory = f"{found.path.rstrip('/')}/"
    urls = (*(row.url for row in found.chosen), *found.fallbacks)

    def nearest(path: str) -> str:
        """Where this client gets one image, as a list for its path would say."""
        wanted = Wanted(Place(Tree(prefix="/", module=target.module), path), question.query.protocols)
        try:
            return offer(published.snapshot, published.questions.belonging, wanted, client, now).sources[0].url
        except MirrorlistError:
            return f"{urls[0].rstrip('/')}/{quoted(path.removeprefix(directory))}"

    return {
        "found": found,
        "nearest": found.chosen[:NEAREST],
        "others": found.chosen[NEAREST:],
        "why": why(),
        "arch": arch,
        "version": target.version,
        "module": module,
        "files": image_files(published, target, directory, arch, nearest) if urls else None,
        "checksums": published.service.site.image_checksums,
        "shown": published.by_name,
    }


def why() -> dict[str, str]:
    """Each way of being close in words, by its name."""
    return {proximity.name.lower(): words for proximity, words in PROXIMITY_WORDS.items()}
