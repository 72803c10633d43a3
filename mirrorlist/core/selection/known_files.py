"""Metadata of a file as the origin has it, and the place where mirrors have it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mirrorlist.core.catalogue.catalogue import Catalogue, directories, published, published_images
from mirrorlist.core.catalogue.metadata import REPOMD
from mirrorlist.core.catalogue.trees import TreePath
from mirrorlist.core.files.index import SHA256_BYTES, FileIndex, FilePieces
from mirrorlist.core.model import MAIN
from mirrorlist.core.snapshot import Snapshot

# Which repository a file lies in and which image it is, so that their health decides who may give it.


class RepositoryLocator:
    """The directories of one catalogue's repositories. Make one for each snapshot and keep it."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._by_module: dict[str, dict[str, str]] = {}
        self._vault = frozenset(catalogue.vault_versions) if catalogue.vault_urls else frozenset[str]()
        for target, arch in published(catalogue):
            path = target.path.replace("$basearch", arch or "")
            known = self._by_module.setdefault(target.module, {})
            known[path] = path
            for name, version in catalogue.latest.items():
                if path.startswith(f"{version}/"):  # on mirrors 9 is a link to 9.8
                    known.setdefault(name + path.removeprefix(version), path)
        self._images = _images(catalogue)
        self._names: dict[tuple[str, str], frozenset[str]] = {
            (module, directory.rstrip("/")): frozenset(path.rpartition("/")[2] for path in paths)
            for module, known in self._images.items()
            for directory, paths in directories(path for path in known if not path.endswith("/")).items()
        }

    def repository(self, module: str, path: str) -> str:
        """The path of the innermost repository that a file or directory lies in; empty if it lies in none."""
        known = self._by_module.get(module, {})
        end = len(path)
        while (end := path.rfind("/", 0, end)) >= 0:
            if found := known.get(path[: end + 1]):
                return found
        return ""

    def image(self, module: str, path: str) -> str:
        """The image that a path is, or the directory of images, as verdicts name it; empty if it is neither."""
        return self._images.get(module, {}).get(path, "")

    def images_in(self, module: str, directory: str) -> frozenset[str]:
        """The names of the images right in a directory, which is spelled without a slash at its end."""
        return self._names.get((module, directory), frozenset())

    def judged(self, module: str, path: str) -> tuple[str, str]:
        """The paths whose verdicts count for a file or directory: its repository's, and its own as an image."""
        return self.repository(module, path), self.image(module, path)

    def described(self, module: str, path: str) -> str:
        """The path of the repository whose repomd.xml a path is; empty if it is none's."""
        return self._by_module.get(module, {}).get(path.removesuffix(REPOMD), "") if path.endswith(REPOMD) else ""

    def is_in_vault(self, module: str, path: str) -> bool:
        """Whether a path is below a version that mirrors no longer carry."""
        return module == MAIN and path.partition("/")[0] in self._vault


def _images(catalogue: Catalogue) -> dict[str, dict[str, str]]:
    """By module and by every spelling of its path each image, and each directory of images."""
    by_module: dict[str, list[str]] = {}
    for module, path in published_images(catalogue):
        by_module.setdefault(module, []).append(path)
    found: dict[str, dict[str, str]] = {}
    for module, paths in by_module.items():
        known = found[module] = {path: path for path in (*paths, *directories(paths))}
        for name, version in catalogue.latest.items():
            for path in tuple(known) if name != version else ():
                if path == version or path.startswith(f"{version}/"):
                    known.setdefault(name + path.removeprefix(version), path)
    return found


APT_METADATA = frozenset({"InRelease", "Release", "Release.gpg"})
METADATA = APT_METADATA | {"repomd.xml", "repomd.xml.asc", "repomd.xml.key"}
METADATA_ENDS = (".db", ".db.sig", ".db.tar.gz", ".db.tar.gz.sig")
YEAR_10000 = 253_402_300_800
"""No calendar goes farther."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """The SHA-256 of each piece of a file; all but the last have this length in bytes."""

    length: int
    sha256: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMetadata:
    """What is known of a file as the origin has it; digests are in hexadecimal. ``changes``: in place, so that a
    mirror may give an older one that is still good."""

    size: int | None = None
    mtime: int | None = None
    sha256: str | None = None
    sha512: str | None = None
    pieces: Pieces | None = None
    changes: bool = False


def really(snapshot: Snapshot, place: TreePath) -> TreePath:
    """The place with its path free of symbolic links, as far as an index knows them."""
    index = snapshot.files.get(place.tree.module)
    real = place.path if index is None else real_path(index, place.path)
    return place if real == place.path else replace(place, real=real)


def real_path(index: FileIndex, path: str) -> str:
    """A path free of symbolic links, as far as the index knows them."""
    if not index.facts.links:
        return path
    number = index.find(path) if path and not path.endswith("/") else None
    return index.real_path(path) if number is None else index.file(number).path


def changes_in_place(path: str) -> bool:
    """Whether a file lists others and is written anew under the same name."""
    name = path.rpartition("/")[2]
    return name in METADATA or name.endswith(METADATA_ENDS)


def known_file(snapshot: Snapshot, belonging: RepositoryLocator, place: TreePath) -> FileMetadata | None:
    """What is known of the file: from the checksums of repository metadata, else from the index."""
    if place.is_directory:
        return None
    changes = changes_in_place(place.path)
    metadata = snapshot.facts.metadata.get(belonging.described(place.tree.module, place.path))
    if metadata is not None:
        current = metadata.current
        return FileMetadata(
            size=current.size, mtime=current.timestamp, sha256=current.sha256, sha512=current.sha512, changes=True
        )
    index = snapshot.files.get(place.tree.module)
    number = None if index is None else index.find(place.path)
    if index is None or number is None:
        return None
    file = index.file(number)
    sha256 = file.sha256.hex() if file.sha256 else None
    mtime = file.mtime if file.mtime is not None and 0 <= file.mtime < YEAR_10000 else None
    sha512 = file.sha512.hex() if file.sha512 else None
    return FileMetadata(
        size=file.size, mtime=mtime, sha256=sha256, sha512=sha512, pieces=_pieces(file.pieces), changes=changes
    )


def _pieces(found: FilePieces | None) -> Pieces | None:
    if found is None:
        return None
    digests = found.sha256.hex()
    each = 2 * SHA256_BYTES
    return Pieces(found.length, tuple(digests[at : at + each] for at in range(0, len(digests), each)))
