"""The page of all mirrors: which are shown, in which order and groups, and what the map of them links to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, lru_cache
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from mirrorlist.core.errors import BadRequest
from mirrorlist.core.model import MAIN, Protocol
from mirrorlist.core.public.record import protocols_of
from mirrorlist.core.public.types import PROBLEM_STATES, MirrorState, PublicMirror
from mirrorlist.sources.places.countries import folded, read_countries
from mirrorlist.web.languages import gettext
from mirrorlist.web.site import svg
from mirrorlist.web.site.owners import SENTENCES
from mirrorlist.web.site.published import Published
from mirrorlist.web.words import country_name

PROBLEM = "problem"
"""What ``state=`` says for all of PROBLEM_STATES."""
_ORDER = {
    state: number
    for number, state in enumerate(
        (
            *PROBLEM_STATES, MirrorState.OUT, MirrorState.UNKNOWN, MirrorState.PAUSED, MirrorState.SOON, MirrorState.UP,
            MirrorState.FRESH,
        )
    )
}  # fmt: skip
_CONTINENTS = {code: number for number, code in enumerate(("EU", "NA", "SA", "AS", "AF", "OC", "AN"))}
SORTS: dict[str, Callable[[PublicMirror], Any]] = {
    "place": lambda mirror: (
        _CONTINENTS.get(continent_of(mirror) or "", 9), country_name(mirror.country) or "\uffff", mirror.city or "",
        mirror.name,
    ),
    "state": lambda mirror: (_ORDER[mirror.state], -(mirror.since or 0.0), mirror.name),
    "name": lambda mirror: mirror.name,
    "sponsor": lambda mirror: (folded(mirror.sponsor) or "\uffff", mirror.name),
    "speed": lambda mirror: (-(mirror.bandwidth_mbps or 0), mirror.name),
    "fresh": lambda mirror: (-mirror.fresh / mirror.repositories if mirror.repositories else 1.0, mirror.name),
    "since": lambda mirror: (-(mirror.since or 0.0), mirror.name),
}  # fmt: skip
"""The orders in which mirrors can be shown; of states problems come first, the newest at the top."""
FALLING = frozenset({"speed", "fresh", "since"})
LONGEST_SEARCH = 100
LEAST_DECLARED = 0.5
"""The part of the mirrors that declare a bandwidth, below which their sum says nothing of the network."""
MOST_MARKED_MODULES = 6
"""With more modules than this the table names them instead of giving each a column."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What is asked for; empty texts ask for nothing. ``q`` are words to search for."""

    country: str = ""
    protocol: str = ""
    module: str = ""
    state: str = ""
    q: str = ""

    def fits(self, mirror: PublicMirror) -> bool:
        """Whether a mirror is asked for. A protocol counts in the module that is asked for."""
        trees = [mirror.urls[self.module]] if self.module in mirror.urls else [*mirror.urls.values()]
        return (
            (not self.country or mirror.country == self.country)
            and (not self.module or self.module in mirror.urls)
            and (
                not self.state
                or mirror.state == self.state
                or (self.state == PROBLEM and mirror.state in PROBLEM_STATES)
            )
            and (not self.protocol or any(self.protocol in tree for tree in trees))
            and (not self.q or is_found(self.q, mirror))
        )


def is_found(words: str, mirror: PublicMirror) -> bool:
    """Whether each word begins one of the mirror's name, sponsor, city, region or country, whatever its accents.

    Two letters have to be a whole word or the country's code; words without Latin letters may be anywhere.
    """
    text = _searched(mirror.name, mirror.sponsor, mirror.city, mirror.region, mirror.country)
    return all(
        word in text.split()
        if len(word) <= 2 and word.isascii()
        else f" {word}" in text
        if word.isascii()
        else word in text
        for word in folded(words).split()
    )


@lru_cache(maxsize=4096)
def _searched(name: str, sponsor: str, city: str | None, region: str | None, country: str | None) -> str:
    known = read_countries().by_code.get(country or "")
    texts = (name, sponsor, city, region, known.name if known else country)
    return " ".join(("", *(folded(each) for each in texts if each), (country or "").casefold()))


def continent_of(mirror: PublicMirror) -> str | None:
    """The code of the continent of the mirror's country, else of its file."""
    known = read_countries().by_code.get(mirror.country or "")
    return known.continent if known else mirror.continent


