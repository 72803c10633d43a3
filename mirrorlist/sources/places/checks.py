"""Remarks on the place of a mirror: unknown names, and names that contradict one another.

These remarks need the world's places, so they are made only where the reader of mirror files is given an atlas.
To add one: a function here, its place in ``place_findings``, and a code for what it reports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mirrorlist.core.errors import Finding
from mirrorlist.core.mirror import is_public
from mirrorlist.core.model import Location, Mirror, PlaceSource
from mirrorlist.sources.places.locations import Atlas, contradiction, located, text_location
from mirrorlist.sources.yaml.documents import Code, Document, Pointer, shown

NAMED = ("continent", "country", "state_province", "city", "latitude", "longitude")
VAGUE = (PlaceSource.STATE, PlaceSource.COUNTRY, PlaceSource.CONTINENT)

NAMES: Mapping[PlaceSource, Callable[[Location], tuple[str | None, ...]]] = {
    PlaceSource.COORDINATES: lambda found: (f"{found.latitude:.2f}", f"{found.longitude:.2f}"),
    PlaceSource.CITY_AND_STATE: lambda found: (found.city, found.region, found.country),
    PlaceSource.SWAPPED: lambda found: (found.region, found.city, found.country),
    PlaceSource.CITY: lambda found: (found.city, found.country),
    PlaceSource.CITY_ELSEWHERE: lambda found: (found.city, found.country),
    PlaceSource.STATE: lambda found: (found.region, found.country),
    PlaceSource.COUNTRY: lambda found: (found.country,),
    PlaceSource.CONTINENT: lambda found: (found.continent,),
    PlaceSource.ADDRESS: lambda found: (f"{found.latitude:.2f}", f"{found.longitude:.2f}", found.country),
}
"""What a place was found by, from the smaller to the larger."""


def placed_by(location: Location | None) -> str:
    """How a place was found, and by what: ``placed by its city and state (Ashburn, Virginia, US)``."""
    if location is None or location.source is None:
        return "not placed"
    names = (name for name in NAMES[location.source](location) if name)
    return f"placed by {location.source} ({', '.join(names)})"


def described_places(document: Document, mirror: Mirror) -> Iterator[tuple[Pointer, Location]]:
    """Each place that a document describes, with its pointer; what says nothing is no place."""
    root: dict[str, Any] = document.root or {}
    further = enumerate(root.get("places") or ())
    entries = [(("geolocation",), root.get("geolocation")), *((("places", index), each) for index, each in further)]
    said = (*((mirror.location,) if mirror.location else ()), *mirror.places)
    told = (pointer for pointer, each in entries if each and any(value for key, value in each.items() if key in NAMED))
    return zip(told, said, strict=False)


def place_findings(
    document: Document, mirror: Mirror, atlas: Atlas, vague: Sequence[PlaceSource] = VAGUE
) -> tuple[Finding, ...]:
    """The remarks on the places of a document's mirror. One that serves its own networks only needs none.

    ``vague``: unknown names are remarked where the rest of them found no better place than this.
    """
    found = [(at, located(said, atlas)) for at, said in described_places(document, mirror)]
    if not any(place for _, place in found):
        if not is_public(mirror) or mirror.is_global:
            return ()
        what = "names no known country" if found else "is not given"
        remedy = "write country, state_province and city, or latitude and longitude"
        message = f"geolocation {what}, so its addresses place the mirror, or it comes last; {remedy}"
        return (document.warning(("geolocation",), Code.NO_PLACE, message),)
    return tuple(
        remark
        for at, place in found
        if place
        for remark in (
            _contradictions(document, at, place, atlas)
            if place.source is PlaceSource.COORDINATES
            else _oddities(document, at, place, vague)
        )
    )


def _contradictions(document: Document, at: Pointer, found: Location, atlas: Atlas) -> Iterator[Finding]:
    """Names that lie far from the coordinates."""
    names = text_location(found, found, atlas)
    if names and (apart := contradiction(names, found)):
        message = f"the coordinates are {apart} km from the names' place, {placed_by(names)}; correct one of the two"
        yield document.warning((*at, "latitude"), Code.PLACE_CONTRADICTION, message)


def _oddities(document: Document, at: Pointer, found: Location, vague: Sequence[PlaceSource]) -> Iterator[Finding]:
    """Names that are not known, or do not belong together."""
    where, city, state = placed_by(found), (*at, "city"), (*at, "state_province")
    if found.source is PlaceSource.SWAPPED:
        message = f"city {shown(found.city)} is a state and state_province {shown(found.region)} a city; swap them"
        yield document.warning(city, Code.SWAPPED_PLACE, message)
    elif found.source is PlaceSource.CITY_ELSEWHERE:
        message = (
            f"city {shown(found.city)} is not in {shown(found.region)}; the mirror is {where}; correct one of the two"
        )
        yield document.warning(city, Code.CITY_ELSEWHERE, message)
    elif found.source in vague and found.city:
        remedy = "correct it, write the nearest larger city, or give latitude and longitude"
        message = f"city {shown(found.city)} is not known there, so the mirror is {where}; {remedy}"
        yield document.warning(city, Code.UNKNOWN_CITY, message)
    elif found.source in vague and found.source is not PlaceSource.STATE and found.region:
        message = f"state_province {shown(found.region)} is not known, so the mirror is {where}; correct it"
        yield document.warning(state, Code.UNKNOWN_STATE, message)
