"""Which repository a file lies in and which image it is, so that their health decides who may give it."""

from __future__ import annotations

from mirrorlist.core.catalogue import Catalogue, published
from mirrorlist.core.images import directories, published_images
from mirrorlist.core.metadata import REPOMD
from mirrorlist.core.model import MAIN


class Belonging:
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
