"""What is taken out of a commit: the service file, and the mirror files and logos. Everything else stays in git."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from mirrorlist.core.errors import PullError
from mirrorlist.pulling.git import Entry, Repository

MOST_ENTRIES = 20_000
LARGEST_FILE = 1024 * 1024
_NAME = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{0,253}\.(ya?ml|png|webp)")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,253}", re.ASCII)
_READ_AS_MIRROR = re.compile(rb".*\.ya?ml", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Taken:
    """The files of a directory by name, and those that are left out: name to reason, both for people."""

    files: Mapping[str, bytes]
    left_out: Mapping[str, str]


def plain_path(text: str) -> str:
    """A path inside the repository, in its one spelling.

    Raises:
        PullError: it leads elsewhere, or has characters that are asking for trouble.
    """
    path = PurePosixPath(text)
    if path.is_absolute() or not path.parts or not all(_PART.fullmatch(part) for part in path.parts):
        raise PullError(f"{text!r} is no path inside the repository; write it as in service.yml or mirrors.d")
    return str(path)


def service_file(repository: Repository, commit: str, path: str) -> bytes:
    """The service file of a commit.

    Raises:
        PullError: there is none, or it is something else than a small file.
    """
    for entry in repository.entries(commit, path):
        if fault := _fault(entry):
            raise PullError(f"{path} {fault}")
        return repository.contents((entry,))[entry.digest]
    raise PullError(f"there is no {path} in this commit; put it back, or name it with --service-file")


def mirror_files(repository: Repository, commit: str, directory: str) -> Taken:
    """The mirror files and logos that lie in a directory of a commit.

    Raises:
        PullError: there is no such directory, or it holds too much.
    """
    entries = repository.entries(commit, f"{directory}/")
    if not entries:
        raise PullError(f"there is no directory {directory} in this commit; put it back")
    if len(entries) > MOST_ENTRIES:
        raise PullError(f"{directory} has {len(entries)} entries; at most {MOST_ENTRIES} are read, so remove some")
    kept: dict[str, Entry] = {}
    left_out: dict[str, str] = {}
    for entry in entries:
        name = entry.path.rpartition(b"/")[2]
        fault = _fault(entry) or (None if _NAME.fullmatch(name) else "has a name that no mirror file has")
        if fault is None:
            kept[name.decode("ascii")] = entry
        elif _READ_AS_MIRROR.fullmatch(name) or not entry.is_file:
            left_out[_shown(name)] = fault
    contents = repository.contents(tuple(kept.values()))
    return Taken({name: contents[entry.digest] for name, entry in kept.items()}, left_out)


def _fault(entry: Entry) -> str | None:
    """Why an entry is not taken."""
    if not entry.is_file:
        kind = {"120000": "a symbolic link", "160000": "a submodule", "040000": "a directory"}.get(entry.mode, "odd")
        return f"is {kind}; put the file itself there"
    if entry.size is None or entry.size > LARGEST_FILE:
        return f"has {entry.size} bytes; at most {LARGEST_FILE} are read"
    return None


def _shown(name: bytes) -> str:
    return ascii(name.decode("utf-8", "backslashreplace"))[1:-1][:100]
