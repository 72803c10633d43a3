"""Metalink 3.0 for any file, for clients older than RFC 5854."""

from __future__ import annotations

from email.utils import formatdate
from functools import partial
from typing import TYPE_CHECKING

from lxml import etree

from mirrorlist.core.mirror import country_of
from mirrorlist.core.selection.known_files import FileMetadata
from mirrorlist.formats.xml_documents import added, written, xml_text

if TYPE_CHECKING:
    from mirrorlist.core.redirects.file_mirrors import FileSelection

CONTENT_TYPE = "application/metalink+xml"
_METALINK = "http://www.metalinker.org/"
_add = partial(added, _METALINK)
_BEST = 100


def file_metalink3(offer: FileSelection) -> bytes:
    """The document for an offer."""
    root = etree.Element(f"{{{_METALINK}}}metalink", nsmap={None: _METALINK})
    known = offer.known or FileMetadata()
    attributes = {"version": "3.0", "type": "dynamic", "generator": "mirrorlist"}
    if known.mtime is not None:
        attributes["pubdate"] = formatdate(known.mtime, usegmt=True)
    for name, value in attributes.items():
        root.set(name, value)
    file = _add(_add(root, "files"), "file")
    file.set("name", xml_text(offer.name))
    if known.size is not None:
        _add(file, "size", str(known.size))
    _add_verification(file, known)
    resources = _add(file, "resources")
    for rank, source in enumerate(offer.sources):
        preference = max(1, _BEST - rank)
        url = _add(resources, "url", xml_text(source.url))
        url.set("type", source.url.partition(":")[0])
        if source.mirror and (country := country_of(source.mirror)):
            url.set("location", xml_text(country))
        url.set("preference", str(preference))
    return written(root)


def _add_verification(file: etree._Element, known: FileMetadata) -> None:
    digests = [(kind, digest) for kind, digest in (("sha256", known.sha256), ("sha512", known.sha512)) if digest]
    if not digests and known.pieces is None:
        return
    verification = _add(file, "verification")
    for kind, digest in digests:
        _add(verification, "hash", digest).set("type", kind)
    if known.pieces:
        pieces = _add(verification, "pieces")
        pieces.set("type", "sha256")
        pieces.set("length", str(known.pieces.length))
        for number, digest in enumerate(known.pieces.sha256):
            _add(pieces, "hash", digest).set("piece", str(number))
