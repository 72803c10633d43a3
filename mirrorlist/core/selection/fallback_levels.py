"""The fallback level of each repository's list, for those who watch the service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mirrorlist.core.catalogue.catalogue import published
from mirrorlist.core.health.columns import CURRENT
from mirrorlist.core.model import FallbackLevel, Query
from mirrorlist.core.rules import is_open_to_strangers
from mirrorlist.core.selection.usability import Usability, usability
from mirrorlist.core.snapshot import Facts, Snapshot


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


# The project's own trees, which end a list, and the notes for people on the level.


def rung_notes(snapshot: Snapshot, query: Query, usable: Usability) -> tuple[str, ...]:
    """The notes for people on the fallback level; nothing of the fallbacks where there are none."""
    if usable.rung is FallbackLevel.FALLBACKS and not last_urls(snapshot, query, 0):
        return ()
    return usable.notes


def last_urls(snapshot: Snapshot, query: Query, count: int) -> tuple[str, ...]:
    """The project's own trees that end a list: the vault's, or the fallbacks when mirrors are few."""
    service, module = snapshot.facts.service, query.target.module
    enough = count >= snapshot.policy.fallback_minimum
    if query.target.vault:
        # The trees in the order of the protocols that are wanted; those of one protocol as service.yml lists them.
        order = {protocol.value: rank for rank, protocol in enumerate(query.protocols)}
        trees = tuple(sorted(service.catalogue.vault_urls, key=lambda tree: order.get(_scheme(tree), len(order))))
    elif query.by_tree or (query.file is not None and not count):
        # a file has to come from somewhere, even where a service wants no fallbacks
        trees = () if enough and count else last_resorts(snapshot, module)
    else:
        trees = () if enough else service.fallbacks.get(module, ())
    return tuple(tree + query.path for tree in trees if _scheme(tree) in query.protocols)


def last_resorts(snapshot: Snapshot, module: str) -> tuple[str, ...]:
    """The project's own trees of a module for files that no mirror gives; those that answer come first."""
    dead = snapshot.facts.health.dead_trees
    return tuple(sorted(snapshot.facts.service.last_resorts(module), key=dead.__contains__))


def _scheme(url: str) -> str:
    return url.partition(":")[0]
