"""Which repository a file lies in, so that the repository's health decides who may give it."""

from __future__ import annotations

from mirrorlist.core.catalogue import Catalogue, published
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

    def repository(self, module: str, path: str) -> str:
        """The path of the innermost repository that a file or directory lies in; empty if it lies in none."""
        known = self._by_module.get(module, {})
        end = len(path)
        while (end := path.rfind("/", 0, end)) >= 0:
            if found := known.get(path[: end + 1]):
                return found
        return ""

    def described(self, module: str, path: str) -> str:
        """The path of the repository whose repomd.xml a path is; empty if it is none's."""
        return self._by_module.get(module, {}).get(path.removesuffix(REPOMD), "") if path.endswith(REPOMD) else ""

    def is_in_vault(self, module: str, path: str) -> bool:
        """Whether a path is below a version that mirrors no longer carry."""
        return module == MAIN and path.partition("/")[0] in self._vault
