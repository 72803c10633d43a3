"""XML documents: their first elements, their bytes, and texts without what XML cannot hold."""

from __future__ import annotations

import re

from lxml import etree

DECLARATION = b'<?xml version="1.0" encoding="utf-8"?>\n'
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str, instead: str = "") -> str:
    """The text without characters that no XML document can hold."""
    return _NOT_XML.sub(instead, text)


def added(namespace: str, parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    """A new element of a namespace, the last one in ``parent``."""
    element = etree.SubElement(parent, f"{{{namespace}}}{name}")
    element.text = text
    return element


def written(root: etree._Element) -> bytes:
    """The document, indented."""
    etree.indent(root)
    return DECLARATION + etree.tostring(root, encoding="utf-8") + b"\n"
