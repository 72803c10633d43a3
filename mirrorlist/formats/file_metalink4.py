"""Metalink 4 (RFC 5854) for any file: size and checksums as far as they are known, and everybody who has it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from lxml import etree

from mirrorlist.core.mirror import country_of
from mirrorlist.core.selection.known_files import FileMetadata
from mirrorlist.formats.xml_documents import added, written, xml_text

if TYPE_CHECKING:
    from mirrorlist.core.redirects.file_mirrors import FileSelection

CONTENT_TYPE = "application/metalink4+xml"
_METALINK = "urn:ietf:params:xml:ns:metalink"
_add = partial(added, _METALINK)


def file_metalink4(offer: FileSelection) -> bytes:
    """The document for an offer."""
    root = etree.Element(f"{{{_METALINK}}}metalink", nsmap={None: _METALINK})
    _add(root, "generator", "mirrorlist")
    known = offer.known or FileMetadata()
    if known.mtime is not None:
        _add(root, "published", datetime.fromtimestamp(known.mtime, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    file = _add(root, "file")
    file.set("name", xml_text(offer.name))
    if known.size is not None:
        _add(file, "size", str(known.size))
    for kind, digest in (("sha-256", known.sha256), ("sha-512", known.sha512)):
        if digest:
            _add(file, "hash", digest).set("type", kind)
    if known.pieces is not None:
        pieces = _add(file, "pieces")
        pieces.set("type", "sha-256")
        pieces.set("length", str(known.pieces.length))
        for digest in known.pieces.sha256:
            _add(pieces, "hash", digest)
    for priority, source in enumerate(offer.sources, start=1):
        url = _add(file, "url", xml_text(source.url))
        if source.mirror and (country := country_of(source.mirror)):
            url.set("location", xml_text(country.lower()))
        url.set("priority", str(priority))
    return written(root)
