"""The databases that an operator named: read again when they change, and kept when they break."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from mirrorlist.core.errors import GeoDatabaseError
from mirrorlist.sources.geo_cache import entry_name, load, remove_others, save
from mirrorlist.sources.geo_process import compiled
from mirrorlist.sources.geo_tables import GeoTables


@dataclass(frozen=True, slots=True)
class GeoRead:
    """The tables of each file that could ever be read, in their order, and why the others were refused."""

    tables: tuple[GeoTables, ...]
    refusals: tuple[str, ...]


class GeoFiles:
    """Remembers the last good tables of each file; keeps compiled ones in ``cache``, a directory."""

    def __init__(self, cache: Path, compile: Callable[[Path], GeoTables] = compiled) -> None:
        self._cache = cache
        self._compile = compile
        self._good: dict[str, tuple[str, GeoTables]] = {}

    def read(self, paths: Iterable[str]) -> GeoRead:
        """The tables of these files as they are now; of one that broke, what it was before."""
        found: dict[str, tuple[str, GeoTables]] = {}
        refusals: list[str] = []
        for path in paths:
            try:
                found[path] = self._read(path)
            except GeoDatabaseError as error:
                refusals.append(str(error))
                if path in self._good:
                    found[path] = self._good[path]
        self._good = found
        remove_others(self._cache, {name for name, _ in found.values()})
        return GeoRead(tuple(tables for _, tables in found.values()), tuple(refusals))

    def _read(self, path: str) -> tuple[str, GeoTables]:
        name = entry_name(Path(path))
        former = self._good.get(path)
        if former and former[0] == name:
            return former
        tables = load(self._cache / name)
        if tables is None:
            tables = self._compile(Path(path))
            save(self._cache / name, tables)
        return name, tables
