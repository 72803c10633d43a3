"""Coordinates of a mirror from what its file says; no name is resolved and no address looked up.

``STEPS`` are tried in order; the first that finds something counts. To add a way of finding a place: write one
function, put it into ``STEPS``, and name it in ``PlaceSource``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from mirrorlist.core.model import Location, Mirror, PlaceSource
from mirrorlist.core.network.geo import distance_km, vector
from mirrorlist.sources.places.countries import Countries, joined_spellings, read_countries, state_behind
from mirrorlist.sources.places.gazetteer import City, Gazetteer, Point, Province, read_gazetteer

CITY_KM = 25.0
STATE_KM = 300.0
COUNTRY_KM = 1000.0
CONTINENT_KM = 3000.0
"""How far from the found place a mirror may be. The place of whatever is larger than a city is its people's
centre, so most mirrors of it are nearer than that."""

LARGE_CITY = 1_000_000
"""A city with this many people is meant by its name alone, whatever state the file gives."""

CONTRADICTION_KM = 500
"""Two ways of telling a mirror's place that differ by more than this cannot both be right."""

TERRITORIES: Mapping[str, tuple[str, ...]] = {
    "AU": ("CC", "CX", "NF"),
    "CN": ("HK", "MO", "TW"),
    "DK": ("FO", "GL"),
    "FI": ("AX",),
    "FR": ("BL", "GF", "GP", "MF", "MQ", "NC", "PF", "PM", "RE", "WF", "YT"),
    "GB": ("GG", "GI", "IM", "JE"),
    "NL": ("AW", "BQ", "CW", "SX"),
    "NO": ("SJ",),
    "US": ("AS", "GU", "MP", "PR", "VI"),
}
"""What people, and mostly ISO 3166-2 too, name as a state of a country, while GeoNames has it as a country."""


@dataclass(frozen=True, slots=True)
class Atlas:
    """All that is known of the world's places."""

    countries: Countries
    gazetteer: Gazetteer

    def territory(self, country: str, text: str) -> str | None:
        """The code of the territory that takes the place of a state of this country."""
        code = text.strip().upper().removeprefix(f"{country}-")
        meant = code if len(code) == 2 else self.countries.normalise(text)
        return meant if meant in TERRITORIES.get(country, ()) else None


@cache
def read_atlas() -> Atlas:
    """The tables that come with the package; they are read once."""
    return Atlas(read_countries(), read_gazetteer())


Step = Callable[[Location, Atlas], Location | None]


def by_coordinates(location: Location, atlas: Atlas) -> Location | None:
    """The file names coordinates."""
    if location.latitude is None or location.longitude is None:
        return None
    return replace(location, source=PlaceSource.COORDINATES)


def by_city_and_state(location: Location, atlas: Atlas) -> Location | None:
    """The city of this name in this state, or near it where the state has the city's own name.

    Without a state it is the one behind the city's name, as in Portland, ME.
    """
    state = location.region or state_behind(location.city or "")
    found = _city_in_state(atlas, location.country, location.city, state)
    found = found or _city_of_its_state(location, atlas)
    return _at(location, found, CITY_KM, PlaceSource.CITY_AND_STATE)


def by_swapped_names(location: Location, atlas: Atlas) -> Location | None:
    """The city is where the state belongs, and the state where the city does."""
    found = _city_in_state(atlas, location.country, location.region, location.city)
    return _at(location, found, CITY_KM, PlaceSource.SWAPPED)


def by_city(location: Location, atlas: Atlas) -> Location | None:
    """The largest city of this name, where no state speaks against it."""
    if next(_state_centres(location, atlas), None) is None:
        return _at(location, _largest(_cities(location, atlas)), CITY_KM, PlaceSource.CITY)
    return None


def by_city_elsewhere(location: Location, atlas: Atlas) -> Location | None:
    """A city that is not in the state that is named, but near it, or so large that it must be meant.

    A small namesake far away says less than the state: LaSalle in Quebec is a part of Montreal that the
    gazetteer does not have, not the town in Ontario.
    """
    cities = _cities(location, atlas)
    centre = next(_state_centres(location, atlas), None)
    near = [city for city in cities if centre and _km(city.place, centre) <= STATE_KM]
    large = [city for city in cities if city.population >= LARGE_CITY]
    return _at(location, _largest(near or large), STATE_KM, PlaceSource.CITY_ELSEWHERE)


def by_state(location: Location, atlas: Atlas) -> Location | None:
    """The centre of the state's people; the city of this name, where the state is none that is known."""
    as_city = _largest(_named(atlas, location.country, location.region))
    return _at(location, next(_state_centres(location, atlas), as_city), STATE_KM, PlaceSource.STATE)


def by_country(location: Location, atlas: Atlas) -> Location | None:
    """The centre of the country's people."""
    country = atlas.countries.by_code.get(location.country or "")
    centre = Point(country.latitude, country.longitude) if country else None
    return _at(location, centre, COUNTRY_KM, PlaceSource.COUNTRY)


def by_continent(location: Location, atlas: Atlas) -> Location | None:
    """The centre of the continent's people."""
    centre = atlas.gazetteer.continents.get(location.continent or "")
    return _at(location, centre and Point(*centre), CONTINENT_KM, PlaceSource.CONTINENT)


