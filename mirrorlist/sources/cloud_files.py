"""The address ranges of all cloud providers: from the files that an operator named, else as they are installed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from mirrorlist.core.errors import GeoDatabaseError
from mirrorlist.core.model import Prefix
from mirrorlist.sources.cloud_ranges import PARSERS, Region, read_cloud_ranges
from mirrorlist.sources.embedded_clouds import embedded_cloud_ranges

Ranges = Sequence[tuple[Prefix, Region]]


@dataclass(frozen=True, slots=True)
class Clouds:
    """The ranges; ``hints`` are the providers whose ranges the operator did not name, and ``refusals`` say why."""

    ranges: Ranges
    hints: frozenset[str]
    refusals: tuple[str, ...] = ()


class CloudFiles:
    """Remembers the last good ranges of each file, and the installed ones."""

    def __init__(self, embedded: Callable[[Collection[str]], Ranges] = embedded_cloud_ranges) -> None:
        self._embedded = embedded
        self._good: dict[tuple[str, str], Ranges] = {}
        self._installed: tuple[frozenset[str], Ranges] | None = None

    def read(self, files: Mapping[str, str]) -> Clouds:
        """The ranges as they are now; of a file that broke, what it said before, else what is installed."""
        refusals: list[str] = []
        found: dict[tuple[str, str], Ranges] = {}
        for named in files.items():
            try:
                found[named] = read_cloud_ranges(dict([named]))
            except GeoDatabaseError as error:
                refusals.append(str(error))
                if named in self._good:
                    found[named] = self._good[named]
        self._good = found
        hints = frozenset(PARSERS.keys() - {provider for provider, _ in found})
        ranges = [row for rows in found.values() for row in rows]
        try:
            ranges += self._of_installed(hints)
        except GeoDatabaseError as error:
            refusals.append(str(error))
        return Clouds(ranges, hints, tuple(refusals))

    def _of_installed(self, providers: frozenset[str]) -> Ranges:
        if self._installed is None or self._installed[0] != providers:
            self._installed = (providers, self._embedded(providers) if providers else ())
        return self._installed[1]
