"""The logos of sponsors: pictures beside the mirror files, small ones only."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mirrorlist.core.model import Mirror
from mirrorlist.core.public import Logo

MOST_BYTES = 64 * 1024
_PNG = b"\x89PNG\r\n\x1a\n"


def read_logos(directory: Path, mirrors: Iterable[Mirror]) -> dict[str, Logo]:
    """The logo of each mirror that has one. What is no PNG or WebP picture, or too big, is left out."""
    found = {mirror.name: read_logo(directory / mirror.logo) for mirror in mirrors if mirror.logo}
    return {name: logo for name, logo in found.items() if logo}


def read_logo(path: Path) -> Logo | None:
    """The picture in a file, or None; its first bytes tell what it is, not its name."""
    try:
        if not path.is_file():  # a pipe would keep the publisher waiting
            return None
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError:
        return None
    if len(data) > MOST_BYTES:
        return None
    if data.startswith(_PNG):
        return Logo("image/png", data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Logo("image/webp", data)
    return None
