"""Read the exports of other services, untrusted data that is limited in size and never code, and note what is lost."""

from __future__ import annotations

import codecs
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from mirrorlist.core.errors import ImportFault, Severity
from mirrorlist.sources.yaml.reader import read_yaml

LARGEST_FILE = 64 * 1024 * 1024
LARGEST_YAML = 2 * 1024 * 1024
_BINARY = {b"PK\x03\x04": "a spreadsheet or an archive", b"SQLite f": "a database", b"PGDMP": "a dump of PostgreSQL",
           b"\x1f\x8b": "compressed"}  # fmt: skip
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
          codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}  # fmt: skip
"""Byte order marks, the longer ones first where one begins with another."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A value that is not carried over: what the other service calls it, the value, and why or what to do."""

    key: str
    value: str
    why: str

    def __str__(self) -> str:
        return f"{self.key} {self.value}: {self.why}" if self.value else f"{self.key}: {self.why}"


def data_of(path: Path) -> bytes:
    """The bytes of a regular file.

    Raises:
        ImportFault: there is none, or it is too large.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ImportFault(f"{path} is not a file; name the file that was exported")
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ImportFault(f"{path}: {error.strerror}; name a file that can be read") from None
    if len(data) > LARGEST_FILE:
        raise ImportFault(f"{path} has more than {LARGEST_FILE} bytes; export less")
    return data


def text_of(data: bytes, path: Path, encoding: str | None = None) -> str:
    """The text of a file in an encoding, or in that of its byte order mark, or else in UTF-8.

    Raises:
        ImportFault: it is no text in this encoding.
    """
    for start, what in _BINARY.items():
        if data.startswith(start):
            raise ImportFault(f"{path} is {what}; export text, such as CSV in UTF-8 or JSON")
    found = encoding or next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        return data.decode(found)
    except (LookupError, ValueError) as error:
        place = f" at byte {error.start + 1}" if isinstance(error, UnicodeDecodeError) else f" ({error})"
        raise ImportFault(
            f"{path} is not {found}{place}; save it as UTF-8, or say what it is with --encoding"
        ) from None


def json_of(data: bytes, path: Path) -> Any:
    """What JSON says.

    Raises:
        ImportFault: it is none.
    """
    try:
        return msgspec.json.decode(data.removeprefix(codecs.BOM_UTF8))
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise ImportFault(f"{path} is no JSON that can be read ({error}); export it again") from None


def yaml_of(data: bytes, path: Path, lost: list[Loss] | None = None) -> dict[str, Any]:
    """The mapping that YAML says; of a key given twice the later value counts, and the other is noted as lost.

    Raises:
        ImportFault: it cannot be read; aliases and tags are refused.
    """
    document = read_yaml(data, str(path), LARGEST_YAML)
    if lost is not None:
        lost += [Loss(each.code, f"in line {each.line}", each.message) for each in document.findings]
    if document.root is None:
        told = next((str(each) for each in document.findings if each.severity is Severity.ERROR), str(path))
        raise ImportFault(told)
    return dict(document.root)
