"""A selection as JSON, for scripts: the URLs in order, and what is public of the mirrors behind them."""

from __future__ import annotations

import msgspec

from mirrorlist.core.mirror import country_of
from mirrorlist.core.selection.answer import Selection

CONTENT_TYPE = "application/json"


def json(selection: Selection) -> bytes:
    """One object; keys in the order in which they are written here. ``urls`` are in the order of use."""
    query = selection.query
    document = {
        "repository": query.target.repository,
        "version": query.target.version,
        "module": query.target.module,
        "arch": query.arch,
        "path": query.path,
        "urls": [url for url, _ in selection.in_order],
        "mirrors": [
            {
                "url": choice.url,
                "name": choice.mirror.name,
                "country": country_of(choice.mirror),
                "proximity": choice.proximity.name.lower(),
                "distance_km": choice.distance_km,
                "preference": choice.preference,
            }
            for choice in selection.choices
        ],
        "fallbacks": list(selection.fallbacks),
        "notes": [note.encode(errors="replace").decode() for note in selection.notes],
    }
    return msgspec.json.encode(document) + b"\n"
