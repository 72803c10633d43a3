"""Where a city is, for those that name one in service.yml."""

from __future__ import annotations

from mirrorlist.sources.gazetteer import read_gazetteer


def city_of(country: str, name: str) -> tuple[float, float] | None:
    """Latitude and longitude of the largest city of this name in a country, by its code; None if there is none."""
    found = read_gazetteer().cities(country, name)
    return (found[0].place.latitude, found[0].place.longitude) if found else None
