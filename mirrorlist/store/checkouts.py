"""Which commit a service file comes from: a note that ``mirrorlist pull`` leaves beside it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from mirrorlist.core.snapshot import Pulled
from mirrorlist.store.whole_files import write_whole

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
