"""YAML files as plain values with positions, their scalars, and the findings on them.

Anything ambiguous stays text: ``private: no`` is a boolean, ``country: NO`` is Norway, and only a schema knows which is
which. Dates, hexadecimal, octal and sexagesimal numbers stay text as well.

To add a finding on mirror files: a member of Code, a row in docs/mirror-files.md, an example in
tests/sources/mirrors/test_files.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from mirrorlist.core.errors import Finding, Severity

# A quoted name, because a type alias cannot name itself before Python 3.12.
Value: TypeAlias = "str | int | float | bool | list[Value] | dict[str, Value] | None"
Pointer: TypeAlias = tuple[str | int, ...]
"""The way from the top to a value: keys of mappings and indexes of lists."""

SHOWN_CHARACTERS = 60
_PASSWORD = re.compile(r"(?<=://)[^\s/?#@]*:[^\s/?#]*@")


@dataclass(frozen=True, slots=True)
class Position:
    """A line and a column, in characters; both count from 1."""

    line: int
    column: int


START = Position(1, 1)


@dataclass(frozen=True, slots=True)
class Document:
    """What one file says. ``root`` is None when the file is refused; then ``findings`` hold an error.

    ``places`` says where each value begins, ``key_places`` where the key of each entry of a mapping does.
    """

    path: str
    root: dict[str, Value] | None
    places: Mapping[Pointer, Position] = field(default_factory=dict)
    key_places: Mapping[Pointer, Position] = field(default_factory=dict)
    bare_words: frozenset[Pointer] = frozenset()
    """Values that are written yes, no, on or off without quotes: text here, booleans to other readers."""
    findings: tuple[Finding, ...] = ()
    origins: Mapping[Pointer, Pointer] = field(default_factory=dict)
    """Where a value was before a repair moved it: the new pointer to the one in the file."""
    left_out: Mapping[Pointer, Finding] = field(default_factory=dict)
    """Values that say something and cannot be used, which a repair took out, and what was reported on each."""

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
    """A value as one short printable text: strings in quotes, at most 60 characters of them, without passwords."""
    if isinstance(value, str):
        return f"'{_clean(_PASSWORD.sub('***@', value))}'"
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


class Code(StrEnum):
    """What is wrong, in the words between the brackets of a finding."""

    # The file as a whole, and its YAML.
    UNREADABLE_FILE = "unreadable-file"
    UNREAD_FILE = "unread-file"
    NOT_A_REGULAR_FILE = "not-a-regular-file"
    FILE_TOO_LARGE = "file-too-large"
    NOT_UTF8 = "not-utf8"
    CONTROL_CHARACTER = "control-character"
    EMPTY_FILE = "empty-file"
    YAML_SYNTAX = "yaml-syntax"
    YAML_ALIAS = "yaml-alias"
    YAML_TAG = "yaml-tag"
    SEVERAL_DOCUMENTS = "several-documents"
    TOO_DEEP = "too-deep"
    COMPLEX_KEY = "complex-key"
    NOT_A_MAPPING = "not-a-mapping"
    DUPLICATE_KEY = "duplicate-key"

    # What a schema can tell.
    UNKNOWN_KEY = "unknown-key"
    MISSING_KEY = "missing-key"
    WRONG_TYPE = "wrong-type"
    BAD_VALUE = "bad-value"
    OUT_OF_RANGE = "out-of-range"

    # What only a reader of mirror files can tell.
    KEY_CASE = "key-case"
    CONTINENT_SPELLING = "continent-spelling"
    WRONG_CONTINENT = "wrong-continent"
    FILE_NAME = "file-name"
    DUPLICATE_NAME = "duplicate-name"
    UNKNOWN_MODULE = "unknown-module"
    URL_SCHEME = "url-scheme"
    RSYNC_SPELLING = "rsync-spelling"
    BAD_URL = "bad-url"
    SPONSOR_URL = "sponsor-url"
    COUNTRY_SPELLING = "country-spelling"
    UNKNOWN_COUNTRY = "unknown-country"
    UNQUOTED_WORD = "unquoted-word"
    ASN_SPELLING = "asn-spelling"
    HOST_BITS = "host-bits"
    BAD_NETWORK = "bad-network"
    BAD_DATE = "bad-date"
    UNKNOWN_REGION = "unknown-region"
    PRIVATE_WITHOUT_NETWORKS = "private-without-networks"

    # What only a reader that knows the world's places can tell.
    NO_PLACE = "no-place"
    UNKNOWN_CITY = "unknown-city"
    UNKNOWN_STATE = "unknown-state"
    SWAPPED_PLACE = "swapped-place"
    CITY_ELSEWHERE = "city-elsewhere"
    PLACE_CONTRADICTION = "place-contradiction"


BOOLEAN_WORDS = {"yes": True, "on": True, "no": False, "off": False}
"""Text that is a boolean where a schema wants one, in any case of letters."""

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})", re.ASCII)
_FLOAT = re.compile(r"[-+]?[0-9]{1,17}\.[0-9]{1,17}", re.ASCII)
_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}


def plain_scalar(text: str) -> str | int | float | bool | None:
    """The meaning of a scalar without quotes. Numbers of more than 18 digits stay text."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


# Durations: ``30m``, ``3h``, ``7d``.

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([1-9][0-9]{0,8})([smhdw])", re.ASCII)


def duration_seconds(text: str) -> int | None:
    """The span in seconds; None for anything but a positive number and one of s, m, h, d, w."""
    found = _DURATION.fullmatch(text)
    return int(found[1]) * _SECONDS[found[2]] if found else None
