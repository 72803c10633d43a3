"""The addresses of mirrors in the database."""

from __future__ import annotations

from pathlib import Path

from mirrorlist.core.network.addresses import KnownAddress
from mirrorlist.store.addresses import KEPT_SECONDS, AddressStore
from mirrorlist.store.database import open_database
from mirrorlist.store.health import HealthStore
from tests.building import NOW

ONE, TWO = KnownAddress("20.0.0.1", 64_500), KnownAddress("2a00::1")


def test_addresses_replace_the_former_ones_and_grow_the_version_only_when_they_change(tmp_path: Path) -> None:
    engine = open_database(tmp_path)
    store, health = AddressStore(engine), HealthStore(engine)
    versions = [health.version(NOW)]
    for found in ({"a": [ONE, TWO], "b": [ONE]}, {"a": [TWO, ONE]}, {"a": [ONE]}, {}):
        store.record(found, NOW)
        versions.append(health.version(NOW))
    assert store.known() == {"a": (ONE,), "b": (ONE,)}
    assert [version[3] for version in versions] == [0, 1, 1, 2, 2]
    engine.dispose()


def test_what_no_probe_confirms_for_thirty_days_is_forgotten(tmp_path: Path) -> None:
    engine = open_database(tmp_path)
    store = AddressStore(engine)
    store.record({"a": [ONE]}, NOW)
    store.record({"b": [ONE]}, NOW + KEPT_SECONDS)
    assert set(store.known()) == {"a", "b"}
    store.record({"b": [ONE]}, NOW + KEPT_SECONDS + 1)
    assert set(store.known()) == {"b"}
    engine.dispose()
