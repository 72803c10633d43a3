"""Logos of sponsors: PNG and WebP files that lie beside the mirror files."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

MOST_BYTES = 256 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)


def logo(mirrors_dir: str, name: str) -> tuple[str, bytes] | None:
    """Content type and bytes of a logo; None if there is no such picture, or it is too big."""
    if not _NAME.fullmatch(name):
        return None
    try:
        opened = os.open(Path(mirrors_dir) / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with open(opened, "rb") as file:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            return None
        data = file.read(MOST_BYTES + 1)
    content_type = _content_type(data)
    return (content_type, data) if content_type and len(data) <= MOST_BYTES else None


def _content_type(data: bytes) -> str | None:
    """What a file is by its first bytes, whatever its name says."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None
