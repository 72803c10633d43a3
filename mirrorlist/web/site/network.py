"""The page of all mirrors: which are shown, in which order, with filters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mirrorlist.core.catalogue.requirements import RequirementLevel
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.errors import BadRequest
from mirrorlist.core.files.found import sentences
from mirrorlist.core.health.history import days_until
from mirrorlist.core.health.verdicts import GOOD_OUTCOMES, SAYS_NOTHING, Family, ProbeOutcome
from mirrorlist.core.model import MAIN, Protocol
from mirrorlist.core.owners.kit import sync_lines
from mirrorlist.core.public.record import protocols_of
from mirrorlist.core.public.types import MirrorState, PublicCheck, PublicMirror
from mirrorlist.web.site.published import Published
from mirrorlist.web.site.svg import availability_bars, lag_bars, map_in_words
from mirrorlist.web.words import country_name, every, speed

_ORDER = {state: number for number, state in enumerate(MirrorState)}
SORTS: dict[str, Callable[[PublicMirror], Any]] = {
    "name": lambda mirror: mirror.name,
    "state": lambda mirror: (_ORDER[mirror.state], mirror.name),
    "sponsor": lambda mirror: (mirror.sponsor.casefold(), mirror.name),
    "place": lambda mirror: (country_name(mirror.country) or "\uffff", mirror.city or "", mirror.name),
    "speed": lambda mirror: (-(mirror.bandwidth_mbps or 0), mirror.name),
    "fresh": lambda mirror: (-mirror.fresh / mirror.repositories if mirror.repositories else 1.0, mirror.name),
    "since": lambda mirror: (-(mirror.since or 0.0), mirror.name),
}
"""The orders in which mirrors can be shown."""
FILTERS = ("country", "protocol", "module", "state")


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
        "state": [state.value for state in MirrorState],
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


# The page for those who want to host a mirror: what is asked of them, and what they copy.

ASKED: tuple[tuple[str, Callable[[RequirementLevel], str]], ...] = (
    ("Bandwidth", lambda asked: speed(asked.bandwidth_mbps)),
    ("Disk space", lambda asked: f"{asked.storage_gb} GB" if asked.storage_gb else ""),
    ("Sync", lambda asked: every(asked.update_frequency_seconds) if asked.update_frequency_seconds else ""),
    ("Protocols", lambda asked: " and ".join(protocol.value for protocol in asked.protocols)),
    ("Availability", lambda asked: _percent(asked.availability_percent)),
    ("Completeness", lambda asked: _percent(asked.complete_percent)),
    ("Agreement", lambda asked: f"version {asked.agreement}" if asked.agreement else ""),
)
"""What a level of requirements can ask, in words; an empty text asks nothing."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that is asked of mirrors; an empty text where a level does not ask for it."""

    what: str
    minimum: str
    preferred: str


def join_page(service: Service) -> dict[str, Any]:
    """What the template shows beside the texts of service.yml."""
    levels = service.requirements
    rows = [Requirement(what, words(levels.minimum), words(levels.preferred)) for what, words in ASKED]
    return {
        "asked": [row for row in rows if row.minimum or row.preferred],
        "sources": service.sync.sources,
        "lines": sync_lines(service),
    }


def _percent(least: float | None) -> str:
    return f"{least:g} %" if least is not None else ""


# The page of one mirror: its facts, its health over each way, what its owner can do.

MOST_SHARES = 12
_QUIET = GOOD_OUTCOMES | SAYS_NOTHING | {ProbeOutcome.NO_ADDRESS, ProbeOutcome.LIMITED}


def mirror_page(published: Published, mirror: PublicMirror) -> dict[str, Any]:
    """What the template shows of a public mirror."""
    detail = published.detail(mirror.name)
    trees = [check for check in detail.checks if not check.path]
    repositories = [check for check in detail.checks if check.path]
    service = published.service
    return {
        "mirror": mirror,
        "detail": detail,
        "trees": trees,
        "bad": [check for check in repositories if not _is_fine(check)],
        "fine": [check for check in repositories if _is_fine(check)],
        "remedies": remedies(detail.checks),
        "days": days_until(published.now)[:-1],
        "strip": availability_bars(detail.days),
        "available": mean(detail.days),
        "lags": lag_bars(detail.lag_days, service.allowed_outdate_seconds),
        "allowed": service.allowed_outdate_seconds,
        "shares": sorted((detail.shares or {}).items(), key=lambda row: (-row[1], row[0]))[:MOST_SHARES],
        "sentence": sentence_of(mirror),
        "files": {module: tuple(sentences(found)) for module, found in mirror.files.items()},
        "ipv4_only": all(check.outcome is ProbeOutcome.NO_ADDRESS for check in trees if check.family is Family.IPV6),
        "map_link": map_link(mirror),
    }


SENTENCES = {
    MirrorState.FRESH: "Every repository that was compared with the origin is current.",
    MirrorState.UP: "The mirror answers. Its content was not compared with the origin yet.",
    MirrorState.LAGGING: "The mirror has an older version that metalinks still accept; text lists leave it out.",
    MirrorState.STALE: "Something on the mirror is too old, damaged or cannot be read; lists leave it out there.",
    MirrorState.DOWN: "The mirror cannot be reached over any of its addresses; no list holds it.",
    MirrorState.UNKNOWN: "Nobody has looked at this mirror yet; lists hold it until something bad is known.",
    MirrorState.OUT: "The operators took the mirror out for a time, whatever its probes say.",
    MirrorState.PAUSED: "The mirror rests, as its file says; no list holds it.",
    MirrorState.SOON: "The mirror is announced and will be listed from its day on.",
}


BAD_FILES = "Its files are not the origin's, whatever its repositories say; redirects pass it over. See Files below."


def sentence_of(mirror: PublicMirror) -> str:
    """What the state means, and of how many files it was seen."""
    if mirror.state is MirrorState.STALE and mirror.fresh == mirror.repositories:
        return BAD_FILES
    if mirror.state is not MirrorState.FRESH or not mirror.files:
        return SENTENCES[mirror.state]
    has, compared = (sum(getattr(each, name) for each in mirror.files.values()) for name in ("has", "compared"))
    return f"{SENTENCES[mirror.state]} It has {has} of {compared} files that were compared."


def _is_fine(check: PublicCheck) -> bool:
    """A good one with a remark was not compared."""
    return check.good and (
        check.outcome is ProbeOutcome.FRESH or (check.outcome is ProbeOutcome.GOOD and not check.detail)
    )


def remedies(checks: Iterable[PublicCheck]) -> list[tuple[str, str]]:
    """What is wrong in a word, and what its owner can do, once each."""
    found = {check.outcome.value: check.remedy for check in checks if check.outcome not in _QUIET}
    return list(found.items())


def mean(days: Iterable[float | None]) -> float | None:
    """The mean of the days on which something was observed."""
    known = [part for part in days if part is not None]
    return sum(known) / len(known) if known else None


def map_link(mirror: PublicMirror) -> str | None:
    """Where the mirror's place is shown on a map."""
    if mirror.latitude is None or mirror.longitude is None:
        return None
    at = f"{mirror.latitude:.2f}", f"{mirror.longitude:.2f}"
    return f"https://www.openstreetmap.org/?mlat={at[0]}&mlon={at[1]}#map=8/{at[0]}/{at[1]}"