def filters(published: Published, given: Mapping[str, str]) -> Filters:
    """The filters of a query string.

    Raises:
        BadRequest: a value is none that there is.
    """
    given = {**given, "protocol": given.get("protocol", "").lower()}
    known = {
        "protocol": [protocol.value for protocol in Protocol],
        "module": [*published.modules],
        "state": [*(state.value for state in MirrorState), PROBLEM],
    }
    for name, values in known.items():
        if given.get(name, "") not in ("", *values):
            raise BadRequest("the %(name)s is unknown; write one of %(known)s", name=name, known=", ".join(values))
    country = given.get("country", "").upper()
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise BadRequest("the parameter %(name)s is malformed; write a two-letter code such as DE", name="country")
    q = given.get("q", "").strip()[:LONGEST_SEARCH]
    return Filters(country, given.get("protocol", ""), given.get("module", ""), given.get("state", ""), q)


@dataclass(frozen=True, slots=True)
class CountryRows:
    """The mirrors of one country, or all of them where they are in another order. ``problems`` counts states."""

    continent: str | None
    country: str | None
    mirrors: tuple[PublicMirror, ...]
    problems: Mapping[MirrorState, int] = field(default_factory=dict)


@dataclass(frozen=True)
class NetworkPage:
    """The page for one set of filters and one order. It is kept under ``query``, unless somebody searches."""

    published: Published
    filters: Filters
    sort: str

    def link(self, **changes: str) -> str:
        """The address of this page with other values; an empty text asks for nothing."""
        given = (
            {each.name: getattr(self.filters, each.name) for each in fields(Filters)} | {"sort": self.sort} | changes
        )
        query = urlencode(
            {name: value for name, value in given.items() if value and (name, value) != ("sort", "place")}
        )
        return f"/?{query}" if query else "/"

    @cached_property
    def shown(self) -> tuple[PublicMirror, ...]:
        """The mirrors that are asked for, in order."""
        return tuple(sorted(filter(self.filters.fits, self.published.network.mirrors), key=SORTS[self.sort]))

    @property
    def frame(self) -> svg.Frame:
        """The part of the map that is drawn: a country is drawn larger."""
        return svg.frame(self.shown) if self.filters.country else svg.WORLD

    def groups(self) -> list[CountryRows]:
        """The mirrors by continent and country where their place is the order."""
        if self.sort != "place":
            return [CountryRows(None, None, self.shown)]
        made = []
        for (continent, country), group in groupby(self.shown, key=lambda each: (continent_of(each), each.country)):
            mirrors = tuple(group)
            counted = Counter(mirror.state for mirror in mirrors if mirror.state in PROBLEM_STATES)
            made.append(
                CountryRows(
                    continent, country, mirrors, {state: counted[state] for state in PROBLEM_STATES if counted[state]}
                )
            )
        return made

    def states(self) -> dict[MirrorState, int]:
        """How many mirrors are in each state, of those that fit but for the state that is asked for."""
        asked = replace(self.filters, state="")
        counted = Counter(mirror.state for mirror in self.published.network.mirrors if asked.fits(mirror))
        return {state: counted[state] for state in MirrorState if counted[state]}

    def values(self) -> dict[str, Any]:
        """What the template shows."""
        every, shown = self.published.network.mirrors, self.shown
        countries = {mirror.country for mirror in every if mirror.country} | ({self.filters.country} - {""})
        states = self.states()
        declared = [mirror.bandwidth_mbps for mirror in shown if mirror.bandwidth_mbps]
        return {
            "page": self,
            "shown": shown,
            "groups": self.groups(),
            "continents": Counter(continent_of(mirror) for mirror in shown),
            "total": len(every),
            "countries": sorted(countries, key=country_name),
            "country_count": len({mirror.country for mirror in shown if mirror.country}),
            "protocols": protocols_of(every),
            "states": states,
            "state_total": sum(states.values()),
            "problems": sum(states.get(state, 0) for state in PROBLEM_STATES),
            "main": MAIN,
            "marked": self.marked,
            "chosen": self.filters,
            "sorts": SORTS,
            "sort": self.sort,
            "falling": FALLING,
            "meanings": {state: gettext(sentence) for state, sentence in SENTENCES.items()},
            "map_text": svg.map_in_words(shown),
            "map_query": self.link(sort="").partition("?")[2],
            "frame": self.frame,
            "spots": svg.spots(shown, self.frame),
            "declared": (len(declared), sum(declared))
            if declared and len(declared) >= LEAST_DECLARED * len(shown)
            else None,
        }

    @property
    def marked(self) -> tuple[str, ...]:
        """The modules that have a column of marks: all if there are several, none if there are many."""
        modules = self.published.modules
        return modules if 1 < len(modules) <= MOST_MARKED_MODULES else ()


def network_page(published: Published, given: Mapping[str, str]) -> NetworkPage:
    """The page of a query string; raises BadRequest for values that there are not."""
    sort = given.get("sort") or "place"
    if sort not in SORTS:
        raise BadRequest("the %(name)s is unknown; write one of %(known)s", name="sort", known=", ".join(SORTS))
    return NetworkPage(published, filters(published, given), sort)
