"""YAML files as plain values with positions, and the names by which findings refer to them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from mirrorlist.core.errors import Finding, Severity

# A quoted name, because a type alias cannot name itself before Python 3.12.
Value: TypeAlias = "str | int | float | bool | list[Value] | dict[str, Value] | None"
Pointer: TypeAlias = tuple[str | int, ...]
"""The way from the top to a value: keys of mappings and indexes of lists."""

SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Position:
    """A line and a column, in characters; both count from 1."""

    line: int
    column: int


START = Position(1, 1)


@dataclass(frozen=True, slots=True)
class Document:
    """What one file says. ``root`` is None when the file is refused; then ``findings`` hold an error.

    ``places`` tells where each value begins, ``key_places`` where the key of each entry of a mapping does.
    """

    path: str
    root: dict[str, Value] | None
    places: Mapping[Pointer, Position] = field(default_factory=dict)
    key_places: Mapping[Pointer, Position] = field(default_factory=dict)
    bare_words: frozenset[Pointer] = frozenset()
    """Values that stand as yes, no, on or off without quotes: text here, booleans to other readers."""
    findings: tuple[Finding, ...] = ()
    origins: Mapping[Pointer, Pointer] = field(default_factory=dict)
    """Where a value was before a repair moved it: the new pointer to the one in the file."""

    def original(self, pointer: Pointer) -> Pointer:
        """The pointer in the file of a value that a repair may have moved, alone or with what is around it."""
        origin: Pointer = ()
        for depth, step in enumerate(pointer, start=1):
            origin = self.origins.get(pointer[:depth], (*origin, step))
        return origin

    def place(self, pointer: Pointer) -> Position:
        """Where the value begins; for a value that is not in the file, the nearest one around it."""
        origin = self.original(pointer)
        while origin and origin not in self.places:
            origin = origin[:-1]
        return self.places.get(origin, START)

    def key_place(self, pointer: Pointer) -> Position:
        """Where the key of an entry begins; for a value without a key, where the value begins."""
        return self.key_places.get(self.original(pointer)) or self.place(pointer)

    def error(self, pointer: Pointer, code: str, message: str) -> Finding:
        """An error at the value."""
        return finding(self.path, self.place(pointer), Severity.ERROR, code, message)

    def warning(self, pointer: Pointer, code: str, message: str) -> Finding:
        """A warning at the value."""
        return finding(self.path, self.place(pointer), Severity.WARNING, code, message)

    def key_error(self, pointer: Pointer, code: str, message: str) -> Finding:
        """An error at the key."""
        return finding(self.path, self.key_place(pointer), Severity.ERROR, code, message)

    def key_warning(self, pointer: Pointer, code: str, message: str) -> Finding:
        """A warning at the key."""
        return finding(self.path, self.key_place(pointer), Severity.WARNING, code, message)


def finding(path: str, place: Position, severity: Severity, code: str, message: str) -> Finding:
    """One remark at one place of a file."""
    return Finding(path, place.line, place.column, severity, str(code), message)


def spelled(pointer: Pointer) -> str:
    """How people write the way to a value: ``address_optional.kitten.http``, ``subnets[2]``."""
    text = ""
    for step in pointer:
        text += f"[{step}]" if isinstance(step, int) else f".{_clean(step)}"
    return text.removeprefix(".") or "the file"


def shown(value: object) -> str:
    """A value as one short printable text: strings in quotes, at most 60 characters of them."""
    if isinstance(value, str):
        return f"'{_clean(value)}'"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else json.dumps(value)


def _clean(text: str) -> str:
    head = printable(text[: SHOWN_CHARACTERS + 1])
    return head if len(head) <= SHOWN_CHARACTERS else head[: SHOWN_CHARACTERS - 3] + "..."


def printable(text: str) -> str:
    """The text with escapes for all that does not show, or shows as something else."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
