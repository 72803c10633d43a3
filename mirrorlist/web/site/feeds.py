"""Atom feeds (RFC 4287) of mirror events: one of all mirrors, one per mirror."""

from __future__ import annotations

from hashlib import sha256
from xml.etree.ElementTree import Element, SubElement, tostring

from mirrorlist.core.public.types import PublicMirror
from mirrorlist.formats.xml_documents import DECLARATION, xml_text
from mirrorlist.web.site.published import Published
from mirrorlist.web.words import FAMILY_WORDS, KIND_WORDS, iso

ATOM = "application/atom+xml; charset=utf-8"
MOST_ENTRIES = 100
_NAMESPACE = "http://www.w3.org/2005/Atom"


def feed(published: Published, mirror: PublicMirror | None) -> bytes:
    """The feed of one mirror's trees and overrides, or of everybody's, the newest first."""
    of_all = published.network.events if mirror is None else published.detail(mirror.name).events
    events = [event for event in of_all if not event.path][:MOST_ENTRIES]
    base = (published.service.site.url or "").rstrip("/")
    page = f"{base}/mirrors/{mirror.name}" if mirror else f"{base}/"
    own = f"{page}/feed.atom" if mirror else f"{base}/mirrors/feed.atom"
    root = Element("feed", xmlns=_NAMESPACE)
    whose = f"{published.service.name}: {mirror.name}" if mirror else f"{published.service.name} mirrors"
    _add(root, "title", whose)
    _add(root, "id", _urn("feed", published.service.name, mirror.name if mirror else ""))
    _add(root, "updated", iso(events[0].at if events else published.now))
    _add(SubElement(root, "author"), "name", published.service.name)
    SubElement(root, "link", rel="self", type="application/atom+xml", href=own)
    SubElement(root, "link", rel="alternate", type="text/html", href=page)
    for event in events:
        over = f" over {event.protocol} and {FAMILY_WORDS[event.family]}" if event.protocol and event.family else ""
        entry = SubElement(root, "entry")
        _add(entry, "title", f"{event.mirror} {KIND_WORDS[event.kind]}{over}")
        _add(entry, "id", _urn(event.mirror, event.kind.value, repr(event.at), event.module or "", over))
        _add(entry, "updated", iso(event.at))
        SubElement(entry, "link", rel="alternate", type="text/html", href=f"{base}/mirrors/{event.mirror}")
        _add(entry, "summary", event.why)
    written: bytes = tostring(root, encoding="utf-8")
    return DECLARATION + written + b"\n"


def _add(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = xml_text(text, "\ufffd")


def _urn(*parts: str) -> str:
    """An identifier that depends on the event alone: the same in every worker and generation."""
    digest = sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()
    return f"urn:uuid:{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"
