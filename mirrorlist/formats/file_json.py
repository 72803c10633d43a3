"""The mirrors of a file as JSON, for scripts: its metadata, who gives it, who is left out and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mirrorlist.core.mirror import country_of
from mirrorlist.core.public.types import clean, web_url
from mirrorlist.core.selection.known_files import FileMetadata

if TYPE_CHECKING:
    from mirrorlist.core.redirects.file_mirrors import FileSelection

CONTENT_TYPE = "application/json"


def file_json(offer: FileSelection) -> bytes:
    """One object; keys in the order in which they are written here. ``urls`` are in the order of use."""
    known = offer.known or FileMetadata()
    document = {
        "path": readable(offer.place.path),
        "module": offer.place.tree.module,
        "size": known.size,
        "mtime": known.mtime,
        "sha256": known.sha256,
        "sha512": known.sha512,
        "urls": [source.url for source in offer.sources],
        "mirrors": [
            {
                "url": choice.url,
                "name": choice.mirror.name,
                "country": country_of(choice.mirror),
                "sponsor": readable(clean(choice.mirror.sponsor)),
                "sponsor_url": web_url(choice.mirror.sponsor_url),
                "proximity": choice.proximity.name.lower(),
                "distance_km": choice.distance_km,
                "preference": choice.preference,
            }
            for choice in offer.choices
        ],
        "left_out": [
            {
                "name": each.mirror.name,
                "country": country_of(each.mirror),
                "reason": each.reason.value,
            }
            for each in offer.shown
        ],
        "lacking": offer.lacking,
        "notes": [readable(note) for note in offer.selection.notes],
    }
    return msgspec.json.encode(document) + b"\n"


def readable(text: str) -> str:
    """The text with a mark in place of bytes that are not UTF-8."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
