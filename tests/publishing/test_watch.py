"""``publish --watch --files-every``: indexes are made beside the publisher, and runs end with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mirrorlist.publishing.mirror_reader import MirrorReader, ReadMirrors
from mirrorlist.sources.service.file import read_service
from mirrorlist.sources.submissions.terms import terms_of
from mirrorlist.store.index_files import current_indexes
from mirrorlist.store.snapshot_files import read_newest
from tests.building import NOW
from tests.indexing.test_network import SERVICE, write
from tests.serving import mirror_file, put, until
from tests.test_leads import PATIENCE, started


def indexed(state: Path) -> str | None:
    """The digest of the index that the newest snapshot names."""
    return read_newest(state).facts.file_indexes.get("main") if (state / "snapshot.bin").exists() else None


@pytest.mark.slow
def test_the_publisher_keeps_the_index_new(tmp_path: Path) -> None:
    write(tmp_path / "origin", "isos/a.iso", b"a", 3600)
    config = tmp_path / "service.yml"
    config.write_text(SERVICE)
    (tmp_path / "mirrors.d").mkdir()
    put(tmp_path / "mirrors.d" / "a.example.org.yml", mirror_file("a.example.org"))
    state = tmp_path / "state"
    with started("publisher", config, "", "publish", "--watch", "--files-every", "1") as publisher:
        until(PATIENCE, lambda: indexed(state) is not None)
        first = indexed(state)
        write(tmp_path / "origin", "isos/b.iso", b"b", 60)
        until(PATIENCE, lambda: indexed(state) not in (None, first))
        assert '"event": "files"' in publisher.log()
    assert publisher.process.returncode == 0
    assert current_indexes(state)


@pytest.mark.slow
def test_a_publisher_whose_parent_is_gone_before_it_looks_ends(tmp_path: Path) -> None:
    config = tmp_path / "service.yml"
    config.write_text(SERVICE)
    (tmp_path / "mirrors.d").mkdir()
    put(tmp_path / "mirrors.d" / "a.example.org.yml", mirror_file("a.example.org"))
    gone = subprocess.Popen(["true"])
    gone.wait()
    command = [
        sys.executable,
        "-m",
        "mirrorlist",
        "--config",
        str(config),
        "publish",
        "--watch",
        "--parent",
        str(gone.pid),
    ]
    assert subprocess.run(command, timeout=PATIENCE).returncode == 0


def test_a_file_that_nobody_reads_is_logged_once(tmp_path: Path) -> None:
    config = tmp_path / "service.yml"
    config.write_text(SERVICE)
    (tmp_path / "mirrors.d").mkdir()
    put(tmp_path / "mirrors.d" / "a.example.org.yml", mirror_file("a.example.org"))
    put(tmp_path / "mirrors.d" / "b.example.org", mirror_file("b.example.org"))
    (tmp_path / "mirrors.d" / "c.example.org.yml").symlink_to("b.example.org")
    reader, terms = MirrorReader(tmp_path / "state"), terms_of(read_service(config)[0])
    with capture_logs() as logs:
        for now in (NOW, NOW + 1):
            reader.read(tmp_path / "mirrors.d", terms, now)
    told = [each["finding"] for each in logs if each["event"] == "file not read"]
    assert len(told) == 2
    assert ("b.example.org:1:1" in told[0], "c.example.org.yml:1:1" in told[1]) == (True, True), "a link too"


def test_what_is_withheld_is_logged_when_it_is_new_and_not_at_each_start(tmp_path: Path) -> None:
    config = tmp_path / "service.yml"
    config.write_text(SERVICE)
    (tmp_path / "mirrors.d").mkdir()
    bad = "name: a.example.org\naddress: {https: https://a.example.org/x/, http: http://169.254.169.254/}\n"
    put(tmp_path / "mirrors.d" / "a.example.org.yml", bad)
    shared = "name: mirror.example.1\naddress: {http: http://a.example.org:80/%78/}\n"
    put(tmp_path / "mirrors.d" / "mirror.example.1.yml", shared)
    terms = terms_of(read_service(config)[0])

    def logged(reader: MirrorReader) -> tuple[list[str], ReadMirrors]:
        with capture_logs() as logs:
            for now in (NOW, NOW + 1):
                found = reader.read(tmp_path / "mirrors.d", terms, now)
        return [each["event"] for each in logs], found

    events, found = logged(MirrorReader(tmp_path / "state"))
    assert events == ["withheld", "address in two files", "name of no host"]
    assert logged(MirrorReader(tmp_path / "state", found.findings))[0] == []
    put(tmp_path / "mirrors.d" / "c.example.org.yml", bad.replace("a.example.org", "c.example.org"))
    assert logged(MirrorReader(tmp_path / "state", found.findings))[0] == ["withheld"]
