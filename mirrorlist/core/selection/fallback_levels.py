"""The fallback level of each repository's list, for those who watch the service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mirrorlist.core.catalogue.catalogue import published
from mirrorlist.core.health.columns import CURRENT
from mirrorlist.core.model import FallbackLevel, Query
from mirrorlist.core.rules import is_open_to_strangers
from mirrorlist.core.selection.usability import Usability, usability
from mirrorlist.core.snapshot import Facts


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
