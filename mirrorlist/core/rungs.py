"""On which rung of the ladder the list of each repository stands, for those who watch the service."""

from __future__ import annotations

from collections.abc import Mapping

from mirrorlist.core.catalogue import published
from mirrorlist.core.model import Query
from mirrorlist.core.snapshot import Facts
from mirrorlist.core.usability import Rung, usability


def rungs(facts: Facts) -> dict[str, Rung]:
    """The rung of the text list of every repository that mirrors carry, by its path; one path for each arch."""
    found: dict[str, Rung] = {}
    elsewhere: dict[str, Rung] = {}
    for target, arch in published(facts.service.catalogue):
        query = Query(target, arch, facts.service.policy.protocol_order)
        if query.path in facts.health.holds:
            found[query.path] = _rung(facts, query)
            continue
        # Of what nobody looked at only the module's addresses count, which are the same for all its repositories.
        if target.module not in elsewhere:
            elsewhere[target.module] = _rung(facts, query)
        found[query.path] = elsewhere[target.module]
    return found


def _rung(facts: Facts, query: Query) -> Rung:
    return usability(facts.mirrors, facts.health, query, None).rung


def moves(before: Mapping[str, Rung], after: Mapping[str, Rung]) -> dict[tuple[Rung, Rung], list[str]]:
    """The repositories whose rung is another one now, by both; what is new stood at the top before."""
    found: dict[tuple[Rung, Rung], list[str]] = {}
    for path, rung in after.items():
        was = before.get(path, Rung.FRESH)
        if was is not rung:
            found.setdefault((was, rung), []).append(path)
    return found
