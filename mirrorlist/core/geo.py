"""Distances on the Earth in whole kilometres, and the places that clients are taken to be at.

Distances are floored by a table of squared chords, not computed by an arc sine, so that every way of
computing them (one at a time or a million at once) gives the same number at the edge of a band.
"""

from __future__ import annotations

import math
from bisect import bisect_right

from mirrorlist.core.model import NOWHERE, Location, Place

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


def place_of(location: Location | None) -> Place:
    """The place by which clients at a location are ranked.

    A location good for ``CELL_PRECISION_KM`` becomes the cell of one degree around it; a vaguer one only its
    country, whose centre the caller fills in.
    """
    if location is None:
        return NOWHERE
    if location.latitude is None or location.longitude is None:
        return Place(location.country)
    if location.precision_km is not None and location.precision_km > CELL_PRECISION_KM:
        return Place(location.country)
    longitude = round(location.longitude)
    return Place(
        location.country,
        float(round(location.latitude)),
        180.0 if longitude == -180 else float(longitude),
        True,
    )
