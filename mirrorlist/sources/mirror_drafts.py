"""A mirror file while its small faults are being repaired: its values, and what was said about them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from mirrorlist.core.errors import Finding
from mirrorlist.sources.countries import Countries
from mirrorlist.sources.documents import Document, Pointer, Value
from mirrorlist.sources.finding_codes import Code


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a mirror file is judged against: the modules of service.yml, and the countries of the world."""

    modules: Collection[str]
    countries: Countries


class Draft:
    """Values that repairs change in place. Findings keep naming the places in the file.

    ``root`` is the repaired tree; ``document`` reads places by the pointers of that tree.
    """

    def __init__(self, document: Document) -> None:
        self.root: dict[str, Value] = deepcopy(document.root or {})
        self._origins: dict[Pointer, Pointer] = {}
        self.document = replace(document, origins=self._origins)
        self.findings: list[Finding] = list(document.findings)

    def finished(self) -> Document:
        """The repaired document with all that was said."""
        return replace(self.document, root=self.root, findings=tuple(self.findings))

    def warn(self, pointer: Pointer, code: Code, message: str) -> None:
        """Tell a small fault of a value."""
        self.findings.append(self.document.warning(pointer, code, message))

    def warn_key(self, pointer: Pointer, code: Code, message: str) -> None:
        """Tell a small fault of a key."""
        self.findings.append(self.document.key_warning(pointer, code, message))

    def refuse(self, pointer: Pointer, code: Code, message: str) -> None:
        """Tell an error of a value."""
        self.findings.append(self.document.error(pointer, code, message))

    def moved(self, moves: dict[Pointer, Pointer]) -> None:
        """Note where values came from, all at once: each new pointer with the one it had in this draft."""
        self._origins.update({new: self.document.original(old) for new, old in moves.items()})

    def value(self, pointer: Pointer) -> Value:
        """The value at a pointer; None where there is none."""
        found: Any = self.root
        for step in pointer:
            try:
                found = found[step]
            except (KeyError, IndexError, TypeError):
                return None
        return found  # type: ignore[no-any-return]  # whatever stands in a tree of values is one

    def put(self, pointer: Pointer, value: Value) -> None:
        """Replace the value at a pointer."""
        holder: Any = self.value(pointer[:-1])
        holder[pointer[-1]] = value

    def remove(self, pointer: Pointer) -> None:
        """Take out the value at a pointer, if it is still there, and what is empty without it."""
        holder: Any = self.value(pointer[:-1])
        try:
            del holder[pointer[-1]]
        except (KeyError, IndexError, TypeError):
            return
        if len(pointer) > 1 and not holder:
            self.remove(pointer[:-1])

    def mapping(self, *pointer: str) -> dict[str, Value]:
        """The mapping at a pointer, to be changed in place; a new empty one where there is none."""
        value: Value = self.root
        for key in pointer:
            value = value.get(key) if isinstance(value, dict) else None
        return value if isinstance(value, dict) else {}

    def texts(self, *pointer: str) -> Iterator[tuple[list[Value], int, str]]:
        """The texts of a list: the list, to be changed in place, with the index and text of each."""
        entries = self.mapping(*pointer[:-1]).get(pointer[-1])
        if isinstance(entries, list):
            yield from ((entries, index, text) for index, text in enumerate(entries) if isinstance(text, str))

    def address_books(self) -> Iterator[tuple[Pointer, dict[str, Value]]]:
        """The mappings of URLs: of the main tree, and of every module, with their pointers."""
        yield ("address",), self.mapping("address")
        for module in self.mapping("address_optional"):
            yield ("address_optional", module), self.mapping("address_optional", module)
