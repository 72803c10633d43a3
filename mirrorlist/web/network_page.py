"""The page of all mirrors: which are shown, in which order, and what can be chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mirrorlist.core.errors import BadRequest
from mirrorlist.core.model import MAIN, Protocol
from mirrorlist.core.public import PublicMirror, State
from mirrorlist.core.public_record import protocols_of
from mirrorlist.web.drawings import map_in_words
from mirrorlist.web.published import Published
from mirrorlist.web.words import country_name

_ORDER = {state: number for number, state in enumerate(State)}
SORTS: dict[str, Callable[[PublicMirror], Any]] = {
    "name": lambda mirror: mirror.name,
    "state": lambda mirror: (_ORDER[mirror.state], mirror.name),
    "sponsor": lambda mirror: (mirror.sponsor.casefold(), mirror.name),
    "place": lambda mirror: (country_name(mirror.country) or "\uffff", mirror.city or "", mirror.name),
    "speed": lambda mirror: (-(mirror.bandwidth_mbps or 0), mirror.name),
    "fresh": lambda mirror: (-_freshness(mirror), mirror.name),
    "since": lambda mirror: (-(mirror.since or 0.0), mirror.name),
}
"""The orders in which mirrors can be shown."""
FILTERS = ("country", "protocol", "module", "state")


def _freshness(mirror: PublicMirror) -> float:
    return mirror.fresh / mirror.repositories if mirror.repositories else -1.0


@dataclass(frozen=True, slots=True)
class Filters:
    """What is asked for; empty texts ask for nothing."""

    country: str = ""
    protocol: str = ""
    module: str = ""
    state: str = ""

    def fits(self, mirror: PublicMirror) -> bool:
        """Whether a mirror is asked for. A protocol counts in the module that is asked for."""
        trees = [mirror.urls[self.module]] if self.module in mirror.urls else [*mirror.urls.values()]
        return (
            (not self.country or mirror.country == self.country)
            and (not self.module or self.module in mirror.urls)
            and (not self.state or mirror.state == self.state)
            and (not self.protocol or any(self.protocol in tree for tree in trees))
        )


def filters(published: Published, given: Mapping[str, str]) -> Filters:
    """The filters of a query string.

    Raises:
        BadRequest: a value is none that there is.
    """
    known = {
        "protocol": [protocol.value for protocol in Protocol],
        "module": [*published.modules],
        "state": [state.value for state in State],
    }
    for name, values in known.items():
        if given.get(name, "") not in ("", *values):
            raise BadRequest(f"{name} is unknown; write one of {', '.join(values)}")
    country = given.get("country", "").upper()
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise BadRequest("country is malformed; write a two-letter code such as DE")
    return Filters(country, *(given.get(name, "") for name in FILTERS[1:]))


@dataclass(frozen=True, slots=True)
class NetworkPage:
    """The page for one set of filters and one order. The plain one of a module is kept, the others are not."""

    published: Published
    filters: Filters
    sort: str

    @property
    def module(self) -> str:
        """The module that is asked for, or an empty text."""
        return self.filters.module

    @property
    def is_plain(self) -> bool:
        """Whether nothing but a module is asked for."""
        return self.sort == "place" and self.filters == Filters(module=self.module)

    def values(self) -> dict[str, Any]:
        """What the template shows."""
        every = self.published.network.mirrors
        shown = sorted(filter(self.filters.fits, every), key=SORTS[self.sort])
        countries = {mirror.country for mirror in every if mirror.country}
        return {
            "mirrors": shown,
            "total": len(every),
            "countries": sorted(countries, key=country_name),
            "protocols": protocols_of(every),
            "states": self.published.states,
            "main": MAIN,
            "chosen": self.filters,
            "sort": self.sort,
            "map_text": map_in_words(every, self.published.states.items()),
            "zones": any(mirror.time_zone for mirror in shown),
            "speed_total": sum(mirror.bandwidth_mbps or 0 for mirror in every),
        }


def network_page(published: Published, given: Mapping[str, str]) -> NetworkPage:
    """The page of a query string; raises BadRequest for values that there are not."""
    sort = given.get("sort") or "place"
    if sort not in SORTS:
        raise BadRequest(f"sort is unknown; write one of {', '.join(SORTS)}")
    return NetworkPage(published, filters(published, given), sort)
