"""The operator's databases: what is read again, what is kept, and what a bad file does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mirrorlist.core.errors import GeoDatabaseError
from mirrorlist.core.prefixes import packed
from mirrorlist.sources.geo_database import read_geo_database
from mirrorlist.sources.geo_files import GeoFiles
from mirrorlist.sources.geo_process import compiled
from mirrorlist.sources.geo_tables import GeoTables
from tests.sources.databases import asn, write_database

BROKEN_KEY = (b"\x58autonomous_system_number", b"\xa1autonomous_system_number")


class Counting:
    """Compiles in this process, and counts."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def __call__(self, path: Path) -> GeoTables:
        self.paths.append(path.name)
        return read_geo_database(path)


def write(path: Path, number: int) -> Path:
    """A database that gives all of one network this ASN; put in place in one step."""
    write_database(path.with_suffix(".new"), "GeoLite2-ASN", {"192.0.2.0/24": asn(number)}).replace(path)
    return path


def asn_of(tables: GeoTables) -> int:
    return tables.asns.at(packed("192.0.2.1") or b"")


def test_a_file_that_did_not_change_is_compiled_once_even_after_a_restart(tmp_path: Path) -> None:
    paths = [str(write(tmp_path / "a.mmdb", 1)), str(write(tmp_path / "b.mmdb", 2))]
    first, again = Counting(), Counting()
    files = GeoFiles(tmp_path / "cache", first)
    found = files.read(paths)
    assert [asn_of(tables) for tables in found.tables] == [1, 2]
    os.utime(paths[0])
    assert files.read(paths) == found
    assert GeoFiles(tmp_path / "cache", again).read(paths) == found
    assert (first.paths, again.paths) == (["a.mmdb", "b.mmdb"], [])


def test_a_changed_file_is_read_alone_and_its_old_entry_removed(tmp_path: Path) -> None:
    paths = [str(write(tmp_path / "a.mmdb", 1)), str(write(tmp_path / "b.mmdb", 2))]
    counting = Counting()
    files = GeoFiles(tmp_path / "cache", counting)
    files.read(paths)
    write(tmp_path / "b.mmdb", 3)
    assert [asn_of(tables) for tables in files.read(paths).tables] == [1, 3]
    assert counting.paths == ["a.mmdb", "b.mmdb", "b.mmdb"]
    assert len(list((tmp_path / "cache").iterdir())) == 2
    files.read(paths[:1])
    assert len(list((tmp_path / "cache").iterdir())) == 1


@pytest.mark.parametrize("data", [b"", b"<html></html>", bytes(5000)])
def test_a_file_that_breaks_keeps_what_it_said_and_the_others_are_read(data: bytes, tmp_path: Path) -> None:
    paths = [str(write(tmp_path / "a.mmdb", 1)), str(write(tmp_path / "b.mmdb", 2))]
    files = GeoFiles(tmp_path / "cache", Counting())
    files.read(paths)
    (tmp_path / "a.mmdb").write_bytes(data)
    write(tmp_path / "b.mmdb", 3)
    found = files.read(paths)
    assert [asn_of(tables) for tables in found.tables] == [1, 3]
    assert len(found.refusals) == 1
    assert found.refusals[0].startswith(f"{paths[0]}: ")
    assert files.read(paths).refusals == found.refusals
    write(tmp_path / "a.mmdb", 4)
    assert ([asn_of(tables) for tables in files.read(paths).tables], files.read(paths).refusals) == ([4, 3], ())


def test_a_file_that_was_never_good_is_passed_over(tmp_path: Path) -> None:
    good = str(write(tmp_path / "b.mmdb", 2))
    found = GeoFiles(tmp_path / "cache", Counting()).read([str(tmp_path / "none.mmdb"), good])
    assert [asn_of(tables) for tables in found.tables] == [2]
    assert found.refusals == (f"{tmp_path}/none.mmdb: No such file or directory",)


def test_a_removed_cache_is_made_anew(tmp_path: Path) -> None:
    path = str(write(tmp_path / "a.mmdb", 1))
    for damage in (lambda entry: entry.unlink(), lambda entry: entry.write_bytes(b"PK")):
        counting = Counting()
        GeoFiles(tmp_path / "cache", Counting()).read([path])
        [entry] = (tmp_path / "cache").iterdir()
        damage(entry)
        assert [asn_of(tables) for tables in GeoFiles(tmp_path / "cache", counting).read([path]).tables] == [1]
        assert counting.paths == ["a.mmdb"]


def test_a_process_of_its_own_reads_the_same(tmp_path: Path) -> None:
    path = write(tmp_path / "a b.mmdb", 64500)
    assert compiled(path) == read_geo_database(path)


def test_a_process_of_its_own_refuses_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.mmdb").write_text("no database")
    for path in (tmp_path / "a.mmdb", tmp_path / "none.mmdb"):
        with pytest.raises(GeoDatabaseError) as inside:
            read_geo_database(path)
        with pytest.raises(GeoDatabaseError) as outside:
            compiled(path)
        assert str(outside.value) == str(inside.value)


def test_a_file_that_breaks_its_reader_is_refused(tmp_path: Path) -> None:
    """The key of a mapping is a number here; maxminddb 3.2 ends the process over it."""
    path = write(tmp_path / "a.mmdb", 64500)
    path.write_bytes(path.read_bytes().replace(*BROKEN_KEY))
    with pytest.raises(GeoDatabaseError, match="not a usable database"):
        compiled(path)
