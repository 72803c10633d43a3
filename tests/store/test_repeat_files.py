"""What workers tell the prober of repeated requests: sums by mirror, of the last minutes, in one file per worker."""

from __future__ import annotations

import os
from pathlib import Path

from mirrorlist.store.count_files import KEPT_SECONDS, RepeatFiles

NOW = 1_795_000_000.0


def test_sums_of_all_workers_since_a_moment(tmp_path: Path) -> None:
    worker = RepeatFiles(tmp_path)
    worker.add({"a.example.org": 2}, NOW)
    worker.add({"a.example.org": 1, "b.example.org": 4}, NOW + 10)
    (tmp_path / "repeats" / "1.json").write_text(f'[[{NOW + 10},{{"b.example.org":1}}]]')
    reader = RepeatFiles(tmp_path)
    assert reader.since(0) == {"a.example.org": 3, "b.example.org": 5}
    assert reader.since(NOW) == {"a.example.org": 1, "b.example.org": 5}
    assert reader.since(NOW + 10) == {}
    assert reader.since(NOW).most_common(1) == [("b.example.org", 5)]


def test_nothing_told_is_nothing(tmp_path: Path) -> None:
    assert RepeatFiles(tmp_path).since(0) == {}


def test_a_file_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    RepeatFiles(tmp_path).add({"a.example.org": 1}, NOW)
    for name, text in (("1", b"[["), ("2", b'{"x": 1}'), ("3", b"\xff"), ("4", b'[[0,{"a":"b"}]]')):
        (tmp_path / "repeats" / f"{name}.json").write_bytes(text)
    (tmp_path / "repeats" / "5.json").mkdir()
    assert RepeatFiles(tmp_path).since(0) == {"a.example.org": 1}


def test_old_rows_and_files_of_workers_that_ended_go(tmp_path: Path) -> None:
    worker = RepeatFiles(tmp_path)
    gone = tmp_path / "repeats" / "1.json"
    worker.add({"a.example.org": 1}, NOW)
    gone.write_text("[]")
    os.utime(gone, (NOW, NOW))
    worker.add({"b.example.org": 1}, NOW + KEPT_SECONDS)
    assert gone.exists()
    worker.add({"c.example.org": 1}, NOW + KEPT_SECONDS + 1)
    assert RepeatFiles(tmp_path).since(0) == {"b.example.org": 1, "c.example.org": 1}
    assert not gone.exists()


def test_a_file_holds_names_and_numbers_alone(tmp_path: Path) -> None:
    RepeatFiles(tmp_path).add({"a.example.org": 2}, NOW)
    [file] = (tmp_path / "repeats").iterdir()
    assert file.name == f"{os.getpid()}.json"
    assert file.read_text() == f'[[{NOW},{{"a.example.org":2}}]]'
