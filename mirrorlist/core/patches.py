"""Changes of files as git applies them: a file that is removed, and one whose lines change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import diff_bytes, unified_diff

_PLAIN = re.compile(r"(?!/)[A-Za-z0-9._/+-]+", re.ASCII)
_CONTEXT = 3


def can_be_named(path: str) -> bool:
    """Whether a path can stand in a patch as it is."""
    return _PLAIN.fullmatch(path) is not None and ".." not in path.split("/")


def patch(path: str, old: bytes, new: bytes | None) -> bytes:
    """What leads from one text to another, or with None to no file. ``path`` is from the top, with slashes."""
    head = f"diff --git a/{path} b/{path}\n" + ("deleted file mode 100644\n" if new is None else "")
    after = b"/dev/null" if new is None else f"b/{path}".encode()
    rows = diff_bytes(unified_diff, _lines(old), _lines(new or b""), f"a/{path}".encode(), after, n=_CONTEXT)
    return head.encode() + b"".join(map(_ended, rows))


def _lines(data: bytes) -> list[bytes]:
    """Lines as git counts them: only a line feed ends one."""
    return list(_split(data))


def _split(data: bytes) -> Iterator[bytes]:
    parts = data.split(b"\n")
    yield from (part + b"\n" for part in parts[:-1])
    if parts[-1]:
        yield parts[-1]


def _ended(row: bytes) -> bytes:
    return row if row.endswith(b"\n") else row + b"\n\\ No newline at end of file\n"
