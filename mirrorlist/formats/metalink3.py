"""Metalink 3.0 for a repomd.xml, as librepo (dnf), libzypp and aria2 read it, with MirrorManager's extensions.

What clients insist on (measured with dnf 4.14, libzypp 17.25, aria2 1.36): the file name ``repomd.xml``; hash
types without a hyphen and digests in lower case; the literal prefix ``mm0`` for the timestamp and the
alternates; ``type`` on every URL; preference falling with document order; no ``maxconnections``, which would
hold aria2 to one connection; no white space around texts.

``metalink`` says what a document is, with lxml. ``head``, ``url_start``, ``URL_END`` and ``TAIL`` are the same
document in pieces that can be joined without building a tree; a test holds one against the other.
"""

from __future__ import annotations

from email.utils import formatdate
from functools import partial
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from mirrorlist.core.catalogue.metadata import REPOMD
from mirrorlist.core.mirror import country_of
from mirrorlist.core.model import Checksummed, Mirror, RepoMetadata
from mirrorlist.core.selection.answer import BEST_PREFERENCE, Selection
from mirrorlist.formats.xml_documents import added, written, xml_text

CONTENT_TYPE = "application/metalink+xml"
FILE_NAME = "repomd.xml"
_METALINK = "http://www.metalinker.org/"
_MM0 = "http://fedorahosted.org/mirrormanager"
_add, _extend = partial(added, _METALINK), partial(added, _MM0)


def metalink(selection: Selection, metadata: RepoMetadata) -> bytes:
    """The document for a selection: its URLs in order, under the checksums of ``metadata``."""
    root = _document(metadata)
    resources = root.find(f"{{{_METALINK}}}files/{{{_METALINK}}}file/{{{_METALINK}}}resources")
    assert resources is not None
    for rank, (directory, choice) in enumerate(selection.in_order):
        url = _add(resources, "url", xml_text(directory + REPOMD))
        mirror = choice.mirror if choice else None
        for name, value in _url_attributes(directory, mirror, BEST_PREFERENCE - rank).items():
            url.set(name, value)
    return written(root)


def _document(metadata: RepoMetadata) -> etree._Element:
    root = etree.Element(f"{{{_METALINK}}}metalink", nsmap={None: _METALINK, "mm0": _MM0})
    published = formatdate(metadata.current.timestamp, usegmt=True)
    for name, value in (
        ("version", "3.0"), ("type", "dynamic"), ("pubdate", published), ("generator", "mirrorlist"),
    ):  # fmt: skip
        root.set(name, value)
    file = _add(_add(root, "files"), "file")
    file.set("name", FILE_NAME)
    _add_version(file, metadata.current)
    if metadata.alternates:
        alternates = _extend(file, "alternates")
        for older in metadata.alternates:
            _add_version(_extend(alternates, "alternate"), older)
    _add(file, "resources")
    return root


def _add_version(parent: etree._Element, version: Checksummed) -> None:
    _extend(parent, "timestamp", str(version.timestamp))
    _add(parent, "size", str(version.size))
    verification = _add(parent, "verification")
    for kind, digest in (("sha256", version.sha256), ("sha512", version.sha512)):
        _add(verification, "hash", digest).set("type", kind)


def _url_attributes(directory: str, mirror: Mirror | None, preference: int) -> dict[str, str]:
    """``protocol`` repeats ``type`` for yum 3.2.20; ``preference`` never falls below 1."""
    scheme = xml_text(directory.partition(":")[0])
    attributes = {"protocol": scheme, "type": scheme}
    if mirror and (country := country_of(mirror)):
        attributes["location"] = xml_text(country)
    attributes["preference"] = str(max(1, preference))
    if mirror and mirror.private:
        attributes[f"{{{_MM0}}}private"] = "True"
    return attributes


def head(metadata: RepoMetadata) -> bytes:
    """Everything before the first URL."""
    whole = written(_document(metadata))
    return whole[: whole.index(b"<resources/>")] + b"<resources>"


_QUOTES = {'"': "&quot;"}


def url_start(tree: str, mirror: Mirror | None, preference: int) -> bytes:
    """A URL element up to the end of the mirror's tree, to be followed by a path and ``URL_END``."""
    attributes = _url_attributes(tree, mirror, preference)
    spelled = "".join(
        f" {name.replace(f'{{{_MM0}}}', 'mm0:')}={quoteattr(value, _QUOTES)}" for name, value in attributes.items()
    )
    return f"\n        <url{spelled}>{escape(xml_text(tree))}".encode()


def path_part(path: str) -> bytes:
    """A repository's path as it appears inside a URL element, with the end of the element."""
    return escape(xml_text(path)).encode() + REPOMD.encode() + URL_END


URL_END = b"</url>"
TAIL = b"\n      </resources>\n    </file>\n  </files>\n</metalink>\n"
