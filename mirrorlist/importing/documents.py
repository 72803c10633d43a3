"""Reads what other services export. A stranger's data: so many bytes at most, and nothing but data."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import msgspec

from mirrorlist.core.errors import ImportFault, Severity
from mirrorlist.sources.yaml_reader import read_yaml

LARGEST_FILE = 64 * 1024 * 1024
LARGEST_YAML = 2 * 1024 * 1024


def data_of(path: Path) -> bytes:
    """The bytes of a regular file.

    Raises:
        ImportFault: there is none, or it is too large.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ImportFault(f"{path} is no file; name the file that was exported")
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ImportFault(f"{path}: {error.strerror}; name a file that can be read") from None
    if len(data) > LARGEST_FILE:
        raise ImportFault(f"{path} has more than {LARGEST_FILE} bytes; export less")
    return data


def json_of(data: bytes, path: Path) -> Any:
    """What JSON says.

    Raises:
        ImportFault: it is none.
    """
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise ImportFault(f"{path} is no JSON that can be read ({error}); export it anew") from None


def yaml_of(data: bytes, path: Path) -> dict[str, Any]:
    """The mapping that YAML says.

    Raises:
        ImportFault: it cannot be read; aliases and tags are refused.
    """
    document = read_yaml(data, str(path), LARGEST_YAML)
    if document.root is None:
        told = next((str(each) for each in document.findings if each.severity is Severity.ERROR), str(path))
        raise ImportFault(told)
    return dict(document.root)
