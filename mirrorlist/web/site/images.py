"""The pages of installation images: which images exist, and which mirrors serve them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from flask import request

from mirrorlist.core.catalogue.catalogue import published_images, release
from mirrorlist.core.catalogue.service import PublishedImage
from mirrorlist.core.catalogue.trees import RedirectTree, TreePath, host_name, quoted
from mirrorlist.core.errors import MirrorlistError, NotFound
from mirrorlist.core.model import MAIN, RepositoryTarget
from mirrorlist.core.redirects.file_mirrors import FileQuery, offer
from mirrorlist.core.selection.client import CountryOf
from mirrorlist.core.selection.explanation import PROXIMITY_WORDS, explanation
from mirrorlist.core.selection.known_files import FileMetadata, known_file
from mirrorlist.core.selection.select import select
from mirrorlist.web.lists.views import asking
from mirrorlist.web.redirects.requests import Form, by_ending
from mirrorlist.web.site.published import Published
from mirrorlist.web.words import base_url

# The files of an image: where to get it, its metalink, its checksum and its torrent, as far as they are known.
#
# A metalink is there where a tree of service.yml gives the module's files; a checksum where the index of files has it.


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFile:
    """One image; addresses are None for what there is not. ``size`` is in bytes, ``sha256`` in hexadecimal."""

    title: str
    name: str
    url: str
    size: int | None = None
    sha256: str | None = None
    sha256_url: str | None = None
    metalink: str | None = None
    torrent: str | None = None


@dataclass(frozen=True, slots=True)
class ImageFiles:
    """What lies in a directory of images, and where its file of checksums is."""

    images: tuple[ImageFile, ...]
    checksums: str | None


def image_files(
    published: Published, target: RepositoryTarget, directory: str, arch: str, nearest: Callable[[str], str]
) -> ImageFiles:
    """The images of service.yml in ``directory`` of a module; what the module's index does not know is not there.

    They are those of ``site.images``, else those of ``images``, by their file names.
    Files are asked for at a tree, which knows who has them, else where ``nearest`` says, by a file's path.
    """
    found = _Directory(published, target.module, directory, nearest)
    site = published.service.site
    paths = [path for module, path in published_images(published.service.catalogue) if module == target.module]
    names = [path.removeprefix(directory) for path in paths if path.startswith(directory)]
    named = site.images or [PublishedImage(title=name, file=name) for name in names if "/" not in name]
    images = [_image(found, each, target.version, arch) for each in named]
    return ImageFiles(
        tuple(each for each in images if each is not None),
        found.url(site.image_checksums) if site.image_checksums and found.has(site.image_checksums) else None,
    )


def _image(directory: _Directory, image: PublishedImage, version: str, arch: str) -> ImageFile | None:
    def filled(name: str) -> str:
        return name.replace("{version}", version).replace("{arch}", arch)

    name = filled(image.file)
    if not directory.has(name):
        return None
    known = directory.known(name)
    torrents = [filled(image.torrent)] if image.torrent else []
    beside = f"{name}.torrent"
    if directory.is_indexed:
        torrents = [each for each in (*torrents, beside) if directory.has(each)]
    return ImageFile(
        title=image.title,
        name=name,
        url=directory.url(name),
        size=known.size,
        sha256=known.sha256,
        sha256_url=directory.answer(name, Form.SHA256) if known.sha256 else None,
        metalink=directory.answer(name, Form.METALINK4),
        torrent=directory.url(torrents[0]) if torrents else None,
    )


class _Directory:
    """A directory of images: at the tree that gives it, in the index that knows it, at the nearest mirror."""

    def __init__(self, published: Published, module: str, path: str, nearest: Callable[[str], str]) -> None:
        self._published, self._module, self._path, self._nearest = published, module, path, nearest
        self._index = published.snapshot.files.get(module)
        self._place, self._before = _at_a_tree(published, module, path)

    @property
    def is_indexed(self) -> bool:
        """Whether it is known which files there are."""
        return self._index is not None

    def has(self, name: str) -> bool:
        """Whether a file is there, as far as is known."""
        return self._index is None or self._index.find(self._path + name) is not None

    def known(self, name: str) -> FileMetadata:
        """What the index knows of a file, whether or not a tree gives it."""
        place = self._file(name) or TreePath(RedirectTree(prefix="/", module=self._module), self._path + name)
        return known_file(self._published.snapshot, self._published.questions.belonging, place) or FileMetadata()

    def url(self, name: str) -> str:
        """Where the file is got: at the tree that gives it, else at the nearest mirror."""
        place = self._file(name)
        return self._before + place.front + place.quoted if place else self._nearest(self._path + name)

    def answer(self, name: str, form: Form) -> str | None:
        """The address of another form of a file; None where it would be no such answer."""
        place = self._file(name + form.value)
        asked = place and by_ending(self._published.snapshot, self._published.questions.belonging, place)
        return self.url(name + form.value) if asked and asked[0] is form else None

    def _file(self, name: str) -> TreePath | None:
        return replace(self._place, path=self._path + name) if self._place else None


def _at_a_tree(published: Published, module: str, path: str) -> tuple[TreePath | None, str]:
    """Where a tree gives a directory, and what comes before it in a link on a page at the host that was asked.

    Trees of this host come first; one whose prefix belongs to another tree there cannot be reached.
    """
    here = host_name(request.headers.get("Host", ""))
    scheme = base_url(published.service).partition(":")[0]
    trees = [tree for tree in published.service.trees if tree.module == module]
    for tree in sorted(trees, key=lambda tree: tree.host not in (None, here)):
        asked = tree.prefix + path
        host = tree.host or here
        place = published.trees.find(host, asked.encode("utf-8", "surrogateescape").decode("latin-1"))
        if place is not None and (place.tree, place.path) == (tree, path):
            return place, "" if host == here else f"{scheme}://{host}"
    return None, ""


NEAREST = 5


@dataclass(frozen=True, slots=True)
class ImageRelease:
    """A version with images: how it is asked for, what is served for it, and its architectures."""

    asked: str
    version: str
    arches: tuple[str, ...]


def releases(published: Published, module: str | None) -> list[ImageRelease]:
    """The versions of a module that mirrors carry, each once under the name that it is asked for by.

    Raises:
        NotFound: there is no such module.
    """
    wanted = module or MAIN
    if wanted not in published.modules:
        raise NotFound("there is no module %(module)s", module=wanted)
    catalogue = published.service.catalogue
    found: dict[str, ImageRelease] = {}
    for asked in published.versions:
        rel = release(catalogue, asked)
        arches = catalogue.arches.get(rel.arches_key, ())
        if rel.module == wanted and arches:
            found.setdefault(rel.version, ImageRelease(asked, rel.version, arches))
    return list(found.values())


def other_modules(published: Published) -> dict[str, list[ImageRelease]]:
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
    selection = select(published.snapshot, question.query, client, now)
    found = explanation(published.snapshot, selection)
    target = question.query.target
    if module is not None and target.module != module:
        raise NotFound("module %(module)s has no version %(version)s", module=module, version=version)
    directory = f"{found.path.rstrip('/')}/"
    urls = [url for url, _ in selection.in_order]

    def nearest(path: str) -> str:
        """Where this client gets one image, as a list for its path would say."""
        wanted = FileQuery(TreePath(RedirectTree(prefix="/", module=target.module), path), question.query.protocols)
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
