"""Directories whose files are redirected: what the files of one share, so that a file asked for the first time costs
a few look-ups where reading the path and searching the index anew take 20 us (measured)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from mirrorlist.core.file_folder import IndexedFolder
from mirrorlist.core.known_files import METADATA, METADATA_ENDS
from mirrorlist.core.trees import spelled
from mirrorlist.formats.links import digest
from mirrorlist.web.courses import Courses
from mirrorlist.web.file_requests import ENDINGS

File: TypeAlias = "tuple[int | str, str | None, Courses]"
"""One file: where its path begins in the request's, or the path as URLs spell it where that differs; the value of its
Digest header, if there is one; and who may give it."""

_PARTICULAR = (*METADATA, *METADATA_ENDS, *(form.value for form in ENDINGS))
"""How the names of files end that change in place or are generated, and a few others'."""
_ANY = -1
"""Stands for the holders of any file where there is no index."""


class Folder:
    """One directory of a tree. ``path`` is how URLs spell it below the tree, with a slash at the end unless empty, and
    ``asked`` how requests do that end here.

    Without ``files`` there is no index: any mirror that is good may be asked for any file. ``particular`` tells the
    names of files that come from the origin, where a tree has such. ``images`` are the names of files with verdicts of
    their own, which go by no folder.
    """

    __slots__ = ("_begins", "_courses", "_files", "_images", "_path", "particular")

    def __init__(self, asked: str, path: str, files: IndexedFolder | None, images: Iterable[str]) -> None:
        self._path = path
        self._images = frozenset(name.encode("utf-8", "surrogateescape").decode("latin-1") for name in images)
        self._begins = len(asked) - len(path) if asked.endswith(path) else None
        self._files = files
        self._courses: dict[int, Courses] = {}
        self.particular: Callable[[str], bool] | None = None

    def file(self, name: str) -> File | None:
        """The file of this name (its bytes as Latin-1, see PEP 3333), or None where it has to be looked at closely."""
        if (
            name.endswith(_PARTICULAR)
            or name in self._images
            or (self.particular is not None and self.particular(name))
        ):
            return None
        files, holders, checked = self._files, _ANY, None
        if files is not None:
            number = files.find(name.encode("latin-1"))
            if number is None:
                return None
            holders = files.holders(number)
            checksum = files.sha256(number)
            checked = None if checksum is None else digest(checksum)
        courses, written = self._courses.get(holders), spelled(name)
        if courses is None or written is None:
            return None
        begins = self._begins
        return begins if begins is not None and written == name else self._path + written, checked, courses

    def take(self, name: str, courses: Courses) -> None:
        """Remembers who may give a file; that holds for all with the same holders."""
        number = None if self._files is None else self._files.find(name.encode("latin-1"))
        if self._files is None:
            self._courses[_ANY] = courses
        elif number is not None:
            self._courses[self._files.holders(number)] = courses
