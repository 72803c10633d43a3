"""Columns of the mirrors that clients of a family can use for a query: one entry per mirror, made once for all."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mirrorlist.core.health.columns import held_key, paths_of
from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.model import FallbackLevel, Query
from mirrorlist.core.selection.fallbacks import OwnTrees, own_trees, rung_notes, tells_families
from mirrorlist.core.selection.known_files import narrowed
from mirrorlist.core.selection.usability import Exclusions, UsableWays, usability_by
from mirrorlist.core.snapshot import Snapshot

Column = Sequence[bytes | None]
"""The base URL of each mirror, or None where it is not usable; one None more at the end."""
NOT_KEPT = -1
"""The number of a column that is not kept."""
MOST_NARROWED = 512
"""This many columns are kept that clients' filters narrow, and as many that holders of files narrow alone: there may be
as many as sets of mirrors that have a file. About 4 KB each with 530 mirrors."""


@dataclass(frozen=True, slots=True)
class PreparedColumn:
    """A column with a number of its own, its fallback level, and the notes for people on it.

    ``urls`` has those that come first, ``working`` also the unchecked ones (see ``Usability``), ``good`` the others
    too that work over another family, and ``every`` those that were good once. Where a column would have nobody it is
    the next wider one. ``none_works``: there are only others; ``none_is_good``: there are only those once good.
    ``own`` are the project's own trees for the same question. ``is_filtered``: a client's filter leaves out mirrors.
    """

    number: int
    is_filtered: bool
    urls: Column
    working: Column
    good: Column
    every: Column
    rung: FallbackLevel
    notes: tuple[str, ...]
    own: OwnTrees
    none_works: bool = False
    none_is_good: bool = False

    @property
    def wider(self) -> tuple[Column, ...]:
        """The columns after ``urls`` that have more mirrors, one after the other."""
        columns = (self.urls, self.working, self.good, self.every)
        return tuple(wide for narrow, wide in pairwise(columns) if wide is not narrow)

    def among(self, numbers: Sequence[int]) -> list[int | str]:
        """The mirrors of a list, and the project's own trees in their places."""
        working = 0 if self.none_works else sum(self.working[number] is not None for number in numbers)
        good = 0 if self.none_is_good else sum(self.good[number] is not None for number in numbers)
        return self.own.among(numbers, working, good)


class Columns:
    """The columns of one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._kept: dict[object, PreparedColumn] = {}
        self._narrowed = {False: 0, True: 0}
        self._trees: dict[str, bytes] = {}
        self._ways = UsableWays(snapshot.mirrors, snapshot.facts.health)
        service = snapshot.facts.service
        self._own = [tree for module in service.modules for tree in service.last_resorts(module)]
        self._tells_families = self._ways.tells_families or tells_families(snapshot)

    def of(self, query: Query, family: Family | None, narrowing: Exclusions) -> PreparedColumn:
        """The column of a query for clients of a family; queries that cannot differ share one."""
        narrowing = narrowed(self._snapshot, query, narrowing)
        family = narrowing.family or family
        is_filtered = bool(narrowing.unwanted)
        is_narrowed = bool(narrowing.without or narrowing.holds or is_filtered)
        # what of the query's paths decides: those of which something is known, and how much is accepted
        health = self._snapshot.facts.health
        over = health.holds_over if family else {}
        paths = tuple(
            path for path in paths_of(query) if path in health.holds or (family and held_key(family, path) in over)
        )
        key = (
            query.target.module, query.target.vault, query.protocols, query.by_tree, query.file is None,
            (family, narrowing.family is None) if self._tells_families else None,
            (paths, query.checksummed) if paths else None,
            (tuple(narrowing.without.items()), narrowing.holds, tuple(narrowing.unwanted)) if is_narrowed else None,
            tuple(tree for tree in self._own if not query.filter.allows(tree)) if query.filter else (),
        )  # fmt: skip
        column = self._kept.get(key)
        if column is None:
            keep = not is_narrowed or self._narrowed[is_filtered] < MOST_NARROWED
            column = self._new(len(self._kept) if keep else NOT_KEPT, query, family, narrowing)
            if keep:
                self._kept[key] = column
                self._narrowed[is_filtered] += is_narrowed
        return column

    def _new(self, number: int, query: Query, family: Family | None, narrowing: Exclusions) -> PreparedColumn:
        snapshot = self._snapshot
        usable = usability_by(self._ways, query, family, narrowing)
        every = [*(self._encoded(trees[0]) if trees else None for trees in usable.urls), None]
        numbers = {number for number, url in enumerate(every) if url}
        good = _without(every, usable.once_good)
        working = _without(good, usable.others)
        return PreparedColumn(
            number=number,
            is_filtered=bool(narrowing.unwanted),
            urls=_without(working, usable.unchecked),
            working=working,
            good=good,
            every=every,
            rung=usable.rung,
            notes=rung_notes(snapshot, query, usable),
            own=own_trees(snapshot, query, family, usable.rung, over=usable.over),
            none_works=numbers <= usable.others,
            none_is_good=numbers <= usable.once_good,
        )

    def _encoded(self, tree: str) -> bytes:
        """The same bytes for all columns: with a dozen of them they would not fit the processor's cache."""
        encoded = self._trees.get(tree)
        if encoded is None:
            encoded = self._trees[tree] = tree.encode()
        return encoded


def _without(column: Column, numbers: Container[int]) -> Column:
    """The column without some mirrors; the column itself where that is no other, or nobody would be left."""
    found = [None if at in numbers else url for at, url in enumerate(column)]
    return found if found != column and any(found) else column
