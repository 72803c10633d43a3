"""Lines for apk's ``/etc/apk/repositories``: URLs without a final slash, to which apk adds the architecture."""

from __future__ import annotations

from mirrorlist.core.selection.answer import Selection
from mirrorlist.formats.mirrorlist import comment

CONTENT_TYPE = "text/plain; charset=utf-8"


def apk(selection: Selection) -> bytes:
    """The list of a selection, best first; notes come first, as comments."""
    urls = [url for url, _ in selection.in_order]
    lines = [comment(note) for note in selection.notes] + [url.rstrip("/") for url in urls]
    return "".join(line + "\n" for line in lines).encode()
