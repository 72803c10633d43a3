"""Compiled databases on disk."""

from __future__ import annotations

import io
import random
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mirrorlist.core.errors import GeoDatabaseError
from mirrorlist.core.model import NOWHERE, Place
from mirrorlist.core.tables import EMPTY
from mirrorlist.sources.geo_cache import entry_name, load, remove_others, save
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


def _arrays(entry: Path) -> dict[str, Any]:
    with np.load(io.BytesIO(entry.read_bytes()[32:])) as found:
        return {name: found[name] for name in found.files}


def _written(entry: Path, arrays: dict[str, Any]) -> Path:
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    entry.write_bytes(sha256(packed.getvalue()).digest() + packed.getvalue())
    return entry


@pytest.mark.parametrize(
    "changes",
    [
        {"located_ids4": np.array([9], dtype="u4"), "located_starts4": np.array([0], dtype="u4")},
        {"located_starts4": np.array([5, 9], dtype="u4"), "located_ids4": np.array([0, 1], dtype="u4")},
        {"located_starts4": np.array([0, 9, 9], dtype="u4"), "located_ids4": np.array([0, 1, 0], dtype="u4")},
        {"located_starts4": np.array([0, 9], dtype="u4"), "located_ids4": np.array([0], dtype="u4")},
        {"asns_starts6": np.array([0], dtype="i8")},
        {"asns_starts6": np.array([[0]], dtype="u8")},
        {"asns_starts6": np.array([], dtype="u8"), "asns_ids6": np.array([], dtype="u4")},
        {"country": np.array(["DE", "DE", "FR", ""]), "latitude": np.array([0.0] * 4)},
        {"country": np.array(["", "DE"])},
        {"exact": np.array(["x"] * 4, dtype=object)},  # a pickle
    ],
)
def test_an_entry_whose_parts_do_not_fit_is_no_entry(changes: dict[str, object], tmp_path: Path) -> None:
    save(tmp_path / "e.tables", SOME)
    assert load(_written(tmp_path / "f.tables", {**_arrays(tmp_path / "e.tables"), **changes})) is None


def test_an_entry_that_lacks_a_part_is_no_entry(tmp_path: Path) -> None:
    save(tmp_path / "e.tables", SOME)
    arrays = _arrays(tmp_path / "e.tables")
    assert load(_written(tmp_path / "f.tables", arrays)) == SOME
    for name in arrays:
        assert load(_written(tmp_path / "f.tables", {n: each for n, each in arrays.items() if n != name})) is None


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
