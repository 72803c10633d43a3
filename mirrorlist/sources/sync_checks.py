"""What is wrong with the sources to sync from in a service.yml that its schema accepts."""

from __future__ import annotations

from collections.abc import Iterator

from mirrorlist.core.errors import Finding
from mirrorlist.core.model import MAIN
from mirrorlist.sources.countries import read_countries
from mirrorlist.sources.documents import shown
from mirrorlist.sources.finding_codes import Code
from mirrorlist.sources.mirror_urls import url_fault
from mirrorlist.sources.service_draft import Check, Draft, ServiceCode, nearest


def sources_are_apart(draft: Draft) -> Iterator[Finding]:
    """No two sources have one name."""
    seen: dict[str, int] = {}
    for index, source in enumerate(draft.text.sync.sources):
        first = seen.setdefault(source.name, index)
        if first != index:
            what = f"{shown(source.name)}, as in sync.sources[{first}]; write another name"
            yield draft.error(("sync", "sources", index, "name"), ServiceCode.SOURCE_TWICE, what)


def sources_have_modules(draft: Draft) -> Iterator[Finding]:
    """A source has addresses that rsync takes, of modules that this file knows."""
    known = dict.fromkeys([MAIN, *draft.text.optional_module_versions, *draft.text.modules])
    for index, source in enumerate(draft.text.sync.sources):
        for module, url in source.rsync.items():
            pointer = ("sync", "sources", index, "rsync", module)
            if module not in known:
                remedy = nearest(module, known, "describe it under modules")
                message = f"sync.sources[{index}].rsync.{module} is not a known module; {remedy}"
                yield draft.key_error(pointer, Code.UNKNOWN_MODULE, message)
            if fault := url_fault(url):
                message = f"sync.sources[{index}].rsync.{module} {shown(url)} {fault}"
                yield draft.document.error(pointer, Code.BAD_URL, message)


def sources_are_places(draft: Draft) -> Iterator[Finding]:
    """The country and the city of a source are known; coordinates make the city a mere remark."""
    countries = read_countries()
    for index, source in enumerate(draft.text.sync.sources):
        country, city = source.country, source.city
        if country is None:
            continue
        if country not in countries.by_code:
            meant = countries.normalise(country)
            remedy = f"write {meant}" if meant else "write its ISO 3166-1 alpha-2 code"
            what = f"{shown(country)}, which is no country's code; {remedy}"
            yield draft.error(("sync", "sources", index, "country"), Code.UNKNOWN_COUNTRY, what)
        elif city and source.latitude is None and draft.city_of and draft.city_of(country, city) is None:
            what = f"{shown(city)}, which is not known in {country}; write latitude and longitude instead"
            yield draft.error(("sync", "sources", index, "city"), Code.UNKNOWN_CITY, what)


SYNC_CHECKS: tuple[Check, ...] = (sources_are_apart, sources_have_modules, sources_are_places)
