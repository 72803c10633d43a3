"""A mirrorlist for pacman: ``Server = URL`` lines, which keep ``$repo`` and ``$arch`` for pacman to fill in."""

from __future__ import annotations

from mirrorlist.core.selection.answer import Selection
from mirrorlist.formats.mirrorlist import comment

CONTENT_TYPE = "text/plain; charset=utf-8"


def pacman(selection: Selection) -> bytes:
    """The list of a selection, best first; notes come first, as comments."""
    urls = [url for url, _ in selection.in_order]
    lines = [comment(note) for note in selection.notes] + [f"Server = {url.rstrip('/')}" for url in urls]
    return "".join(line + "\n" for line in lines).encode()
