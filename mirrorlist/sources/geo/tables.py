"""Tables of places and owners of addresses, and the merge of several sources.

For each field the first source that has a value counts. A place has two fields, its country and its
coordinates, and they have to agree: coordinates of a later source complete a country of an earlier one unless
they are in another country.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mirrorlist.core.model import NOWHERE, ClientPlace
from mirrorlist.core.network.intervals import EMPTY, combine, renumbered
from mirrorlist.core.network.prefixes import IntervalTable


@dataclass(frozen=True, slots=True)
class GeoTables:
    """Where addresses are (``located``: numbers of ``places``, 0 is nowhere) and whose (``asns``)."""

    located: IntervalTable
    asns: IntervalTable
    places: tuple[ClientPlace, ...]


NOTHING = GeoTables(EMPTY, EMPTY, (NOWHERE,))


def merged(found: Iterable[GeoTables], places: Sequence[ClientPlace], country_places: Mapping[str, int]) -> GeoTables:
    """One for all of these, the first of which counts most.

    ``places`` are nowhere and the countries, with their coordinates; the cells that the tables name are added
    to them. A country that is not among them is no place.
    """
    together = NOTHING
    for each in found:
        together = each if together is NOTHING else _both(together, each)
    numbers = {place: number for number, place in enumerate(places)}
    final = [
        numbers.setdefault(place, len(numbers)) if place.exact else country_places.get(place.country or "", 0)
        for place in together.places
    ]
    return GeoTables(renumbered(together.located, final), together.asns, tuple(numbers))


def _both(a: GeoTables, b: GeoTables) -> GeoTables:
    located, pairs = combine(a.located, b.located)
    numbers: dict[ClientPlace, int] = {NOWHERE: 0}
    new = [numbers.setdefault(completed(a.places[first], b.places[second]), len(numbers)) for first, second in pairs]
    asns, owners = combine(a.asns, b.asns)
    return GeoTables(
        renumbered(located, new), renumbered(asns, [first or second for first, second in owners]), tuple(numbers)
    )


def completed(first: ClientPlace, second: ClientPlace) -> ClientPlace:
    """The first place with what only the second one knows."""
    if first.country is None and not first.exact:
        return second
    if first.exact:
        return first if first.country else replace(first, country=second.country)
    if second.exact and second.country in (None, first.country):
        return second if second.country else replace(second, country=first.country)
    return first
