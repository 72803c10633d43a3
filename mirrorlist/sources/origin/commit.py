"""The commit of the mirror files, if they are in a Git repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import msgspec

from mirrorlist.core.snapshot import Pulled
from mirrorlist.files_on_disk import write_whole

_HASH = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
_SECONDS = 10.0
_ARGUMENTS = ("-c", "safe.directory=*", "rev-parse", "--verify", "--quiet", "HEAD")
"""``safe.directory``: the checkout may belong to another user than the service; nothing of it is run."""


def commit_of(directory: Path) -> str | None:
    """The hash of the commit that is checked out around a directory; None without a repository, or without git."""
    git = shutil.which("git")
    if git is None:
        return None
    environment = {"PATH": os.defpath, "LC_ALL": "C", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    try:
        done = subprocess.run(
            (git, *_ARGUMENTS), cwd=directory, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = done.stdout.decode("ascii", "replace").strip()
    return found if done.returncode == 0 and _HASH.fullmatch(found) else None


# The commit of a service file: a note that ``mirrorlist pull`` leaves beside it.

NOTE = ".pulled.json"
"""A name that no file of a repository gets, as those that begin with a dot are not taken from there."""


def read_pulled(config: Path) -> Pulled | None:
    """The commit that a service file comes from; None where it was not pulled, or the note cannot be read."""
    try:
        return msgspec.json.decode(config.with_name(NOTE).read_bytes(), type=Pulled)
    except (OSError, msgspec.MsgspecError):
        return None


def write_pulled(config: Path, pulled: Pulled) -> None:
    """Notes the commit of a service file."""
    write_whole(config.with_name(NOTE), [msgspec.json.encode(pulled)])
