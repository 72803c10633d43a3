"""Distances on the Earth in whole kilometres, and the places that clients are taken to be at.

Distances are floored by a table of squared chords, not computed by an arc sine, so that every way of
computing them (one at a time or a million at once) gives the same number at the edge of a band.
"""

from __future__ import annotations

import math
from bisect import bisect_right

from mirrorlist.core.model import NOWHERE, ClientPlace, Location

EARTH_RADIUS_KM = 6371.0088  # IUGG mean radius
Vector = tuple[float, float, float]

SQUARED_CHORDS: tuple[float, ...] = tuple(
    (2 * math.sin(km / (2 * EARTH_RADIUS_KM))) ** 2 for km in range(1, int(math.pi * EARTH_RADIUS_KM) + 1)
)
"""``SQUARED_CHORDS[k - 1]`` is the squared chord, on a sphere of radius 1, of an arc of k kilometres."""

CELL_PRECISION_KM = 300
"""A location vaguer than this is taken as its country: GeoLite2 gives the centre of the United States, with
a radius of 1000 km, to a quarter of all IPv4 addresses."""


def vector(latitude: float, longitude: float) -> Vector:
    """The point on a sphere of radius 1."""
    phi, lam = math.radians(latitude), math.radians(longitude)
    return math.cos(phi) * math.cos(lam), math.cos(phi) * math.sin(lam), math.sin(phi)


def distance_km(a: Vector, b: Vector) -> int:
    """The great-circle distance, floored."""
    x, y, z = a[0] - b[0], a[1] - b[1], a[2] - b[2]
    return bisect_right(SQUARED_CHORDS, x * x + y * y + z * z)


def place_of(location: Location | None) -> ClientPlace:
    """The place by which clients at a location are ranked.

    A location good for ``CELL_PRECISION_KM`` becomes the cell of one degree around it; a vaguer one only its
    country, whose centre the caller fills in.
    """
    if location is None:
        return NOWHERE
    if location.latitude is None or location.longitude is None:
        return ClientPlace(location.country)
    if location.precision_km is not None and location.precision_km > CELL_PRECISION_KM:
        return ClientPlace(location.country)
    longitude = round(location.longitude)
    return ClientPlace(
        location.country,
        float(round(location.latitude)),
        180.0 if longitude == -180 else float(longitude),
        True,
    )


# The projection of the world map: Equal Earth (Šavrič, Patterson and Jenny, 2018), which keeps areas as they are.

WIDTH = 1000
HEIGHT = 440
_NORTH, _SOUTH = 84.0, -58.0
"""Nothing is shown beyond: there are no mirrors, and Antarctica would take a fifth of the picture."""
_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
_M = math.sqrt(3) / 2


def _raw(latitude: float, longitude: float) -> tuple[float, float]:
    theta = math.asin(_M * math.sin(math.radians(latitude)))
    squared = theta * theta
    sixth = squared**3
    x = math.radians(longitude) * math.cos(theta)
    x /= _M * (_A1 + 3 * _A2 * squared + sixth * (7 * _A3 + 9 * _A4 * squared))
    return x, theta * (_A1 + _A2 * squared + sixth * (_A3 + _A4 * squared))


_EAST = _raw(0.0, 180.0)[0]
_TOP, _BOTTOM = _raw(_NORTH, 0.0)[1], _raw(_SOUTH, 0.0)[1]


def point(latitude: float, longitude: float) -> tuple[float, float]:
    """Where a place is on a map of ``WIDTH`` by ``HEIGHT``, from the upper left corner; poles are moved inside."""
    x, y = _raw(max(_SOUTH, min(_NORTH, latitude)), max(-180.0, min(180.0, longitude)))
    return (x / _EAST + 1) / 2 * WIDTH, (_TOP - y) / (_TOP - _BOTTOM) * HEIGHT


def vector_of(location: Location | None) -> Vector | None:
    """Where a location is, or None."""
    if location is None or location.latitude is None or location.longitude is None:
        return None
    return vector(location.latitude, location.longitude)
