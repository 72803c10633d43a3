"""The project's own trees (fallbacks, origin, vault) among the mirrors of an answer, and how far lists fall back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TypeVar

from mirrorlist.core.catalogue.catalogue import published
from mirrorlist.core.health.columns import CURRENT, HealthTable, literal_family
from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.model import FallbackLevel, Query
from mirrorlist.core.rules import is_open_to_strangers
from mirrorlist.core.selection.usability import Usability, usability
from mirrorlist.core.snapshot import Facts, Snapshot

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OwnTrees:
    """The project's own trees that answers to one question may hold, by URL.

    ``answering`` follows the mirrors that work for the client, before those that work over another address family
    only; ``resorts`` follow these, before mirrors that were good once. ``last`` are the trees that do not answer, or
    not over the client's family. With ``enough`` mirrors that work a list does without any.
    """

    answering: tuple[str, ...]
    resorts: tuple[str, ...]
    last: tuple[str, ...]
    enough: int

    @property
    def every(self) -> tuple[str, ...]:
        """All of them, in order."""
        return self.answering + self.resorts + self.last

    def among(self, mirrors: Sequence[T], working: int, good: int) -> list[T | str]:
        """Mirrors, of which this many at the front work for the client, and this many over any address family, and the
        trees in their places."""
        if working >= self.enough:
            return list(mirrors)
        over_another = mirrors[working:good]
        return [*mirrors[:working], *self.answering, *over_another, *self.resorts, *mirrors[good:], *self.last]


def own_trees(
    snapshot: Snapshot,
    query: Query,
    family: Family | None,
    level: FallbackLevel,
    is_empty: bool = False,
    over: Family | None = None,
) -> OwnTrees:
    """The trees for a query of clients of a family, where lists are on a fallback level.

    ``is_empty`` is whether the answer has no mirror: a file has to come from somewhere, even where a service wants no
    fallbacks. ``over``: the mirrors are those that answer over a family that is asked for; trees that do not come last.
    """
    service, module = snapshot.facts.service, query.target.module
    if query.target.vault:
        # The trees in the order of the protocols that are wanted; those of one protocol as service.yml lists them.
        order = {protocol.value: rank for rank, protocol in enumerate(query.protocols)}
        vaults = sorted(service.catalogue.vault_urls, key=lambda tree: order.get(_scheme(tree), len(order)))
        return OwnTrees((), (), tuple(tree for tree in vaults if _scheme(tree) in query.protocols), 1)
    if query.by_tree or (query.file is not None and is_empty):
        trees = last_resorts(snapshot, module, family)
    else:
        trees = _by_answer(snapshot.facts.health, service.fallbacks.get(module, ()), family)
    trees = tuple(tree for tree in trees if _scheme(tree) in query.protocols and query.filter.allows(tree))
    none_is_good = level is FallbackLevel.LAST_KNOWN  # below it only mirrors of the client's networks, which are good
    ready: tuple[str, ...] = ()
    if service.fallbacks.get(module):  # an origin that nobody named a fallback spares itself
        ready = tuple(tree for tree in trees if answering(snapshot.facts.health, tree, family) is Answering.WELL)
    resorts: tuple[str, ...] = ()
    if none_is_good:
        enough = Answering.WELL if over else Answering.OVER_ANOTHER
        heard = (tree for tree in trees if answering(snapshot.facts.health, tree, family) <= enough)
        resorts = tuple(tree for tree in heard if tree not in ready)
    last = tuple(tree for tree in trees if tree not in (*ready, *resorts))
    return OwnTrees(ready, resorts, last, max(snapshot.policy.fallback_minimum, 1))


class Answering(IntEnum):
    """How a tree of the project answers a client; well, as long as nothing is known."""

    WELL = 0
    OVER_ANOTHER = 1
    NOT = 2


def answering(health: HealthTable, tree: str, family: Family | None) -> Answering:
    """How a tree answers clients of a family."""
    if tree in health.dead_trees:
        return Answering.NOT
    is_deaf = family is not None and (
        tree in health.dead_trees_over.get(family, ()) or literal_family(tree) not in (None, family)
    )
    return Answering.OVER_ANOTHER if is_deaf else Answering.WELL


def last_resorts(snapshot: Snapshot, module: str, family: Family | None) -> tuple[str, ...]:
    """The project's own trees of a module for files that no mirror gives; those that answer the family come first."""
    return _by_answer(snapshot.facts.health, snapshot.facts.service.last_resorts(module), family)


def tells_families(snapshot: Snapshot) -> bool:
    """Whether one of the project's own trees answers clients of one family better than those of the other."""
    service = snapshot.facts.service
    trees = (tree for module in service.modules for tree in service.last_resorts(module))
    return bool(snapshot.facts.health.dead_trees_over) or any(map(literal_family, trees))


def _by_answer(health: HealthTable, trees: Sequence[str], family: Family | None) -> tuple[str, ...]:
    return tuple(sorted(trees, key=lambda tree: answering(health, tree, family)))


def _scheme(url: str) -> str:
    return url.partition(":")[0]


def rung_notes(snapshot: Snapshot, query: Query, usable: Usability) -> tuple[str, ...]:
    """The notes for people on the fallback level; nothing of the fallbacks where there are none."""
    if usable.rung is FallbackLevel.FALLBACKS:
        trees = own_trees(snapshot, query, None, usable.rung, is_empty=True)
        return usable.notes if trees.every else ()
    return usable.notes


def rungs(facts: Facts) -> dict[str, FallbackLevel]:
    """The fallback level of the text list of every repository that mirrors carry, by its name; one for each arch.

    Most are at the top, which one mirror shows that can be given and is fresh; only the others need all levels.
    """
    found: dict[str, FallbackLevel] = {}
    modules: dict[str, tuple[FallbackLevel, list[int]]] = {}
    for target, arch in published(facts.service.catalogue):
        query = Query(target, arch, facts.service.policy.protocol_order)
        if target.module not in modules:
            usable: Usability = usability(facts.mirrors, replace(facts.health, holds={}), query, None)
            able = [
                number
                for number, mirror in enumerate(facts.mirrors)
                if usable.urls[number] and is_open_to_strangers(mirror, target.module)
            ]
            modules[target.module] = usable.rung, able
        level, able = modules[target.module]
        column = facts.health.holds.get(query.key)
        if column and not (level is FallbackLevel.FRESH and any(column[number] in CURRENT for number in able)):
            level = usability(facts.mirrors, facts.health, query, None).rung
        found[query.key] = level
    return found


def moves(
    before: Mapping[str, FallbackLevel], after: Mapping[str, FallbackLevel]
) -> dict[tuple[FallbackLevel, FallbackLevel], list[str]]:
    """The repositories whose fallback level is another one now, by both; what is new stood at the top before."""
    found: dict[tuple[FallbackLevel, FallbackLevel], list[str]] = {}
    for path, level in after.items():
        was = before.get(path, FallbackLevel.FRESH)
        if was is not level:
            found.setdefault((was, level), []).append(path)
    return found


def each_once(listed: Iterable[int | str], address: Callable[[int], object]) -> list[int | str]:
    """A list without mirrors whose address another one has before them, as two files may give it for two places."""
    first: dict[object, int | str] = {}
    for each in listed:
        first.setdefault((each,) if isinstance(each, str) else address(each), each)
    return list(first.values())
