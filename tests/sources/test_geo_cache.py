"""Compiled databases on disk."""

from __future__ import annotations

import random
from array import array
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mirrorlist.core.errors import GeoDatabaseError
from mirrorlist.core.model import NOWHERE, Place
from mirrorlist.core.sealed import opened, sealed
from mirrorlist.core.tables import EMPTY
from mirrorlist.sources.geo_cache import KIND, entry_name, load, remove_others, save
from mirrorlist.sources.geo_database import read_geo_database
from mirrorlist.sources.geo_tables import NOTHING, GeoTables
from tests.building import table
from tests.sources.databases import city, write_database

PLACES = (NOWHERE, Place("DE", 53.0, 13.0, True), Place("FR"), Place(None, -0.0, 180.0, True))
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
