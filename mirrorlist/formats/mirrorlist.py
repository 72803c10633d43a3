"""The text mirrorlist: one URL per line, best first, as dnf, yum and zypper read it.

UTF-8 without BOM, LF, nothing before a URL, comments at the end: librepo keeps a CR as part of the URL, and
libzypp loses a line that begins with a blank (measured with dnf 4.14 and libzypp 17.25).
"""

from __future__ import annotations

from mirrorlist.core.selection.answer import Selection

CONTENT_TYPE = "text/plain; charset=utf-8"


def mirrorlist(selection: Selection) -> bytes:
    """The list of a selection; its heading and notes are comments."""
    lines = [comment(line) for line in selection.heading]
    lines += [each for url, choice in selection.in_order for each in (url, *(choice.more_urls if choice else ()))]
    lines += [comment(note) for note in selection.notes]
    return "".join(line + "\n" for line in lines).encode()


def comment(text: str) -> str:
    """One comment line: whatever the text holds, it stays one line and is not a URL."""
    return "# " + "".join(character if " " <= character <= "~" else "?" for character in text)
