"""One line as ``sha256sum`` and ``sha512sum`` write it, and as they check it."""

from __future__ import annotations

CONTENT_TYPE = "text/plain; charset=utf-8"


def checksum(hexadecimal: str, name: str) -> bytes:
    """The line for a file. A name with characters that break lines is escaped, as coreutils do."""
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    mark = "\\" if escaped != name else ""
    return f"{mark}{hexadecimal}  {escaped}\n".encode(errors="surrogateescape")
