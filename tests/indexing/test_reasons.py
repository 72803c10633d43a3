"""How far a mirror is that still copies the tree: listed from a real rsync daemon, and given to nobody."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from click.testing import CliRunner

from mirrorlist.cli.main import main
from mirrorlist.core.files.index import File
from mirrorlist.core.files.list_parser import ListedFile
from mirrorlist.core.files.mirror_listing import listing
from mirrorlist.core.model import MAIN, Protocol
from mirrorlist.indexing.reasons import held_by
from mirrorlist.store.index_files import current_indexes, index_path, read_index
from mirrorlist.store.listings import FileObservation, Listings, OriginFacts
from mirrorlist.store.snapshot_files import read_newest
from tests.building import NOW, mirror
from tests.indexing.daemons import needs_rsync, rsync_daemon

pytestmark = needs_rsync

SERVICE = """\
versions: ["8"]
arches: {"8": [x86_64]}
repos: [{name: base, path: base/$basearch/}]
origin: origin
profile: intranet
intranet_networks: [127.0.0.0/8]
"""


def test_a_syncing_mirror_is_listed_but_not_indexed(tmp_path: Path) -> None:
    (tmp_path / "service.yml").write_text(SERVICE)
    for tree, files in (("origin", 8), ("syncing", 3)):
        (tmp_path / tree).mkdir()
        for number in range(files):
            (tmp_path / tree / f"{number}.rpm").write_text("x")
    (tmp_path / "mirrors.d").mkdir()
    with rsync_daemon(tmp_path / "syncing", tmp_path / "rsyncd.conf") as port:
        for name, more in (("live", {}), ("syncing", {"status": "syncing", "status_since": "2026-01-01"})):
            address = {"http": f"http://127.0.0.1:9/{name}/", "rsync": f"rsync://127.0.0.1:{port}/linux/"}
            file = {"name": f"{name}.example.org", "address": address, **more}
            (tmp_path / "mirrors.d" / f"{name}.example.org.yml").write_text(yaml.safe_dump(file))
        words = ["--config", str(tmp_path / "service.yml")]
        for command in (["publish"], ["update", "files", "--once"]):
            done = CliRunner().invoke(main, [*words, *command])
            assert done.exit_code == 0, done.output
    assert "with 1 of 1 mirrors" in done.output
    state = tmp_path / "state"
    index = read_index(index_path(state, current_indexes(state)[MAIN]))
    assert [each.name for each in index.facts.mirrors] == ["live.example.org"]
    held = held_by(state, [MAIN], read_newest(state).mirrors)
    assert {name: (each.has, each.of, each.percent) for name, each in held.items()} == {
        "live.example.org": (3, 8, 37.5), "syncing.example.org": (3, 8, 37.5),
    }  # fmt: skip
    report = json.loads(CliRunner().invoke(main, [*words, "report", "--format", "json"]).stdout)
    assert [(each["mirror"], each["percent"]) for each in report["coming"]] == [("syncing.example.org", 37.5)]


def test_a_report_counts_as_the_index_does(tmp_path: Path) -> None:
    """While the origin's own times are wrong, sizes decide; a list of another tree is none."""
    kept = Listings(tmp_path, MAIN)
    files = [File(f"{number}.rpm", 10 + number, 2_000_000 + 777 * number) for number in range(8)]
    kept.write_origin(OriginFacts("/srv", NOW, len(files)), files)
    for name, rows in (
        (
            "whole",
            [
                ListedFile(file.path.encode(), file.size or 0, (file.mtime or 0) - 500 * (file.size or 0))
                for file in files
            ],
        ),
        ("other", [ListedFile(b"another/tree", 5, 5)]),
    ):
        kept.write(f"{name}.example.org", listing("rsync", NOW, rows))
    kept.write_asked("other.example.org", {file.path: FileObservation(NOW, file.size or 0) for file in files[:3]})
    mirrors = [mirror(name, urls={MAIN: {Protocol.HTTPS: "https://m/", Protocol.RSYNC: "rsync://m/l/"}})
               for name in ("whole", "other")]  # fmt: skip
    assert {name: (each.has, each.of) for name, each in held_by(tmp_path, [MAIN], mirrors).items()} == {
        "whole.example.org": (8, 8),
    }  # fmt: skip
