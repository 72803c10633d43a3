"""``publish --watch --files-every``: indexes are made beside the publisher, and runs end with it."""

from __future__ import annotations

from pathlib import Path

from mirrorlist.store.index_files import current_indexes
from mirrorlist.store.snapshot_files import read_newest
from tests.indexing.test_network import SERVICE, write
from tests.serving import mirror_file, put, until
from tests.test_leads import PATIENCE, started


def indexed(state: Path) -> str | None:
    """The digest of the index that the newest snapshot names."""
    return read_newest(state).facts.file_indexes.get("main") if (state / "snapshot.bin").exists() else None


def test_the_publisher_keeps_the_index_new(tmp_path: Path) -> None:
    write(tmp_path / "origin", "isos/a.iso", b"a", 3600)
    config = tmp_path / "service.yml"
    config.write_text(SERVICE)
    (tmp_path / "mirrors.d").mkdir()
    put(tmp_path / "mirrors.d" / "a.example.org.yml", mirror_file("a.example.org"))
    state = tmp_path / "state"
    with started("publisher", config, "", "publish", "--watch", "--files-every", "0.2") as publisher:
        until(PATIENCE, lambda: indexed(state) is not None)
        first = indexed(state)
        write(tmp_path / "origin", "isos/b.iso", b"b", 60)
        until(PATIENCE, lambda: indexed(state) not in (None, first))
        assert '"event": "files"' in publisher.log()
    assert publisher.process.returncode == 0
    assert current_indexes(state)
