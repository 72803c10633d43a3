"""Metalink 4 (RFC 5854) for a repomd.xml, as libzypp, aria2 and wget2 read it.

Hash names are IANA's with a hyphen, ``priority`` counts up from 1, and what older versions of the file are
accepted cannot be said: dnf does not read this format (measured), so it loses nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from lxml import etree

from mirrorlist.core.catalogue.metadata import REPOMD
from mirrorlist.core.mirror import country_of
from mirrorlist.core.model import RepoMetadata
from mirrorlist.core.selection.answer import Selection
from mirrorlist.formats.metalink3 import FILE_NAME
from mirrorlist.formats.xml_documents import added, written, xml_text

CONTENT_TYPE = "application/metalink4+xml"
_METALINK = "urn:ietf:params:xml:ns:metalink"
_add = partial(added, _METALINK)


def metalink4(selection: Selection, metadata: RepoMetadata) -> bytes:
    """The document for a selection: its URLs in order, under the checksums of ``metadata``."""
    root = etree.Element(f"{{{_METALINK}}}metalink", nsmap={None: _METALINK})
    _add(root, "generator", "mirrorlist")
    _add(root, "published", datetime.fromtimestamp(metadata.current.timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    file = _add(root, "file")
    file.set("name", FILE_NAME)
    _add(file, "size", str(metadata.current.size))
    for kind, digest in (("sha-256", metadata.current.sha256), ("sha-512", metadata.current.sha512)):
        _add(file, "hash", digest).set("type", kind)
    for priority, (directory, choice) in enumerate(selection.in_order, start=1):
        url = _add(file, "url", xml_text(directory + REPOMD))
        if choice and (country := country_of(choice.mirror)):
            url.set("location", xml_text(country.lower()))
        url.set("priority", str(priority))
    return written(root)
