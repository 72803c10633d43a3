"""Logos of sponsors: PNG and WebP files that lie beside the mirror files."""

from __future__ import annotations

import re
import stat
from pathlib import Path

MOST_BYTES = 64 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)


def logo(mirrors_dir: str, name: str) -> tuple[str, bytes] | None:
    """Content type and bytes of a logo; None if there is no such picture, or it is too big."""
    if not _NAME.fullmatch(name):
        return None
    path = Path(mirrors_dir) / name
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError:
        return None
    content_type = _content_type(data)
    return (content_type, data) if content_type and len(data) <= MOST_BYTES else None


def _content_type(data: bytes) -> str | None:
    """What a file is by its first bytes, whatever its name says."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None
