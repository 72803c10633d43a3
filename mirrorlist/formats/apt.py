"""The file that apt's ``mirror+https:`` method reads: a URL, a tab, and its priority.

Without a priority apt shuffles the list (apt-transport-mirror(1)); the smallest number is asked first.
"""

from __future__ import annotations

from mirrorlist.core.selection.answer import Selection
from mirrorlist.formats.mirrorlist import comment

CONTENT_TYPE = "text/plain; charset=utf-8"


def apt(selection: Selection) -> bytes:
    """The list of a selection; notes come first, as comments."""
    urls = [url for url, _ in selection.in_order]
    lines = [comment(note) for note in selection.notes]
    lines += [f"{url}\tpriority:{priority}" for priority, url in enumerate(urls, start=1)]
    return "".join(line + "\n" for line in lines).encode()
