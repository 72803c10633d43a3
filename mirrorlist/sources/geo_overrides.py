"""What the operator knows better than every database, as tables that are asked before all others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

from mirrorlist.core.geo import place_of
from mirrorlist.core.model import NOWHERE, Place
from mirrorlist.core.prefixes import flatten
from mirrorlist.core.service import Override
from mirrorlist.core.tables import renumbered
from mirrorlist.sources.geo_tables import GeoTables, completed


def override_tables(overrides: Sequence[Override]) -> GeoTables:
    """The tables of these overrides; where networks nest, the narrower one wins, field by field."""
    table, meanings = flatten((override.prefix, number) for number, override in enumerate(overrides))
    covering = [[overrides[int(str(label))] for label in reversed(labels)] for labels in meanings]
    numbers: dict[Place, int] = {NOWHERE: 0}
    located = [numbers.setdefault(_place(narrowest_first), len(numbers)) for narrowest_first in covering]
    asns = [next((each.asn for each in narrowest_first if each.asn), 0) for narrowest_first in covering]
    return GeoTables(renumbered(table, located), renumbered(table, asns), tuple(numbers))


def _place(narrowest_first: Iterable[Override]) -> Place:
    return reduce(completed, (place_of(override.location) for override in narrowest_first), NOWHERE)
