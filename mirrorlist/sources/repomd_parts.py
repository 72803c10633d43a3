"""What else a repomd.xml names: the largest part of the metadata, by which a mirror's speed is measured."""

from __future__ import annotations

import re
from typing import NamedTuple

from lxml import etree

LARGEST = 32 * 1024 * 1024
_REPO = "{http://linux.duke.edu/metadata/repo}"
_HREF = re.compile(r"repodata/[A-Za-z0-9][A-Za-z0-9._-]{0,200}")


class Part(NamedTuple):
    """A file below the repository, and its bytes."""

    path: str
    size: int


def largest_part(repomd: bytes) -> Part | None:
    """The largest file that a stranger's repomd.xml names, of those up to ``LARGEST``; None where it names none."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True)
    try:
        root = etree.fromstring(repomd, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    parts = (_part(data) for data in root.iterfind(f"{_REPO}data"))
    return max((part for part in parts if part), key=lambda part: part.size, default=None)


def _part(data: etree._Element) -> Part | None:
    location, size = data.find(f"{_REPO}location"), data.findtext(f"{_REPO}size") or ""
    path = "" if location is None else str(location.get("href", ""))
    if not _HREF.fullmatch(path) or not re.fullmatch("[1-9][0-9]{0,7}", size, re.ASCII) or int(size) > LARGEST:
        return None
    return Part(path, int(size))
