"""Only regular files are opened: nothing waits for a fifo, nothing reads a device to its end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mirrorlist.core.errors import GeoDatabaseError, SnapshotError
from mirrorlist.files_on_disk import open_regular, read_mapped
from mirrorlist.sources.geo.clouds import read_cloud_ranges
from mirrorlist.sources.geo.databases import entry_name


def test_a_regular_file_is_opened_also_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "b").symlink_to("a")
    with open_regular(tmp_path / "b") as file:
        assert file.read() == b"content"


@pytest.mark.parametrize("kind", ["fifo", "device", "directory"])
def test_nothing_else_is_opened_and_nobody_waits(tmp_path: Path, kind: str) -> None:
    path = {"fifo": tmp_path / "fifo", "device": Path("/dev/zero"), "directory": tmp_path}[kind]
    if kind == "fifo":
        os.mkfifo(path)
    with pytest.raises(OSError, match="not a regular file"):
        open_regular(path)
    with pytest.raises(GeoDatabaseError, match="not a regular file"):
        entry_name(path)
    with pytest.raises(GeoDatabaseError, match="not a regular file"):
        read_cloud_ranges({"aws": str(path)})
    with pytest.raises(SnapshotError, match="not a regular file"):
        read_mapped(path, bytes)
