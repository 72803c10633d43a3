"""Places that a service.yml names: what is wrong with their country and city."""

from __future__ import annotations

from collections.abc import Iterator

from mirrorlist.core.errors import Finding
from mirrorlist.sources.countries import read_countries
from mirrorlist.sources.documents import Pointer, shown
from mirrorlist.sources.finding_codes import Code
from mirrorlist.sources.service_draft import Draft
from mirrorlist.sources.service_text import OverrideText, SourceText


def place_faults(draft: Draft, pointer: Pointer, named: OverrideText | SourceText) -> Iterator[Finding]:
    """A country or a city that nobody knows; coordinates make the city a mere remark."""
    countries = read_countries()
    country, city = named.country, named.city
    if country is None:
        return
    if country not in countries.by_code:
        meant = countries.normalise(country)
        remedy = f"write {meant}" if meant else "write its ISO 3166-1 alpha-2 code"
        what = f"{shown(country)}, which is no country's code; {remedy}"
        yield draft.error((*pointer, "country"), Code.UNKNOWN_COUNTRY, what)
    elif city and named.latitude is None and draft.city_of and draft.city_of(country, city) is None:
        what = f"{shown(city)}, which is not known in {country}; write latitude and longitude instead"
        yield draft.error((*pointer, "city"), Code.UNKNOWN_CITY, what)
