"""Where a mirror stands: from what its file says to coordinates.

``STEPS`` are tried in order; the first that finds something counts. To add a way of finding a place: write one
function, put it into ``STEPS``, and name it in ``PlaceSource``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mirrorlist.core.model import Location, Mirror, PlaceSource
from mirrorlist.sources.countries import Countries

COUNTRY_PRECISION_KM = 1000.0
"""How far from its centre a mirror of a country may be; the centre is where its people live."""

Step = Callable[[Location, Countries], Location | None]


def by_coordinates(location: Location, countries: Countries) -> Location | None:
    """The file names coordinates."""
    if location.latitude is None or location.longitude is None:
        return None
    return replace(location, source=PlaceSource.COORDINATES)


def by_country(location: Location, countries: Countries) -> Location | None:
    """The centre of the country's people."""
    country = countries.by_code.get(location.country or "")
    if country is None:
        return None
    return replace(
        location,
        latitude=country.latitude,
        longitude=country.longitude,
        precision_km=COUNTRY_PRECISION_KM,
        source=PlaceSource.COUNTRY,
    )


STEPS: tuple[Step, ...] = (by_coordinates, by_country)


def placed(mirror: Mirror, countries: Countries) -> Mirror:
    """The mirror with coordinates, or as it is where nothing is known of its place."""
    if mirror.location is None:
        return mirror
    for step in STEPS:
        if found := step(mirror.location, countries):
            return replace(mirror, location=found)
    return mirror
