"""A service file that its schema accepts, on its way to be judged, and the words in which it is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from mirrorlist.core.catalogue import Catalogue
from mirrorlist.core.errors import Finding
from mirrorlist.sources.documents import Document, Pointer, spelled
from mirrorlist.sources.service_text import ServiceText
from mirrorlist.sources.spelling import did_you_mean


class ServiceCode(StrEnum):
    """What is wrong, beyond the codes that mirror files have too."""

    UNKNOWN_VERSION = "unknown-version"
    WRONG_MAJOR = "wrong-major"
    VERSION_TWICE = "version-twice"
    VAULT_TOO_NEW = "vault-too-new"
    NO_VAULT = "no-vault"
    NO_ARCHES = "no-arches"
    UNKNOWN_ARCH = "unknown-arch"
    RESERVED_NAME = "reserved-name"
    BAD_PATH = "bad-path"
    EXISTS_NOWHERE = "exists-nowhere"
    UNKNOWN_REPOSITORY = "unknown-repository"
    BAD_ALIAS = "bad-alias"
    NOT_INCREASING = "not-increasing"
    OVERRIDE_TWICE = "override-twice"
    NOT_INTRANET = "not-intranet"
    RESERVED_PATH = "reserved-path"
    TREE_TWICE = "tree-twice"
    NO_FALLBACK = "no-fallback"
    CONTRADICTION = "contradiction"
    SOURCE_TWICE = "source-twice"


CityOf = Callable[[str, str], tuple[float, float] | None]
"""Latitude and longitude of a city, by its country's code and its name."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A service file on its way: where its values stand, what they are, and the catalogue they make.

    Without ``city_of`` nothing is said of cities: who wants only a directory of the file need not load a gazetteer.
    """

    document: Document
    text: ServiceText
    catalogue: Catalogue
    city_of: CityOf | None = None

    def error(self, pointer: Pointer, code: StrEnum, what: str) -> Finding:
        """An error at a value. ``what`` goes on after the value's place and the value itself."""
        return self.document.error(pointer, code, f"{spelled(pointer)} is {what}")

    def key_error(self, pointer: Pointer, code: StrEnum, message: str) -> Finding:
        """An error at a key."""
        return self.document.key_error(pointer, code, message)


Check = Callable[[Draft], Iterator[Finding]]
"""One question to the file: an error for each place where the answer is no."""


def nearest(word: str, known: Iterable[str], otherwise: str) -> str:
    """The remedy for a word that nothing is known by."""
    near = did_you_mean(word, known)
    return f"did you mean '{near}'?" if near else otherwise
