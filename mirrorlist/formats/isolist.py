"""AlmaLinux's list of image directories: a JSON array of URLs, without white space."""

from __future__ import annotations

import msgspec

from mirrorlist.core.selection.answer import Selection

CONTENT_TYPE = "application/json"


def isolist(selection: Selection) -> bytes:
    """The URLs of a selection, best first."""
    return msgspec.json.encode([url for url, _ in selection.in_order]) + b"\n"