TEXT_STEPS: tuple[Step, ...] = (
    by_city_and_state,
    by_swapped_names,
    by_city,
    by_city_elsewhere,
    by_state,
    by_country,
    by_continent,
)
"""The ways of finding a place by names alone."""

STEPS: tuple[Step, ...] = (by_coordinates, *TEXT_STEPS)


def placed(mirror: Mirror, atlas: Atlas) -> Mirror:
    """The mirror with coordinates of its places, each as it is where nothing is known of it."""
    found = mirror.location and located(mirror.location, atlas)
    places = tuple(located(each, atlas) or each for each in mirror.places)
    return replace(mirror, location=found or mirror.location, places=places)


def located(location: Location, atlas: Atlas, steps: Sequence[Step] = STEPS) -> Location | None:
    """What the first of the steps finds that finds anything."""
    return next((found for step in steps if (found := step(location, atlas))), None)


def text_location(location: Location, other: Location, atlas: Atlas) -> Location | None:
    """What the names alone say, read as favourably to the other location as they allow.

    The name of a state or a country may mean any city of it, so the one that is nearest to the other location
    is taken. A continent says too little.
    """
    found = located(location, atlas, TEXT_STEPS)
    if found is None or found.source is PlaceSource.CONTINENT:
        return None
    point = _point_of(other)
    if point is None or found.source not in (PlaceSource.STATE, PlaceSource.COUNTRY):
        return found
    cities = [city for area in _areas(found, atlas) if (city := atlas.gazetteer.nearest(*area, point))]
    if not cities:
        return found
    nearest = min(cities, key=lambda city: _km(city, point))
    return replace(found, latitude=nearest.latitude, longitude=nearest.longitude)


def _areas(found: Location, atlas: Atlas) -> Iterator[tuple[str, Province | None]]:
    """What a location by its state or country may mean: that state or territory, or all of the country."""
    country, region = found.country or "", found.region or ""
    territory = atlas.territory(country, region)
    states = atlas.gazetteer.states(country, region) if found.source is PlaceSource.STATE else ()
    if territory or states:
        yield from [(territory, None)] if territory else [(country, state) for state in states]
    else:
        yield from ((code, None) for code in (country, *TERRITORIES.get(country, ())))


def contradiction(text_location: Location | None, other_location: Location | None) -> int | None:
    """How many kilometres two locations of one mirror are apart, if that is too far for both to be right."""
    first, second = (_point_of(each) for each in (text_location, other_location))
    apart = _km(first, second) if first and second else 0
    return apart if apart > CONTRADICTION_KM else None


def _city_in_state(atlas: Atlas, country: str | None, city: str | None, state: str | None) -> City | None:
    """The largest city of this name in this state; main names before further ones."""
    if country is None or not city or not state:
        return None
    if territory := atlas.territory(country, state):
        return _largest(atlas.gazetteer.cities(territory, city))
    numbers = {each.number for each in atlas.gazetteer.states(country, state)}
    return _largest([each for each in atlas.gazetteer.cities(country, city) if each.state in numbers])


def _city_of_its_state(location: Location, atlas: Atlas) -> City | None:
    """The city whose own name stands for the state: Taipei in Taipei, which belongs to no province.

    A namesake of the state that lies far from it is another city: Washington in Washington is not the capital.
    """
    city, state = location.city or "", location.region or ""
    if set(joined_spellings(city)).isdisjoint(joined_spellings(state)):
        return None
    centres = tuple(_state_centres(location, atlas))
    found = _cities(location, atlas)
    return _largest([each for each in found if any(_km(each.place, centre) <= STATE_KM for centre in centres)])


def _state_centres(location: Location, atlas: Atlas) -> Iterator[Point]:
    """The centres of the states, or of the territory, that the location's region may mean."""
    if location.country is None or not location.region:
        return
    territory = atlas.countries.by_code.get(atlas.territory(location.country, location.region) or "")
    if territory:
        yield Point(territory.latitude, territory.longitude)
    states: tuple[Province, ...] = atlas.gazetteer.states(location.country, location.region)
    yield from (state.centre for state in states)


def _cities(location: Location, atlas: Atlas) -> tuple[City, ...]:
    """The cities of this name: of the country, else of its territory of this name, as Hong Kong is one."""
    country, city = location.country, location.city
    if country is None or not city:
        return ()
    return _named(atlas, country, city) or _named(atlas, atlas.territory(country, city), city)


def _named(atlas: Atlas, country: str | None, city: str | None) -> tuple[City, ...]:
    return atlas.gazetteer.cities(country, city) if country and city else ()


def _largest(cities: Sequence[City]) -> City | None:
    """The first: the gazetteer gives main names before further ones, and the largest of these first."""
    return next(iter(cities), None)


def _at(location: Location, found: City | Point | None, precision_km: float, source: PlaceSource) -> Location | None:
    if found is None:
        return None
    point = found.place if isinstance(found, City) else found
    return replace(
        location, latitude=point.latitude, longitude=point.longitude, precision_km=precision_km, source=source
    )


def _point_of(location: Location | None) -> Point | None:
    if location is None or location.latitude is None or location.longitude is None:
        return None
    return Point(location.latitude, location.longitude)


def _km(first: Point, second: Point) -> int:
    return distance_km(vector(*first), vector(*second))
