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


def test_a_file_that_is_too_large_or_has_no_length_is_not_read(tmp_path: Path) -> None:
    sparse, endless = tmp_path / "sparse", Path("/proc/kmsg")
    sparse.touch()
    os.truncate(sparse, 1 << 40)
    with pytest.raises(GeoDatabaseError, match="larger than 2147483648 bytes; is it the right file"):
        entry_name(sparse)
    with pytest.raises(GeoDatabaseError, match="larger than 67108864 bytes"):
        read_cloud_ranges({"aws": str(sparse)})
    with pytest.raises(GeoDatabaseError, match=r"empty|denied|permitted"):
        entry_name(endless)
    with pytest.raises(OSError, match="larger than 10 bytes"):
        open_regular(sparse, 10)
