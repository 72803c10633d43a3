"""The operator's databases: what is read again, what is kept, and what a bad file does."""

from __future__ import annotations

import os
import random
from array import array
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mirrorlist.core.container import opened, sealed
from mirrorlist.core.errors import GeoDatabaseError
from mirrorlist.core.model import NOWHERE, ClientPlace
from mirrorlist.core.network.intervals import EMPTY
from mirrorlist.core.network.prefixes import packed
from mirrorlist.sources.geo.databases import KIND, GeoFiles, compiled, entry_name, load, remove_others, save
from mirrorlist.sources.geo.mmdb import read_geo_database
from mirrorlist.sources.geo.tables import NOTHING, GeoTables
from tests.building import table
from tests.sources.databases import asn, city, write_database

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


def test_a_tree_that_leads_into_the_middle_of_a_record_is_refused() -> None:
    """Found by bench/faults/fuzz; maxminddb 3.2 ends the process over it."""
    with pytest.raises(GeoDatabaseError, match="its reader broke down"):
        compiled(Path(__file__).parents[2] / "data" / "breaks-reader.mmdb")


PLACES = (NOWHERE, ClientPlace("DE", 53.0, 13.0, True), ClientPlace("FR"), ClientPlace(None, -0.0, 180.0, True))
SOME = GeoTables(
    table([("192.0.2.0/24", 1), ("2001:db8::/32", 3), ("203.0.113.7/32", 2)]), table([("192.0.2.0/25", 64500)]), PLACES
)


@pytest.mark.parametrize("tables", [SOME, NOTHING])
def test_what_is_saved_is_loaded(tables: GeoTables, tmp_path: Path) -> None:
    save(tmp_path / "cache" / "geo1-x.tables", tables)
    assert load(tmp_path / "cache" / "geo1-x.tables") == tables
    assert [entry.name for entry in (tmp_path / "cache").iterdir()] == ["geo1-x.tables"]


def test_a_database_survives_the_cache(tmp_path: Path) -> None:
    rows = {"192.0.2.0/24": city("DE", 52.52, 13.4), "2001:db8::/33": city("FR", 48.86, 2.35, 1000)}
    tables = read_geo_database(write_database(tmp_path / "c.mmdb", "GeoLite2-City", rows))
    save(tmp_path / "e.tables", tables)
    assert load(tmp_path / "e.tables") == tables


def test_a_name_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").write_bytes(b"one")
    (tmp_path / "c").write_bytes(b"two")
    assert entry_name(tmp_path / "a") == entry_name(tmp_path / "b") != entry_name(tmp_path / "c")
    with pytest.raises(GeoDatabaseError, match="No such file"):
        entry_name(tmp_path / "d")


def test_a_damaged_entry_is_no_entry(tmp_path: Path) -> None:
    entry = tmp_path / "e.tables"
    save(entry, SOME)
    whole = entry.read_bytes()
    chance = random.Random(5)
    for length in [0, 1, *(chance.randrange(len(whole)) for _ in range(30))]:
        entry.write_bytes(whole[:length])
        assert load(entry) is None
    for _ in range(200):
        data = bytearray(whole)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        entry.write_bytes(data)
        assert load(entry) is None
    assert load(tmp_path / "none.tables") is None
    assert load(tmp_path) is None


def _parts(tables: GeoTables, directory: Path) -> dict[str, Any]:
    """The places, and the arrays by name, of an entry."""
    save(directory / "e.tables", tables)
    found = opened(KIND, memoryview((directory / "e.tables").read_bytes()))
    places = msgspec.msgpack.decode(found.facts)
    return {"places": places, **{name: array(values.format, values) for name, values in found.arrays.items()}}


def _loaded(parts: dict[str, Any], directory: Path) -> GeoTables | None:
    arrays = {name: values for name, values in parts.items() if name != "places"}
    entry = directory / "f.tables"
    entry.write_bytes(b"".join(sealed(KIND, msgspec.msgpack.encode(parts.get("places")), arrays).parts))
    return load(entry)


@pytest.mark.parametrize(
    "changes",
    [
        {"located/ids4": array("I", [9]), "located/starts4": array("I", [0])},
        {"located/starts4": array("I", [5, 9]), "located/ids4": array("I", [0, 1])},
        {"located/starts4": array("I", [0, 9, 9]), "located/ids4": array("I", [0, 1, 0])},
        {"located/starts4": array("I", [0, 9]), "located/ids4": array("I", [0])},
        {"asns/starts6": array("q", [0])},
        {"asns/starts6": array("I", [0])},
        {"asns/starts6": array("Q"), "asns/ids6": array("I")},
        {"places": ["DE"] * 4},
        {"places": [{"country": "DE"}] * 4},
        {"places": [{}]},
        {"places": []},
        {"places": [{}, *[{"latitude": "x"}] * 3]},
        {"places": b"\xff"},
    ],
)
def test_an_entry_whose_parts_do_not_fit_is_no_entry(changes: dict[str, object], tmp_path: Path) -> None:
    assert _loaded({**_parts(SOME, tmp_path), **changes}, tmp_path) is None


def test_an_entry_that_lacks_a_part_is_no_entry(tmp_path: Path) -> None:
    parts = _parts(SOME, tmp_path)
    assert _loaded(parts, tmp_path) == SOME
    for name in parts:
        assert _loaded({n: each for n, each in parts.items() if n != name}, tmp_path) is None


def test_a_place_where_nothing_can_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    save(tmp_path / "file" / "geo1-x.tables", SOME)
    remove_others(tmp_path / "file", set())
    remove_others(tmp_path / "none", set())
    assert (tmp_path / "file").read_text() == ""


def test_entries_that_are_not_used_are_removed(tmp_path: Path) -> None:
    for name in ("geo1-a.tables", "geo1-b.tables", "geo0-a.tables", "geo1-a.tmp.77", "mine.tables"):
        (tmp_path / name).write_text("")
    remove_others(tmp_path, {"geo1-b.tables"})
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["geo1-b.tables", "mine.tables"]


def test_an_empty_table_has_no_intervals_but_one() -> None:
    assert list(EMPTY.starts4) == list(EMPTY.starts6) == [0]
